//! Walking with many loads in flight: sixteen rows at a time through one tree, or for a few rows sixteen
//! trees at a time. Leaf values are added in the order of the trees, so the sums are the oracle's.

use super::layout::{Forest, Tree};
use super::node::{Layout, NodeLayout, Wide};
use crate::mapped::Words;

/// Walks that are under way together.
const LANES: usize = 16;
/// Trees whose leaves are kept until they can be added in order.
const TREES: usize = 128;

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
    if n_rows < LANES || width == 0 {
        for (row, sums) in sums.chunks_exact_mut(n_outputs).enumerate() {
            let features = &rows[row * width..][..width];
            row_through_trees(layout, forest, features, |leaf| forest.add_leaf(leaf, sums));
        }
        return;
    }
    for &tree in forest.trees() {
        let value = |row: usize, feature: usize| rows[row * width + feature.min(width - 1)];
        walk_all(
            layout,
            forest.nodes(),
            n_rows,
            |_| tree,
            value,
            |row, leaf| {
                forest.add_leaf(leaf, &mut sums[row * n_outputs..][..n_outputs]);
            },
        );
    }
}

/// Takes one row through all trees, and gives their leaves in the order of the trees.
fn row_through_trees<L: NodeLayout>(
    layout: L,
    forest: &Forest,
    features: &[f32],
    mut each_leaf: impl FnMut(u32),
) {
    let last = features.len().saturating_sub(1);
    let value = |_, feature: usize| features.get(feature.min(last)).copied().unwrap_or(0.0);
    for trees in forest.trees().chunks(TREES) {
        let mut leaves = [0_u32; TREES];
        walk_all(
            layout,
            forest.nodes(),
            trees.len(),
            |number| trees[number],
            value,
            |number, leaf| {
                leaves[number] = leaf;
            },
        );
        leaves.iter().take(trees.len()).for_each(|&leaf| each_leaf(leaf));
    }
}

/// A walk under way.
#[derive(Clone, Copy)]
struct Walk {
    number: usize,
    tree: Tree,
    at: u32,
    steps: u32,
}

/// Makes `n_walks` walks, some of them at a time; as soon as one is at its leaf, the next one takes its
/// lane. `value` gives a walk's value of a feature, which it clamps.
#[inline(always)]
fn walk_all<L: NodeLayout>(
    layout: L,
    nodes: &Words,
    n_walks: usize,
    tree: impl Fn(usize) -> Tree,
    value: impl Fn(usize, usize) -> f32,
    mut each_leaf: impl FnMut(usize, u32),
) {
    let begin = |number: usize| Walk { number, tree: tree(number), at: 0, steps: tree(number).depth };
    let mut active = LANES.min(n_walks);
    let mut waiting = active;
    let mut lanes: [Walk; LANES] = std::array::from_fn(|lane| begin(lane.min(active.saturating_sub(1))));
    while active > 0 {
        let mut lane = 0;
        while lane < active {
            let walk = &mut lanes[lane];
            let node = layout.read(nodes, walk.tree.first + walk.at as usize);
            if layout.is_leaf(node) || walk.steps == 0 {
                each_leaf(walk.number, layout.leaf(node));
                if waiting < n_walks {
                    *walk = begin(waiting);
                    waiting += 1;
                    lane += 1;
                } else {
                    active -= 1;
                    lanes[lane] = lanes[active];
                }
                continue;
            }
            let next = layout.next(node, value(walk.number, layout.feature(node) as usize));
            walk.at = next.min(walk.tree.last);
            walk.steps -= 1;
            nodes.prefetch(L::WORDS * (walk.tree.first + walk.at as usize));
            lane += 1;
        }
    }
}
