//! Sanity checks against their naive twin: rules applied to one value after another, as `docs/sanity.md` says.

use monobloc::pack::TreePacker;
use monobloc::precision::Precision;
use monobloc::{
    Cell, Cells, Column, Engine, FindingKind, Input, LoadOptions, Matrix, Status, StridedMatrix, Value,
};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

const MODEL: &str = include_str!("data/lightgbm/v4_constant.txt");

/// What a rule says of a field, and of the source: LightGBM takes everything.
#[derive(Clone, Debug)]
struct Rule {
    min: Option<f64>,
    max: Option<f64>,
    missing_rate: Option<f64>,
    on_missing: Option<&'static str>,
    on_infinite: Option<&'static str>,
    on_range: Option<&'static str>,
}

const IMPUTE: f64 = 0.25;
const DEFAULT: f64 = -3.5;

impl Rule {
    fn json(&self) -> serde_json::Value {
        let mut rule = json!({ "impute": IMPUTE, "default": DEFAULT });
        for (name, bound) in [("min", self.min), ("max", self.max), ("missing_rate", self.missing_rate)] {
            if let Some(bound) = bound {
                rule[name] = json!(bound);
            }
        }
        let policies =
            [("on_missing", self.on_missing), ("on_infinite", self.on_infinite), ("on_range", self.on_range)];
        for (name, policy) in policies {
            if let Some(policy) = policy {
                rule[name] = json!(policy);
            }
        }
        rule
    }

    /// The twin: what is found in a value, and what is used for it.
    fn judge(&self, value: f64, precision: Precision) -> (Option<(FindingKind, Status)>, f64) {
        let put = |kind, policy: &str| match policy {
            "impute" => (Some((kind, Status::Repaired)), precision.round(IMPUTE)),
            "default" => (Some((kind, Status::Repaired)), precision.round(DEFAULT)),
            "reject" => (Some((kind, Status::Rejected)), f64::NAN),
            _ => (Some((kind, Status::Flagged)), value),
        };
        if value.is_nan() {
            return match self.on_missing {
                Some(policy) => put(FindingKind::Missing, policy),
                None if self.missing_rate == Some(0.0) => put(FindingKind::Missing, "flag"),
                None => (None, value),
            };
        }
        if let Some(policy) = self.on_infinite.filter(|policy| value.is_infinite() && *policy != "flag") {
            return put(FindingKind::Infinite, policy);
        }
        let (min, max) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if precision.round(min) <= value && value <= precision.round(max) {
            return (None, value);
        }
        match self.on_range.unwrap_or("flag") {
            "clip" => {
                (Some((FindingKind::OutOfRange, Status::Repaired)), precision.round(value.clamp(min, max)))
            }
            policy => put(FindingKind::OutOfRange, policy),
        }
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    let bound = || prop::option::of(-2.0..2.0_f64);
    let policy = |more: &'static [&'static str]| {
        prop::option::of(prop::sample::select([&["impute", "default", "flag", "reject"], more].concat()))
    };
    let rate = prop::option::of(prop::sample::select(vec![0.0, 0.1]));
    (bound(), bound(), rate, policy(&[]), policy(&[]), policy(&["clip"])).prop_map(
        |(one, other, missing_rate, on_missing, on_infinite, on_range)| {
            let (min, max) = match (one, other) {
                (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
                bounds => bounds,
            };
            Rule { min, max, missing_rate, on_missing, on_infinite, on_range }
        },
    )
}

/// A value of a row: some bound of the rules, or another number.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -3.0..3.0_f64,
        1 => Just(f64::NAN),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300]),
    ]
}

fn engine(folder: &TempDir, rules: &[Rule]) -> Engine {
    let path = folder.path().join("model.bloc");
    let plain = folder.path().join("plain.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &plain).expect("packed");
    let names = Engine::load(&plain, &LoadOptions::default()).expect("loaded");
    let names = names.schema().fields().iter().map(|field| field.name.clone());
    let rules: serde_json::Map<_, _> = names.zip(rules).map(|(name, rule)| (name, rule.json())).collect();
    let sanity = serde_json::Value::Object(rules).to_string();
    TreePacker { sanity, ..TreePacker::default() }.write(MODEL.as_bytes(), &path).expect("packed");
    Engine::load(&path, &LoadOptions::default()).expect("loaded")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_form_is_judged_as_the_twin_judges(
        rules in prop::collection::vec(rule(), 4),
        values in prop::collection::vec(value(), 4 * 150),
    ) {
        let folder = TempDir::new().expect("a folder");
        let engine = engine(&folder, &rules);
        let fields = engine.schema().fields();
        let width = fields.len();
        let n_rows = 120;
        let values: Vec<f64> = values.into_iter().cycle().take(n_rows * width).collect();
        let unruled =
            Rule { min: None, max: None, missing_rate: None, on_missing: None, on_infinite: None, on_range: None };
        let precision = engine.pipeline().feature_type();
        let (mut expected, mut used) = (Vec::new(), Vec::new());
        for (at, &value) in values.iter().enumerate() {
            let rule = rules.get(at % width).unwrap_or(&unruled);
            let (found, value) = rule.judge(precision.round(value), precision);
            used.push(value);
            if let Some((kind, status)) = found {
                expected.push((at / width, fields[at % width].name.clone(), kind, status));
            }
        }
        let matrix = StridedMatrix::of_rows(&values, width).expect("whole rows");
        let as_matrix = Input::of_matrix(engine.schema(), Matrix::Float64(matrix)).expect("rows");
        let columns: Vec<Vec<f64>> =
            (0..width).map(|field| values.iter().skip(field).step_by(width).copied().collect()).collect();
        let apart = columns.iter().map(|column| Some(Column::Float64(column[..].into()))).collect();
        let apart = Input::new(engine.schema(), n_rows, apart).expect("rows");
        let cells: Vec<Vec<Cell>> =
            columns.iter().map(|column| column.iter().copied().map(Cell::Float).collect()).collect();
        let of_cells = cells.iter().map(|cells| Some(Column::Cells(Cells::new(cells, "")))).collect();
        let of_cells = Input::new(engine.schema(), n_rows, of_cells).expect("rows");
        for n_first in [1, 7] {
            let few = StridedMatrix::of_rows(&values[..n_first * width], width).expect("whole rows");
            let few = Input::of_matrix(engine.schema(), Matrix::Float64(few)).expect("rows");
            let all = engine.check(&as_matrix).expect("findings");
            let of_few: Vec<_> = all.into_iter().filter(|finding| finding.row < n_first).collect();
            prop_assert_eq!(engine.check(&few).expect("findings"), of_few);
        }
        for input in [as_matrix, apart, of_cells] {
            let findings = engine.check(&input).expect("findings");
            let mut found: Vec<_> =
                findings.iter().map(|f| (f.row, f.field.to_string(), f.kind, f.status)).collect();
            // Features may be loaded in another order than the fields'.
            let place = |name: &String| fields.iter().position(|field| field.name == *name);
            found.sort_by_key(|(row, name, ..)| (*row, place(name)));
            prop_assert_eq!(&found, &expected);
            for finding in &findings {
                let field = place(&finding.field.to_string()).expect("a field");
                let raw = values[finding.row * width + field];
                prop_assert_eq!(&finding.seen, &Value::float(raw));
            }
            let mut features = vec![0.0; n_rows * width];
            let rejected: Vec<usize> =
                expected.iter().filter(|found| found.3 == Status::Rejected).map(|found| found.0).collect();
            let transformed = engine.transform_into(&input, &mut features);
            prop_assert_eq!(transformed.is_err(), !rejected.is_empty());
            for (at, (feature, used)) in features.iter().zip(&used).enumerate() {
                if !rejected.contains(&(at / width)) {
                    prop_assert_eq!(feature.to_bits(), used.to_bits(), "value {}", at);
                }
            }
        }
    }
}
