use super::*;
use crate::error::ErrorKind;
use crate::mapped::View;
use crate::model::trees::build::ForestBuilder;
use crate::model::trees::source::{Tree, TreeEnsemble};
use serde_json::{Value, json};

/// A model that is said to be this, over a forest of two outputs.
fn parsed(model: &Value) -> Result<Ensemble> {
    let tree = |output: usize| Tree {
        left: vec![-1],
        right: vec![-1],
        column: vec![-1],
        threshold: vec![0.0],
        missing_left: vec![false],
        values: vec![1.0],
        output,
        ..Tree::default()
    };
    let trees = vec![tree(0), tree(1)];
    let ensemble =
        TreeEnsemble { n_features: 1, trees, n_outputs: 2, start: vec![0.0; 2], ..TreeEnsemble::default() };
    let section = ForestBuilder::of(ensemble).and_then(ForestBuilder::finish).expect("a forest");
    let forest = Forest::read(&View::of_bytes(&section)).expect("a forest");
    Ensemble::parse(&model.to_string(), |_| Ok(Scorer::Forest(Box::new(forest))), 1)
}

fn said(task: &str, combine: &str, classes: &Value, decide: &Value) -> Value {
    json!({
        "kind": "forest", "source": "sample", "task": task, "combine": combine,
        "classes": classes, "decide": decide, "missing": "accept",
    })
}

fn refusal(model: &Value) -> String {
    let error = parsed(model).expect_err("a model that contradicts itself");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    error.to_string()
}

fn labels(n: usize) -> Value {
    json!({"dtype": "int64", "values": (0..n).collect::<Vec<_>>()})
}

#[test]
fn a_model_that_contradicts_itself_is_described() {
    let isolation = json!({"isolation": {"least_depth": 1.0, "offset": -0.5}});
    for (task, classes, decide, found, expected) in [
        (
            "classification",
            labels(3),
            json!("probabilities"),
            "3 labels, decided on by probabilities",
            "as many labels",
        ),
        (
            "classification",
            Value::Null,
            json!("raw_scores"),
            "0 labels, decided on by raw scores",
            "as many labels",
        ),
        (
            "outlier_detection",
            labels(2),
            isolation,
            "2 labels, decided on by isolation",
            "2 labels for 1 output",
        ),
        ("regression", labels(1), json!("probabilities"), "1 labels", "without labels"),
    ] {
        let said = refusal(&said(task, "sum", &classes, &decide));
        assert!(said.contains(&format!("2 outputs with {found}")) && said.contains(expected), "{said}");
    }
}

#[test]
fn several_targets_are_taken_of_means_alone() {
    let both = json!([labels(1), labels(1)]);
    let mean = said("classification", "mean", &both, &json!("probabilities"));
    let ensemble = parsed(&mean).expect("two targets");
    assert_eq!((ensemble.targets().len(), ensemble.classes()), (2, None));
    assert_eq!(ensemble.target_outputs().collect::<Vec<_>>(), [0..1, 1..2]);
    assert_eq!((ensemble.width(Answer::Class), ensemble.width(Answer::OutputsAndClass)), (2, 4));
    let of_texts = json!({"dtype": "object", "values": ["a"]});
    for (name, value, found) in [
        ("combine", json!("sum"), "2 labels of 2 targets, decided on by probabilities"),
        ("combine", json!({"scaled": {"scale": 1.0, "bias": [0.0, 0.0]}}), "2 labels of 2 targets"),
        ("decide", json!("raw_scores"), "2 labels of 2 targets, decided on by raw scores"),
        ("decide", json!({"at_least": {"class": 0, "probability": 0.5}}), "by the probability of a class"),
        ("link", json!("exp"), "2 labels of 2 targets"),
        ("link", json!({"softmax": {"summation": "in_order"}}), "2 labels of 2 targets"),
        ("task", json!("outlier_detection"), "2 labels of 2 targets"),
        ("task", json!("regression"), "2 labels of 2 targets"),
        ("classes", json!([labels(1), labels(2)]), "3 labels of 2 targets"),
        ("classes", json!([labels(2), labels(0)]), "2 labels of 2 targets"),
        ("classes", json!([labels(3), labels(0), labels(1)]), "4 labels of 3 targets"),
        ("classes", json!([labels(1), of_texts]), "2 labels of 2 targets"),
        ("classes", json!([labels(2)]), "invalid length 1"),
        ("classes", json!([]), "invalid length 0"),
    ] {
        let mut model = mean.clone();
        model[name] = value;
        let said = refusal(&model);
        assert!(said.contains(found), "{model}: {said}");
    }
}

#[test]
fn each_target_is_decided_on_among_its_own_classes() {
    let targets = [Classes::numbered(2), Classes::numbered(3), Classes::numbered(1)];
    let mut numbers = [9.0; 3];
    Decide::Probabilities.classes(&targets, &[], &[0.5, 0.5, 0.2, 0.3, 0.5, 1.0], &mut numbers);
    assert_eq!(numbers, [0.0, 2.0, 0.0]);
}
