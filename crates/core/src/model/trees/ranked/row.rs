//! One row through several trees at a time.

use super::layout::{LEAVES, NARROW_LEAF, NARROW_NODES, NARROW_TESTS, Ranked, Tree};
use super::simd::Backend;
use super::{Scratch, Value};
use std::sync::atomic::Ordering;

/// Trees that are walked together.
pub(super) const LANES: usize = 8;
/// Trees whose leaves are kept until they are added.
pub(super) const TREES: usize = 64;

/// Where each slot of some narrow trees leads; leaves lead to themselves.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Walks(pub [[u8; 128]; LANES]);

impl Default for Walks {
    fn default() -> Walks {
        Walks([std::array::from_fn(|slot| slot as u8); LANES])
    }
}

/// How many of `n_rows` go in blocks.
pub(super) fn in_blocks(trees: &Ranked, backend: Backend, n_rows: usize) -> usize {
    let tail = n_rows % 64;
    let few = if trees.narrow && backend.walks_narrow() { 24 } else { 8 };
    if tail < few { n_rows - tail } else { n_rows }
}

/// Adds the leaf values of all trees to the sums of one row.
pub(super) fn add<T: Value>(
    trees: &Ranked,
    backend: Backend,
    row: &[T],
    sums: &mut [f64],
    scratch: &mut Scratch,
) {
    let n_tests = trees.n_bytes + trees.n_sets;
    scratch.row.resize(n_tests.max(NARROW_TESTS), 0);
    let ranks = &mut scratch.row;
    trees.rank_row(row, ranks);
    let node_bytes = trees.node_bytes.bytes();
    let narrow = |tree: &Tree, at: usize| {
        let first = tree.first_node as usize * 8;
        let bytes = &node_bytes[first..first + NARROW_NODES * 8];
        let at = at % 64;
        let byte = |place: usize| bytes[place].load(Ordering::Relaxed);
        let right = ranks[usize::from(byte(at))] > byte(64 + at);
        let slot = usize::from(byte(128 + at + if right { 64 } else { 0 }) & 127);
        if slot < NARROW_LEAF { slot } else { slot - NARROW_LEAF + LEAVES }
    };
    let wide = |tree: &Tree, at: usize| {
        let at = at.min(usize::from(tree.n_inner) - 1);
        let node = trees.nodes[tree.first_node as usize + at].load(Ordering::Relaxed);
        let rank = ranks[usize::from(node as u16).min(ranks.len() - 1)];
        let children = if rank > (node >> 16) as u8 { node >> 48 } else { node >> 32 };
        children as usize % (2 * LEAVES)
    };
    let mut leaves = [0_u8; TREES];
    for some in trees.trees.chunks(TREES) {
        if !trees.narrow {
            leaves_of(wide, some, &mut leaves);
        } else if !backend.narrow_leaves(&trees.nodes, some, ranks, &mut scratch.walks, &mut leaves) {
            leaves_of(narrow, some, &mut leaves);
        }
        for (tree, leaf) in some.iter().zip(leaves) {
            let sum = &mut sums[usize::from(tree.output)];
            *sum = trees.sums.round(*sum + trees.leaf_value(tree, leaf.into()));
        }
    }
}

/// The leaf of each of `trees`, where `next` leads from a slot of a tree to another, inner nodes for leaves.
#[inline(always)]
fn leaves_of(next: impl Fn(&Tree, usize) -> usize, trees: &[Tree], leaves: &mut [u8; TREES]) {
    for (trees, leaves) in trees.chunks(LANES).zip(leaves.chunks_mut(LANES)) {
        let lanes: [&Tree; LANES] = std::array::from_fn(|lane| &trees[lane.min(trees.len() - 1)]);
        let mut at = [0; LANES];
        let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        for step in 0..depth {
            for (at, tree) in at.iter_mut().zip(lanes) {
                let to = next(tree, *at);
                *at = if *at < LEAVES { to } else { *at };
            }
            if step % 2 == 1 && at.iter().all(|&at| at >= LEAVES) {
                break;
            }
        }
        for (leaf, at) in leaves.iter_mut().zip(at) {
            *leaf = at as u8;
        }
    }
}
