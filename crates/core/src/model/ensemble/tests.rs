use super::*;
use crate::error::ErrorKind;
use crate::mapped::View;
use crate::model::trees::build::ForestBuilder;
use crate::model::trees::source::{Tree, TreeEnsemble};
use serde_json::{Value, json};

/// What is said of this task, these labels and this decision over a forest of two outputs.
fn refusal(task: &str, classes: &Value, decide: &Value) -> String {
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
    let model = json!({
        "kind": "forest", "source": "sample", "task": task, "combine": "sum",
        "classes": classes, "decide": decide, "missing": "accept",
    });
    let error = Ensemble::parse(&model.to_string(), |_| Ok(Scorer::Forest(Box::new(forest))), 1)
        .expect_err("a model that contradicts itself");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    error.to_string()
}

#[test]
fn a_model_that_contradicts_itself_is_described() {
    let labels = |n: usize| json!({"dtype": "int64", "values": (0..n).collect::<Vec<_>>()});
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
        let said = refusal(task, &classes, &decide);
        assert!(said.contains(&format!("2 outputs with {found}")) && said.contains(expected), "{said}");
    }
}
