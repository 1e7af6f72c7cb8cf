//! Walking with many loads in flight: sixteen rows at a time (64 where nodes lie beyond the caches) through one
//! tree, or for a few rows as many trees at a time. Leaf values are added in the order of the trees, so the sums
//! are the oracle's.

use super::backend::Backend;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use super::gathers;
use super::layout::{Forest, Tree};
use super::node::{Layout, NodeLayout, Wide};
use super::ranked;
use crate::precision::Float;

/// Walks that are under way together where the nodes fit the caches.
const FEW: usize = 16;
/// The same where most steps wait for memory.
const MANY: usize = 64;
/// Words of nodes from which on most steps do: 8 MiB.
pub(super) const LARGE: usize = 1 << 20;
/// Trees whose leaves are kept until they can be added in order.
const TREES: usize = 128;

/// Memory that walks reuse from call to call.
#[derive(Debug, Default)]
pub struct Scratch<V> {
    columns: Vec<V>,
    ranked: ranked::Scratch,
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    leaves: Vec<u32>,
}

impl<V> Scratch<V> {
    /// Bytes that are kept from row to row.
    pub fn bytes(&self) -> usize {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        let leaves = self.leaves.capacity() * size_of::<u32>();
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let leaves = 0;
        self.columns.capacity() * size_of::<V>() + self.ranked.bytes() + leaves
    }
}

/// Adds, for each row of `features`, the leaf values of all trees in their order to the row's part of `sums`.
///
/// # Panics
/// When `features` is not `n_rows * n_features` long, with as many rows as `sums` has places.
pub fn add<V: Float>(forest: &Forest, features: &[V], scratch: &mut Scratch<V>, sums: &mut [f64]) {
    add_with(forest.backend(), forest, features, scratch, sums);
}

pub(super) fn add_with<V: Float>(
    backend: Backend,
    forest: &Forest,
    features: &[V],
    scratch: &mut Scratch<V>,
    sums: &mut [f64],
) {
    let columns = columns(forest, features, &mut scratch.columns, sums);
    if let Some(trees) = forest.ranked() {
        return trees.add_with(backend, columns, sums, &mut scratch.ranked);
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if gathers::add(backend, forest, columns, &mut scratch.leaves, sums) {
        return;
    }
    match (forest.layout(), forest.sets().n_sets, forest.nodes().len() < LARGE) {
        (Layout::Narrow(layout), 0, true) => add_in::<_, _, false, FEW>(layout, forest, columns, sums),
        (Layout::Narrow(layout), 0, false) => add_in::<_, _, false, MANY>(layout, forest, columns, sums),
        (Layout::Narrow(layout), ..) => add_in::<_, _, true, FEW>(layout, forest, columns, sums),
        (Layout::Wide, 0, true) => add_in::<_, _, false, FEW>(Wide, forest, columns, sums),
        (Layout::Wide, 0, false) => add_in::<_, _, false, MANY>(Wide, forest, columns, sums),
        (Layout::Wide, ..) => add_in::<_, _, true, FEW>(Wide, forest, columns, sums),
    }
}

/// Writes each row's leaf values in the one tree of `forest` to the row's part of `out`.
///
/// # Panics
/// As [`add`].
pub fn copy<V: Float>(forest: &Forest, features: &[V], scratch: &mut Scratch<V>, out: &mut [f64]) {
    let columns = columns(forest, features, &mut scratch.columns, out);
    let width = forest.n_columns();
    for (row, out) in out.chunks_exact_mut(forest.n_outputs()).enumerate() {
        let row = &columns[row * width..][..width];
        let each_leaf = |_, leaf| forest.copy_leaf(leaf, out);
        match forest.layout() {
            Layout::Narrow(layout) => row_through_trees::<_, _, true, 1>(layout, forest, row, each_leaf),
            Layout::Wide => row_through_trees::<_, _, true, 1>(Wide, forest, row, each_leaf),
        }
    }
}

fn columns<'a, V: Float>(
    forest: &Forest,
    features: &'a [V],
    scratch: &'a mut Vec<V>,
    out: &[f64],
) -> &'a [V] {
    let n_rows = out.len() / forest.n_outputs();
    assert_eq!((features.len(), out.len()), (n_rows * forest.n_features(), n_rows * forest.n_outputs()));
    forest.columns().read(features, forest.n_features(), forest.sets(), scratch)
}

fn add_in<V: Float, L: NodeLayout<V>, const SETS: bool, const LANES: usize>(
    layout: L,
    forest: &Forest,
    columns: &[V],
    sums: &mut [f64],
) {
    let (width, n_outputs) = (forest.n_columns(), forest.n_outputs());
    let n_rows = sums.len() / n_outputs;
    if n_rows < LANES || width == 0 {
        for (row, sums) in sums.chunks_exact_mut(n_outputs).enumerate() {
            let row = &columns[row * width..][..width];
            row_through_trees::<_, _, SETS, LANES>(layout, forest, row, |tree, leaf| {
                forest.add_leaf(tree, leaf, sums);
            });
        }
        return;
    }
    for &tree in forest.trees() {
        let value = |row: usize, column: usize| columns[row * width + column.min(width - 1)];
        walk_all::<_, _, SETS, LANES>(
            layout,
            forest,
            n_rows,
            |_| tree,
            value,
            |row, leaf| {
                forest.add_leaf(tree, leaf, &mut sums[row * n_outputs..][..n_outputs]);
            },
        );
    }
}

/// Takes one row through all trees, and gives their leaves in the order of the trees.
fn row_through_trees<V: Float, L: NodeLayout<V>, const SETS: bool, const LANES: usize>(
    layout: L,
    forest: &Forest,
    columns: &[V],
    mut each_leaf: impl FnMut(Tree, u32),
) {
    let last = columns.len().saturating_sub(1);
    let value = |_, column: usize| columns.get(column.min(last)).copied().unwrap_or_default();
    for trees in forest.trees().chunks(TREES) {
        let mut leaves = [0_u32; TREES];
        walk_all::<_, _, SETS, LANES>(
            layout,
            forest,
            trees.len(),
            |number| trees[number],
            value,
            |number, leaf| {
                leaves[number] = leaf;
            },
        );
        trees.iter().zip(leaves).for_each(|(&tree, leaf)| each_leaf(tree, leaf));
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
/// lane. `value` gives a walk's value of a column, which it clamps.
#[inline(always)]
fn walk_all<V: Float, L: NodeLayout<V>, const SETS: bool, const LANES: usize>(
    layout: L,
    forest: &Forest,
    n_walks: usize,
    tree: impl Fn(usize) -> Tree,
    value: impl Fn(usize, usize) -> V,
    mut each_leaf: impl FnMut(usize, u32),
) {
    let nodes = forest.nodes();
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
            let column = layout.column(node) as usize;
            let left = if SETS && column >= forest.n_columns() {
                in_set(layout, forest, node, column - forest.n_columns(), |column| value(walk.number, column))
            } else {
                layout.goes_left(node, value(walk.number, column))
            };
            walk.at = layout.left(node).wrapping_add(u32::from(!left)).min(walk.tree.last);
            walk.steps -= 1;
            nodes.prefetch(L::WORDS * (walk.tree.first + walk.at as usize));
            lane += 1;
        }
    }
}

/// Whether a row goes left from a node that asks set number `set`.
#[inline]
fn in_set<V: Float, L: NodeLayout<V>>(
    layout: L,
    forest: &Forest,
    node: L::Node,
    set: usize,
    value: impl Fn(usize) -> V,
) -> bool {
    let sets = forest.sets();
    let value = value(sets.column(set)).to_f64();
    sets.contains(set, value) || (value.is_nan() && layout.missing_left(node))
}
