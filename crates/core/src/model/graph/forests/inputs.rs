//! What is known of tensors before tract reads the graph: the type of their numbers, and the length of their last
//! axis. A forest is laid out by it; what is not known costs room, never answers.

use crate::model::graph::proto::{DimValue, GraphProto, NodeProto, TypeValue, attribute};
use crate::precision::Precision;
use std::collections::HashMap;
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_proto::DataType;

#[derive(Clone, Copy, Default)]
struct Known {
    data_type: i32,
    width: Option<usize>,
}

/// The tensors of a graph, as far as its nodes were followed.
pub(super) struct Inputs(HashMap<String, Known>);

impl Inputs {
    /// What the graph says itself.
    pub fn of(graph: &GraphProto) -> Inputs {
        let values = graph.value_info.iter().chain(&graph.input);
        Inputs(values.filter_map(|value| Some((value.name.clone(), declared(value)?))).collect())
    }

    /// Makes known what the node's outputs are.
    pub fn follow(&mut self, node: &NodeProto) {
        let Some(input) = node.input.first().and_then(|input| self.0.get(input)).copied() else { return };
        let known = match &*node.op_type {
            "Cast" => Known { data_type: attribute(node, "to").map_or(0, |to| to.i as i32), ..input },
            "Abs" | "Ceil" | "Clip" | "Dropout" | "Exp" | "Floor" | "Identity" | "Log" | "Neg" | "Relu"
            | "Round" | "Sigmoid" | "Sign" | "Sqrt" | "Tanh" => input,
            "Add" | "Concat" | "Div" | "Flatten" | "Gather" | "Gemm" | "MatMul" | "Mul" | "Reshape"
            | "Slice" | "Squeeze" | "Sub" | "Transpose" | "Unsqueeze" => Known { width: None, ..input },
            _ => return,
        };
        if let Some(output) = node.output.first() {
            self.0.entry(output.clone()).or_insert(known);
        }
    }

    /// The type that the node's features are brought to, and their number where it is known.
    pub fn of_node(&self, node: &NodeProto) -> (Precision, Option<usize>) {
        let known = node.input.first().and_then(|input| self.0.get(input)).copied().unwrap_or_default();
        let precision = match DataType::try_from(known.data_type) {
            Ok(DataType::Float | DataType::Int32 | DataType::Int64) => Precision::Single,
            _ => Precision::Double,
        };
        (precision, known.width)
    }
}

fn declared(value: &ValueInfoProto) -> Option<Known> {
    let TypeValue::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let width = match dims {
        [_, width] => match width.value {
            Some(DimValue::DimValue(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
            _ => None,
        },
        _ => None,
    };
    Some(Known { data_type: tensor.elem_type, width })
}
