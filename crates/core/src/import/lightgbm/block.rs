//! A `Tree=` block: arrays over inner nodes and leaves. A child is an inner node, or the complement of a leaf.

use super::fields::Fields;
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::{Column, Reading, Tree};
use std::collections::HashMap;

const CATEGORICAL: i8 = 1;
const DEFAULT_LEFT: i8 = 2;
/// The first of the two bits of a missing type: None, Zero, NaN.
const MISSING_TYPE: u32 = 2;

/// Reads blocks; collects the columns and sets that their nodes look at.
#[derive(Debug)]
pub struct BlockReader {
    n_features: usize,
    columns: Vec<Column>,
    /// Columns by feature, and by missing type or [`CATEGORY`].
    known: HashMap<(u32, i8), usize>,
    sets: Vec<Vec<u32>>,
}

/// Stands for a missing type at categorical nodes.
const CATEGORY: i8 = 3;

impl BlockReader {
    pub fn new(n_features: usize) -> BlockReader {
        BlockReader { n_features, columns: Vec::new(), known: HashMap::new(), sets: Vec::new() }
    }

    pub fn finish(self) -> (Vec<Column>, Vec<Vec<u32>>) {
        (self.columns, self.sets)
    }

    /// The tree of a block, its inner nodes first.
    pub fn tree(&mut self, fields: &Fields<'_>, output: usize) -> Result<Tree> {
        let n_leaves = count(fields, "num_leaves")?;
        if n_leaves == 0 {
            return Err(fields.wrong("num_leaves", "0", "at least one leaf"));
        }
        if fields.find("is_linear").is_some_and(|linear| linear.trim() != "0") {
            let message = format!(
                "{}: a linear tree; leaves with linear models can't be run, train with linear_tree=false",
                fields.place()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let n_inner = n_leaves - 1;
        // First the arrays, so that memory follows the text and not what it claims.
        let leaf_values: Vec<f64> = fields.numbers("leaf_value", n_leaves)?;
        let mut tree = Tree { cover: cover(fields, n_leaves)?, output, ..Tree::default() };
        if n_inner > 0 {
            self.inner_nodes(fields, n_leaves, &mut tree)?;
        }
        tree.left.resize(n_inner + n_leaves, -1);
        tree.right.resize(n_inner + n_leaves, -1);
        tree.column.resize(n_inner + n_leaves, -1);
        tree.threshold.resize(n_inner + n_leaves, 0.0);
        tree.missing_left.resize(n_inner + n_leaves, false);
        if !tree.set.is_empty() {
            tree.set.resize(n_inner + n_leaves, -1);
        }
        tree.values.resize(n_inner, 0.0);
        tree.values.extend(leaf_values);
        Ok(tree)
    }

    fn inner_nodes(&mut self, fields: &Fields<'_>, n_leaves: usize, tree: &mut Tree) -> Result<()> {
        let n_inner = n_leaves - 1;
        let features: Vec<i64> = fields.numbers("split_feature", n_inner)?;
        let thresholds: Vec<f64> = fields.numbers("threshold", n_inner)?;
        let decisions: Vec<i8> = match fields.find("decision_type") {
            Some(_) => fields.numbers("decision_type", n_inner)?,
            None => vec![0; n_inner],
        };
        let left: Vec<i64> = fields.numbers("left_child", n_inner)?;
        let right: Vec<i64> = fields.numbers("right_child", n_inner)?;
        check_shape(fields, &left, &right, n_leaves)?;
        let place = |&child: &i64| if child < 0 { n_inner as i64 + !child } else { child };
        tree.left = left.iter().map(place).collect();
        tree.right = right.iter().map(place).collect();
        let sets = self.categorical_sets(fields)?;
        for (node, ((&feature, &threshold), &decision)) in
            features.iter().zip(&thresholds).zip(&decisions).enumerate()
        {
            let at = |what: String| Error::corrupt(format!("{}: node {node} {what}", fields.place()));
            let known = u32::try_from(feature).ok().filter(|&known| (known as usize) < self.n_features);
            let feature = known
                .ok_or_else(|| at(format!("splits feature {feature}; the model has {}", self.n_features)))?;
            let missing = decision >> MISSING_TYPE;
            if !(0..=2).contains(&missing) {
                return Err(at(format!("has decision type {decision}, expected 0 to 11")));
            }
            let categorical = decision & CATEGORICAL != 0;
            if categorical {
                let set = sets
                    .clone()
                    .nth(threshold as usize)
                    .filter(|_| threshold >= 0.0 && threshold.fract() == 0.0);
                let set = set.ok_or_else(|| {
                    at(format!("has categorical split {threshold}; the tree has {}", sets.len()))
                })?;
                tree.set.resize(node, -1);
                tree.set.push(set as i64);
            } else if threshold.is_nan() {
                return Err(at("has no threshold (NaN)".to_owned()));
            }
            tree.column.push(self.column(feature, if categorical { CATEGORY } else { missing }) as i64);
            tree.threshold.push(if categorical { 0.0 } else { threshold });
            tree.missing_left.push(!categorical && decision & DEFAULT_LEFT != 0);
        }
        Ok(())
    }

    fn column(&mut self, feature: u32, missing: i8) -> usize {
        *self.known.entry((feature, missing)).or_insert_with(|| {
            let reading = match missing {
                0 => Reading::NanIsZero,
                1 => Reading::ZeroIsMissing,
                2 => Reading::NearZero,
                _ => Reading::TruncatedCategory,
            };
            self.columns.push(Column { feature, reading });
            self.columns.len() - 1
        })
    }

    /// The numbers of the block's sets, one per categorical split.
    fn categorical_sets(&mut self, fields: &Fields<'_>) -> Result<std::ops::Range<usize>> {
        let first = self.sets.len();
        let n_sets = count(fields, "num_cat")?;
        if n_sets == 0 {
            return Ok(first..first);
        }
        let bounds: Vec<usize> = fields.numbers("cat_boundaries", n_sets.saturating_add(1))?;
        let n_words = bounds.last().copied().unwrap_or_default();
        let words: Vec<u32> = fields.numbers("cat_threshold", n_words)?;
        for pair in bounds.windows(2) {
            let [begin, end] = *pair else { continue };
            let bits = words.get(begin..end).filter(|bits| bits.len() <= (u32::MAX / 32) as usize);
            let bits = bits.ok_or_else(|| {
                let found = format!("{begin} to {end} for a split");
                fields.wrong("cat_boundaries", &found, "ascending places in cat_threshold")
            })?;
            let members = bits.iter().zip(0_u32..).flat_map(|(&word, at)| {
                (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 32 + bit)
            });
            self.sets.push(members.collect());
        }
        Ok(first..self.sets.len())
    }
}

fn count(fields: &Fields<'_>, key: &str) -> Result<usize> {
    let found = fields.integer(key)?;
    let number = i32::try_from(found).ok().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| fields.wrong(key, &found.to_string(), "a count"))
}

/// The numbers of training rows that reached each node, inner nodes first.
fn cover(fields: &Fields<'_>, n_leaves: usize) -> Result<Option<Vec<f32>>> {
    let of = |key: &str, n: usize| -> Result<Option<Vec<f32>>> {
        if n == 0 {
            return Ok(Some(Vec::new()));
        }
        if fields.find(key).is_none_or(str::is_empty) {
            return Ok(None);
        }
        let counts: Vec<i64> = fields.numbers(key, n)?;
        match counts.iter().find(|&&count| count < 0) {
            Some(negative) => Err(fields.wrong(key, &format!("{negative} for a node"), "counts of rows")),
            None => Ok(Some(counts.into_iter().map(|count| count as f32).collect())),
        }
    };
    let (inner, leaves) = (of("internal_count", n_leaves - 1)?, of("leaf_count", n_leaves)?);
    // LightGBM 3 leaves the count of a tree of one leaf out, and reads it as 0.
    let leaves = leaves.or_else(|| (n_leaves == 1).then(|| vec![0.0]));
    Ok(inner.zip(leaves).map(|(inner, leaves)| [inner, leaves].concat()))
}

/// Checks that every node but the first is the child of exactly one node that the first leads to.
fn check_shape(fields: &Fields<'_>, left: &[i64], right: &[i64], n_leaves: usize) -> Result<()> {
    let n_inner = left.len();
    let mut reached = vec![false; n_inner + n_leaves];
    let mut stack = vec![0];
    while let Some(node) = stack.pop() {
        let children = left.get(node).into_iter().chain(right.get(node));
        for &child in children {
            let place = if child < 0 {
                usize::try_from(!child).ok().and_then(|leaf| leaf.checked_add(n_inner))
            } else {
                usize::try_from(child).ok().filter(|&inner| inner > 0 && inner < n_inner)
            };
            let what = match place.and_then(|place| reached.get_mut(place)) {
                None => "which the tree does not have",
                Some(true) => "which another node has too",
                Some(seen) => {
                    *seen = true;
                    stack.extend(place.filter(|&place| place < n_inner));
                    continue;
                }
            };
            return Err(Error::corrupt(format!("{}: node {node} has child {child}, {what}", fields.place())));
        }
    }
    match reached.iter().skip(1).position(|reached| !reached) {
        Some(lost) => {
            let lost = lost + 1;
            let lost =
                if lost < n_inner { format!("node {lost}") } else { format!("leaf {}", lost - n_inner) };
            Err(Error::corrupt(format!("{}: no path reaches {lost}", fields.place())))
        }
        None => Ok(()),
    }
}
