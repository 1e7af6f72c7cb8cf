//! `forest.bin`: header, table of trees, columns and starting values, proven, and nodes that may hold any
//! bytes.
//!
//! What must be trusted is small, copied to private memory and checked. The nodes, leaf values and sets stay
//! shared, so they are never checked: whatever they say, an index is clamped when it is used.

use super::backend::Backend;
use super::columns::{self, Columns};
use super::node::{Layout, NUMBER, Narrow};
use super::ranked::Ranked;
use super::sets::Sets;
use crate::error::{Error, Result};
use crate::mapped::{View, Words};
use crate::precision::Precision;
use std::sync::atomic::Ordering;

pub(super) const MAGIC: &[u8; 8] = b"MBFOREST";
/// The header: words, of which the first is [`MAGIC`].
pub(super) const HEADER_WORDS: usize = 24;
pub(super) const SECTION_ALIGNMENT: usize = 64;
pub(super) const VERSION: u32 = 2;
/// Words of an entry of the table of trees: first node; nodes with depth above; output.
pub(super) const TREE_WORDS: usize = 3;
/// Flags of the header.
pub(super) const SINGLE_FEATURES: u32 = 1;
pub(super) const SINGLE_SUMS: u32 = 2;

/// A tree ensemble whose structure is proven. It is `Send` and `Sync`.
#[derive(Debug)]
pub struct Forest {
    nodes: Words,
    layout: Layout,
    leaves: Words,
    trees: Box<[Tree]>,
    columns: Columns,
    sets: Sets,
    start: Box<[f64]>,
    ranked: Option<Ranked>,
    backend: Backend,
    features: Precision,
    sums: Precision,
    n_features: usize,
    n_values: usize,
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
    /// The output that the first value of a leaf is added to.
    pub output: u32,
}

impl Forest {
    /// Proves the header and what is copied.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`], naming what does not fit.
    pub fn read(section: &View) -> Result<Forest> {
        let header_bytes = HEADER_WORDS * 8;
        let words = section.words().filter(|words| words.len() >= HEADER_WORDS).ok_or_else(|| {
            corrupt(format!("{} bytes; the header alone has {header_bytes}", section.len()))
        })?;
        let header: [u64; HEADER_WORDS] = std::array::from_fn(|at| words[at].load(Ordering::Relaxed));
        if header[0].to_le_bytes() != *MAGIC {
            return Err(corrupt("it does not begin with MBFOREST".to_owned()));
        }
        let [
            (version, n_trees),
            (n_features, n_outputs),
            (n_values, n_columns),
            (n_sets, flags),
            (node_bytes, column_bits),
        ] = std::array::from_fn(|at| (header[at + 1] as u32, (header[at + 1] >> 32) as u32));
        if version != VERSION {
            return Err(corrupt(format!("layout version {version}; expected {VERSION}")));
        }
        let [n_nodes, n_leaves, n_set_words] = [header[6], header[7], header[8]];
        let last_leaf = u32::try_from(n_leaves).ok().filter(|&n| n > 0 && n <= NUMBER + 1);
        let last_leaf = last_leaf.ok_or_else(|| corrupt(format!("{n_leaves} leaves")))? - 1;
        let all_columns = u64::from(if n_columns == 0 { n_features } else { n_columns }) + u64::from(n_sets);
        let values_fit = n_values == 1 || n_values == n_outputs;
        if n_trees == 0 || n_outputs == 0 || !values_fit || all_columns > u64::from(NUMBER) {
            return Err(corrupt(format!(
                "{n_trees} trees of {n_features} features and {n_sets} sets with {n_outputs} outputs and {n_values} values per leaf"
            )));
        }
        let features = if flags & SINGLE_FEATURES != 0 { Precision::Single } else { Precision::Double };
        let sums = if flags & SINGLE_SUMS != 0 { Precision::Single } else { Precision::Double };
        let layout = match (node_bytes, column_bits, features) {
            (16, 0, _) => Layout::Wide,
            (8, bits, Precision::Single) if bits < 30 && all_columns <= 1 << bits => {
                Layout::Narrow(Narrow::new(bits))
            }
            (bytes, bits, _) => {
                return Err(corrupt(format!("nodes of {bytes} bytes with {bits} bits of column")));
            }
        };
        let part = |what: &str, offset: u64, count: Option<u64>| {
            let view = count.and_then(|count| section.slice(offset, count.checked_mul(8)?));
            let aligned = view.and_then(|view| view.words());
            aligned
                .ok_or_else(|| corrupt(format!("the {what} at byte {offset} do not lie inside the section")))
        };
        let table = part("tree table", header[9], Some(u64::from(n_trees) * TREE_WORDS as u64))?;
        let nodes = part("nodes", header[10], n_nodes.checked_mul(layout.words_per_node() as u64))?;
        let leaves =
            part("leaf values", header[11], u64::from(last_leaf + 1).checked_mul(u64::from(n_values)))?;
        let columns = part("columns", header[13], Some(u64::from(n_columns) * 2))?;
        let sets = Sets {
            table: part("sets", header[14], Some(u64::from(n_sets) * 2))?,
            bits: part("sets' bits", header[15], Some(n_set_words))?,
            n_sets: n_sets as usize,
            places: part("compared values", header[17], Some(header[18]))?,
        };
        let copied = u64::from(n_trees) * size_of::<Tree>() as u64;
        crate::memory::check(copied, || format!("the places of {n_trees} trees"))?;
        let start = part("starting values", header[16], Some(u64::from(n_outputs)))?;
        let start = start.iter().map(|value| f64::from_bits(value.load(Ordering::Relaxed))).collect();
        let trees = table.chunks_exact(TREE_WORDS).enumerate().map(|(number, entry)| {
            let [first, rest, output] = std::array::from_fn(|at| entry[at].load(Ordering::Relaxed));
            let (count, depth) = (rest as u32, (rest >> 32) as u32);
            let inside = first.checked_add(u64::from(count)).is_some_and(|end| end <= n_nodes);
            if count == 0 || depth >= count || !inside {
                return Err(corrupt(format!(
                    "tree {number} has {count} nodes from node {first} and depth {depth}; the section has {n_nodes} nodes"
                )));
            }
            if output.saturating_add(u64::from(n_values)) > u64::from(n_outputs) {
                return Err(corrupt(format!("tree {number} adds to output {output} of {n_outputs}")));
            }
            Ok(Tree { first: first as usize, last: count - 1, depth, output: output as u32 })
        });
        let trees = trees.collect::<Result<_>>()?;
        let columns = read_columns(&columns, n_features, n_sets)?;
        let n_columns = columns.len(n_features as usize);
        let ranked = match (header[19], header[20]) {
            (0, 0) => None,
            (offset, length) => {
                let view = section.slice(offset, length);
                let view = view.ok_or_else(|| corrupt(format!("no ranked trees at byte {offset}")))?;
                Some(Ranked::read(&view, n_columns, n_outputs as usize)?)
            }
        };
        Ok(Forest {
            nodes,
            layout,
            leaves,
            trees,
            columns,
            sets,
            start,
            ranked,
            backend: Backend::detect(),
            features,
            sums,
            n_features: n_features as usize,
            n_values: n_values as usize,
            last_leaf,
        })
    }

    /// Bytes that walking reads of the file. Ranked trees are walked in that form alone.
    pub fn walked_bytes(&self) -> usize {
        match &self.ranked {
            Some(ranked) => ranked.walked_bytes(),
            None => {
                let sets = self.sets.table.len() + self.sets.bits.len() + self.sets.places.len();
                (self.nodes.len() + self.leaves.len() + sets) * 8
            }
        }
    }

    /// Bytes of what was copied from the file.
    pub fn private_bytes(&self) -> usize {
        let columns = self.n_columns() * size_of::<super::source::Column>();
        let ranked = self.ranked.as_ref().map_or(0, Ranked::private_bytes);
        size_of_val(&*self.trees) + size_of_val(&*self.start) + columns + ranked
    }

    /// The number of features of a row.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The number of columns: features as nodes look at them.
    pub fn n_columns(&self) -> usize {
        self.columns.len(self.n_features)
    }

    /// The number of sums of a row.
    pub fn n_outputs(&self) -> usize {
        self.start.len()
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// The trees that add to each output.
    pub fn n_rounds(&self) -> usize {
        self.trees.len() * self.n_values / self.start.len()
    }

    /// The number of nodes of all trees.
    pub fn n_nodes(&self) -> usize {
        self.trees.iter().map(|tree| tree.last as usize + 1).sum()
    }

    /// The number of leaves with different values.
    pub fn n_distinct_leaves(&self) -> usize {
        self.last_leaf as usize + 1
    }

    /// The type that features are brought to.
    pub fn features(&self) -> Precision {
        self.features
    }

    /// The type that leaf values are added in.
    pub fn sums(&self) -> Precision {
        self.sums
    }

    /// What each sum starts from.
    pub fn start(&self) -> &[f64] {
        &self.start
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

    /// Whether batches walk by ranks, 64 rows at a time.
    pub fn is_ranked(&self) -> bool {
        self.ranked.is_some()
    }

    /// The trees in ranked form, where they have one.
    pub(super) fn ranked(&self) -> Option<&Ranked> {
        self.ranked.as_ref()
    }

    /// How it is walked.
    pub(super) fn backend(&self) -> Backend {
        self.backend
    }

    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(super) fn sets(&self) -> &Sets {
        &self.sets
    }

    /// Adds the values of leaf number `leaf` of a tree to the `sums` of a row.
    #[inline]
    pub(super) fn add_leaf(&self, tree: Tree, leaf: u32, sums: &mut [f64]) {
        let first = leaf.min(self.last_leaf) as usize * self.n_values;
        let values = &self.leaves[first..first + self.n_values];
        let sums = &mut sums[tree.output as usize..];
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = self.sums.round(*sum + f64::from_bits(value.load(Ordering::Relaxed)));
        }
    }

    /// Adds the values of each tree's leaf to the `sums` of one row, in the order of the trees.
    pub(super) fn add_leaves(&self, trees: &[Tree], leaves: &[u32], sums: &mut [f64]) {
        let leaves = &leaves[..trees.len()];
        let fits = |n| self.sums == Precision::Double && self.n_values == n;
        if fits(1)
            && let Ok(sum) = <&mut [f64; 1]>::try_from(&mut *sums)
        {
            self.add_all(leaves, sum);
        } else if fits(2)
            && let Ok(both) = <&mut [f64; 2]>::try_from(&mut *sums)
        {
            self.add_all(leaves, both);
        } else {
            trees.iter().zip(leaves).for_each(|(&tree, &leaf)| self.add_leaf(tree, leaf, sums));
        }
    }

    /// Adds the values of leaves that have one for each of the sums.
    #[inline]
    fn add_all<const N: usize>(&self, leaves: &[u32], sums: &mut [f64; N]) {
        let mut added = *sums;
        let values = self.leaves.as_chunks::<N>().0;
        for &leaf in leaves {
            let values = &values[leaf.min(self.last_leaf) as usize];
            for (sum, value) in added.iter_mut().zip(values) {
                *sum += f64::from_bits(value.load(Ordering::Relaxed));
            }
        }
        *sums = added;
    }

    /// Writes the values of leaf number `leaf` to `out`.
    pub(super) fn copy_leaf(&self, leaf: u32, out: &mut [f64]) {
        let first = leaf.min(self.last_leaf) as usize * self.n_values;
        for (out, value) in out.iter_mut().zip(&self.leaves[first..]) {
            *out = f64::from_bits(value.load(Ordering::Relaxed));
        }
    }
}

fn read_columns(words: &Words, n_features: u32, n_sets: u32) -> Result<Columns> {
    if words.is_empty() {
        return Ok(Columns::FEATURES);
    }
    let decoded = words.chunks_exact(columns::COLUMN_BYTES / 8).enumerate().map(|(number, entry)| {
        let column = columns::decode([entry[0].load(Ordering::Relaxed), entry[1].load(Ordering::Relaxed)]);
        column.filter(|column| column.feature < n_features).ok_or_else(|| {
            corrupt(format!(
                "column {number} is none of {n_features} features under a known reading; {n_sets} sets"
            ))
        })
    });
    Ok(Columns::new(decoded.collect::<Result<_>>()?))
}

fn corrupt(what: String) -> Error {
    Error::corrupt(format!("reading forest.bin: {what}"))
}
