//! What runs on the feature matrix, or on tensors.

mod classes;
mod ensemble;
mod exponential;
#[cfg(feature = "onnx")]
pub mod graph;
pub mod linear;
pub mod link;
mod outputs;
mod scorer;
pub mod trees;

pub(crate) use classes::Targets;
pub use classes::{Classes, Label};
pub(crate) use ensemble::{Answer, Scratch};
pub use ensemble::{Decide, Ensemble};
pub use outputs::OutputDistributions;
pub(crate) use scorer::Scorer;

use serde::Deserialize;

/// A model with its outputs. `Send` and `Sync`.
#[derive(Debug)]
pub enum Model {
    /// Trees or weights over the feature matrix.
    Ensemble(Box<Ensemble>),
    /// A network over tensors, or over the feature matrix as one.
    #[cfg(feature = "onnx")]
    Network(Box<graph::Network>),
}

/// A constant of a network that is large enough to matter: from 64 KiB on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The node that holds it.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Whether they are the file's, and shared with other processes.
    pub mapped: bool,
    /// Whether they are panels, packed for a kernel.
    pub packed: bool,
}

/// What the outputs of a model are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Probabilities of classes.
    Classification,
    /// A score that is lower the more abnormal a row is.
    OutlierDetection,
    /// A number.
    Regression,
}

/// The kinds of models that a bloc can hold, in alphabetical order.
pub const MODEL_KINDS: &[&str] = &["forest", "network"];

impl Model {
    /// Bytes of the file that predicting reads.
    pub(crate) fn shared_bytes(&self) -> u64 {
        match self {
            Model::Ensemble(ensemble) => ensemble.scorer().shared_bytes() as u64,
            #[cfg(feature = "onnx")]
            Model::Network(network) => network.shared_bytes(),
        }
    }

    /// Bytes that the model keeps for itself.
    pub(crate) fn private_bytes(&self) -> u64 {
        match self {
            Model::Ensemble(ensemble) => ensemble.scorer().private_bytes() as u64,
            #[cfg(feature = "onnx")]
            Model::Network(network) => network.private_bytes(),
        }
    }

    /// Bytes that a run of one row takes beside the tile.
    pub(crate) fn scratch_bytes(&self) -> u64 {
        match self {
            Model::Ensemble(_) => 0,
            #[cfg(feature = "onnx")]
            Model::Network(network) => network.scratch_bytes(),
        }
    }

    /// The trees and what their leaves mean.
    pub fn ensemble(&self) -> Option<&Ensemble> {
        match self {
            Model::Ensemble(ensemble) => Some(ensemble),
            #[cfg(feature = "onnx")]
            Model::Network(_) => None,
        }
    }

    /// The network.
    #[cfg(feature = "onnx")]
    pub fn network(&self) -> Option<&graph::Network> {
        match self {
            Model::Network(network) => Some(network),
            Model::Ensemble(_) => None,
        }
    }

    /// The labels of a model that decides on one target; `None` where it decides on none or on several.
    pub fn classes(&self) -> Option<&Classes> {
        self.ensemble().and_then(Ensemble::classes)
    }

    /// The labels of each target that the model decides on, as [`Ensemble::targets`] has them.
    pub fn targets(&self) -> &[Classes] {
        self.ensemble().map_or(&[], Ensemble::targets)
    }

    /// The class that the model was read from, or the format.
    pub fn source(&self) -> &str {
        match self {
            Model::Ensemble(ensemble) => ensemble.source(),
            #[cfg(feature = "onnx")]
            Model::Network(network) => network.source(),
        }
    }

    /// The number of values per row of an ensemble: one per class, or one. A network has its own outputs,
    /// and 0 here.
    pub fn n_outputs(&self) -> usize {
        self.ensemble().map_or(0, Ensemble::n_outputs)
    }

    /// The number of raw scores per row of an ensemble; a network has none.
    pub fn n_raw_scores(&self) -> usize {
        self.ensemble().map_or(0, Ensemble::n_raw_scores)
    }
}

/// The first of the greatest values of a row, as `argmax` finds it.
pub fn argmax(row: &[f64]) -> usize {
    let better = |best: usize, (at, &value): (usize, &f64)| if value > row[best] { at } else { best };
    row.iter().enumerate().fold(0, better)
}
