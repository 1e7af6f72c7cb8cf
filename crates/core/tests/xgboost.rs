//! Files that versions of XGBoost wrote, for ever: `VERSION.json` and `VERSION.ubj` are one DART model of three
//! classes with a categorical feature, `VERSION.expected.json` holds rows and the margins that version gave.

use monobloc::error::ErrorKind;
use monobloc::import::xgboost::{BoosterKind, Interface, XgboostModel, XgboostOptions};
use monobloc::model::link::{Link, Summation};
use proptest::prelude::*;
use serde_json::Value;
use std::path::Path;

const VERSIONS: &[&str] = &["1.7.6", "2.1.4", "3.2.0"];

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/xgboost").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(name: &str, interface: Interface) -> XgboostModel {
    let options = XgboostOptions { interface: Some(interface), ..XgboostOptions::default() };
    XgboostModel::read(&bytes(name), &options).expect(name)
}

#[test]
fn margins_have_the_bits_of_the_version_that_wrote_the_file() {
    for version in VERSIONS {
        let expected: Value =
            serde_json::from_slice(&bytes(&format!("{version}.expected.json"))).expect("JSON");
        let rows: Vec<f64> = expected["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|value| value.as_f64().unwrap_or(f64::NAN))
            .collect();
        for (interface, name) in [(Interface::Booster, "booster"), (Interface::Wrapper, "wrapper")] {
            let bits = expected[name].as_array().expect("bits").iter();
            let bits: Vec<u32> = bits.map(|bits| bits.as_u64().expect("bits") as u32).collect();
            for ending in ["json", "ubj"] {
                let model = read(&format!("{version}.{ending}"), interface);
                let scores = rows.chunks(4).map(|row| model.ensemble.raw_scores(row).expect("scores"));
                let found: Vec<u32> = scores.flatten().map(|score| (score as f32).to_bits()).collect();
                assert_eq!(found, bits, "{version}.{ending} as {name}");
            }
        }
    }
}

/// `1.7.6.wrapper.json` is a model of `XGBClassifier(missing=-999)`.
#[test]
fn what_is_missing_is_read_where_a_wrapper_wrote_it() {
    let expected: Value = serde_json::from_slice(&bytes("1.7.6.wrapper.expected.json")).expect("JSON");
    let rows = expected["rows"].as_array().expect("rows").iter();
    let rows: Vec<f64> = rows.map(|value| value.as_f64().unwrap_or(f64::NAN)).collect();
    let bits = expected["wrapper"].as_array().expect("bits").iter();
    let bits: Vec<u32> = bits.map(|bits| bits.as_u64().expect("bits") as u32).collect();
    let found = |options: &XgboostOptions| -> Vec<u32> {
        let model = XgboostModel::read(&bytes("1.7.6.wrapper.json"), options).expect("a model");
        let scores = rows.chunks(3).map(|row| model.ensemble.raw_scores(row).expect("scores"));
        scores.flatten().map(|score| (score as f32).to_bits()).collect()
    };
    let default = XgboostOptions::default();
    assert_eq!(found(&default), bits);
    assert_ne!(found(&XgboostOptions { missing: Some(f32::NAN), ..default.clone() }), bits);
    assert_ne!(found(&XgboostOptions { interface: Some(Interface::Booster), ..default }), bits);
}

#[test]
fn a_model_tells_what_its_file_says() {
    for version in VERSIONS {
        let model = read(&format!("{version}.ubj"), Interface::Wrapper);
        let (major, minor, patch) = model.version;
        assert_eq!(format!("{major}.{minor}.{patch}"), *version);
        assert_eq!(
            (model.booster, model.link),
            (BoosterKind::Dart, Link::Softmax { summation: Summation::InOrder })
        );
        assert_eq!((model.objective.as_str(), model.n_classes), ("multi:softprob", Some(3)));
        assert_eq!((model.best_iteration, model.iterations.clone()), (Some(2), 0..3));
        assert_eq!(read(&format!("{version}.ubj"), Interface::Booster).iterations, 0..4);
        assert_eq!(model.feature_names, ["age", "income", "colour", "weight"]);
        assert_eq!(model.feature_types, ["float", "float", "c", "float"]);
        assert_eq!((model.ensemble.n_outputs, model.ensemble.start), (3, vec![f64::from(0.3_f32); 3]));
    }
}

#[test]
fn a_file_that_ends_early_is_refused() {
    for name in ["1.7.6.ubj", "3.2.0.ubj", "3.2.0.json"] {
        let bytes = bytes(name);
        for length in (0..bytes.len()).step_by(7) {
            let error =
                XgboostModel::read(&bytes[..length], &XgboostOptions::default()).expect_err("cut off");
            let expected =
                if length == 0 || bytes[0] == b'{' { ErrorKind::Corrupt } else { ErrorKind::Unsupported };
            assert_eq!(error.kind(), expected, "{name} cut at {length}: {error}");
        }
    }
}

/// Reads, and walks what was read.
fn survive(bytes: &[u8]) {
    if let Ok(model) = XgboostModel::read(bytes, &XgboostOptions::default())
        && model.ensemble.n_features < 1000
    {
        let row = vec![0.5; model.ensemble.n_features];
        model.ensemble.raw_scores(&row).expect("a walk through trees that were read ends");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(&rest);
        for head in ["{L", "{\"", "{$", "{#L"] {
            survive(&[head.as_bytes(), &rest].concat());
        }
    }

    #[test]
    fn altered_files_are_read_or_refused(
        json in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes(if json { "3.2.0.json" } else { "2.1.4.ubj" });
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survive(&bytes);
    }
}
