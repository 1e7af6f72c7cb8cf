//! What of an operator is refused, because tract does something else or nothing.

use super::{NodeProto, attribute};
use tract_onnx::pb::tensor_proto::DataType;

fn text(node: &NodeProto, name: &str, default: &str) -> String {
    attribute(node, name).map_or(default.to_owned(), |found| String::from_utf8_lossy(&found.s).into_owned())
}

fn is_set(node: &NodeProto, name: &str) -> bool {
    attribute(node, name).is_some_and(|found| found.i != 0)
}

fn has_other_than(node: &NodeProto, name: &str, plain: i64) -> bool {
    attribute(node, name).is_some_and(|found| found.ints.iter().any(|&value| value != plain))
}

fn pads_by_itself(node: &NodeProto) -> bool {
    !matches!(&*text(node, "auto_pad", "NOTSET"), "NOTSET" | "")
}

pub(super) fn pool(node: &NodeProto, _: i64) -> Option<String> {
    let with = if is_set(node, "ceil_mode") {
        "ceil_mode"
    } else if has_other_than(node, "dilations", 1) {
        "dilations"
    } else {
        return None;
    };
    pads_by_itself(node).then(|| format!("auto_pad with {with} is not supported; give pads"))
}

pub(super) fn conv_transpose(node: &NodeProto, _: i64) -> Option<String> {
    if attribute(node, "output_shape").is_some() {
        return Some("output_shape is not supported; give pads and output_padding".to_owned());
    }
    let with = if has_other_than(node, "dilations", 1) {
        "dilations"
    } else if has_other_than(node, "output_padding", 0) {
        "output_padding"
    } else {
        return None;
    };
    pads_by_itself(node).then(|| format!("auto_pad with {with} is not supported; give pads"))
}

pub(super) fn batch_normalization(node: &NodeProto, _: i64) -> Option<String> {
    let trains = is_set(node, "training_mode") || node.output.iter().skip(1).any(|name| !name.is_empty());
    trains.then(|| "training is not supported; export the model for inference".to_owned())
}

pub(super) fn cast(node: &NodeProto, _: i64) -> Option<String> {
    let to = attribute(node, "to").map_or(0, |to| to.i);
    (to == i64::from(DataType::String as i32)).then(|| "a cast to text is not supported".to_owned())
}

pub(super) fn only_one_alpha(node: &NodeProto, _: i64) -> Option<String> {
    let alpha = attribute(node, "alpha").map_or(1.0, |alpha| alpha.f);
    (alpha != 1.0).then(|| format!("alpha {alpha} is not supported; only 1 is"))
}

pub(super) fn einsum(node: &NodeProto, _: i64) -> Option<String> {
    let equation = text(node, "equation", "");
    let sums_all = equation.trim_end().ends_with("->");
    sums_all.then(|| format!("equation {equation:?} without an output axis is not supported; sum the result"))
}

pub(super) fn squeeze(node: &NodeProto, _: i64) -> Option<String> {
    let given = attribute(node, "axes").is_some() || node.input.get(1).is_some_and(|axes| !axes.is_empty());
    (!given).then(|| "it has no axes, so the shape of the data would decide; give axes".to_owned())
}

pub(super) fn resize(node: &NodeProto, version: i64) -> Option<String> {
    let mode = text(node, "mode", "nearest");
    (version == 10 && mode == "nearest")
        .then(|| "mode nearest of version 10 is not supported; convert the model to version 11".to_owned())
}

pub(super) fn recurrent(node: &NodeProto, _: i64) -> Option<String> {
    let direction = text(node, "direction", "forward");
    if direction != "forward" && direction != "bidirectional" {
        return Some(format!("direction {direction:?} is not supported; forward and bidirectional are"));
    }
    let refused = ["activations", "activation_alpha", "activation_beta", "clip"];
    if let Some(name) = refused.into_iter().find(|name| attribute(node, name).is_some()) {
        return Some(format!("attribute {name} is not supported"));
    }
    if is_set(node, "input_forget") {
        return Some("input_forget is not supported".to_owned());
    }
    let has_lengths = node.input.get(4).is_some_and(|name| !name.is_empty());
    has_lengths.then(|| "sequence_lens is not supported".to_owned())
}
