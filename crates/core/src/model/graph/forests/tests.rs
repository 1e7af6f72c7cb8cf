//! Tree ensembles as ONNX means them, node after node, against forests.

use super::grow::{Branch, Branches, Child, Test, Vote, grow};
use super::outputs::Outputs;
use super::*;
use crate::mapped::View;
use crate::model::trees::{Scratch, fast, naive};
use crate::precision::Precision;
use proptest::collection::vec;
use proptest::prelude::*;
use tract_onnx::pb::AttributeProto;

const FEATURES: usize = 3;

fn integers(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: ints.to_vec(), ..AttributeProto::default() }
}

fn integer(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, ..AttributeProto::default() }
}

fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), floats: floats.to_vec(), ..AttributeProto::default() }
}

fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.to_owned(), s: s.into(), ..AttributeProto::default() }
}

fn texts(name: &str, texts: &[&str]) -> AttributeProto {
    let strings = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    AttributeProto { name: name.to_owned(), strings, ..AttributeProto::default() }
}

/// A regressor over two features: the second at most 0.5 gives 1, else 2.
fn regressor(changes: Vec<AttributeProto>) -> NodeProto {
    let mut attribute = vec![
        integers("nodes_treeids", &[0, 0, 0]),
        integers("nodes_nodeids", &[0, 1, 2]),
        integers("nodes_featureids", &[1, 0, 0]),
        texts("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]),
        floats("nodes_values", &[0.5, 0.0, 0.0]),
        integers("nodes_truenodeids", &[1, 0, 0]),
        integers("nodes_falsenodeids", &[2, 0, 0]),
        integers("target_treeids", &[0, 0]),
        integers("target_nodeids", &[1, 2]),
        integers("target_ids", &[0, 0]),
        floats("target_weights", &[1.0, 2.0]),
        integer("n_targets", 1),
    ];
    attribute.retain(|old| changes.iter().all(|change| change.name != old.name));
    attribute.extend(changes);
    NodeProto {
        op_type: "TreeEnsembleRegressor".to_owned(),
        domain: ML_DOMAIN.to_owned(),
        name: "here".to_owned(),
        input: vec!["x".to_owned()],
        output: vec!["y".to_owned()],
        attribute,
        ..NodeProto::default()
    }
}

fn model(node: NodeProto) -> ModelProto {
    let graph = GraphProto { node: vec![node], ..GraphProto::default() };
    ModelProto { graph: Some(graph), ..ModelProto::default() }
}

#[test]
fn what_is_no_tree_ensemble_is_refused_by_name() {
    assert!(build(&model(regressor(Vec::new()))).is_ok_and(|member| member.is_some()));
    let cases: Vec<(Vec<AttributeProto>, &str)> = vec![
        (vec![integers("nodes_truenodeids", &[0, 0, 0])], "cycle"),
        (vec![integers("nodes_truenodeids", &[3, 0, 0])], "true child 3"),
        (vec![integers("nodes_featureids", &[-1, 0, 0])], "feature -1"),
        (vec![floats("nodes_values", &[f32::NAN, 0.0, 0.0])], "NaN"),
        (vec![floats("nodes_values", &[0.5])], "nodes_values has 1 entries; nodes_treeids has 3"),
        (vec![texts("nodes_modes", &["BRANCH_NEAR", "LEAF", "LEAF"])], "\"BRANCH_NEAR\""),
        (vec![integers("nodes_treeids", &[])], "no trees"),
        (vec![integers("nodes_nodeids", &[0, 1, 1])], "node 1 of tree 0 is listed twice"),
        (vec![integers("nodes_missing_value_tracks_true", &[1])], "nodes_missing_value_tracks_true has 1"),
        (vec![integers("target_nodeids", &[1, 7])], "node 7 of tree 0"),
        (vec![integers("target_ids", &[0, 1])], "target 1; there are 1"),
        (vec![integer("n_targets", 0)], "n_targets is 0"),
        (vec![floats("base_values", &[1.0, 2.0])], "2 base_values"),
        (vec![text("post_transform", "SQUARE")], "\"SQUARE\""),
        (vec![text("aggregate_function", "MEDIAN")], "\"MEDIAN\""),
    ];
    for (changes, expected) in cases {
        let error = build(&model(regressor(changes))).expect_err(expected).to_string();
        assert!(
            error.starts_with("operator TreeEnsembleRegressor (ai.onnx.ml) of node \"here\": "),
            "{error}"
        );
        assert!(error.contains(expected), "{error}; expected {expected}");
    }
}

#[test]
fn equalities_with_one_end_become_one_set() {
    let equal = |value: f64, no: Child| Branch {
        test: Test::Among(vec![value]),
        yes: Child::Branch(3),
        no,
        ..Branch::default()
    };
    let at_most = Branch {
        test: Test::AtMost(0.0),
        feature: 1,
        yes: Child::Leaf(0),
        no: Child::Leaf(1),
        ..Branch::default()
    };
    let mut branches = Branches {
        branches: vec![
            equal(3.0, Child::Branch(1)),
            equal(-0.0, Child::Branch(2)),
            equal(7.5, Child::Leaf(2)),
            at_most,
        ],
        roots: vec![Child::Branch(0)],
        ..Branches::default()
    };
    for leaf in 0..3 {
        branches.leaves.push(leaf..leaf + 1);
        branches.votes.push(Vote { target: 0, weight: leaf as f64 });
    }
    let outputs = Outputs::read(&regressor(Vec::new())).expect("outputs");
    let ensemble = grow(branches, &outputs, Precision::Double, None).expect("an ensemble");
    assert_eq!(ensemble.trees[0].left.len(), 5);
    assert_eq!(ensemble.places, [0.0, 3.0, 7.5]);
    assert_eq!(ensemble.sets, [[0, 1, 2]]);
    for (row, expected) in [([3.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([7.5, -1.0], 0.0), ([7.0, 0.0], 2.0)] {
        assert_eq!(ensemble.raw_scores(&row).expect("scores"), [expected]);
    }
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-2_i32..3).prop_map(f64::from),
        1 => Just(0.5),
        1 => Just(-0.0),
        1 => Just(0.1),
        1 => Just(f64::from(0.1_f32)),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(5e-324),
    ]
}

fn features() -> impl Strategy<Value = f64> {
    prop_oneof![4 => values(), 1 => Just(f64::NAN)].prop_map(|value| f64::from(value as f32))
}

fn tests() -> impl Strategy<Value = Test> {
    prop_oneof![
        values().prop_map(Test::AtMost),
        values().prop_map(Test::Below),
        vec(values(), 0..4).prop_map(Test::Among),
    ]
}

/// A tree whose every branch has another one or a leaf behind it on both sides.
fn trees() -> impl Strategy<Value = Branches> {
    let branch = (tests(), any::<bool>(), any::<bool>(), 0..FEATURES as i64, any::<u8>());
    (vec(branch, 1..12), vec(-8_i32..8, 13)).prop_map(|(made, weights)| {
        let mut branches = Branches { roots: vec![Child::Branch(0)], ..Branches::default() };
        let mut open: Vec<(usize, bool)> = Vec::new();
        for (at, (test, negated, missing_yes, feature, choice)) in made.into_iter().enumerate() {
            if at > 0 {
                let (parent, is_yes) = open.swap_remove(usize::from(choice) % open.len());
                let parent: &mut Branch = &mut branches.branches[parent];
                *if is_yes { &mut parent.yes } else { &mut parent.no } = Child::Branch(at);
            }
            branches.branches.push(Branch { test, negated, missing_yes, feature, ..Branch::default() });
            open.extend([(at, true), (at, false)]);
        }
        for (leaf, (parent, is_yes)) in open.into_iter().enumerate() {
            let parent = &mut branches.branches[parent];
            *if is_yes { &mut parent.yes } else { &mut parent.no } = Child::Leaf(leaf);
            branches.leaves.push(leaf..leaf + 1);
            branches.votes.push(Vote { target: 0, weight: f64::from(weights[leaf]) });
        }
        branches
    })
}

/// The weight that a row gets, as ONNX says it.
fn weight(branches: &Branches, row: &[f64]) -> f64 {
    let mut at = branches.roots[0];
    loop {
        let branch = match at {
            Child::Leaf(leaf) => return branches.votes[leaf].weight,
            Child::Branch(branch) => &branches.branches[branch],
        };
        let value = row[branch.feature as usize];
        let passes = match &branch.test {
            Test::AtMost(threshold) => value <= *threshold,
            Test::Below(threshold) => value < *threshold,
            Test::Among(values) => values.contains(&value),
        };
        let is_true = if value.is_nan() { branch.missing_yes } else { passes != branch.negated };
        at = if is_true { branch.yes } else { branch.no };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn forests_go_the_ways_of_onnx(branches in trees(), rows in vec(features(), FEATURES * 40), double in any::<bool>()) {
        let expected: Vec<f64> = rows.chunks(FEATURES).map(|row| weight(&branches, row)).collect();
        let outputs = Outputs::read(&regressor(Vec::new())).expect("outputs");
        let precision = if double { Precision::Double } else { Precision::Single };
        let ensemble = grow(branches, &outputs, precision, Some(FEATURES)).expect("an ensemble");
        for (row, expected) in rows.chunks(FEATURES).zip(&expected) {
            prop_assert_eq!(ensemble.raw_scores(row).expect("scores"), [*expected]);
        }
        let section = ForestBuilder::of(ensemble).and_then(ForestBuilder::finish).expect("a section");
        let forest = crate::model::trees::Forest::read(&View::of_bytes(&section)).expect("a forest");
        let single: Vec<f32> = rows.iter().map(|&value| value as f32).collect();
        for n_rows in [1, 40] {
            let mut sums = vec![0.0; n_rows];
            fast::add(&forest, &single[..n_rows * FEATURES], &mut Scratch::default(), &mut sums);
            prop_assert_eq!(&sums, &expected[..n_rows]);
            sums.fill(0.0);
            naive::add(&forest, &single[..n_rows * FEATURES], &mut sums);
            prop_assert_eq!(&sums, &expected[..n_rows]);
            if double {
                sums.fill(0.0);
                fast::add(&forest, &rows[..n_rows * FEATURES], &mut Scratch::default(), &mut sums);
                prop_assert_eq!(&sums, &expected[..n_rows]);
            }
        }
    }
}
