//! The operators that are run, and what of each: right or refused.

mod faults;
mod table;

use super::proto::{self, GraphProto, ModelProto, NodeProto, attribute};
use crate::error::{Error, ErrorKind, Result};
pub use table::{Operator, SUPPORTED_ML_OPERATORS, SUPPORTED_OPERATORS};
use tract_onnx::pb::OperatorSetIdProto;

/// The newest version of ONNX's operator set that is read.
pub const NEWEST_OPSET: i64 = 24;
/// The oldest.
pub const OLDEST_OPSET: i64 = 7;

/// The domain of ONNX's operators for classical models, and the newest version of its set that is read.
pub(super) const ML_DOMAIN: &str = "ai.onnx.ml";
const NEWEST_ML_OPSET: i64 = 5;

/// Refuses a model with any operator that can't be run exactly, naming them all.
pub(crate) fn check(model: &ModelProto) -> Result<()> {
    let opset = opset(model)?;
    let mut faults = Vec::new();
    if !model.functions.is_empty() {
        faults.push("the model defines functions of its own; inline them (onnx.inliner)".to_owned());
    }
    let ml_opset = version(model, |domain| domain == ML_DOMAIN).unwrap_or(0);
    check_graph(proto::graph(model)?, Versions { opset, ml_opset }, &mut faults);
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
    let version = version(model, is_standard);
    if version.is_none() && !proto::graph(model)?.node.iter().any(|node| is_standard(&node.domain)) {
        return Ok(NEWEST_OPSET);
    }
    let version = version.unwrap_or(0);
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

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The version of the operator set that the model imports of a domain.
fn version(model: &ModelProto, is_domain: impl Fn(&str) -> bool) -> Option<i64> {
    model.opset_import.iter().find(|import| is_domain(&import.domain)).map(|import| import.version)
}

/// What a model imports that uses no operator of ONNX's own set yet.
pub(super) fn opset_import() -> OperatorSetIdProto {
    OperatorSetIdProto { domain: String::new(), version: OLDEST_OPSET }
}

/// The versions of the operator sets that a model imports.
#[derive(Clone, Copy)]
struct Versions {
    opset: i64,
    ml_opset: i64,
}

fn check_graph(graph: &GraphProto, versions: Versions, faults: &mut Vec<String>) {
    for node in &graph.node {
        let version = if node.domain == ML_DOMAIN { versions.ml_opset } else { versions.opset };
        if let Some(reason) = fault(node, version) {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
            let name = proto::label(node);
            faults.push(format!(
                "operator {} ({domain}, version {version}) of node {name:?}: {reason}",
                node.op_type
            ));
        }
        for attribute in &node.attribute {
            attribute
                .g
                .iter()
                .chain(&attribute.graphs)
                .for_each(|inner| check_graph(inner, versions, faults));
        }
    }
}

/// Why the node can't be run, where it can't.
fn fault(node: &NodeProto, version: i64) -> Option<String> {
    let operators = match &*node.domain {
        domain if is_standard(domain) => SUPPORTED_OPERATORS,
        ML_DOMAIN if (1..=NEWEST_ML_OPSET).contains(&version) => SUPPORTED_ML_OPERATORS,
        ML_DOMAIN => return Some(format!("versions 1 to {NEWEST_ML_OPSET} of this domain are read")),
        _ => return Some("operators of this domain are not supported".to_owned()),
    };
    let Ok(found) = operators.binary_search_by_key(&&*node.op_type, |operator| operator.name) else {
        return Some("it is not supported".to_owned());
    };
    let operator = &operators[found];
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
    use super::{SUPPORTED_ML_OPERATORS, SUPPORTED_OPERATORS};

    #[test]
    fn the_lists_are_sorted() {
        assert!(SUPPORTED_OPERATORS.is_sorted_by_key(|operator| operator.name));
        assert!(SUPPORTED_ML_OPERATORS.is_sorted_by_key(|operator| operator.name));
    }
}
