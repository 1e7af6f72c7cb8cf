//! The oracle: one row through one tree, one node after another.

use super::layout::{Forest, Tree};
use super::node::{Layout, NodeLayout, Wide};

/// Adds, for each row of `rows`, the leaf values of all trees in their order to the row's part of `sums`.
pub fn add(forest: &Forest, rows: &[f32], sums: &mut [f64]) {
    let n_rows = sums.len() / forest.n_outputs();
    for row in 0..n_rows {
        let features = &rows[row * forest.n_features()..][..forest.n_features()];
        let sums = &mut sums[row * forest.n_outputs()..][..forest.n_outputs()];
        for &tree in forest.trees() {
            let leaf = match forest.layout() {
                Layout::Narrow(layout) => leaf(layout, forest, tree, features),
                Layout::Wide => leaf(Wide, forest, tree, features),
            };
            forest.add_leaf(leaf, sums);
        }
    }
}

/// The number of the leaf that `row` reaches in tree `tree`.
fn leaf<L: NodeLayout>(layout: L, forest: &Forest, tree: Tree, row: &[f32]) -> u32 {
    let mut at = 0;
    for _ in 0..tree.depth {
        let node = layout.read(forest.nodes(), tree.first + at as usize);
        if layout.is_leaf(node) {
            break;
        }
        let feature = (layout.feature(node) as usize).min(forest.n_features().saturating_sub(1));
        at = layout.next(node, row.get(feature).copied().unwrap_or(0.0)).min(tree.last);
    }
    layout.leaf(layout.read(forest.nodes(), tree.first + at as usize))
}
