//! Functions that overflow as tract computes them, or stop short of infinity, by way of ones that do not.

use crate::model::graph::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, attribute};
use std::collections::HashSet;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// The version from which on the axes of `ReduceSum` are an input, and those of its siblings.
const SUM_TAKES_AXES: i64 = 13;
const OTHERS_TAKE_AXES: i64 = 18;

/// `Softplus` as relu(x) + softplus(-|x|); `ReduceLogSumExp` as m + log(sum(exp(x - m))), where m is the
/// greatest; `LogSoftmax` as x less that; `ReduceMax` and `ReduceMin` as an infinity where nothing is beyond it.
/// Lengths of axes, which are finite, keep theirs.
pub(super) fn stabilize(graph: &mut GraphProto, version: i64, lengths: &HashSet<String>) {
    for (number, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
        let mut parts = Parts { graph: &mut *graph, prefix: format!("monobloc.{number}"), version };
        match node.op_type.as_str() {
            "Softplus" => parts.softplus(node),
            "LogSoftmax" => parts.log_softmax(node),
            "ReduceLogSumExp" => parts.log_sum_exp(node),
            "ReduceMax" if !lengths.contains(&first_input(&node)) => {
                parts.extreme(node, "Greater", f32::NEG_INFINITY);
            }
            "ReduceMin" if !lengths.contains(&first_input(&node)) => {
                parts.extreme(node, "Less", f32::INFINITY)
            }
            _ => graph.node.push(node),
        }
    }
}

/// The nodes in the place of one.
struct Parts<'a> {
    graph: &'a mut GraphProto,
    prefix: String,
    version: i64,
}

impl Parts<'_> {
    fn softplus(&mut self, node: NodeProto) {
        let x = first_input(&node);
        let magnitude = self.add("Abs", &[&x], &[]);
        let negative = self.add("Neg", &[&magnitude], &[]);
        let small = self.add("Softplus", &[&negative], &[]);
        let linear = self.add("Relu", &[&x], &[]);
        self.end(node, "Add", &[&linear, &small]);
    }

    fn log_softmax(&mut self, node: NodeProto) {
        let x = first_input(&node);
        let one_axis = self.version >= SUM_TAKES_AXES;
        let default = if one_axis { -1 } else { 1 };
        let axis = attribute(&node, "axis").map_or(default, |axis| axis.i);
        if one_axis || axis == -1 {
            let logarithms = self.log_softmax_along(&x, axis);
            return self.end(node, "Identity", &[&logarithms]);
        }
        // Before version 13 all axes from this one on count as one.
        let flat = self.add("Flatten", &[&x], &[integer("axis", axis)]);
        let logarithms = self.log_softmax_along(&flat, 1);
        let shape = self.add("Shape", &[&x], &[]);
        self.end(node, "Reshape", &[&logarithms, &shape]);
    }

    fn log_softmax_along(&mut self, x: &str, axis: i64) -> String {
        let axes = Some(vec![axis]);
        let greatest = self.reduce("ReduceMax", x, axes.as_deref(), true);
        let less = self.add("Sub", &[x, &greatest], &[]);
        let powers = self.add("Exp", &[&less], &[]);
        let sum = self.reduce("ReduceSum", &powers, axes.as_deref(), true);
        let logarithm = self.add("Log", &[&sum], &[]);
        self.add("Sub", &[&less, &logarithm], &[])
    }

    fn log_sum_exp(&mut self, node: NodeProto) {
        let x = first_input(&node);
        let keeps = attribute(&node, "keepdims").is_none_or(|keeps| keeps.i != 0);
        let greatest = self.reduce_as(&node, "ReduceMax", &x, true);
        let shift = self.reduce_as(&node, "ReduceMax", &x, keeps);
        let less = self.add("Sub", &[&x, &greatest], &[]);
        let powers = self.add("Exp", &[&less], &[]);
        let sum = self.reduce_as(&node, "ReduceSum", &powers, keeps);
        let logarithm = self.add("Log", &[&sum], &[]);
        self.end(node, "Add", &[&logarithm, &shift]);
    }

    /// The extreme that tract finds where any value is beyond `worst`, which is also what none give. As an
    /// integer, `worst` is the type's own.
    fn extreme(&mut self, node: NodeProto, beyond: &str, worst: f32) {
        let x = first_input(&node);
        let keeps = attribute(&node, "keepdims").is_none_or(|keeps| keeps.i != 0);
        let worst = self.number(worst);
        let worst = self.add("CastLike", &[&worst, &x], &[]);
        let beyond = self.add(beyond, &[&x, &worst], &[]);
        let beyond = self.add("Cast", &[&beyond], &[integer("to", i64::from(DataType::Int32 as i32))]);
        let count = self.reduce_as(&node, "ReduceSum", &beyond, keeps);
        let any = self.add("Cast", &[&count], &[integer("to", i64::from(DataType::Bool as i32))]);
        let found = self.reduce_as(&node, &node.op_type, &x, keeps);
        self.end(node, "Where", &[&any, &found, &worst]);
    }

    fn number(&mut self, value: f32) -> String {
        let name = format!("{}.{}", self.prefix, self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            data_type: DataType::Float as i32,
            float_data: vec![value],
            ..TensorProto::default()
        });
        name
    }

    /// A reduction over the axes of `original`.
    fn reduce_as(&mut self, original: &NodeProto, op: &str, x: &str, keeps: bool) -> String {
        let noop = attribute(original, "noop_with_empty_axes");
        match original.input.get(1).filter(|axes| !axes.is_empty()) {
            Some(axes) => {
                let keeps = integer("keepdims", i64::from(keeps));
                let attributes: Vec<_> = noop.cloned().into_iter().chain([keeps]).collect();
                self.add(op, &[x, axes], &attributes)
            }
            None if noop.is_some_and(|noop| noop.i != 0) => self.add("Identity", &[x], &[]),
            None => {
                let axes = attribute(original, "axes").map(|axes| &*axes.ints);
                self.reduce(op, x, axes, keeps)
            }
        }
    }

    /// A reduction over these axes, or all.
    fn reduce(&mut self, op: &str, x: &str, axes: Option<&[i64]>, keeps: bool) -> String {
        let takes_axes = self.version >= if op == "ReduceSum" { SUM_TAKES_AXES } else { OTHERS_TAKE_AXES };
        let mut attributes = vec![integer("keepdims", i64::from(keeps))];
        let Some(axes) = axes else { return self.add(op, &[x], &attributes) };
        if takes_axes {
            let axes = self.constant(axes);
            return self.add(op, &[x, &axes], &attributes);
        }
        let ints = AttributeProto {
            name: "axes".to_owned(),
            r#type: AttributeType::Ints as i32,
            ints: axes.to_vec(),
            ..AttributeProto::default()
        };
        attributes.push(ints);
        self.add(op, &[x], &attributes)
    }

    fn constant(&mut self, values: &[i64]) -> String {
        let name = format!("{}.{}", self.prefix, self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        name
    }

    fn add(&mut self, op: &str, inputs: &[&str], attributes: &[AttributeProto]) -> String {
        let name = format!("{}.{}.{op}", self.prefix, self.graph.node.len());
        self.graph.node.push(NodeProto {
            op_type: op.to_owned(),
            name: name.clone(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            attribute: attributes.to_vec(),
            ..NodeProto::default()
        });
        name
    }

    /// The last node, which has the name and the output of the original.
    fn end(&mut self, original: NodeProto, op: &str, inputs: &[&str]) {
        self.graph.node.push(NodeProto {
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            attribute: Vec::new(),
            ..original
        });
    }
}

fn first_input(node: &NodeProto) -> String {
    node.input.first().cloned().unwrap_or_default()
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}
