//! The rule, on machines that are folders of files.

use super::{Budget, CpuBudget, Variables};
use crate::control_group::Files;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    workers: Option<usize>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    /// Absent where the files say nothing, so that the machine itself is asked.
    threads: Option<usize>,
    quota: Option<f64>,
    workers: usize,
    reason: Option<String>,
    /// The sources' names, where they matter.
    sources: Vec<String>,
}

fn budget(case: &Case) -> CpuBudget {
    let (_folder, files) = Files::of(&case.files);
    let variables = Variables::read(|name| case.variables.get(name).cloned());
    Budget { workers: case.workers, variables }.explain(&files)
}

#[test]
fn machines_give_what_the_rule_says() {
    let cases = include_str!("../../tests/data/containers/budgets.json");
    let cases: Vec<Case> = serde_json::from_str(cases).expect("cases");
    assert!(cases.len() > 40);
    for case in &cases {
        let (name, Expected { threads, quota, workers, reason, sources }) = (&case.name, &case.expected);
        let budget = budget(case);
        let of_machine = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        assert_eq!(budget.threads, threads.unwrap_or(of_machine), "{name}: {budget}");
        assert_eq!((budget.quota, budget.workers), (*quota, *workers), "{name}: {budget}");
        let names: Vec<_> = budget.sources.iter().map(|source| source.name.clone()).collect();
        assert!(sources.is_empty() || sources == &names, "{name}: {names:?}");
        if let Some(reason) = reason {
            assert_eq!(&budget.reason, reason, "{name}");
        }
        let text = budget.to_string();
        assert_eq!(text.lines().count(), 1 + names.len(), "{name}: {text}");
        assert!(names.iter().all(|source| text.contains(source)), "{name}: {text}");
    }
}

#[test]
fn what_is_remembered_is_what_was_read() {
    use super::granted::Granted;
    for cpus in [0.001, 0.5, 1.0, 1.999, 2.0, 7.25, 63.0, 1024.0] {
        let granted = Granted { quota: Some(cpus), places: 64 };
        assert_eq!(Granted::from_bits(granted.to_bits()), granted);
    }
    let granted = Granted { quota: None, places: 8192 };
    assert_eq!(Granted::from_bits(granted.to_bits()), granted);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever the files hold, there is a budget.
    #[test]
    fn any_files_give_a_thread(
        cgroup in "(([0-9:]{0,4}(cpu|memory)?:)?/[a-z/.\\\\]{0,8}\n?){0,3}|\\PC{0,40}",
        mounts in "([0-9]+ ){3}/[a-z/]{0,4} /[a-z/\\\\0]{0,8} - cgroup2? [a-z]{0,4} ?[a-z,]{0,6}|\\PC{0,40}",
        list in "[0-9,-]{0,12}|\\PC{0,12}",
        quota in "[0-9.e-]{0,9} [0-9.e-]{0,9}|\\PC{0,12}",
        variable in "[0-9, ]{0,6}|\\PC{0,6}",
    ) {
        let files = BTreeMap::from([
            ("/proc/self/cgroup".to_owned(), cgroup),
            ("/proc/self/mountinfo".to_owned(), mounts),
            ("/proc/self/status".to_owned(), format!("Cpus_allowed_list:\t{list}")),
            ("/sys/devices/system/cpu/online".to_owned(), list.clone()),
            ("/cpu.max".to_owned(), quota),
            ("/cpuset.cpus".to_owned(), list),
        ]);
        let (_folder, files) = Files::of(&files);
        let variables = Variables::read(|_| Some(variable.clone()));
        let budget = Budget { workers: None, variables }.explain(&files);
        proptest::prop_assert!(budget.threads >= 1);
        proptest::prop_assert!(crate::memory::MemoryLimit::of(&files).is_none());
    }
}
