//! CatBoost's JSON: its own raw scores, bit for bit, and what is refused.

mod tree_files;

use monobloc::ErrorKind;
use monobloc::import::catboost::{CatboostModel, CatboostOptions};
use monobloc::import::trees::{TreeModel, TreeOptions, is_tree_file};
use monobloc::model::link::{Link, Summation};
use monobloc::model::trees::source::Combine;
use monobloc::model::{Classes, Decide, Label};
use proptest::prelude::*;
use serde_json::{Value, json};
use tree_files::{folder, hold_scores};

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder("catboost").join(format!("{name}.json"))).expect("a model")
}

fn read(name: &str) -> CatboostModel {
    CatboostModel::read(&bytes(name), &CatboostOptions::default()).expect("a model")
}

#[test]
fn raw_scores_are_catboosts() {
    hold_scores("catboost", 8, |name| read(name).ensemble);
}

#[test]
fn a_model_tells_what_its_file_says() {
    let classes = |dtype: &str, values: Vec<Label>| Classes { dtype: dtype.to_owned(), values };
    let logistic = |complement| Link::Logistic { scale: 1.0, complement };
    let model = read("binary");
    assert_eq!((model.loss.as_str(), model.link), ("Logloss", logistic(true)));
    assert_eq!(model.classes, Some(classes("bool", vec![Label::Boolean(false), Label::Boolean(true)])));
    assert!(
        matches!(model.decide, Decide::Above { raw_score } if (raw_score - 0.8472978603872034).abs() < 1e-15)
    );
    assert_eq!(model.feature_names, ["amount", "rate", "grade", "tiny"]);
    assert_eq!(model.ensemble.combine, Combine::Sum);

    let model = read("multiclass");
    assert_eq!(model.link, Link::Softmax { summation: Summation::InOrder });
    let texts = ["no", "so", "yes"].map(|text| Label::Text(text.to_owned()));
    assert_eq!(model.classes, Some(classes("object", texts.to_vec())));
    assert_eq!(model.decide, Decide::RawScores);
    assert_eq!((read("each_class").link, read("each_class").ensemble.n_outputs), (logistic(false), 3));
    let labels = vec![Label::Integer(-3), Label::Integer(7)];
    assert_eq!(read("depthwise").classes, Some(classes("int64", labels)));

    let model = read("scaled");
    assert_eq!((model.loss.as_str(), model.link, model.classes), ("Quantile", Link::Identity, None));
    assert_eq!(model.ensemble.combine, Combine::Scaled { scale: 0.7371, bias: vec![0.3] });
    assert_eq!(read("deep").link, Link::Exp);
    assert!(matches!(read("targets").ensemble.combine, Combine::Scaled { bias, .. } if bias.len() == 2));
}

#[test]
fn equal_siblings_become_one_leaf() {
    let model = read("deep");
    let document: Value = serde_json::from_slice(&bytes("deep")).expect("JSON");
    let n_values = document["oblivious_trees"][1]["leaf_values"].as_array().expect("values").len();
    let tree = &model.ensemble.trees[1];
    assert!(tree.left.iter().filter(|&&left| left < 0).count() < n_values);
    let cover = tree.cover.as_ref().expect("weights");
    assert_eq!(cover[0], 500.0, "the weights of leaves add up");
}

#[test]
fn trees_are_chosen() {
    let options = |iterations| CatboostOptions { iterations: Some(iterations) };
    let all = read("scaled");
    let first = CatboostModel::read(&bytes("scaled"), &options(0..2)).expect("a model").ensemble;
    assert_eq!((first.trees.len(), &first.combine), (2, &all.ensemble.combine));
    let rest = CatboostModel::read(&bytes("scaled"), &options(2..4)).expect("a model").ensemble;
    assert_eq!(rest.combine, Combine::Scaled { scale: 0.7371, bias: vec![0.0] });
    for range in [2..2, 3..9] {
        let error = CatboostModel::read(&bytes("scaled"), &options(range)).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[test]
fn the_content_tells_which_library_wrote_a_file() {
    let json = bytes("multiclass");
    assert!(is_tree_file(&json) && is_tree_file(b"CBM1\x28"));
    let model = TreeModel::read(&json, &TreeOptions::default()).expect("a model");
    assert_eq!((model.source, model.member), ("catboost.core.CatBoost", "source/model.json"));
    for (bytes, kind) in [(&b"CBM1\x28\0"[..], ErrorKind::Unsupported), (&json[..2000], ErrorKind::Corrupt)] {
        let error = TreeModel::read(bytes, &TreeOptions::default()).expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("CatBoost model"), "{error}");
    }
    let options = TreeOptions { missing: Some(0.0), ..TreeOptions::default() };
    let error = TreeModel::read(&json, &options).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

/// A change of a model, and what its refusal says.
type Fault = (fn(&mut Value), &'static str);

const FAULTS: &[Fault] = &[
    (|model| model["oblivious_trees"] = json!([]), "no trees"),
    (|model| model["oblivious_trees"] = Value::Null, "no trees"),
    (|model| model["oblivious_trees"] = json!(10_000_000), "found a number, expected an array"),
    (|model| drop_last(&mut tree(model)["leaf_values"]), "leaf_values for 8 leaves"),
    (|model| drop_last(&mut tree(model)["leaf_weights"]), "7 leaf_weights for 8 leaves"),
    (|model| tree(model)["leaf_values"] = json!([]), "0 leaf_values"),
    (|model| tree(model)["leaf_values"] = json!(vec![0.5; 16]), "tree 1: leaves of 1 values, and of 2"),
    (
        |model| tree(model)["splits"] = json!(vec![tree(model)["splits"][0].clone(); 60]),
        "60 splits, expected at most 16",
    ),
    (
        |model| tree(model)["splits"] = json!(vec![tree(model)["splits"][0].clone(); 9]),
        "8 leaf_values for 512 leaves",
    ),
    (|model| split(model)["split_index"] = json!(999), "split_index 999"),
    (|model| split(model)["split_index"] = json!(-1), "split_index -1"),
    (|model| split(model)["float_feature_index"] = json!(77), "of feature 77"),
    (|model| split(model)["border"] = json!(12.5), "is at 12.5 of feature"),
    (|model| split(model)["split_type"] = json!("OnlineCtr"), "OnlineCtr"),
    (|model| split(model)["split_type"] = json!("OneHotFeature"), "OneHotFeature"),
    (|model| feature(model)["borders"] = json!([2, 1]), "do not ascend"),
    (|model| feature(model)["borders"] = json!(["x"]), "found text"),
    (|model| feature(model)["flat_feature_index"] = json!(3), "flat_feature_index 3, expected 0"),
    (|model| feature(model)["nan_value_treatment"] = json!("AsWas"), "AsWas"),
    (|model| model["features_info"]["categorical_features"] = json!([{}]), "OneHotEncoder"),
    (|model| model["features_info"]["ctrs"] = json!([{}]), "statistics of categories"),
    (|model| model["scale_and_bias"] = json!([1]), "scale_and_bias: found an array of numbers"),
    (|model| model["scale_and_bias"] = json!([1, [0, 0, 0]]), "a bias of 3 for 1 outputs"),
    (|model| model["model_info"] = json!({}), "names no loss"),
    (|model| loss(model)["type"] = json!("MultiLogloss"), "MultiLogloss"),
    (|model| loss(model)["type"] = json!("RMSEWithUncertainty"), "RMSEWithUncertainty"),
    (|model| loss(model)["type"] = json!("PythonUserDefinedPerObject"), "PythonUserDefinedPerObject"),
    (|model| loss(model)["type"] = json!("MultiClass"), "MultiClass with 1 outputs"),
    (|model| labels(model)["class_names"] = json!([1, 2, 3]), "3 classes of which 2 have scores"),
    (|model| labels(model)["class_label_type"] = json!("Complex"), "Complex"),
    (|model| model["model_info"]["binclass_probability_threshold"] = json!("1.5"), "found 1.5"),
];

fn drop_last(array: &mut Value) {
    array.as_array_mut().expect("an array").pop();
}

fn tree(model: &mut Value) -> &mut Value {
    &mut model["oblivious_trees"][0]
}

fn split(model: &mut Value) -> &mut Value {
    &mut tree(model)["splits"][0]
}

fn feature(model: &mut Value) -> &mut Value {
    &mut model["features_info"]["float_features"][0]
}

fn loss(model: &mut Value) -> &mut Value {
    &mut model["model_info"]["params"]["loss_function"]
}

fn labels(model: &mut Value) -> &mut Value {
    &mut model["model_info"]["class_params"]
}

#[test]
fn unsound_files_are_refused() {
    for (number, (alter, expected)) in FAULTS.iter().enumerate() {
        let mut model = serde_json::from_slice(&bytes("binary")).expect("JSON");
        alter(&mut model);
        let error = CatboostModel::read(model.to_string().as_bytes(), &CatboostOptions::default());
        let error = error.expect_err("refused");
        assert!(error.to_string().starts_with("the CatBoost model: "), "{error}");
        assert!(error.to_string().contains(expected), "fault {number}: {error}");
    }
}

/// The JSON of a model that is text already, with one text in another's place.
fn with(name: &str, old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes(name)).expect("UTF-8");
    assert!(text.contains(old), "{old}");
    text.replacen(old, new, 1).into_bytes()
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (old, new) in [
        ("\"borders\":[", "\"borders\":[NaN,"),
        ("\"leaf_values\":[", "\"leaf_values\":[NaN,0,0,0,0,0,0,0,"),
        ("\"scale_and_bias\":[1,", "\"scale_and_bias\":[Infinity,"),
    ] {
        let error = CatboostModel::read(&with("binary", old, new), &CatboostOptions::default());
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::Corrupt, "{new}");
    }
}

#[test]
fn trees_inside_each_other_end() {
    let deep = format!("{}{{\"value\":1,\"weight\":1}}{}", "{\"left\":".repeat(5000), "}".repeat(5000));
    let text = with("depthwise", "\"trees\":[", &format!("\"trees\":[{deep},"));
    let error = CatboostModel::read(&text, &CatboostOptions::default()).expect_err("refused");
    assert!(error.to_string().contains("inside each other"), "{error}");
    for (old, new, expected) in [
        ("\"left\":", "\"lift\":", "\"left\" is missing"),
        ("\"value\":", "\"value\":[1,2],\"former\":", "values, and of"),
        ("\"weight\":", "\"wait\":", "with and without weight"),
    ] {
        let error = CatboostModel::read(&with("depthwise", old, new), &CatboostOptions::default());
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Reads, and walks what was read.
fn survive(bytes: &[u8]) {
    if let Ok(model) = CatboostModel::read(bytes, &CatboostOptions::default()) {
        let row = vec![0.5; model.ensemble.n_features];
        model.ensemble.raw_scores(&row).expect("a walk through trees that were read ends");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(&rest);
        survive(&[b"{\"features_info\":", rest.as_slice()].concat());
    }

    #[test]
    fn altered_files_are_read_or_refused(
        name in prop::sample::select(vec!["binary", "multiclass", "each_class"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        kept in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = bytes(name);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let kept = if cut { kept.index(bytes.len()) } else { bytes.len() };
        survive(&bytes[..kept]);
    }
}
