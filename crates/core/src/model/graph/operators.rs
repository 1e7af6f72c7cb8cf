//! The operators that are run, and what of each: right or refused.

use super::proto::{self, GraphProto, ModelProto, NodeProto, attribute};
use crate::error::{Error, ErrorKind, Result};

/// The newest version of ONNX's operator set that is read.
const NEWEST_OPSET: i64 = 24;
const OLDEST_OPSET: i64 = 7;

/// The operators of the domain `ai.onnx` that can be run, in alphabetical order.
pub const SUPPORTED_OPERATORS: &[&str] = &[
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "ArgMax",
    "ArgMin",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumSum",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Einsum",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LRN",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "OneHot",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "RNN",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

/// Refuses a model with any operator that can't be run exactly, naming them all.
pub(crate) fn check(model: &ModelProto) -> Result<()> {
    let opset = opset(model)?;
    let mut faults = Vec::new();
    if !model.functions.is_empty() {
        faults.push("the model defines functions of its own; inline them (onnx.inliner)".to_owned());
    }
    check_graph(proto::graph(model)?, opset, &mut faults);
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("{}; docs/supported.md lists the operators that can be run", faults.join("; ")),
    ))
}

/// The version of ONNX's own operator set that the model uses.
pub(super) fn opset(model: &ModelProto) -> Result<i64> {
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    let import = model.opset_import.iter().find(|import| standard(&import.domain));
    let version = import.map_or(0, |import| import.version);
    if (OLDEST_OPSET..=NEWEST_OPSET).contains(&version) {
        return Ok(version);
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "the model uses operator set {version} of ONNX; versions {OLDEST_OPSET} to {NEWEST_OPSET} are read"
        ),
    ))
}

fn check_graph(graph: &GraphProto, opset: i64, faults: &mut Vec<String>) {
    for node in &graph.node {
        if let Some(reason) = fault(node, opset) {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
            let name = proto::label(node);
            faults.push(format!(
                "operator {} ({domain}, version {opset}) of node {name:?}: {reason}",
                node.op_type
            ));
        }
        for attribute in &node.attribute {
            attribute.g.iter().chain(&attribute.graphs).for_each(|inner| check_graph(inner, opset, faults));
        }
    }
}

/// Why the node can't be run, where it can't.
fn fault(node: &NodeProto, opset: i64) -> Option<String> {
    let _ = opset;
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return Some("operators of this domain are not supported".to_owned());
    }
    if SUPPORTED_OPERATORS.binary_search(&node.op_type.as_str()).is_err() {
        return Some("it is not supported".to_owned());
    }
    match node.op_type.as_str() {
        "LSTM" | "GRU" | "RNN" => recurrent_fault(node),
        _ => None,
    }
}

fn recurrent_fault(node: &NodeProto) -> Option<String> {
    let direction = attribute(node, "direction").map_or(&b"forward"[..], |attribute| &attribute.s);
    if direction != b"forward" && direction != b"bidirectional" {
        return Some(format!("direction {:?} is not supported", String::from_utf8_lossy(direction)));
    }
    let refused = ["activations", "activation_alpha", "activation_beta", "clip"];
    if let Some(name) = refused.into_iter().find(|name| attribute(node, name).is_some()) {
        return Some(format!("attribute {name} is not supported"));
    }
    if attribute(node, "input_forget").is_some_and(|attribute| attribute.i != 0) {
        return Some("input_forget is not supported".to_owned());
    }
    if node.input.get(4).is_some_and(|name| !name.is_empty()) {
        return Some("sequence_lens is not supported".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted() {
        assert!(super::SUPPORTED_OPERATORS.is_sorted());
    }
}
