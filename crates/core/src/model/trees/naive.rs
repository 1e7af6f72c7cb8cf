//! The oracle: one row through one tree, one node after another.

use super::layout::{Forest, Tree};
use super::node::{Layout, NodeLayout, Wide};
use crate::precision::Float;

/// Adds, for each row of `features`, the leaf values of all trees in their order to the row's part of `sums`.
pub fn add<V: Float>(forest: &Forest, features: &[V], sums: &mut [f64]) {
    let (n_rows, n_features) = (sums.len() / forest.n_outputs(), forest.n_features());
    let mut scratch = Vec::new();
    let columns =
        forest.columns().read(&features[..n_rows * n_features], n_features, forest.sets(), &mut scratch);
    for (row, sums) in sums.chunks_exact_mut(forest.n_outputs()).enumerate() {
        let columns = &columns[row * forest.n_columns()..][..forest.n_columns()];
        for &tree in forest.trees() {
            forest.add_leaf(tree, leaf(forest, tree, columns), sums);
        }
    }
}

/// The number of the leaf that a row of columns reaches in tree `tree`.
fn leaf<V: Float>(forest: &Forest, tree: Tree, columns: &[V]) -> u32 {
    match forest.layout() {
        Layout::Narrow(layout) => walk(layout, forest, tree, columns),
        Layout::Wide => walk(Wide, forest, tree, columns),
    }
}

fn walk<V: Float, L: NodeLayout<V>>(layout: L, forest: &Forest, tree: Tree, columns: &[V]) -> u32 {
    let value =
        |column: usize| columns.get(column.min(columns.len().saturating_sub(1))).copied().unwrap_or_default();
    let mut at = 0;
    for _ in 0..tree.depth {
        let node = layout.read(forest.nodes(), tree.first + at as usize);
        if layout.is_leaf(node) {
            break;
        }
        let column = layout.column(node) as usize;
        let left = if column < forest.n_columns() || forest.sets().n_sets == 0 {
            layout.goes_left(node, value(column))
        } else {
            let set = column - forest.n_columns();
            let value = value(forest.sets().column(set)).to_f64();
            forest.sets().contains(set, value) || (value.is_nan() && layout.missing_left(node))
        };
        at = layout.left(node).wrapping_add(u32::from(!left)).min(tree.last);
    }
    layout.leaf(layout.read(forest.nodes(), tree.first + at as usize))
}
