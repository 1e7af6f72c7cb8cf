//! Casts to int64, which tract makes casts to its lengths of axes.
//!
//! Lengths hold 32 bits and divide otherwise, so only what is computed from shapes stays with them.

use crate::model::graph::proto::{GraphProto, TensorProto, attribute};
use std::collections::HashSet;
use tract_onnx::pb::tensor_proto::DataType;

/// Makes casts of numbers to int64 casts to the type of a constant, which tract takes at its word. Gives the
/// names of what is computed from shapes.
pub(super) fn cast_numbers(graph: &mut GraphProto) -> HashSet<String> {
    const MODEL: &str = "monobloc.int64";
    let mut lengths: HashSet<String> = HashSet::new();
    let mut any = false;
    for node in &mut graph.node {
        let measures = matches!(node.op_type.as_str(), "Shape" | "Size");
        let data = match node.op_type.as_str() {
            "ConstantOfShape" => 0,
            operator if is_shaped_by_others(operator) => 1,
            _ => node.input.len(),
        };
        if measures || node.input.iter().take(data).any(|input| lengths.contains(input)) {
            lengths.extend(node.output.iter().cloned());
            continue;
        }
        let to = attribute(node, "to").map_or(0, |to| to.i);
        if node.op_type == "Cast" && to == i64::from(DataType::Int64 as i32) {
            node.op_type = "CastLike".to_owned();
            node.attribute.clear();
            node.input.push(MODEL.to_owned());
            any = true;
        }
    }
    if any {
        graph.initializer.push(TensorProto {
            name: MODEL.to_owned(),
            data_type: DataType::Int64 as i32,
            int64_data: vec![0],
            ..TensorProto::default()
        });
    }
    lengths
}

/// Whether only the first input of the operator becomes its output, and others say how.
fn is_shaped_by_others(operator: &str) -> bool {
    let shaped = [
        "Expand",
        "Gather",
        "GatherElements",
        "GatherND",
        "Pad",
        "Reshape",
        "Resize",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "TopK",
        "Unsqueeze",
    ];
    shaped.contains(&operator)
}
