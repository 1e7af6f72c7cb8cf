//! Walking with many loads in flight: sixteen rows together through one tree, or for a few rows sixteen
//! trees together. Leaf values are added in the order of the trees, so the sums are the oracle's.

use super::layout::{Forest, Tree};
use super::node::{Layout, NodeLayout, Wide};

/// Rows that go through a tree together.
const ROWS: usize = 16;
/// Trees that a single row goes through together.
const TREES: usize = 16;

/// Adds, for each row of `rows`, the leaf values of all trees in their order to the row's part of `sums`.
///
/// # Panics
/// When `rows` is not `n_rows * n_features` long, with as many rows as `sums` has places.
pub fn add(forest: &Forest, rows: &[f32], sums: &mut [f64]) {
    check(forest, rows, sums);
    match forest.layout() {
        Layout::Narrow(layout) => add_in(layout, forest, rows, sums),
        Layout::Wide => add_in(Wide, forest, rows, sums),
    }
}

/// Writes each row's leaf values in the one tree of `forest` to the row's part of `out`.
///
/// # Panics
/// As [`add`].
pub fn copy(forest: &Forest, rows: &[f32], out: &mut [f64]) {
    check(forest, rows, out);
    let (width, n_outputs) = (forest.n_features(), forest.n_outputs());
    for (row, out) in out.chunks_exact_mut(n_outputs).enumerate() {
        let features = &rows[row * width..][..width];
        match forest.layout() {
            Layout::Narrow(layout) => {
                row_through_trees(layout, forest, features, |leaf| forest.copy_leaf(leaf, out));
            }
            Layout::Wide => row_through_trees(Wide, forest, features, |leaf| forest.copy_leaf(leaf, out)),
        }
    }
}

fn check(forest: &Forest, rows: &[f32], out: &[f64]) {
    let n_rows = out.len() / forest.n_outputs();
    assert_eq!((rows.len(), out.len()), (n_rows * forest.n_features(), n_rows * forest.n_outputs()));
}

fn add_in<L: NodeLayout>(layout: L, forest: &Forest, rows: &[f32], sums: &mut [f64]) {
    let (width, n_outputs) = (forest.n_features(), forest.n_outputs());
    let n_rows = sums.len() / n_outputs;
    let together = if width == 0 { 0 } else { n_rows / ROWS * ROWS };
    for tree in forest.trees() {
        for group in (0..together).step_by(ROWS) {
            let features = &rows[group * width..][..ROWS * width];
            let leaves = rows_through_tree(layout, forest, *tree, features);
            for (lane, leaf) in leaves.into_iter().enumerate() {
                forest.add_leaf(leaf, &mut sums[(group + lane) * n_outputs..][..n_outputs]);
            }
        }
    }
    for row in together..n_rows {
        let features = &rows[row * width..][..width];
        let sums = &mut sums[row * n_outputs..][..n_outputs];
        row_through_trees(layout, forest, features, |leaf| forest.add_leaf(leaf, sums));
    }
}

#[inline]
fn rows_through_tree<L: NodeLayout>(layout: L, forest: &Forest, tree: Tree, features: &[f32]) -> [u32; ROWS] {
    let width = features.len() / ROWS;
    let nodes = forest.nodes();
    let mut at = [0_u32; ROWS];
    for _ in 0..tree.depth {
        let mut moved = 0;
        for (lane, at) in at.iter_mut().enumerate() {
            let node = layout.read(nodes, tree.first + *at as usize);
            let feature = (layout.feature(node) as usize).min(width - 1);
            let next = layout.next(node, *at, features[lane * width + feature]).min(tree.last);
            nodes.prefetch(L::WORDS * (tree.first + next as usize));
            moved |= next ^ *at;
            *at = next;
        }
        if moved == 0 {
            break;
        }
    }
    at.map(|at| layout.leaf(layout.read(nodes, tree.first + at as usize)))
}

fn row_through_trees<L: NodeLayout>(
    layout: L,
    forest: &Forest,
    features: &[f32],
    mut each_leaf: impl FnMut(u32),
) {
    let nodes = forest.nodes();
    for trees in forest.trees().chunks(TREES) {
        let mut at = [0_u32; TREES];
        let deepest = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        for _ in 0..deepest {
            let mut moved = 0;
            for (at, tree) in at.iter_mut().zip(trees) {
                let node = layout.read(nodes, tree.first + *at as usize);
                let feature = (layout.feature(node) as usize).min(features.len().saturating_sub(1));
                let value = features.get(feature).copied().unwrap_or(0.0);
                let next = layout.next(node, *at, value).min(tree.last);
                nodes.prefetch(L::WORDS * (tree.first + next as usize));
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                break;
            }
        }
        for (at, tree) in at.into_iter().zip(trees) {
            each_leaf(layout.leaf(layout.read(nodes, tree.first + at as usize)));
        }
    }
}
