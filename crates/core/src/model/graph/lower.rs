//! Graphs written anew where tract reads the original less well, with the same meaning.

use super::operators;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, attribute};
use crate::error::Result;
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// Says what ONNX leaves to defaults that tract has otherwise or only in part: recurrent nodes without initial
/// states begin with zeros, which tract makes only for a batch of known length, and a constant of a shape is
/// of float32 zeros, which tract makes of float64.
pub(super) fn lower(model: &mut ModelProto) -> Result<()> {
    let opset = operators::opset(model)?;
    if let Some(graph) = model.graph.as_mut() {
        add_initial_states(graph, opset);
        type_constants(graph);
    }
    Ok(())
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

fn add_initial_states(graph: &mut GraphProto, opset: i64) {
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
                node.input[slot] =
                    zero_state(graph, &node, &format!("monobloc.{number}.state.{slot}"), opset);
            }
        }
        graph.node.push(node);
    }
}

/// Adds the nodes that make a state of zeros, and gives its name: whether an element of each row is positive,
/// and is not, repeated to the state's shape. A constant of that shape would do, or one repeated for each
/// direction, but of what it slices from these tract loses the batch.
fn zero_state(graph: &mut GraphProto, node: &NodeProto, prefix: &str, opset: i64) -> String {
    let batch_first = attribute(node, "layout").is_some_and(|layout| layout.i == 1);
    let both = attribute(node, "direction").is_some_and(|direction| direction.s == b"bidirectional");
    let hidden = attribute(node, "hidden_size").map_or(0, |size| size.i);
    let weights = graph.initializer.iter().find(|tensor| node.input.get(1) == Some(&tensor.name));
    let weights_type = weights.map_or(DataType::Float as i32, |weights| weights.data_type);
    let axes = vec![i64::from(batch_first), 2];
    let mut made = Made { graph, prefix };
    let input = node.input.first().cloned().unwrap_or_default();
    let first = if opset < 10 {
        let ints = |name: &str, ints: Vec<i64>| AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::Ints as i32,
            ints,
            ..AttributeProto::default()
        };
        made.node(
            "Slice",
            vec![input],
            vec![ints("starts", vec![0, 0]), ints("ends", vec![1, 1]), ints("axes", axes)],
        )
    } else {
        let slice = [("starts", vec![0, 0]), ("ends", vec![1, 1]), ("axes", axes)];
        let parts = slice.map(|(name, values)| made.integers(name, values));
        made.node("Slice", std::iter::once(input).chain(parts).collect(), Vec::new())
    };
    let zero = made.constant(
        "zero",
        TensorProto {
            raw_data: vec![0; size_of(weights_type)],
            data_type: weights_type,
            ..TensorProto::default()
        },
    );
    let positive = made.node("Greater", vec![first, zero], Vec::new());
    let other = made.node("Not", vec![positive.clone()], Vec::new());
    let never = made.node("And", vec![positive, other], Vec::new());
    let to = AttributeProto {
        name: "to".to_owned(),
        r#type: AttributeType::Int as i32,
        i: i64::from(weights_type),
        ..AttributeProto::default()
    };
    let zeros = made.node("Cast", vec![never], vec![to]);
    let repeats = made.integers("repeats", vec![1, 1, hidden]);
    let state = made.node("Tile", vec![zeros, repeats], Vec::new());
    if !both {
        return state;
    }
    let axis = AttributeProto {
        name: "axis".to_owned(),
        r#type: AttributeType::Int as i32,
        i: i64::from(batch_first),
        ..AttributeProto::default()
    };
    made.node("Concat", vec![state.clone(), state], vec![axis])
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
        let dims = vec![values.len() as i64];
        let data_type = DataType::Int64 as i32;
        self.constant(part, TensorProto { dims, data_type, int64_data: values, ..TensorProto::default() })
    }

    fn constant(&mut self, part: &str, tensor: TensorProto) -> String {
        let name = format!("{}.{part}", self.prefix);
        self.graph.initializer.push(TensorProto { name: name.clone(), ..tensor });
        name
    }
}
