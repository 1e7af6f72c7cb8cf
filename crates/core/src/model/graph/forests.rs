//! ONNX's tree ensembles: the operators `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and `TreeEnsemble`, run
//! over forests that stay in the mapped file.
//!
//! Packing makes a forest of each such node's attributes. Loading takes from the attributes only what becomes of
//! the forest's sums, and puts an operator of this library in the node's place.

mod attributes;
mod branches;
mod classic;
mod grow;
mod inputs;
mod member;
mod operator;
mod outputs;
mod transform;

use super::operators::ML_DOMAIN;
use super::proto::{self, GraphProto, ModelProto, NodeProto};
use crate::bloc::Bloc;
use crate::error::{Error, Result};
use crate::model::trees::build::ForestBuilder;
use attributes::Attributes;
use inputs::Inputs;
pub(crate) use member::{MEMBER, VERSION};
pub(super) use operator::ForestOp;
pub use outputs::Labels;
use outputs::Outputs;

/// What tract is given in a node's place until the forest is.
const PLACEHOLDER: &str = "monobloc.Forest";

/// A node of the graph whose operator is a forest.
pub(super) struct Planted {
    /// The node's first output.
    pub output: String,
    pub operator: ForestOp,
}

fn is_forest(node: &NodeProto) -> bool {
    node.domain == ML_DOMAIN
        && matches!(&*node.op_type, "TreeEnsemble" | "TreeEnsembleClassifier" | "TreeEnsembleRegressor")
}

/// The bytes of [`MEMBER`]: a forest for each tree ensemble of the graph, in the order of its nodes; `None` where
/// there is none.
pub(crate) fn build(model: &ModelProto) -> Result<Option<Vec<u8>>> {
    let graph = proto::graph(model)?;
    let mut inputs = Inputs::of(graph);
    let mut forests = Vec::new();
    for node in &graph.node {
        if is_forest(node) {
            forests.push(section(node, &inputs).map_err(|error| named(error, node))?);
        }
        inputs.follow(node);
    }
    Ok((!forests.is_empty()).then(|| member::write(&forests)))
}

/// The error with the node's name before it.
fn named(error: Error, node: &NodeProto) -> Error {
    error.within(format!("operator {} ({ML_DOMAIN}) of node {:?}", node.op_type, proto::label(node)))
}

fn section(node: &NodeProto, inputs: &Inputs) -> Result<Vec<u8>> {
    let outputs = Outputs::read(node)?;
    let attributes = Attributes(node);
    let branches = match &*node.op_type {
        "TreeEnsemble" => branches::read(attributes)?,
        "TreeEnsembleClassifier" => classic::read(attributes, "class")?,
        _ => classic::read(attributes, "target")?,
    };
    let (features, width) = inputs.of_node(node);
    ForestBuilder::of(grow::grow(branches, &outputs, features, width)?)?.finish()
}

/// Puts placeholders into the graph for its tree ensembles, and gives what stands in their place.
pub(super) fn take(model: &mut ModelProto, bloc: &Bloc) -> Result<Vec<Planted>> {
    let graph = model.graph.as_mut().ok_or_else(|| Error::corrupt("the ONNX model has no graph"))?;
    let n_forests = graph.node.iter().filter(|node| is_forest(node)).count();
    if n_forests == 0 {
        return Ok(Vec::new());
    }
    let sections = member::read(bloc)?;
    if sections.len() != n_forests {
        let found = format!("{MEMBER} has {} forests; the graph has {n_forests}", sections.len());
        return Err(Error::corrupt(found));
    }
    let mut planted = Vec::new();
    for (number, (node, section)) in
        graph.node.iter_mut().filter(|node| is_forest(node)).zip(&sections).enumerate()
    {
        let outputs = Outputs::read(node).map_err(|error| named(error, node))?;
        let operator = ForestOp::new(number, section, outputs).map_err(|error| named(error, node))?;
        stand_in(node, number, operator.n_outputs());
        planted.push(Planted { output: node.output[0].clone(), operator });
    }
    Ok(planted)
}

/// Makes the node a placeholder, each of whose outputs has a name.
fn stand_in(node: &mut NodeProto, number: usize, n_outputs: usize) {
    node.op_type = PLACEHOLDER.to_owned();
    node.attribute.clear();
    node.output.resize(n_outputs, String::new());
    for (slot, output) in node.output.iter_mut().enumerate().filter(|(_, output)| output.is_empty()) {
        *output = format!("monobloc.forest.{number}.{slot}");
    }
}

/// Makes each `ZipMap`, which gives a dictionary per row, an `Identity`: its outputs are the scores, in the order
/// of the labels. Gives the names of these outputs with their labels, as text.
pub(crate) fn unzip_maps(model: &mut ModelProto) -> Vec<ZipMap> {
    let Some(graph) = model.graph.as_mut() else { return Vec::new() };
    let mut found = Vec::new();
    let GraphProto { node, output, .. } = graph;
    for node in node.iter_mut().filter(|node| node.domain == ML_DOMAIN && node.op_type == "ZipMap") {
        let attributes = Attributes(node);
        let labels = attributes.labels();
        node.op_type = "Identity".to_owned();
        node.domain = String::new();
        node.attribute.clear();
        let Some(name) = node.output.first() else { continue };
        if let Some(output) = output.iter_mut().find(|output| output.name == *name) {
            output.r#type = Some(attributes::float_tensor());
        }
        found.push(ZipMap { output: name.clone(), labels });
    }
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    if !found.is_empty() && !model.opset_import.iter().any(|import| standard(&import.domain)) {
        model.opset_import.push(super::operators::opset_import());
    }
    found
}

/// An output that was a dictionary per row.
#[derive(Clone, Debug)]
pub struct ZipMap {
    /// Its name.
    pub output: String,
    /// The keys, in the order of the columns.
    pub labels: Labels,
}

#[cfg(test)]
mod tests;
