//! What gives the raw scores of rows.

use super::linear::Linear;
use super::trees::Forest;
use crate::precision::Precision;

/// Trees, or weights.
#[derive(Debug)]
pub(crate) enum Scorer {
    Forest(Box<Forest>),
    Linear(Linear),
}

impl Scorer {
    /// The number of features of a row.
    pub fn n_features(&self) -> usize {
        match self {
            Scorer::Forest(forest) => forest.n_features(),
            Scorer::Linear(linear) => linear.n_features(),
        }
    }

    /// The number of raw scores of a row.
    pub fn n_outputs(&self) -> usize {
        match self {
            Scorer::Forest(forest) => forest.n_outputs(),
            Scorer::Linear(linear) => linear.n_outputs(),
        }
    }

    /// The type that features have.
    pub fn features(&self) -> Precision {
        match self {
            Scorer::Forest(forest) => forest.features(),
            Scorer::Linear(linear) => linear.features(),
        }
    }

    /// The type of raw scores.
    pub fn sums(&self) -> Precision {
        match self {
            Scorer::Forest(forest) => forest.sums(),
            Scorer::Linear(linear) => linear.sums(),
        }
    }

    /// Bytes that predicting reads of the file.
    pub fn shared_bytes(&self) -> usize {
        match self {
            Scorer::Forest(forest) => forest.walked_bytes(),
            Scorer::Linear(_) => 0,
        }
    }

    /// Bytes that are kept in private memory.
    pub fn private_bytes(&self) -> usize {
        match self {
            Scorer::Forest(forest) => forest.private_bytes(),
            Scorer::Linear(linear) => linear.private_bytes(),
        }
    }
}
