//! Building `forest.bin` from trees as training libraries keep them.

use super::columns;
use super::layout::{
    HEADER_WORDS, MAGIC, SECTION_ALIGNMENT, SINGLE_FEATURES, SINGLE_SUMS, TREE_WORDS, VERSION,
};
use super::node::{LEAF, MISSING_LEFT, NUMBER, Narrow};
use super::ranked::RankedBuilder;
use super::source::{Column, Comparison, Reading, TreeEnsemble};
use crate::error::{Error, ErrorKind, Result};
use crate::precision::Precision;
use serde::Deserialize;
use std::collections::HashMap;

/// A tree as parallel arrays, one entry per node, the root first.
#[derive(Clone, Copy, Debug)]
pub struct SourceTree<'a> {
    /// The left child; negative for a leaf.
    pub left: &'a [i64],
    /// The right child; negative for a leaf.
    pub right: &'a [i64],
    /// The column that an inner node looks at.
    pub feature: &'a [i64],
    /// What an inner node compares with; of no meaning at a categorical node.
    pub threshold: &'a [f64],
    /// Whether an inner node sends missing values left.
    pub missing_left: &'a [bool],
    /// The set of a categorical node, which sends its members left; negative at other nodes. Empty where no
    /// node is categorical.
    pub set: &'a [i64],
    /// The values of each node, of which the leaves' are read: as many as the forest's leaves have.
    pub values: &'a [f64],
    /// The training weight that reached each node, where known.
    pub cover: Option<&'a [f32]>,
    /// The output that the first value of a leaf is added to.
    pub output: usize,
}

/// What all trees of a forest share.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForestShape {
    /// The number of features of a row.
    pub n_features: usize,
    /// What nodes look at; empty where that is the features themselves.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// The type that features are brought to.
    #[serde(default)]
    pub features: Precision,
    /// Which values go left.
    #[serde(default)]
    pub comparison: Comparison,
    /// The sets of categorical nodes.
    #[serde(default)]
    pub sets: Vec<Vec<u32>>,
    /// The values that [`Reading::Place`] looks up, each greater than the one before.
    #[serde(default)]
    pub places: Vec<f64>,
    /// The number of values of a leaf: one, or `n_outputs`.
    pub n_values: usize,
    /// The number of sums of a row.
    pub n_outputs: usize,
    /// What each sum starts from; empty for zeros.
    #[serde(default)]
    pub start: Vec<f64>,
    /// The type that leaf values are added in.
    #[serde(default)]
    pub sums: Precision,
}

/// Collects trees and writes the section.
#[derive(Debug)]
pub struct ForestBuilder {
    shape: ForestShape,
    n_columns: u32,
    /// The section's sets: the column, and the set of the shape.
    asked: Vec<(u32, usize)>,
    asked_numbers: HashMap<(u32, usize), u32>,
    table: Vec<u64>,
    nodes: Vec<(f64, u64)>,
    last_left: u32,
    leaf_numbers: HashMap<Box<[u64]>, u32>,
    leaves: Vec<u8>,
    cover: Vec<u8>,
    without_cover: bool,
    ranked: Option<RankedBuilder>,
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
    /// A forest of this shape.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] beyond 2^30 columns and sets; [`ErrorKind::InvalidArgument`] for a shape
    /// that contradicts itself.
    pub fn new(shape: ForestShape) -> Result<ForestBuilder> {
        let (n_features, n_outputs) = (shape.n_features, shape.n_outputs);
        let n_columns = if shape.columns.is_empty() { n_features } else { shape.columns.len() };
        let wanted = n_columns.max(n_features).saturating_add(shape.sets.len());
        if u32::try_from(wanted).ok().is_none_or(|n| n > NUMBER) || u32::try_from(n_outputs).is_err() {
            let what = format!("a forest of {wanted} columns and sets, and {n_outputs} outputs");
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let readable = |column: &Column| {
            let known = match column.reading {
                Reading::ByteCategory(known) => (known as usize) < shape.sets.len(),
                _ => true,
            };
            (column.feature as usize) < n_features && known
        };
        if n_outputs == 0
            || !(shape.n_values == 1 || shape.n_values == n_outputs)
            || !(shape.start.is_empty() || shape.start.len() == n_outputs)
            || !shape.columns.iter().all(readable)
            || !shape.places.is_sorted_by(|one, next| one < next)
        {
            let unreadable = shape.columns.iter().position(|column| !readable(column));
            let column = unreadable.map_or(String::new(), |column| {
                format!("; column {column} reads a feature or set of categories that does not exist")
            });
            let what = format!(
                "a forest of {n_features} features, {n_outputs} outputs, {} values per leaf and {} starting values{column}",
                shape.n_values,
                shape.start.len(),
            );
            return Err(Error::new(ErrorKind::InvalidArgument, what));
        }
        // The sets of readings keep their numbers: they come first.
        let known = shape.columns.iter().filter_map(|column| match column.reading {
            Reading::ByteCategory(known) => Some(known as usize + 1),
            _ => None,
        });
        let asked: Vec<(u32, usize)> = (0..known.max().unwrap_or(0)).map(|set| (0, set)).collect();
        let ranked =
            (shape.n_values == 1).then(|| RankedBuilder::new(shape.sums, n_columns, shape.n_outputs));
        Ok(ForestBuilder {
            ranked,
            shape,
            n_columns: n_columns as u32,
            asked,
            asked_numbers: HashMap::new(),
            table: Vec::new(),
            nodes: Vec::new(),
            last_left: 0,
            leaf_numbers: HashMap::new(),
            leaves: Vec::new(),
            cover: Vec::new(),
            without_cover: false,
        })
    }

    /// The forest of a whole ensemble.
    ///
    /// # Errors
    /// As [`ForestBuilder::new`] and [`ForestBuilder::push`].
    pub fn of(ensemble: TreeEnsemble) -> Result<ForestBuilder> {
        let n_values = ensemble.trees.first().map_or(1, |tree| tree.values.len() / tree.left.len().max(1));
        let features =
            (0..ensemble.n_features as u32).map(|feature| Column { feature, reading: Reading::Plain });
        let are_features = ensemble.columns.iter().copied().eq(features);
        let shape = ForestShape {
            n_features: ensemble.n_features,
            columns: if are_features { Vec::new() } else { ensemble.columns },
            features: ensemble.features,
            comparison: ensemble.comparison,
            sets: ensemble.sets,
            places: ensemble.places,
            n_values,
            n_outputs: ensemble.n_outputs,
            start: ensemble.start,
            sums: ensemble.sums,
        };
        let mut builder = ForestBuilder::new(shape)?;
        for tree in ensemble.trees {
            builder.push(tree.as_source())?;
        }
        Ok(builder)
    }

    /// Appends a tree.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the arrays are not a tree.
    pub fn push(&mut self, tree: SourceTree<'_>) -> Result<()> {
        let n_nodes = tree.left.len();
        self.check(&tree)?;
        if let Some(mut ranked) = self.ranked.take() {
            let threshold: Vec<f64> =
                tree.threshold.iter().map(|&threshold| self.at_most(threshold)).collect();
            ranked.push(&SourceTree { threshold: &threshold, ..tree });
            self.ranked = Some(ranked);
        }
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
                let values = &tree.values[source * self.shape.n_values..][..self.shape.n_values];
                let leaf = self.leaf(values)?;
                self.put_node(first + place, f64::INFINITY, place, LEAF | MISSING_LEFT | leaf);
                continue;
            }
            let (left, right) = (tree.left[source] as usize, tree.right[source] as usize);
            let missing = if tree.missing_left[source] { MISSING_LEFT } else { 0 };
            let column = tree.feature[source] as u32;
            let (threshold, column) = match tree.set.get(source) {
                Some(&set) if set >= 0 => (0.0, self.n_columns + self.ask(column, set as usize)),
                _ => (self.at_most(tree.threshold[source]), column),
            };
            self.put_node(first + place, threshold, placed, missing | column);
            let left = Pending { source: left, place: placed, depth: depth + 1 };
            let right = Pending { source: right, place: placed + 1, depth: depth + 1 };
            self.last_left = self.last_left.max(placed as u32);
            placed += 2;
            // The heavier side comes off the stack first, so that the likelier path lies together.
            let left_first = weight[left.source] >= weight[right.source];
            stack.extend(if left_first { [right, left] } else { [left, right] });
        }
        self.without_cover |= tree.cover.is_none();
        self.table.extend([first as u64, u64::from(deepest) << 32 | n_nodes as u64, tree.output as u64]);
        Ok(())
    }

    /// The number of sums of a row.
    pub fn n_outputs(&self) -> usize {
        self.shape.n_outputs
    }

    /// The section, with narrow nodes where features are float32 and all nodes fit, which are half the size.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] without trees.
    pub fn finish(self) -> Result<Vec<u8>> {
        let single = self.shape.features == Precision::Single;
        let columns = self.n_columns + self.asked.len() as u32;
        let narrow = if single { Narrow::fitting(columns, self.last_left) } else { None };
        self.finish_with(narrow)
    }

    /// The section with wide nodes.
    #[cfg(test)]
    pub(super) fn finish_wide(self) -> Result<Vec<u8>> {
        self.finish_with(None)
    }

    fn finish_with(mut self, narrow: Option<Narrow>) -> Result<Vec<u8>> {
        if self.table.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "a forest without trees"));
        }
        let (n_nodes, n_leaves) = (self.n_nodes(), self.leaf_numbers.len());
        let n_trees = self.table.len() / TREE_WORDS;
        let nodes: Vec<u8> = match narrow {
            Some(narrow) => self.nodes.drain(..).flat_map(|node| narrow.encode(node).to_le_bytes()).collect(),
            None => self.nodes.drain(..).flat_map(|(threshold, rest)| wide_bytes(threshold, rest)).collect(),
        };
        self.nodes = Vec::new();
        let (sets, set_words) = self.sets();
        let mut start = std::mem::take(&mut self.shape.start);
        start.resize(self.shape.n_outputs, 0.0);
        let ranked =
            self.ranked.take().and_then(|ranked| ranked.finish(&self.shape.sets)).unwrap_or_default();
        let ranked_bytes = ranked.len();
        let parts: [Vec<u8>; 10] = [
            self.table.iter().flat_map(|word| word.to_le_bytes()).collect(),
            nodes,
            std::mem::take(&mut self.leaves),
            if self.without_cover { Vec::new() } else { std::mem::take(&mut self.cover) },
            self.shape.columns.iter().flat_map(columns::encode).collect(),
            sets.iter().flat_map(|word| word.to_le_bytes()).collect(),
            set_words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            start.iter().flat_map(|value| value.to_le_bytes()).collect(),
            self.shape.places.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ranked,
        ];
        let mut offsets = [0_usize; 10];
        let mut end = HEADER_WORDS * 8;
        for (offset, part) in offsets.iter_mut().zip(&parts) {
            *offset = end.next_multiple_of(SECTION_ALIGNMENT);
            end = *offset + part.len();
        }
        let pair = |low: usize, high: usize| (high as u64) << 32 | low as u64;
        let shape = &self.shape;
        let flags = if shape.features == Precision::Single { SINGLE_FEATURES } else { 0 }
            | if shape.sums == Precision::Single { SINGLE_SUMS } else { 0 };
        let header = [
            u64::from_le_bytes(*MAGIC),
            pair(VERSION as usize, n_trees),
            pair(shape.n_features, shape.n_outputs),
            pair(shape.n_values, shape.columns.len()),
            pair(self.asked.len(), flags as usize),
            pair(if narrow.is_some() { 8 } else { 16 }, narrow.map_or(0, Narrow::column_bits) as usize),
            n_nodes as u64,
            n_leaves as u64,
            set_words.len() as u64,
        ];
        let ranked_offset = if ranked_bytes == 0 { 0 } else { offsets[9] };
        let mut header: Vec<u64> =
            header.into_iter().chain(offsets[..9].iter().map(|&at| at as u64)).collect();
        header.extend([shape.places.len() as u64, ranked_offset as u64, ranked_bytes as u64]);
        let mut out = Vec::with_capacity(end);
        out.extend(header.into_iter().flat_map(u64::to_le_bytes));
        for (offset, part) in offsets.into_iter().zip(parts) {
            out.resize(offset, 0);
            out.extend_from_slice(&part);
        }
        Ok(out)
    }

    /// The table of sets, and their bits.
    fn sets(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut table, mut bits) = (Vec::new(), Vec::new());
        let mut written = HashMap::new();
        for &(column, set) in &self.asked {
            let entry = *written.entry(set).or_insert_with(|| {
                let members = &self.shape.sets[set];
                let n_words = members.iter().max().map_or(0, |&most| most as usize / 64 + 1);
                let first = bits.len();
                bits.resize(first + n_words, 0);
                members.iter().for_each(|&member| bits[first + member as usize / 64] |= 1 << (member % 64));
                (n_words as u64) << 32 | first as u64
            });
            table.extend([entry, u64::from(column)]);
        }
        (table, bits)
    }

    /// The number of the section's set that asks `set` of `column`.
    fn ask(&mut self, column: u32, set: usize) -> u32 {
        let asked = &mut self.asked;
        *self.asked_numbers.entry((column, set)).or_insert_with(|| {
            asked.push((column, set));
            asked.len() as u32 - 1
        })
    }

    /// The threshold whose `<=` is the source's comparison with `threshold`; NaN where nothing goes left.
    fn at_most(&self, threshold: f64) -> f64 {
        match (self.shape.comparison, self.shape.features) {
            (Comparison::AtMost, _) => threshold,
            (Comparison::Below, _) if threshold == f64::NEG_INFINITY => f64::NAN,
            (Comparison::Below, Precision::Single) => f64::from((threshold as f32).next_down()),
            (Comparison::Below, Precision::Double) => threshold.next_down(),
        }
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
            let number = self.table.len() / TREE_WORDS;
            Err(Error::new(ErrorKind::InvalidArgument, format!("tree {number}: {what}")))
        };
        let lengths = [tree.right.len(), tree.feature.len(), tree.threshold.len(), tree.missing_left.len()];
        let cover = tree.cover.is_none_or(|cover| cover.len() == n);
        if n == 0 || lengths != [n; 4] || tree.values.len() != n * self.shape.n_values || !cover {
            let [right, feature, threshold, missing] = lengths;
            return invalid(format!(
                "{n} left children, {right} right ones, {feature} features, {threshold} thresholds, {missing} \
                 sides of missing values and {} leaf values; expected as many of each, and {} of the last per node",
                tree.values.len(),
                self.shape.n_values
            ));
        }
        if !(tree.set.is_empty() || tree.set.len() == n)
            || tree.output + self.shape.n_values > self.shape.n_outputs
        {
            return invalid(format!(
                "{} sets for {n} nodes, which add to output {} of {}",
                tree.set.len(),
                tree.output,
                self.shape.n_outputs
            ));
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
            if !u32::try_from(tree.feature[node]).is_ok_and(|feature| feature < self.n_columns) {
                return invalid(format!(
                    "node {node} looks at feature {} of {}",
                    tree.feature[node], self.n_columns
                ));
            }
            let set = tree.set.get(node).copied().unwrap_or(-1);
            if set >= 0 && set as usize >= self.shape.sets.len() {
                return invalid(format!("node {node} asks set {set} of {}", self.shape.sets.len()));
            }
            if set < 0 && tree.threshold[node].is_nan() {
                return invalid(format!("node {node} has no threshold (NaN)"));
            }
        }
        Ok(())
    }
}

fn wide_bytes(threshold: f64, rest: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&threshold.to_le_bytes());
    bytes[8..].copy_from_slice(&rest.to_le_bytes());
    bytes
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
