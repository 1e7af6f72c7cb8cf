//! The operators that are run, and what of each: right or refused.

mod faults;
mod table;

use super::proto::{self, GraphProto, ModelProto, NodeProto, attribute};
use crate::error::{Error, ErrorKind, Result};
pub use table::{Operator, SUPPORTED_OPERATORS};

/// The newest version of ONNX's operator set that is read.
pub const NEWEST_OPSET: i64 = 24;
/// The oldest.
pub const OLDEST_OPSET: i64 = 7;

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
fn fault(node: &NodeProto, version: i64) -> Option<String> {
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return Some("operators of this domain are not supported".to_owned());
    }
    let Ok(found) = SUPPORTED_OPERATORS.binary_search_by_key(&&*node.op_type, |operator| operator.name)
    else {
        return Some("it is not supported".to_owned());
    };
    let operator = &SUPPORTED_OPERATORS[found];
    unread_attribute(node, operator, version).or_else(|| (operator.fault)(node, version))
}

/// Refuses attributes that would be passed over, which may well have a meaning.
fn unread_attribute(node: &NodeProto, operator: &Operator, version: i64) -> Option<String> {
    let is_read = |name: &str| {
        operator.attributes.split_whitespace().any(|entry| match entry.split_once('<') {
            Some((known, end)) => known == name && end.parse().is_ok_and(|end: i64| version < end),
            None => entry == name,
        })
    };
    let unread = node.attribute.iter().find(|attribute| !is_read(&attribute.name))?;
    Some(format!("it has attribute {:?}, which is not supported in this version", unread.name))
}

#[cfg(test)]
mod tests {
    use super::SUPPORTED_OPERATORS;

    #[test]
    fn the_list_is_sorted() {
        assert!(SUPPORTED_OPERATORS.is_sorted_by_key(|operator| operator.name));
    }
}
