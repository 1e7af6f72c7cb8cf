//! Building `forest.bin` from trees as training libraries keep them.

use super::layout::{HEADER_BYTES, MAGIC, SECTION_ALIGNMENT, VERSION};
use super::node::{LEAF, MISSING_LEFT, NUMBER, Narrow};
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;

/// A tree as parallel arrays, one entry per node, the root first.
#[derive(Clone, Copy, Debug)]
pub struct SourceTree<'a> {
    /// The left child; negative for a leaf.
    pub left: &'a [i64],
    /// The right child; negative for a leaf.
    pub right: &'a [i64],
    /// The feature that an inner node looks at.
    pub feature: &'a [i64],
    /// An inner node sends `x <= threshold` left.
    pub threshold: &'a [f64],
    /// Whether an inner node sends missing values left.
    pub missing_left: &'a [bool],
    /// The set of a categorical node, which sends its members left; negative at other nodes. Empty where no
    /// node is categorical.
    pub set: &'a [i64],
    /// `n_outputs` values per node, of which the leaves' are read.
    pub values: &'a [f64],
    /// The training weight that reached each node, where known.
    pub cover: Option<&'a [f32]>,
    /// The output that a leaf's single value is added to.
    pub output: usize,
}

/// Collects trees and writes the section.
#[derive(Debug)]
pub struct ForestBuilder {
    n_features: u32,
    n_outputs: usize,
    table: Vec<u8>,
    nodes: Vec<(f64, u64)>,
    last_left: u32,
    leaf_numbers: HashMap<Box<[u64]>, u32>,
    leaves: Vec<u8>,
    cover: Vec<u8>,
    without_cover: bool,
}

/// A node that no path reaches.
const PADDING: (f64, u64) = (0.0, 0);

/// A node that waits for its place: which it is, and where it goes.
struct Pending {
    source: usize,
    place: usize,
    depth: u32,
}

impl ForestBuilder {
    /// A forest over rows of `n_features`, each leaf with `n_outputs` values.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] beyond 2^30 features.
    pub fn new(n_features: usize, n_outputs: usize) -> Result<ForestBuilder> {
        let features = u32::try_from(n_features).ok().filter(|&n| n <= NUMBER && n_outputs > 0);
        let n_features = features.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("a forest of {n_features} features and {n_outputs} outputs"),
            )
        })?;
        Ok(ForestBuilder {
            n_features,
            n_outputs,
            table: Vec::new(),
            nodes: Vec::new(),
            last_left: 0,
            leaf_numbers: HashMap::new(),
            leaves: Vec::new(),
            cover: Vec::new(),
            without_cover: false,
        })
    }

    /// Appends a tree.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the arrays are not a tree.
    pub fn push(&mut self, tree: SourceTree<'_>) -> Result<()> {
        let n_nodes = tree.left.len();
        self.check(&tree)?;
        self.align_siblings();
        let weight = subtree_sizes(&tree)?;
        let first = self.n_nodes();
        self.nodes.resize(first + n_nodes, PADDING);
        self.cover.resize(self.nodes.len() * 4, 0);
        let (mut placed, mut deepest) = (1, 0);
        let mut stack = vec![Pending { source: 0, place: 0, depth: 0 }];
        while let Some(Pending { source, place, depth }) = stack.pop() {
            deepest = deepest.max(depth);
            if let Some(cover) = tree.cover {
                self.cover[(first + place) * 4..][..4].copy_from_slice(&cover[source].to_le_bytes());
            }
            if tree.left[source] < 0 {
                let values = &tree.values[source * self.n_outputs..][..self.n_outputs];
                let leaf = self.leaf(values)?;
                self.put_node(first + place, f64::INFINITY, place, LEAF | MISSING_LEFT | leaf);
                continue;
            }
            let (left, right) = (tree.left[source] as usize, tree.right[source] as usize);
            let missing = if tree.missing_left[source] { MISSING_LEFT } else { 0 };
            self.put_node(
                first + place,
                tree.threshold[source],
                placed,
                missing | tree.feature[source] as u32,
            );
            let left = Pending { source: left, place: placed, depth: depth + 1 };
            let right = Pending { source: right, place: placed + 1, depth: depth + 1 };
            self.last_left = self.last_left.max(placed as u32);
            placed += 2;
            // The heavier side comes off the stack first, so that the likelier path lies together.
            let left_first = weight[left.source] >= weight[right.source];
            stack.extend(if left_first { [right, left] } else { [left, right] });
        }
        self.without_cover |= tree.cover.is_none();
        self.table.extend_from_slice(&(first as u64).to_le_bytes());
        self.table.extend_from_slice(&(n_nodes as u32).to_le_bytes());
        self.table.extend_from_slice(&deepest.to_le_bytes());
        Ok(())
    }

    /// The number of values of a leaf.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// The section, with narrow nodes where all of them fit, which are half the size.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] without trees.
    pub fn finish(self) -> Result<Vec<u8>> {
        let narrow = Narrow::fitting(self.n_features, self.last_left);
        self.finish_with(narrow)
    }

    /// The section with wide nodes.
    #[cfg(test)]
    pub(super) fn finish_wide(self) -> Result<Vec<u8>> {
        self.finish_with(None)
    }

    fn finish_with(self, narrow: Option<Narrow>) -> Result<Vec<u8>> {
        if self.table.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "a forest without trees"));
        }
        let node_bytes = if narrow.is_some() { 8 } else { 16 };
        let n_nodes = self.n_nodes();
        let lengths = [self.table.len(), n_nodes * node_bytes, self.leaves.len(), self.cover.len()];
        let written = if self.without_cover { 3 } else { 4 };
        let mut offsets = [0_usize; 4];
        let mut end = HEADER_BYTES;
        for (offset, length) in offsets.iter_mut().zip(lengths).take(written) {
            *offset = end.next_multiple_of(SECTION_ALIGNMENT);
            end = *offset + length;
        }
        let mut out = Vec::with_capacity(end);
        out.extend_from_slice(MAGIC);
        for number in [VERSION, (self.table.len() / 16) as u32, self.n_features, self.n_outputs as u32] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [n_nodes, self.leaf_numbers.len()].into_iter().chain(offsets) {
            out.extend_from_slice(&(number as u64).to_le_bytes());
        }
        for number in [node_bytes as u32, narrow.map_or(0, Narrow::feature_bits)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.resize(offsets[0], 0);
        out.extend_from_slice(&self.table);
        out.resize(offsets[1], 0);
        match narrow {
            Some(narrow) => out.extend(self.nodes.iter().flat_map(|&node| narrow.encode(node).to_le_bytes())),
            None => {
                for (threshold, rest) in &self.nodes {
                    out.extend_from_slice(&threshold.to_le_bytes());
                    out.extend_from_slice(&rest.to_le_bytes());
                }
            }
        }
        out.resize(offsets[2], 0);
        out.extend_from_slice(&self.leaves);
        if written == 4 {
            out.resize(offsets[3], 0);
            out.extend_from_slice(&self.cover);
        }
        Ok(out)
    }

    fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Puts the next root on an odd place, so that its siblings share a cache line.
    fn align_siblings(&mut self) {
        if self.n_nodes().is_multiple_of(2) {
            self.nodes.push(PADDING);
        }
    }

    fn put_node(&mut self, at: usize, threshold: f64, left: usize, payload: u32) {
        self.nodes[at] = (threshold, u64::from(payload) << 32 | left as u64);
    }

    fn leaf(&mut self, values: &[f64]) -> Result<u32> {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        if let Some(&number) = self.leaf_numbers.get(bits.as_slice()) {
            return Ok(number);
        }
        let number = u32::try_from(self.leaf_numbers.len()).ok().filter(|&number| number <= NUMBER);
        let number =
            number.ok_or_else(|| Error::new(ErrorKind::Unsupported, "more than 2^30 different leaves"))?;
        self.leaves.extend(bits.iter().flat_map(|bits| bits.to_le_bytes()));
        self.leaf_numbers.insert(bits.into(), number);
        Ok(number)
    }

    fn check(&self, tree: &SourceTree<'_>) -> Result<()> {
        let n = tree.left.len();
        let invalid = |what: String| {
            let number = self.table.len() / 16;
            Err(Error::new(ErrorKind::InvalidArgument, format!("tree {number}: {what}")))
        };
        let lengths = [tree.right.len(), tree.feature.len(), tree.threshold.len(), tree.missing_left.len()];
        let cover = tree.cover.is_none_or(|cover| cover.len() == n);
        if n == 0 || lengths != [n; 4] || tree.values.len() != n * self.n_outputs || !cover {
            return invalid(format!("arrays of {n} nodes and {lengths:?}, {} values", tree.values.len()));
        }
        if u32::try_from(n).is_err() {
            return invalid(format!("{n} nodes; at most 2^32 fit"));
        }
        for node in (0..n).filter(|&node| tree.left[node] >= 0) {
            let child = |child: i64| usize::try_from(child).is_ok_and(|child| child > 0 && child < n);
            if !child(tree.left[node]) || !child(tree.right[node]) {
                return invalid(format!(
                    "node {node} has children {} and {}",
                    tree.left[node], tree.right[node]
                ));
            }
            if !u32::try_from(tree.feature[node]).is_ok_and(|feature| feature < self.n_features) {
                return invalid(format!(
                    "node {node} looks at feature {} of {}",
                    tree.feature[node], self.n_features
                ));
            }
            if tree.threshold[node].is_nan() {
                return invalid(format!("node {node} has no threshold (NaN)"));
            }
        }
        Ok(())
    }
}

/// The number of nodes below each node, itself included. Fails unless every node has one parent.
fn subtree_sizes(tree: &SourceTree<'_>) -> Result<Vec<u32>> {
    let n = tree.left.len();
    let mut order = Vec::with_capacity(n);
    let mut stack = vec![0];
    let mut seen = vec![false; n];
    while let Some(node) = stack.pop() {
        if std::mem::replace(&mut seen[node], true) {
            order.clear();
            break;
        }
        order.push(node);
        if tree.left[node] >= 0 {
            stack.extend([tree.left[node] as usize, tree.right[node] as usize]);
        }
    }
    if order.len() != n {
        return Err(Error::new(ErrorKind::InvalidArgument, "the nodes do not form one tree"));
    }
    let mut sizes = vec![1_u32; n];
    for &node in order.iter().rev() {
        if tree.left[node] >= 0 {
            sizes[node] += sizes[tree.left[node] as usize] + sizes[tree.right[node] as usize];
        }
    }
    Ok(sizes)
}
