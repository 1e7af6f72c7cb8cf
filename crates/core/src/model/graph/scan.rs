//! Loops: tract optimises a loop's body in a session of its own, which would fold its weights unseen.

use super::build::optimize;
use super::folding::Shared;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_core::optim::{OptimizerSession, TypedPass};

/// The pass: before tract does, turns each `Scan` into code, its body optimised as the graph around it.
#[derive(Clone, Debug)]
pub(super) struct ScanBodies(pub Shared);

impl TypedPass for ScanBodies {
    fn reset(&mut self) -> TractResult<()> {
        Ok(())
    }

    fn next(
        &mut self,
        _session: &mut OptimizerSession,
        model: &TypedModel,
    ) -> TractResult<Option<TypedModelPatch>> {
        for node in &model.nodes {
            if let Some(scan) = node.op_as::<Scan>() {
                let mut scan = scan.clone();
                optimize(&mut scan.body, &self.0)?;
                let op = scan.to_codegen_op(false)?;
                return TypedModelPatch::replace_single_op(model, node, &node.inputs, op).map(Some);
            }
        }
        Ok(None)
    }
}
