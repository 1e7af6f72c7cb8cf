//! One row through several trees at a time.

use super::Scratch;
use super::layout::{LEAVES, NARROW_LEAF, NARROW_NODES, NARROW_TESTS, Ranked, Tree};
use crate::model::trees::backend::Backend;
use crate::precision::Float;
use crate::precision::Precision;
use std::hint::select_unpredictable;
use std::sync::atomic::Ordering;

/// Trees that are walked together.
pub(super) const LANES: usize = 8;

/// Where each slot of some narrow trees leads; leaves lead to themselves. As long as a byte reaches.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Walks(pub [[u8; 256]; LANES]);

impl Default for Walks {
    fn default() -> Walks {
        Walks([std::array::from_fn(|slot| slot as u8); LANES])
    }
}

/// How many of `n_rows` go in blocks.
pub(super) fn in_blocks(trees: &Ranked, backend: Backend, n_rows: usize) -> usize {
    let tail = n_rows % 64;
    // Beside other blocks, one more costs about half.
    let alone = backend.rows_per_block(trees.narrow);
    let few = if n_rows < 64 { alone } else { alone / 2 };
    if tail < few { n_rows - tail } else { n_rows }
}

/// Adds the leaf values of all trees to the sums of one row.
pub(super) fn add<T: Float>(
    trees: &Ranked,
    backend: Backend,
    row: &[T],
    sums: &mut [f64],
    scratch: &mut Scratch,
) {
    let Scratch { row: ranks, walks, .. } = scratch;
    ranks.resize((trees.n_bytes + trees.n_sets).max(NARROW_TESTS), 0);
    trees.rank_row(row, ranks);
    match (sums, trees.sums) {
        // A sum of its own stays in a register.
        ([sum], Precision::Double) => {
            *sum = fold_leaves(trees, backend, ranks, walks, *sum, |sum, _, value| sum + value);
        }
        ([sum], Precision::Single) => {
            let add = |sum: f32, _, value| sum + value as f32;
            *sum = fold_leaves(trees, backend, ranks, walks, *sum as f32, add).into();
        }
        (sums, precision) => fold_leaves(trees, backend, ranks, walks, (), |(), output, value| {
            sums[output] = precision.round(sums[output] + value);
        }),
    }
}

/// Folds the outputs and values of the leaves of each tree, for a row of `ranks`.
#[inline(always)]
fn fold_leaves<S>(
    trees: &Ranked,
    backend: Backend,
    ranks: &[u8],
    walks: &mut Walks,
    mut sum: S,
    mut add: impl FnMut(S, usize, f64) -> S,
) -> S {
    if trees.narrow {
        match backend.fold_narrow(trees, ranks, sum, &mut add) {
            Ok(sum) => return sum,
            Err(unused) => sum = unused,
        }
    }
    let (groups, rest) = trees.trees.as_chunks::<LANES>();
    let mut last = groups.first().copied().unwrap_or([trees.trees[0]; LANES]);
    for (tree, rest) in last.iter_mut().zip(rest) {
        *tree = *rest;
    }
    // Values are asked for while the walks before them are added.
    let mut waiting: Option<(&[Tree; LANES], [usize; LANES])> = None;
    for group in groups.iter().chain((!rest.is_empty()).then_some(&last)) {
        let leaves = group_leaves(trees, backend, group, ranks, walks);
        let places = std::array::from_fn(|lane| trees.leaf_place(&group[lane], leaves[lane].into()));
        places.iter().for_each(|&place| trees.leaves.prefetch(place));
        if let Some((group, places)) = waiting.replace((group, places)) {
            for (tree, place) in group.iter().zip(places) {
                sum = add(sum, tree.output.into(), trees.leaf_value(place));
            }
        }
    }
    if let Some((group, places)) = waiting {
        let n = if rest.is_empty() { LANES } else { rest.len() };
        for (tree, place) in group.iter().zip(places).take(n) {
            sum = add(sum, tree.output.into(), trees.leaf_value(place));
        }
    }
    sum
}

/// The leaves of some trees.
#[inline(always)]
fn group_leaves(
    trees: &Ranked,
    backend: Backend,
    group: &[Tree; LANES],
    ranks: &[u8],
    walks: &mut Walks,
) -> [u8; LANES] {
    if !trees.narrow {
        return walk(group, |tree, at| {
            let at = at.min(usize::from(tree.n_inner) - 1);
            let node = trees.nodes[tree.first_node as usize + at].load(Ordering::Relaxed);
            let rank = ranks[usize::from(node as u16).min(ranks.len() - 1)];
            let children = select_unpredictable(rank > (node >> 16) as u8, node >> 48, node >> 32);
            children as usize % (2 * LEAVES)
        });
    }
    let n_tests = trees.n_bytes + trees.n_sets;
    if let Some(leaves) = backend.narrow_leaves(&trees.nodes, group, ranks, n_tests, walks) {
        return leaves;
    }
    let nodes = trees.node_bytes.bytes();
    let Some(ranks) = ranks.first_chunk::<NARROW_TESTS>() else { return [0; LANES] };
    walk(group, |tree, at| {
        let Some(bytes) = nodes[tree.first_node as usize * 8..].first_chunk::<{ NARROW_NODES * 8 }>() else {
            return LEAVES;
        };
        let at = at % 64;
        let right =
            ranks[usize::from(bytes[at].load(Ordering::Relaxed))] > bytes[64 + at].load(Ordering::Relaxed);
        let slot = usize::from(bytes[128 + at + 64 * usize::from(right)].load(Ordering::Relaxed));
        slot + (slot & NARROW_LEAF) * (LEAVES - NARROW_LEAF) / NARROW_LEAF
    })
}

/// The leaves of some trees, where `next` leads from a slot of a tree to another, inner nodes for leaves.
#[inline(always)]
fn walk(trees: &[Tree; LANES], next: impl Fn(&Tree, usize) -> usize) -> [u8; LANES] {
    let mut at = [0; LANES];
    let depth = trees.iter().fold(0, |depth, tree| depth.max(tree.depth));
    for step in 0..depth {
        for lane in 0..LANES {
            at[lane] = select_unpredictable(at[lane] < LEAVES, next(&trees[lane], at[lane]), at[lane]);
        }
        if step % 2 == 1 && at.iter().all(|&at| at >= LEAVES) {
            break;
        }
    }
    at.map(|slot| slot as u8)
}
