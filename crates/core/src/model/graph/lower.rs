//! Graphs written anew where tract reads the original less well, with the same meaning.

mod cast;
mod columns;
mod stable;

use super::operators;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, attribute};
use crate::error::Result;
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// Gives `model` the meaning that ONNX gives it, in terms that tract reads right: defaults that tract has
/// otherwise or only in part, casts to int64, functions that overflow, and
/// extremes of what is infinite or nothing.
pub(super) fn lower(model: &mut ModelProto) -> Result<()> {
    let version = operators::opset(model)?;
    if let Some(graph) = model.graph.as_mut() {
        add_initial_states(graph);
        type_constants(graph);
        give_selu_its_constants(graph);
        let lengths = cast::cast_numbers(graph);
        stable::stabilize(graph, version, &lengths);
        columns::put_in_front(graph);
    }
    Ok(())
}

/// tract rounds the constants of `Selu` to six digits.
fn give_selu_its_constants(graph: &mut GraphProto) {
    for node in graph.node.iter_mut().filter(|node| node.op_type == "Selu") {
        for (name, value) in [("alpha", 1.673_263_2), ("gamma", 1.050_701)] {
            if attribute(node, name).is_none() {
                let r#type = AttributeType::Float as i32;
                let constant =
                    AttributeProto { name: name.to_owned(), r#type, f: value, ..Default::default() };
                node.attribute.push(constant);
            }
        }
    }
}

/// A constant of a shape is of float32 zeros, which tract makes of float64.
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
    let raw_data = vec![0; size_of(data_type)];
    let value = TensorProto { dims: vec![1], data_type, raw_data, ..TensorProto::default() };
    let kind = AttributeType::Tensor as i32;
    AttributeProto { name: "value".to_owned(), r#type: kind, t: Some(value), ..AttributeProto::default() }
}

/// Bytes of an element of an ONNX type of floats.
fn size_of(data_type: i32) -> usize {
    match DataType::try_from(data_type) {
        Ok(DataType::Double) => 8,
        Ok(DataType::Float16) => 2,
        _ => 4,
    }
}

/// Recurrent nodes without initial states begin with zeros, which tract makes only for a batch of known length.
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

/// Adds the nodes that make a state of zeros, and gives its name. Each direction has its own: of one constant
/// for both tract slices each, and loses the batch.
fn zero_state(graph: &mut GraphProto, node: &NodeProto, prefix: &str) -> String {
    let batch_first = attribute(node, "layout").is_some_and(|layout| layout.i == 1);
    let both = attribute(node, "direction").is_some_and(|direction| direction.s == b"bidirectional");
    let hidden = attribute(node, "hidden_size").map_or(0, |size| size.i);
    let weights = graph.initializer.iter().find(|tensor| node.input.get(1) == Some(&tensor.name));
    let weights_type = weights.map_or(DataType::Float as i32, |weights| weights.data_type);
    let along = |axis: i64| vec![integer("axis", axis)];
    let mut made = Made { graph, prefix };
    let axis = made.integers("batch_axis", vec![i64::from(!batch_first)]);
    let (one, hidden) = (made.integers("one", vec![1]), made.integers("hidden", vec![hidden]));
    let input = node.input.first().cloned().unwrap_or_default();
    let shape = made.node("Shape", vec![input], Vec::new());
    let batch = made.node("Gather", vec![shape, axis], along(0));
    let sizes = if batch_first { vec![batch, one, hidden] } else { vec![one, batch, hidden] };
    let sizes = made.node("Concat", sizes, along(0));
    let state = made.node("ConstantOfShape", vec![sizes], vec![zero(weights_type)]);
    if !both {
        return state;
    }
    let mut made = Made { graph: made.graph, prefix: &format!("{prefix}.both") };
    made.node("Concat", vec![state.clone(), state], along(i64::from(batch_first)))
}

fn integer(name: &str, i: i64) -> AttributeProto {
    let kind = AttributeType::Int as i32;
    AttributeProto { name: name.to_owned(), r#type: kind, i, ..AttributeProto::default() }
}

/// What is added to a graph, under names that begin with a prefix.
struct Made<'a> {
    graph: &'a mut GraphProto,
    prefix: &'a str,
}

impl Made<'_> {
    fn node(&mut self, op: &str, input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        let name = format!("{}.{op}", self.prefix);
        let output = vec![name.clone()];
        let node = NodeProto {
            op_type: op.to_owned(),
            name: name.clone(),
            input,
            output,
            attribute,
            ..NodeProto::default()
        };
        self.graph.node.push(node);
        name
    }

    fn integers(&mut self, part: &str, values: Vec<i64>) -> String {
        let name = format!("{}.{part}", self.prefix);
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: values,
            ..TensorProto::default()
        });
        name
    }
}
