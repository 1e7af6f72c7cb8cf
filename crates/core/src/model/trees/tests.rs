//! The fast walkers against the naive one, on sound trees and on any bytes.

use super::backend::Backend;
use super::build::{ForestBuilder, ForestShape, SourceTree};
use super::{Forest, Scratch, fast, naive};
use crate::mapped::View;
use crate::precision::Precision;
use proptest::collection::vec;
use proptest::prelude::*;

const OUTPUTS: usize = 2;

/// A tree given by what each inner node does; children are appended level by level.
#[derive(Clone, Debug)]
struct Shape {
    splits: Vec<(usize, f64, bool)>,
    leaves: Vec<u8>,
}

fn thresholds() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-8_i32..8).prop_map(f64::from),
        any::<f32>().prop_filter("a number", |t| !t.is_nan()).prop_map(f64::from),
        any::<f64>().prop_filter("a number", |t| !t.is_nan()),
        Just(0.0),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(5e-324),
    ]
}

fn features() -> impl Strategy<Value = f32> {
    prop_oneof![
        (-8_i32..8).prop_map(|x| x as f32),
        any::<f32>(),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(-0.0),
        Just(1e-45),
    ]
}

fn shapes(n_features: usize) -> impl Strategy<Value = Shape> {
    let split = (0..n_features, thresholds(), any::<bool>());
    (vec(split, 0..40), vec(any::<u8>(), 41)).prop_map(|(splits, leaves)| Shape { splits, leaves })
}

fn push(builder: &mut ForestBuilder, shape: &Shape, n_outputs: usize) {
    let n = shape.splits.len() * 2 + 1;
    let (mut left, mut right) = (vec![-1; n], vec![-1; n]);
    let (mut feature, mut threshold, mut missing_left) = (vec![-2; n], vec![-2.0; n], vec![false; n]);
    let mut open: std::collections::VecDeque<usize> = [0].into();
    let mut next = 1;
    for &(on, at, missing) in &shape.splits {
        let node = if missing { open.pop_front() } else { open.pop_back() }.expect("a leaf to split");
        (left[node], right[node]) = (next as i64, next as i64 + 1);
        (feature[node], threshold[node], missing_left[node]) = (on as i64, at, missing);
        open.extend([next, next + 1]);
        next += 2;
    }
    let values: Vec<f64> = (0..n * n_outputs).map(|at| f64::from(shape.leaves[at % 41]) / 7.0).collect();
    let cover: Vec<f32> = (0..n).map(|at| at as f32).collect();
    let tree = SourceTree {
        left: &left,
        right: &right,
        feature: &feature,
        threshold: &threshold,
        missing_left: &missing_left,
        values: &values,
        cover: Some(&cover),
        set: &[],
        output: 0,
    };
    builder.push(tree).expect("a tree");
}

fn section(n_features: usize, shapes: &[Shape], wide: bool) -> Vec<u8> {
    section_of(shape(n_features, OUTPUTS), shapes, wide)
}

fn section_of(forest: ForestShape, shapes: &[Shape], wide: bool) -> Vec<u8> {
    let n_outputs = forest.n_outputs;
    let mut builder = ForestBuilder::new(forest).expect("a builder");
    shapes.iter().for_each(|shape| push(&mut builder, shape, n_outputs));
    if wide { builder.finish_wide() } else { builder.finish() }.expect("a section")
}

fn shape(n_features: usize, n_outputs: usize) -> ForestShape {
    ForestShape {
        n_features,
        features: Precision::Single,
        n_values: n_outputs,
        n_outputs,
        ..ForestShape::default()
    }
}

fn agree(forest: &Forest, rows: &[f32]) -> Result<(), TestCaseError> {
    let n_rows = rows.len() / forest.n_features();
    let rows = &rows[..n_rows * forest.n_features()];
    let mut expected = vec![0.0; n_rows * forest.n_outputs()];
    naive::add(forest, rows, &mut expected);
    let bits = |sums: &[f64]| sums.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>();
    for backend in Backend::available() {
        let mut found = vec![0.0; expected.len()];
        fast::add_with(backend, forest, rows, &mut Scratch::default(), &mut found);
        prop_assert_eq!(bits(&expected), bits(&found), "{:?}", backend);
    }
    Ok(())
}

/// Follows the source's own arrays, as a training library does.
fn source_leaf(shape: &Shape, row: &[f32]) -> usize {
    let mut open: std::collections::VecDeque<usize> = [0].into();
    let mut at = 0;
    let mut children = std::collections::HashMap::new();
    let mut next = 1;
    for &(feature, threshold, missing) in &shape.splits {
        let node = if missing { open.pop_front() } else { open.pop_back() }.expect("a leaf to split");
        children.insert(node, (next, feature, threshold, missing));
        open.extend([next, next + 1]);
        next += 2;
    }
    while let Some(&(left, feature, threshold, missing)) = children.get(&at) {
        let value = row[feature];
        let goes_left = if value.is_nan() { missing } else { f64::from(value) <= threshold };
        at = if goes_left { left } else { left + 1 };
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn walkers_give_the_sources_leaves(
        shapes in vec(shapes(5), 1..20),
        rows in vec(features(), 5 * 40),
        n_rows in 1_usize..40,
        wide in any::<bool>(),
    ) {
        let forest = Forest::read(&View::of_bytes(&section(5, &shapes, wide))).expect("a forest");
        let rows = &rows[..n_rows * 5];
        let mut sums = vec![0.0; n_rows * OUTPUTS];
        fast::add(&forest, rows, &mut Scratch::default(), &mut sums);
        for (row, sums) in rows.chunks(5).zip(sums.chunks(OUTPUTS)) {
            let mut expected = [0.0; OUTPUTS];
            for shape in &shapes {
                let leaf = source_leaf(shape, row);
                for (at, sum) in expected.iter_mut().enumerate() {
                    *sum += f64::from(shape.leaves[(leaf * OUTPUTS + at) % 41]) / 7.0;
                }
            }
            prop_assert_eq!(sums, expected);
        }
        agree(&forest, rows)?;
    }

    #[test]
    fn single_rows_of_any_width_go_through_many_trees(
        width in prop_oneof![1_usize..80, Just(16), Just(32), Just(64)],
        n_outputs in 1_usize..4,
        n_trees in 1_usize..80,
        shapes in vec(shapes(1), 1..6),
        row in vec(features(), 80),
        noise in vec(any::<u8>(), 64..4096),
        keep_nodes in any::<bool>(),
    ) {
        let mut shapes: Vec<Shape> = shapes.into_iter().cycle().take(n_trees).collect();
        for (at, split) in shapes.iter_mut().flat_map(|shape| &mut shape.splits).enumerate() {
            split.0 = at * 7 % width;
        }
        let mut bytes = section_of(shape(width, n_outputs), &shapes, false);
        if !keep_nodes {
            let begin = 192 + (n_trees * 24).next_multiple_of(64);
            bytes[begin..].iter_mut().zip(noise.iter().cycle()).for_each(|(byte, noise)| *byte ^= noise);
        }
        match Forest::read(&View::of_bytes(&bytes)) {
            Ok(forest) => agree(&forest, &row[..width])?,
            Err(error) => prop_assert!(!keep_nodes, "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_walked_safely(
        shapes in vec(shapes(3), 1..6),
        rows in vec(features(), 3 * 20),
        noise in vec(any::<u8>(), 64..4096),
        keep_table in any::<bool>(),
        wide in any::<bool>(),
    ) {
        let mut bytes = section(3, &shapes, wide);
        let begin = if keep_table { 192 + (shapes.len() * 24).next_multiple_of(64) } else { 12 };
        for (at, byte) in bytes.iter_mut().enumerate().skip(begin) {
            *byte ^= noise[at % noise.len()];
        }
        if let Ok(forest) = Forest::read(&View::of_bytes(&bytes)) && forest.n_features() == 3 {
            agree(&forest, &rows)?;
        }
    }
}

#[test]
fn equal_leaves_are_stored_once_and_siblings_share_a_line() {
    let shape =
        Shape { splits: vec![(0, 0.5, true), (0, 0.25, true), (0, 0.75, false)], leaves: vec![3; 41] };
    let bytes = section(1, &[shape.clone(), shape], false);
    let forest = Forest::read(&View::of_bytes(&bytes)).expect("a forest");
    assert_eq!((forest.n_trees(), forest.n_nodes(), forest.n_distinct_leaves()), (2, 14, 1));
    assert!(forest.trees().iter().all(|tree| tree.first % 2 == 1));
}

#[test]
fn damaged_headers_are_refused() {
    let sound = section(2, &[Shape { splits: vec![(1, 0.5, true)], leaves: vec![1; 41] }], false);
    let refuse = |what: &str, alter: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        alter(&mut bytes);
        let error = Forest::read(&View::of_bytes(&bytes)).map(drop).expect_err(what);
        assert!(error.to_string().starts_with("reading forest.bin: "), "{error}");
    };
    refuse("magic", &|bytes| bytes[0] = b'X');
    refuse("version", &|bytes| bytes[8] = 9);
    refuse("no trees", &|bytes| bytes[12] = 0);
    refuse("no outputs", &|bytes| bytes[20] = 0);
    refuse("values that are not the outputs", &|bytes| bytes[24] = 3);
    refuse("columns outside", &|bytes| bytes[30] = 0xFF);
    refuse("sets outside", &|bytes| bytes[32] = 1);
    refuse("node size", &|bytes| bytes[40] = 12);
    refuse("column bits", &|bytes| bytes[44] = 0);
    refuse("too many nodes", &|bytes| bytes[55] = 0xFF);
    refuse("no leaves", &|bytes| bytes[56..64].fill(0));
    refuse("table outside", &|bytes| bytes[78] = 1);
    refuse("unaligned nodes", &|bytes| bytes[80] += 1);
    refuse("start outside", &|bytes| bytes[135] = 1);
    refuse("compared values outside", &|bytes| bytes[150] = 1);
    refuse("tree without nodes", &|bytes| bytes[192 + 8] = 0);
    refuse("tree too deep", &|bytes| bytes[192 + 12] = 3);
    refuse("output outside", &|bytes| bytes[192 + 16] = 1);
    refuse("truncated", &|bytes| bytes.truncate(100));
}

#[test]
fn arrays_that_are_no_tree_are_refused() {
    let push = |left: [i64; 3], right: [i64; 3], feature: i64, threshold: f64| {
        let mut builder = ForestBuilder::new(shape(2, 1)).expect("a builder");
        builder.push(SourceTree {
            left: &left,
            right: &right,
            feature: &[feature; 3],
            threshold: &[threshold; 3],
            missing_left: &[false; 3],
            values: &[0.0; 3],
            cover: None,
            set: &[],
            output: 0,
        })
    };
    assert!(push([1, -1, -1], [2, -1, -1], 1, 0.5).is_ok());
    assert!(push([1, -1, -1], [1, -1, -1], 1, 0.5).is_err(), "a node with two parents");
    assert!(push([1, 1, -1], [2, 2, -1], 1, 0.5).is_err(), "a cycle");
    assert!(push([1, -1, -1], [3, -1, -1], 1, 0.5).is_err(), "a child outside");
    assert!(push([1, -1, -1], [2, -1, -1], 2, 0.5).is_err(), "a feature outside");
    assert!(push([1, -1, -1], [2, -1, -1], 1, f64::NAN).is_err(), "no threshold");
    assert!(push([-1, -1, -1], [-1, -1, -1], 0, 0.0).is_err(), "nodes that no path reaches");
}
