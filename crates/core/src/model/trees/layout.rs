//! `forest.bin`: the header and the table of trees, proven, and nodes that may hold any bytes.
//!
//! What must be trusted is small, copied to private memory and checked. The nodes and leaf values stay
//! shared, so they are never checked: whatever they say, an index is clamped when it is used.

use super::node::{Layout, NUMBER, Narrow};
use crate::error::{Error, Result};
use crate::mapped::{View, Words};
use std::sync::atomic::Ordering;

pub(super) const MAGIC: &[u8; 8] = b"MBFOREST";
pub(super) const HEADER_BYTES: usize = 128;
pub(super) const SECTION_ALIGNMENT: usize = 64;
pub(super) const VERSION: u32 = 1;

/// A tree ensemble whose structure is proven. It is `Send` and `Sync`.
#[derive(Debug)]
pub struct Forest {
    nodes: Words,
    layout: Layout,
    leaves: Words,
    trees: Box<[Tree]>,
    n_features: u32,
    n_outputs: usize,
    last_leaf: u32,
}

/// Where a tree's nodes lie, all of them inside the node section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    /// The tree's root, counted from the section's first node.
    pub first: usize,
    /// The number of nodes, less one.
    pub last: u32,
    /// The steps from the root to the deepest leaf.
    pub depth: u32,
}

impl Forest {
    /// Proves the header and the table of trees.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`], naming what does not fit.
    pub fn read(section: &View) -> Result<Forest> {
        let corrupt = |what: String| Error::corrupt(format!("reading forest.bin: {what}"));
        let header: [u8; HEADER_BYTES] = section.read(0).ok_or_else(|| {
            corrupt(format!("{} bytes; the header alone has {HEADER_BYTES}", section.len()))
        })?;
        if !header.starts_with(MAGIC) {
            return Err(corrupt("it does not begin with MBFOREST".to_owned()));
        }
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if u32_at(8) != VERSION {
            return Err(corrupt(format!("layout version {}; expected {VERSION}", u32_at(8))));
        }
        let (n_trees, n_features, n_outputs) = (u32_at(12), u32_at(16), u32_at(20));
        let (n_nodes, n_leaves) = (u64_at(24), u64_at(32));
        let n_leaves = u32::try_from(n_leaves).ok().filter(|&n| n > 0 && n <= NUMBER + 1);
        let last_leaf = n_leaves.ok_or_else(|| corrupt(format!("{} leaves", u64_at(32))))? - 1;
        if n_trees == 0 || n_outputs == 0 || n_features > NUMBER {
            return Err(corrupt(format!(
                "{n_trees} trees of {n_features} features with {n_outputs} outputs"
            )));
        }
        let layout = match (u32_at(72), u32_at(76)) {
            (16, 0) => Layout::Wide,
            (8, bits) if bits < 30 && n_features <= 1 << bits => Layout::Narrow(Narrow::new(bits)),
            (bytes, bits) => {
                return Err(corrupt(format!("nodes of {bytes} bytes with {bits} bits of feature")));
            }
        };
        let words = |what: &str, offset: u64, count: Option<u64>| {
            let view = count.and_then(|count| section.slice(offset, count.checked_mul(8)?));
            let aligned = view.and_then(|view| view.words());
            aligned
                .ok_or_else(|| corrupt(format!("the {what} at byte {offset} do not lie inside the section")))
        };
        let table = words("tree table", u64_at(40), Some(u64::from(n_trees) * 2))?;
        let nodes = words("nodes", u64_at(48), n_nodes.checked_mul(layout.words_per_node() as u64))?;
        let leaves =
            words("leaf values", u64_at(56), u64::from(last_leaf + 1).checked_mul(u64::from(n_outputs)))?;
        let trees = table.chunks_exact(2).enumerate().map(|(number, entry)| {
            let (first, rest) = (entry[0].load(Ordering::Relaxed), entry[1].load(Ordering::Relaxed));
            let (count, depth) = (rest as u32, (rest >> 32) as u32);
            let inside = first.checked_add(u64::from(count)).is_some_and(|end| end <= n_nodes);
            if count == 0 || depth >= count || !inside {
                return Err(corrupt(format!(
                    "tree {number} has {count} nodes from node {first} and depth {depth}; the section has {n_nodes} nodes"
                )));
            }
            Ok(Tree { first: first as usize, last: count - 1, depth })
        });
        let trees = trees.collect::<Result<_>>()?;
        Ok(Forest { nodes, layout, leaves, trees, n_features, n_outputs: n_outputs as usize, last_leaf })
    }

    /// The number of features of a row.
    pub fn n_features(&self) -> usize {
        self.n_features as usize
    }

    /// The number of values of a leaf.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// The number of nodes of all trees.
    pub fn n_nodes(&self) -> usize {
        self.trees.iter().map(|tree| tree.last as usize + 1).sum()
    }

    /// The number of leaves with different values.
    pub fn n_distinct_leaves(&self) -> usize {
        self.last_leaf as usize + 1
    }

    pub(super) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn nodes(&self) -> &Words {
        &self.nodes
    }

    /// Adds the values of leaf number `leaf` to `sums`.
    #[inline]
    pub(super) fn add_leaf(&self, leaf: u32, sums: &mut [f64]) {
        let first = leaf.min(self.last_leaf) as usize * self.n_outputs;
        let values = &self.leaves[first..first + self.n_outputs];
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += f64::from_bits(value.load(Ordering::Relaxed));
        }
    }

    /// Writes the values of leaf number `leaf` to `out`.
    pub(super) fn copy_leaf(&self, leaf: u32, out: &mut [f64]) {
        let first = leaf.min(self.last_leaf) as usize * self.n_outputs;
        for (out, value) in out.iter_mut().zip(&self.leaves[first..]) {
            *out = f64::from_bits(value.load(Ordering::Relaxed));
        }
    }
}
