//! Products with one column of weights, such as the last layer of a score.
//!
//! tract packs the other operand for these, rows of activations into panels of 128, whatever their number.
//! With the weights in front it packs those, once, and gives the same bits.

use crate::model::graph::proto::{GraphProto, NodeProto, TensorProto, attribute};
use std::collections::HashMap;
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::type_proto::Value;

/// Puts the weights in front in products of two axes with one column of weights.
pub(super) fn put_in_front(graph: &mut GraphProto) {
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for input in &graph.input {
        let value = input.r#type.as_ref().and_then(|found| found.value.as_ref());
        let Some(Value::TensorType(tensor)) = value else { continue };
        ranks.extend(tensor.shape.iter().map(|shape| (input.name.clone(), shape.dim.len())));
    }
    ranks.extend(graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.dims.len())));
    let nodes = std::mem::take(&mut graph.node);
    for node in nodes {
        if let (Some(rank), Some(output)) = (rank(&node, &ranks), node.output.first()) {
            ranks.insert(output.clone(), rank);
        }
        match product(&node, &ranks, &graph.initializer) {
            Some(made) => graph.node.extend(made),
            None => graph.node.push(node),
        }
    }
}

/// The rank of the node's output, where that is easily said.
fn rank(node: &NodeProto, ranks: &HashMap<String, usize>) -> Option<usize> {
    let of = |slot: usize| ranks.get(node.input.get(slot)?).copied();
    match node.op_type.as_str() {
        "BatchNormalization" | "Elu" | "Gelu" | "Identity" | "LeakyRelu" | "Relu" | "Selu" | "Sigmoid"
        | "Softplus" | "Tanh" => of(0),
        "Add" | "Div" | "Mul" | "Sub" => Some(of(0)?.max(of(1)?)),
        "Flatten" | "Gemm" => Some(2),
        "MatMul" if of(1) == Some(2) => of(0),
        _ => None,
    }
}

/// The nodes that stand for a product of two axes with one column of weights.
fn product(
    node: &NodeProto,
    ranks: &HashMap<String, usize>,
    weights: &[TensorProto],
) -> Option<Vec<NodeProto>> {
    let (data, column, output) = (node.input.first()?, node.input.get(1)?, node.output.first()?);
    let is_one = |name: &str| attribute(node, name).is_none_or(|factor| factor.f == 1.0);
    let is_set = |name: &str| attribute(node, name).is_some_and(|found| found.i != 0);
    let across = match node.op_type.as_str() {
        "MatMul" => false,
        "Gemm" if is_one("alpha") && is_one("beta") && !is_set("transA") => is_set("transB"),
        _ => return None,
    };
    let dims = &weights.iter().find(|tensor| tensor.name == *column)?.dims;
    let is_column = matches!((&**dims, across), ([_, 1], false) | ([1, _], true));
    if !is_column || ranks.get(data) != Some(&2) {
        return None;
    }
    let equation = if across { "nk,bk->bn" } else { "kn,bk->bn" };
    let equation = AttributeProto {
        name: "equation".to_owned(),
        r#type: AttributeType::String as i32,
        s: equation.as_bytes().to_vec(),
        ..AttributeProto::default()
    };
    let bias = node.input.get(2).filter(|bias| !bias.is_empty());
    let given = bias.map_or_else(|| output.clone(), |_| format!("{output}.product"));
    let name = if node.name.is_empty() { output.clone() } else { node.name.clone() };
    let product = NodeProto {
        op_type: "Einsum".to_owned(),
        name: format!("{name}.product"),
        input: vec![column.clone(), data.clone()],
        output: vec![given.clone()],
        attribute: vec![equation],
        ..NodeProto::default()
    };
    let sum = bias.map(|bias| NodeProto {
        op_type: "Add".to_owned(),
        name,
        input: vec![given, bias.clone()],
        output: vec![output.clone()],
        ..NodeProto::default()
    });
    Some(std::iter::once(product).chain(sum).collect())
}
