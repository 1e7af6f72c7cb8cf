//! What becomes of the batch: how the rows of a request meet the graph.

use super::forests::ForestOp;
use super::rows;
use serde::{Deserialize, Serialize};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::scan::Scan;

/// How the rows of a request are run. A row's answer never depends on the other rows but for
/// [`Batch::Coupled`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum Batch {
    /// All rows go through the graph together, and the graph mixes them or its operators can't be followed,
    /// so answers may depend on the batch.
    Coupled {
        /// The symbol of the axis.
        symbol: String,
    },
    /// The graph has no batch axis of free length: a request is run as it is.
    Fixed,
    /// Each row goes through the graph by itself, since a row is work enough to keep the processor busy and
    /// its caches warm. Rows are shared among threads.
    Rows {
        /// The symbol of the axis, which is 1 inside the graph.
        symbol: String,
    },
    /// All rows go through the graph together, since each weight meets one vector per row and is read once
    /// for all rows, as are trees.
    Symbolic {
        /// The symbol of the axis.
        symbol: String,
    },
}

impl Batch {
    /// The symbol of the batch axis.
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Batch::Fixed => None,
            Batch::Coupled { symbol } | Batch::Rows { symbol } | Batch::Symbolic { symbol } => Some(symbol),
        }
    }

    /// Whether rows may be run apart.
    pub fn is_independent(&self) -> bool {
        matches!(self, Batch::Rows { .. } | Batch::Symbolic { .. })
    }

    /// The batch axis and its length inside the graph, where that is fixed.
    pub(super) fn fixed_axis(&self) -> Option<(&str, usize)> {
        match self {
            Batch::Rows { symbol } => Some((symbol, 1)),
            Batch::Coupled { .. } | Batch::Fixed | Batch::Symbolic { .. } => None,
        }
    }

    /// What serves a decluttered model best whose inputs' first axes are `symbol`, of length `axis`.
    pub(super) fn choose(model: &TypedModel, symbol: &str, axis: &TDim) -> TractResult<Batch> {
        let symbol = symbol.to_owned();
        Ok(if !rows::are_apart(model, axis)? {
            Batch::Coupled { symbol }
        } else if weights_meet_one_vector(model, axis)? {
            Batch::Symbolic { symbol }
        } else {
            Batch::Rows { symbol }
        })
    }
}

/// How much more a weight counts that is met at every step of a sequence, by one vector each time.
const RECURRENT: u64 = 4;

/// Whether most of the weights, by size, are multiplied with a single vector per row.
fn weights_meet_one_vector(model: &TypedModel, batch: &TDim) -> TractResult<bool> {
    let (mut one, mut many) = (0_u64, 0_u64);
    for node in &model.nodes {
        let inputs = model.node_input_facts(node.id)?;
        let size = |fact: &TypedFact| fact.konst.as_ref().map_or(0, |konst| konst.len() as u64);
        let weights: u64 = inputs.iter().map(|fact| size(fact)).sum();
        if let Some(einsum) = node.op_as::<EinSum>() {
            for (slot, _) in inputs.iter().enumerate().filter(|(_, fact)| fact.konst.is_some()) {
                let vectors =
                    einsum.axes.iter_all_axes().filter(|axis| axis.inputs[slot].is_empty()).any(|axis| {
                        let dims = axis.inputs.iter().enumerate().flat_map(|(slot, positions)| {
                            positions.iter().map(move |&position| (slot, position))
                        });
                        dims.into_iter().any(|(slot, position)| {
                            let dim = &inputs[slot].shape[position];
                            !dim.is_one() && dim != batch
                        })
                    });
                let count = if vectors { &mut many } else { &mut one };
                *count += size(inputs[slot]);
            }
        } else if let Some(forest) = node.op_as::<ForestOp>() {
            one += forest.n_nodes() as u64;
        } else if node.op_is::<Conv>() {
            many += weights;
        } else if let Some(scan) = node.op_as::<Scan>() {
            let inner = scan.body.nodes.iter().filter_map(|node| node.outputs.first()?.fact.konst.as_ref());
            one += RECURRENT * (weights + inner.map(|konst| konst.len() as u64).sum::<u64>());
        }
    }
    Ok(one > many)
}
