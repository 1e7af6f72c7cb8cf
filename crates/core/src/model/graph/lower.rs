//! Graphs written anew where tract reads the original less well, with the same meaning.

use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, attribute};
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// Says what ONNX leaves to defaults that tract has otherwise or only in part: recurrent nodes without initial
/// states begin with zeros, which tract makes only for a batch of known length, and a constant of a shape is
/// of float32 zeros, which tract makes of float64.
pub(super) fn lower(model: &mut ModelProto) {
    if let Some(graph) = model.graph.as_mut() {
        add_initial_states(graph);
        type_constants(graph);
    }
}

fn type_constants(graph: &mut GraphProto) {
    for node in &mut graph.node {
        if node.op_type == "ConstantOfShape" && attribute(node, "value").is_none() {
            node.attribute.push(zero(DataType::Float as i32));
        }
        node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()).for_each(type_constants);
    }
}

/// The attribute `value` of a `ConstantOfShape` that makes zeros of this ONNX type.
fn zero(data_type: i32) -> AttributeProto {
    let size = match DataType::try_from(data_type) {
        Ok(DataType::Double) => 8,
        Ok(DataType::Float16) => 2,
        _ => 4,
    };
    let value = TensorProto { dims: vec![1], data_type, raw_data: vec![0; size], ..TensorProto::default() };
    let kind = AttributeType::Tensor as i32;
    AttributeProto { name: "value".to_owned(), r#type: kind, t: Some(value), ..AttributeProto::default() }
}

fn add_initial_states(graph: &mut GraphProto) {
    let nodes = std::mem::take(&mut graph.node);
    for (number, mut node) in nodes.into_iter().enumerate() {
        let states: &[usize] = match node.op_type.as_str() {
            "LSTM" => &[5, 6],
            "GRU" | "RNN" => &[5],
            _ => &[],
        };
        for &slot in states {
            if node.input.get(slot).is_none_or(String::is_empty) {
                node.input.resize(node.input.len().max(slot + 1), String::new());
                node.input[slot] = zero_state(graph, &node, &format!("monobloc.{number}.state.{slot}"));
            }
        }
        graph.node.push(node);
    }
}

/// Adds the nodes that make a state of zeros, and gives its name.
fn zero_state(graph: &mut GraphProto, node: &NodeProto, prefix: &str) -> String {
    let batch_first = attribute(node, "layout").is_some_and(|layout| layout.i == 1);
    let both = attribute(node, "direction").is_some_and(|direction| direction.s == b"bidirectional");
    let weights = graph.initializer.iter().find(|tensor| node.input.get(1) == Some(&tensor.name));
    let weights_type = weights.map_or(DataType::Float as i32, |weights| weights.data_type);
    let hidden = attribute(node, "hidden_size").map_or(0, |size| size.i);
    let name = |part: &str| format!("{prefix}.{part}");
    let mut constant = |part: &str, values: Vec<i64>, dims: Vec<i64>| {
        graph.initializer.push(TensorProto {
            name: name(part),
            dims,
            data_type: DataType::Int64 as i32,
            int64_data: values,
            ..TensorProto::default()
        });
        name(part)
    };
    let axis = constant("axis", vec![i64::from(!batch_first)], vec![1]);
    let directions = constant("directions", vec![if both { 2 } else { 1 }], vec![1]);
    let hidden = constant("hidden", vec![hidden], vec![1]);
    let mut add = |op: &str, inputs: Vec<String>, attributes: Vec<AttributeProto>| {
        let output = name(op);
        graph.node.push(NodeProto {
            op_type: op.to_owned(),
            name: output.clone(),
            input: inputs,
            output: vec![output.clone()],
            attribute: attributes,
            ..NodeProto::default()
        });
        output
    };
    let along_0 = || AttributeProto {
        name: "axis".to_owned(),
        r#type: AttributeType::Int as i32,
        ..Default::default()
    };
    let input = node.input.first().cloned().unwrap_or_default();
    let shape = add("Shape", vec![input], Vec::new());
    let batch = add("Gather", vec![shape, axis], vec![along_0()]);
    let sizes = if batch_first { vec![batch, directions, hidden] } else { vec![directions, batch, hidden] };
    let sizes = add("Concat", sizes, vec![along_0()]);
    add("ConstantOfShape", vec![sizes], vec![zero(weights_type)])
}
