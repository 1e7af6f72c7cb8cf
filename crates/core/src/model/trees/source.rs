//! A tree ensemble as its training library means it: what readers of model files produce, and what
//! [`super::build`] lays out to be walked.
//!
//! Every source's rules come down to three. A node looks at a *column*: a feature under a [`Reading`], after
//! which NaN alone is missing. A missing value goes the node's own way. Any other goes left when it is at most
//! the threshold (or below it, see [`Comparison`]), or at a categorical node when it is in the node's set.

use super::build::SourceTree;
use crate::error::{Error, ErrorKind, Result};
pub use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// The greatest magnitude that LightGBM takes for zero: `kZeroThreshold` of its `meta.h`, a float32 1e-35.
pub const LIGHTGBM_ZERO: f64 = 1e-35_f32 as f64;

/// Which values an inner node sends left.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Those that are at most the threshold.
    #[default]
    AtMost,
    /// Those below the threshold.
    Below,
}

/// How a column reads its feature.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The value; NaN is missing.
    #[default]
    Plain,
    /// NaN is missing, and so is this value: XGBoost's `missing`, and with 0 what a sparse matrix does not
    /// store.
    Missing(f32),
    /// NaN is missing; what is at most [`LIGHTGBM_ZERO`] from zero is zero: LightGBM's missing type NaN.
    NearZero,
    /// NaN is zero, and so is what is at most [`LIGHTGBM_ZERO`] from it: LightGBM's missing type None.
    NanIsZero,
    /// NaN is missing, and so is what is at most [`LIGHTGBM_ZERO`] from zero: LightGBM's missing type Zero.
    ZeroIsMissing,
    /// A category: the value without its fraction. What is missing, negative or beyond int32 is no category
    /// (-1, in no set): LightGBM.
    TruncatedCategory,
    /// A category: the value without its fraction; NaN is missing. What is negative, or 2^24 and more, is no
    /// category (-1, in no set): XGBoost.
    Category,
    /// A category: the value without its fraction as int32 (its least number where it does not fit), modulo
    /// 256. NaN is missing, and so is what is negative or not in this set: scikit-learn's histogram gradient
    /// boosting.
    ByteCategory(u32),
    /// The place of the value in the ensemble's list of compared values, which sets are of; -1, in no set, where it
    /// is none of them. NaN is missing: ONNX's equalities and memberships.
    Place,
}

/// How a row's leaf values become its raw scores.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Combine {
    /// Their sum, divided by the trees of an output.
    Mean,
    /// Their sum times `scale`, to which the output's `bias` is added: CatBoost.
    Scaled {
        /// The factor.
        scale: f64,
        /// What is added then, for each output.
        bias: Vec<f64>,
    },
    /// They are the raw scores of the only tree.
    Single,
    /// Their sum.
    #[default]
    Sum,
}

impl Combine {
    /// Makes raw scores of `sums`, which are those of one or more rows; `n_rounds` trees added to each.
    pub fn finish(&self, sums: &mut [f64], n_rounds: usize, precision: Precision) {
        match self {
            Combine::Mean => {
                let n_rounds = n_rounds as f64;
                sums.iter_mut().for_each(|sum| *sum = precision.round(*sum / n_rounds));
            }
            Combine::Scaled { scale, bias } => {
                for row in sums.chunks_mut(bias.len().max(1)) {
                    for (sum, bias) in row.iter_mut().zip(bias) {
                        *sum = precision.round(precision.round(*sum * scale) + bias);
                    }
                }
            }
            Combine::Single | Combine::Sum => {}
        }
    }
}

/// A feature as nodes look at it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Column {
    /// The feature, by its place in the feature matrix.
    pub feature: u32,
    /// How it is read.
    pub reading: Reading,
}

/// One tree as parallel arrays, an entry per node, the root first.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The left child; negative for a leaf.
    pub left: Vec<i64>,
    /// The right child; negative for a leaf.
    pub right: Vec<i64>,
    /// The column that an inner node looks at.
    pub column: Vec<i64>,
    /// What an inner node compares with; of no meaning at a categorical node.
    pub threshold: Vec<f64>,
    /// Whether an inner node sends missing values left.
    pub missing_left: Vec<bool>,
    /// The set of a categorical node, which sends its members left; negative at other nodes. Empty where no
    /// node is categorical.
    pub set: Vec<i64>,
    /// The values of each node, of which the leaves' are read: one, or as many as the ensemble has outputs.
    pub values: Vec<f64>,
    /// The training weight that reached each node, where known.
    pub cover: Option<Vec<f32>>,
    /// The output that a leaf's single value is added to.
    pub output: usize,
}

impl Tree {
    /// The tree, borrowed.
    pub fn as_source(&self) -> SourceTree<'_> {
        SourceTree {
            left: &self.left,
            right: &self.right,
            feature: &self.column,
            threshold: &self.threshold,
            missing_left: &self.missing_left,
            set: &self.set,
            values: &self.values,
            cover: self.cover.as_deref(),
            output: self.output,
        }
    }
}

/// A tree ensemble as its training library means it.
#[derive(Clone, Debug, Default)]
pub struct TreeEnsemble {
    /// The number of features of a row.
    pub n_features: usize,
    /// What nodes look at. Each feature may stand in several columns, or in none.
    pub columns: Vec<Column>,
    /// The type that features are brought to before anything looks at them.
    pub features: Precision,
    /// Which values go left.
    pub comparison: Comparison,
    /// The sets of categorical nodes, each ascending.
    pub sets: Vec<Vec<u32>>,
    /// The values that [`Reading::Place`] looks up, each greater than the one before.
    pub places: Vec<f64>,
    /// The trees, in the order of summation.
    pub trees: Vec<Tree>,
    /// The number of outputs of a row.
    pub n_outputs: usize,
    /// What each output's sum starts from.
    pub start: Vec<f64>,
    /// The type that leaf values are added in.
    pub sums: Precision,
    /// How sums become raw scores.
    pub combine: Combine,
}

impl TreeEnsemble {
    /// The raw scores of one row, node after node: the naive twin of reading, building and walking.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a walk leaves its tree, or does not end.
    pub fn raw_scores(&self, row: &[f64]) -> Result<Vec<f64>> {
        let mut sums = self.start.clone();
        for (number, tree) in self.trees.iter().enumerate() {
            let leaf = self.leaf(tree, row).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("tree {number}: a walk does not end at a leaf"),
                )
            })?;
            let n_values = tree.values.len() / tree.left.len();
            for (at, value) in tree.values[leaf * n_values..][..n_values].iter().enumerate() {
                let sum = &mut sums[tree.output + at];
                *sum = self.sums.round(*sum + value);
            }
        }
        self.combine.finish(&mut sums, self.trees.len() / self.n_outputs.max(1), self.sums);
        Ok(sums)
    }

    /// The features and thresholds of the splits on numbers of up to `n_trees` trees.
    pub fn splits(&self, n_trees: usize) -> (Vec<u32>, Vec<f64>) {
        let trees = self.trees.iter().step_by(self.trees.len().div_ceil(n_trees.max(1)).max(1));
        let splits = trees.flat_map(|tree| {
            let is_split =
                |&node: &usize| tree.left[node] >= 0 && tree.set.get(node).is_none_or(|&set| set < 0);
            (0..tree.left.len()).filter(is_split).filter_map(|node| {
                let column = self.columns.get(usize::try_from(tree.column[node]).ok()?)?;
                Some((column.feature, tree.threshold[node]))
            })
        });
        splits.filter(|(_, threshold)| threshold.is_finite()).unzip()
    }

    fn leaf(&self, tree: &Tree, row: &[f64]) -> Option<usize> {
        let mut at = 0;
        for _ in 0..=tree.left.len() {
            if *tree.left.get(at)? < 0 {
                return Some(at);
            }
            let column = self.columns.get(usize::try_from(tree.column[at]).ok()?)?;
            let value = self.features.round(*row.get(column.feature as usize)?);
            let value = self.read(column.reading, value)?;
            let set = tree.set.get(at).and_then(|&set| usize::try_from(set).ok());
            let left = if value.is_nan() {
                tree.missing_left[at]
            } else if let Some(set) = set {
                self.sets.get(set)?.iter().any(|&category| f64::from(category) == value)
            } else if self.comparison == Comparison::Below {
                value < tree.threshold[at]
            } else {
                value <= tree.threshold[at]
            };
            at = usize::try_from(if left { tree.left[at] } else { tree.right[at] }).ok()?;
        }
        None
    }

    fn read(&self, reading: Reading, value: f64) -> Option<f64> {
        let near_zero = value.abs() <= LIGHTGBM_ZERO;
        Some(match reading {
            Reading::Plain => value,
            Reading::Missing(missing) if value == f64::from(missing) => f64::NAN,
            Reading::Missing(_) => value,
            Reading::NearZero if near_zero => 0.0,
            Reading::NearZero => value,
            Reading::NanIsZero if near_zero || value.is_nan() => 0.0,
            Reading::NanIsZero => value,
            Reading::ZeroIsMissing if near_zero => f64::NAN,
            Reading::ZeroIsMissing => value,
            Reading::TruncatedCategory => {
                let whole = value.trunc();
                if (0.0..=2_147_483_647.0).contains(&whole) { whole } else { -1.0 }
            }
            Reading::Category if value.is_nan() => value,
            Reading::Category if !(0.0..16_777_216.0).contains(&value) => -1.0,
            Reading::Category => value.trunc(),
            Reading::ByteCategory(_) if value.is_nan() || value < 0.0 => f64::NAN,
            Reading::ByteCategory(known) => {
                let whole = value.trunc();
                let fits = (-2_147_483_648.0..=2_147_483_647.0).contains(&whole);
                let category = if fits { whole as i32 as u8 } else { 0 };
                let is_known = self.sets.get(known as usize)?.contains(&u32::from(category));
                if is_known { f64::from(category) } else { f64::NAN }
            }
            Reading::Place if value.is_nan() => value,
            Reading::Place => {
                self.places.iter().position(|&place| place == value).map_or(-1.0, |at| at as f64)
            }
        })
    }
}
