//! Links.
use crate::precision::Precision;
use serde::Deserialize;

/// How raw scores become outputs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// As they are.
    #[default]
    Identity,
}

impl Link {
    /// The number of outputs of `n_raw` raw scores.
    pub fn n_outputs(&self, n_raw: usize) -> usize {
        n_raw
    }

    /// Writes outputs.
    pub fn apply(&self, raw: &[f64], _precision: Precision, out: &mut [f64]) {
        out.copy_from_slice(raw);
    }
}
