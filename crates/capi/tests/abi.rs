//! Programs that were compiled against the header of an earlier version run with this library, and it exports what
//! `symbols.txt` says and nothing else.

#[path = "../../core/tests/sample/mod.rs"]
#[expect(dead_code, reason = "of this the bloc alone is wanted")]
mod sample;

mod program;

use program::{compile, crate_dir, library_dir, succeeded};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A folder for each version whose programs still run.
fn recorded() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(crate_dir().join("../../tests/abi")).expect("a folder");
    folders.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn programs_of_earlier_headers_run() {
    let folder = TempDir::new().expect("a folder");
    let bloc = folder.path().join("sample.bloc");
    sample::pack(&bloc).expect("packed");
    let all = recorded();
    assert!(!all.is_empty());
    for version in all {
        let program = folder.path().join("program");
        let own_header = format!("-I{}", version.display());
        compile("gcc", &["-std=c99", &own_header], &version.join("program.c"), &program);
        let output = Command::new(&program).arg(&bloc).output().expect("run");
        assert_eq!(succeeded(&output, "program"), "all as expected\n", "{}", version.display());
    }
}

/// Names of a header that were there once are there still, with the same number.
#[test]
fn constants_stay() {
    let now = std::fs::read_to_string(crate_dir().join("../../include/monobloc.h")).expect("the header");
    let constants = |header: &str| -> BTreeSet<String> {
        let lines = header.lines().map(str::trim).filter(|line| line.starts_with("MONOBLOC_"));
        lines.filter(|line| line.contains(" = ")).map(str::to_owned).collect()
    };
    for version in recorded() {
        let then = std::fs::read_to_string(version.join("monobloc.h")).expect("a header");
        assert!(constants(&then).len() > 50);
        let (then, now) = (constants(&then), constants(&now));
        let gone: Vec<_> = then.difference(&now).collect();
        assert!(gone.is_empty(), "{}: {gone:?} are gone or have another number", version.display());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_library_exports_its_names_and_nothing_else() {
    let library = library_dir().join("libmonobloc_capi.so");
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output().expect("nm");
    let listed = succeeded(&output, "nm");
    let exported: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let names = std::fs::read_to_string(crate_dir().join("symbols.txt")).expect("the names");
    assert_eq!(exported, names.lines().collect::<BTreeSet<_>>());
}
