//! Networks: ONNX graphs run by tract, over weights that stay in the mapped file.
//!
//! The only module that names tract. A graph is read from a bloc's `model.onnx`, its large weights are the
//! pages of `model.onnx.data`, and what tract makes of constant weights (folded expressions, packed panels)
//! comes from the `tuned/` members where they fit, so loading costs the graph and not the weights.

mod batch;
mod build;
mod draft;
mod folding;
mod forests;
mod lower;
mod memory;
mod operators;
mod plan;
pub(crate) mod proto;
mod recording;
mod rows;
mod scan;
mod targets;
mod tensor;
mod tuned;
mod weight;
mod weights;

pub use batch::Batch;
pub(crate) use draft::{Choice, choose, record, reference_outputs};
pub use forests::{Labels, ZipMap};
pub(crate) use forests::{
    MEMBER as FORESTS_MEMBER, VERSION as FORESTS_VERSION, build as build_forests, unzip_maps,
};
pub(crate) use operators::check as check_operators;
pub use operators::{NEWEST_OPSET, OLDEST_OPSET, Operator, SUPPORTED_ML_OPERATORS, SUPPORTED_OPERATORS};
pub(crate) use plan::{Kind, Spec, bind};
pub use plan::{Network, OutputField};
pub(crate) use targets::tune;
pub use targets::{target_names, tune_panels};
pub use tensor::Tensor;
pub(crate) use tensor::dtype_of_onnx;
pub(crate) use tuned::TUNED_FOLDER;

use crate::error::{Error, ErrorKind};

/// tract's version: what is tuned for one version fits no other.
pub(crate) const TRACT_VERSION: &str = "0.23.9";

/// The members that hold a graph and its weights.
pub(crate) const GRAPH_MEMBER: &str = "model.onnx";
pub(crate) const WEIGHTS_MEMBER: &str = "model.onnx.data";

/// An error of tract's as one of ours.
fn refused(doing: &str, error: &tract_onnx::prelude::TractError) -> Error {
    let causes: Vec<String> = error.chain().map(|cause| cause.to_string().replace('\n', " ")).collect();
    Error::new(ErrorKind::Unsupported, format!("{doing}: {}", causes.join(": ")))
}

/// Runs tract, which can panic on graphs that it does not foresee.
fn guarded<R>(
    doing: &str,
    call: impl FnOnce() -> tract_onnx::prelude::TractResult<R>,
) -> crate::error::Result<R> {
    match crate::error::caught(call) {
        Ok(result) => result.map_err(|error| refused(doing, &error)),
        Err(panic) => Err(Error::new(ErrorKind::Unsupported, format!("{doing}: tract gave up: {panic}"))),
    }
}
