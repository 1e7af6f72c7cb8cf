//! ONNX models: a graph, and its weights as aligned bytes that can be mapped.

use super::external::Folder;
use super::unrecognised;
use crate::bloc::{ALIGNMENT, Body};
use crate::error::{Error, ErrorKind, Result};
use crate::model::graph::proto::{
    self, DataLocation, DimValue, GraphProto, ModelProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeValue, tensor_shape_proto,
};
use crate::model::graph::{
    WEIGHTS_MEMBER, ZipMap, build_forests, check_operators, dtype_of_onnx, unzip_maps,
};
use crate::schema::{Dimension, TensorField};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes from which on a tensor's numbers lie outside of the graph.
const OUTSIDE: u64 = 1024;
/// Bytes from which on they begin on a page.
const PAGED: u64 = 64 << 10;

/// Where an ONNX model is read from.
#[derive(Clone, Copy, Debug)]
pub enum OnnxSource<'a> {
    /// The bytes of a model that holds its weights itself.
    Bytes(&'a [u8]),
    /// A file; external data lies in its folder.
    File(&'a Path),
}

/// A model that was read.
#[derive(Debug)]
pub(crate) struct OnnxModel {
    /// The bytes of `model.onnx`, whose weights are external data in [`WEIGHTS_MEMBER`].
    pub graph: Vec<u8>,
    /// The bytes of [`WEIGHTS_MEMBER`].
    pub weights: Body,
    /// The forests of the graph's tree ensembles, where it has any.
    pub forests: Option<Vec<u8>>,
    /// What the graph takes.
    pub inputs: Vec<TensorField>,
    /// The outputs that were dictionaries.
    pub zip_maps: Vec<ZipMap>,
}

/// Reads a model, and gives axes of unknown length the shapes of `shapes`, by input.
pub(crate) fn read(source: OnnxSource<'_>, shapes: &BTreeMap<String, Vec<Dimension>>) -> Result<OnnxModel> {
    let (mut model, mut folder) = match source {
        OnnxSource::Bytes(bytes) => (parse(bytes)?, None),
        OnnxSource::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| Error::io(path, "reading", &error))?;
            let model = parse(&bytes).map_err(|error| error.within(path.display()))?;
            (model, Some(Folder::of(path)?))
        }
    };
    let zip_maps = unzip_maps(&mut model);
    check_operators(&model)?;
    let graph = model.graph.as_mut().ok_or_else(|| Error::corrupt("the ONNX model has no graph"))?;
    hoist_constants(graph);
    let inputs = name_axes(graph, shapes)?;
    let mut weights = Body::default();
    for tensor in &mut graph.initializer {
        move_outside(tensor, &mut folder, &mut weights)?;
    }
    let forests = build_forests(&model)?;
    let graph = proto::write(&model);
    Ok(OnnxModel { graph, weights, forests, inputs, zip_maps })
}

fn parse(bytes: &[u8]) -> Result<ModelProto> {
    proto::read(bytes)
        .map_err(|error| if proto::is_model(bytes) { error } else { error.and(unrecognised(bytes)) })
}

/// Makes large `Constant` nodes initializers, which can lie outside of the graph.
fn hoist_constants(graph: &mut GraphProto) {
    let is_large = |tensor: &TensorProto| {
        tensor.dims.len() < 32
            && proto::n_bytes(tensor).is_ok_and(|bytes| bytes.is_some_and(|bytes| bytes >= OUTSIDE))
    };
    let GraphProto { node, initializer, .. } = graph;
    node.retain_mut(|node| {
        let standard = node.op_type == "Constant" && matches!(node.domain.as_str(), "" | "ai.onnx");
        let value = node.attribute.iter_mut().find(|attribute| attribute.name == "value");
        let tensor = value.and_then(|value| value.t.take_if(|tensor| standard && is_large(tensor)));
        match (tensor, node.output.first()) {
            (Some(tensor), Some(output)) => {
                initializer.push(TensorProto { name: output.clone(), ..tensor });
                false
            }
            _ => true,
        }
    });
}

/// The graph's inputs, each axis of free length under a name.
fn name_axes(graph: &mut GraphProto, shapes: &BTreeMap<String, Vec<Dimension>>) -> Result<Vec<TensorField>> {
    let GraphProto { input, initializer, .. } = graph;
    input.retain(|input| !initializer.iter().any(|tensor| tensor.name == input.name));
    if let Some(unknown) = shapes.keys().find(|name| !input.iter().any(|input| input.name == **name)) {
        let known: Vec<&str> = input.iter().map(|input| input.name.as_str()).collect();
        let message = format!("inputs names {unknown:?}; the graph's inputs are {}", known.join(", "));
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut fields = Vec::new();
    for input in input {
        let name = input.name.clone();
        let value = input.r#type.as_mut().and_then(|value| value.value.as_mut());
        let tensor = value.map(|TypeValue::TensorType(tensor)| tensor);
        let no_tensor =
            || Error::new(ErrorKind::Unsupported, format!("input {name:?} is no tensor of a known type"));
        let tensor = tensor.ok_or_else(no_tensor)?;
        let dtype = dtype_of_onnx(tensor.elem_type).ok_or_else(no_tensor)?;
        if let Some(shape) = shapes.get(&name) {
            tensor.shape = Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() });
        }
        let shape = tensor.shape.as_mut().ok_or_else(|| {
            let message = format!("input {name:?} has no rank; give its shape: inputs={{{name:?}: [...]}}");
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        let axes = shape.dim.iter_mut().enumerate().map(|(axis, dim)| match &dim.value {
            Some(DimValue::DimValue(size)) if *size > 0 => Dimension::Size(*size as usize),
            Some(DimValue::DimParam(symbol)) if is_name(symbol) => Dimension::Symbol(symbol.clone()),
            Some(DimValue::DimParam(expression)) if !expression.is_empty() && expression != "?" => {
                Dimension::Any
            }
            _ => {
                let plain: String =
                    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let symbol = if axis == 0 { "batch".to_owned() } else { format!("{plain}_{axis}") };
                dim.value = Some(DimValue::DimParam(symbol.clone()));
                Dimension::Symbol(symbol)
            }
        });
        let shape = axes.collect();
        fields.push(TensorField { name: input.name.clone(), dtype, shape, non_finite: Default::default() });
    }
    if fields.is_empty() {
        return Err(Error::new(ErrorKind::Unsupported, "the graph has no input"));
    }
    Ok(fields)
}

fn is_name(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn dimension(dimension: &Dimension) -> tensor_shape_proto::Dimension {
    let value = match dimension {
        Dimension::Size(size) => Some(DimValue::DimValue(*size as i64)),
        Dimension::Symbol(symbol) => Some(DimValue::DimParam(symbol.clone())),
        Dimension::Any => None,
    };
    tensor_shape_proto::Dimension { value, ..Default::default() }
}

/// Moves a tensor's numbers, where there are many, to the weights.
fn move_outside(tensor: &mut TensorProto, folder: &mut Option<Folder>, weights: &mut Body) -> Result<()> {
    let Some(bytes) = proto::n_bytes(tensor)? else { return Ok(()) };
    if proto::is_external(tensor) {
        let folder = folder.as_mut().ok_or_else(|| {
            let message =
                format!("tensor {:?} has external data; give the model's path, not its bytes", tensor.name);
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        let (source, offset) = folder.find(tensor, bytes)?;
        if bytes >= OUTSIDE {
            let at = weights.align(if bytes >= PAGED { ALIGNMENT } else { 64 });
            weights.push_file(&source, offset, bytes);
            point_outside(tensor, at, bytes);
        } else {
            let mut inline = vec![0; bytes as usize];
            std::os::unix::fs::FileExt::read_exact_at(&source.file, &mut inline, offset)
                .map_err(|error| Error::io(&source.path, "reading", &error))?;
            tensor.raw_data = inline;
            tensor.external_data.clear();
            tensor.data_location = None;
        }
        return Ok(());
    }
    if bytes < OUTSIDE {
        return Ok(());
    }
    if let Some(numbers) = proto::take_bytes(tensor) {
        let at = weights.align(if bytes >= PAGED { ALIGNMENT } else { 64 });
        weights.push(numbers);
        point_outside(tensor, at, bytes);
    }
    Ok(())
}

fn point_outside(tensor: &mut TensorProto, offset: u64, length: u64) {
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
    tensor.data_location = Some(DataLocation::External as i32);
    tensor.external_data = vec![
        entry("location", WEIGHTS_MEMBER.to_owned()),
        entry("offset", offset.to_string()),
        entry("length", length.to_string()),
    ];
}
