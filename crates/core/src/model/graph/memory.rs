//! What a graph holds in memory.

use super::build::Built;
use super::forests::ForestOp;
use crate::model::Constant;
use tract_onnx::prelude::tract_linalg::mmm::{EagerPackedInput, PackedMatrixStorage};
use tract_onnx::prelude::{SymbolValues, TypedModel};
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::matmul::optimized::{MatMulOperand, OptMatMul, ProtoFusedSpec};
use tract_onnx::tract_core::ops::scan::OptScan;

/// Bytes that a node takes: its operator, name, facts and place in the plan. Measured on graphs of 5 to 400 nodes.
const NODE_BYTES: u64 = 3_000;

/// Calls `each` with every constant, those in the bodies of loops too.
pub(super) fn for_each_constant(model: &TypedModel, built: &Built, each: &mut dyn FnMut(Constant)) {
    let mut push = |name: &str, bytes: usize, mapped: bool, packed: bool| {
        each(Constant { name: name.to_owned(), bytes: bytes as u64, mapped, packed });
    };
    let mut bodies = Vec::new();
    for node in &model.nodes {
        if let Some(tensor) = node.op_as::<Const>().map(Const::val) {
            if tensor.is_plain_ram() {
                let mapped = built.mappings.holds(tensor);
                push(&node.name, tensor.len() * tensor.datum_type().size_of(), mapped, false);
            } else if let Ok(storage) = tensor.try_storage_as::<PackedMatrixStorage>() {
                for input in
                    storage.values().iter().filter_map(|value| value.downcast_ref::<EagerPackedInput>())
                {
                    push(&node.name, input.packed.len(), built.mappings.holds_panels(&input.packed), true);
                }
            }
        }
        if let Some(forest) = node.op_as::<ForestOp>() {
            push(&node.name, forest.mapped_bytes(), true, false);
        }
        for operand in node.op_as::<OptMatMul>().into_iter().flat_map(|op| &op.micro_ops) {
            let ProtoFusedSpec::AddMatMul { a, b, .. } = operand else { continue };
            for operand in [a, b] {
                let MatMulOperand::Const(value) = operand else { continue };
                let Some(input) = value.downcast_ref::<EagerPackedInput>() else { continue };
                push(&node.name, input.packed.len(), built.mappings.holds_panels(&input.packed), true);
            }
        }
        bodies.extend(node.op_as::<OptScan>());
    }
    for body in bodies {
        for_each_constant(body.plan.model(), built, each);
    }
}

/// Bytes of nodes, without their constants.
pub(super) fn graph_bytes(model: &TypedModel) -> u64 {
    let bodies = model.nodes.iter().filter_map(|node| node.op_as::<OptScan>());
    let bodies: u64 = bodies.map(|body| graph_bytes(body.plan.model())).sum();
    model.nodes.len() as u64 * NODE_BYTES + bodies
}

/// Bytes of the tensors that are alive at once in a run, at most. Axes whose length only a run tells count as 1.
pub(super) fn run_bytes(model: &TypedModel) -> u64 {
    let Ok(order) = model.eval_order() else { return 0 };
    let Ok(steps) = model.eval_tmp_memory_usage(&order, |node| !node.op_is::<Const>()) else { return 0 };
    let symbols = model.symbols.all_symbols();
    let ones = symbols.iter().fold(SymbolValues::default(), |ones, symbol| ones.with(symbol, 1));
    let bytes = steps.iter().filter_map(|(_, bytes)| bytes.eval(&ones).to_i64().ok());
    bytes.map(i64::unsigned_abs).max().unwrap_or(0)
}
