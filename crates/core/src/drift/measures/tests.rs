use super::super::probability::{chi_square, kolmogorov};
use super::*;
use crate::reference::Reference;
use proptest::prelude::*;
use serde_json::{Value, json};

fn cases() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/drift/measures.json")).expect("JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

fn distribution(json: &Value) -> Distribution {
    let json = json!({ "fields": [json], "outputs": null }).to_string();
    Reference::parse(json.as_bytes()).expect("a reference").fields.remove(0)
}

/// Within 1e-9, and probabilities that are small by their size, too.
fn assert_near(found: f64, expected: f64, what: &str) {
    let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    let relative = (found - expected).abs() <= 1e-8 * expected.abs() + 1e-15;
    assert!(near && (relative || expected.abs() > 1e-3), "{what}: {found:e}, expected {expected:e}");
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().map(|value| value.as_f64().expect("a number")).collect(),
        value => vec![value.as_f64().expect("a number")],
    }
}

#[test]
fn measures_are_those_of_scipy() {
    let cases = cases();
    let mut compared = 0;
    for (at, case) in list(&cases, "cases").iter().enumerate() {
        let distribution = distribution(&case["reference"]);
        let counts = list(case, "live").iter().map(|count| count.as_u64().expect("a count")).collect();
        let sum = case["sum"].as_f64().expect("a sum");
        let found = Measures::new(&distribution, &LiveCounts { counts, sum, ..LiveCounts::default() });
        let single = |value: Option<f64>| value.map(|value| vec![value]);
        let p_value = |rate: Option<Rate>| rate.map(|rate| vec![rate.p_value]);
        let degrees = |test: ChiSquare| vec![test.statistic, test.degrees_of_freedom as f64, test.p_value];
        let found = [
            ("missing", p_value(Some(found.missing))),
            ("unusable", p_value(Some(found.unusable))),
            ("out_of_range", p_value(found.out_of_range)),
            ("new_categories", p_value(found.new_categories)),
            ("psi", single(found.psi)),
            ("jensen_shannon", single(found.jensen_shannon)),
            ("hellinger", single(found.hellinger)),
            ("wasserstein", single(found.wasserstein)),
            ("chi_square", found.chi_square.map(degrees)),
            ("ks", found.ks.map(|ks| vec![ks.statistic, ks.p_value])),
            ("mean_shift", found.mean_shift.map(|mean| vec![mean.shift, mean.z, mean.p_value])),
        ];
        for (name, found) in found {
            let expected = &case["expected"][name];
            let what = format!("{name} of case {at}");
            let Some(found) = found else {
                assert!(expected.is_null(), "{what}");
                continue;
            };
            assert!(!expected.is_null(), "{what}: {found:?}");
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(&found, expected)| assert_near(found, expected, &what));
            compared += 1;
        }
    }
    assert_eq!(compared, 412);
}

#[test]
fn probabilities_are_those_of_scipy() {
    let cases = cases();
    for case in list(&cases, "kolmogorov") {
        let case = numbers(case);
        assert_near(kolmogorov(case[0]), case[1], &format!("Kolmogorov at {}", case[0]));
    }
    for case in list(&cases, "chi_square") {
        let case = numbers(case);
        let found = chi_square(case[0], case[1]);
        let what = format!("chi-square of {} at {}", case[1], case[0]);
        assert_near(found, case[2], &what);
        assert!((found - case[2]).abs() < 1e-12, "{what}");
    }
}

/// The two-sample statistic by definition.
fn exact_ks(reference: &[f64], live: &[f64]) -> f64 {
    let share = |sample: &[f64], at: f64| {
        sample.iter().filter(|&&value| value <= at).count() as f64 / sample.len() as f64
    };
    let distance = |&at: &f64| (share(reference, at) - share(live, at)).abs();
    reference.iter().chain(live).map(distance).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn ks_on_bins_is_the_exact_one_up_to_a_bin(
        reference in prop::collection::vec(prop_oneof![-9.0..9.0_f64, Just(3.0)], 100..600),
        live in prop::collection::vec(prop_oneof![-12.0..7.0_f64, Just(3.0)], 1..600),
    ) {
        let distribution = super::super::tests::distribution_of(&reference);
        let mut counts = LiveCounts { counts: vec![0; distribution.n_bins()], ..LiveCounts::default() };
        live.iter().for_each(|&value| counts.add(&distribution, crate::input::Value::Float(value)));
        let found = Measures::new(&distribution, &counts).ks.expect("numbers").statistic;
        let exact = exact_ks(&reference, &live);
        let Values::Numbers(bins) = &distribution.values else { panic!("numbers") };
        let is_single = |bin: usize| {
            let edge = bins.edges[bin];
            let before = if bin == 0 { bins.min } else { bins.edges[bin - 1] };
            bins.means[bin] == edge && !live.iter().any(|&value| before < value && value < edge)
        };
        let wide = (0..bins.counts.len()).filter(|&bin| !is_single(bin)).map(|bin| bins.counts[bin]).max();
        let resolution = wide.unwrap_or(0) as f64 / reference.len() as f64;
        prop_assert!(found <= exact + 1e-12 && exact <= found + resolution + 1e-12, "{found} {exact} {resolution}");
    }
}
