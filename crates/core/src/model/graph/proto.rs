//! The graph as ONNX writes it: decoding, and what must hold before anything is built from it.

use crate::error::{Error, Result};
use prost::Message;
use std::collections::HashSet;
pub(crate) use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::tensor_proto::DataType;
pub(crate) use tract_onnx::pb::tensor_shape_proto::{self, dimension::Value as DimValue};
pub(crate) use tract_onnx::pb::type_proto::Value as TypeValue;
pub(crate) use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto, TensorShapeProto,
};

/// Graphs within graphs at most.
const MAX_DEPTH: usize = 16;
/// Dimensions of a tensor at most.
const MAX_RANK: usize = 32;

/// Decodes a model and proves what [`check`] proves.
pub(crate) fn read(bytes: &[u8]) -> Result<ModelProto> {
    let model =
        ModelProto::decode(bytes).map_err(|error| Error::corrupt(format!("it is no ONNX model: {error}")))?;
    check(&model)?;
    Ok(model)
}

/// Whether the bytes are an ONNX model, sound or not.
pub(crate) fn is_model(bytes: &[u8]) -> bool {
    ModelProto::decode(bytes).is_ok_and(|model| model.graph.is_some())
}

/// The bytes of a model.
pub(crate) fn write(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// The graph; [`check`] has proven that there is one.
pub(crate) fn graph(model: &ModelProto) -> Result<&GraphProto> {
    model.graph.as_ref().ok_or_else(|| Error::corrupt("the ONNX model has no graph"))
}

/// The attribute called `name`.
pub(crate) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// What people call a node: its name, or its first output where it has none.
pub(crate) fn label(node: &NodeProto) -> &str {
    let output = || node.output.first().map_or("", String::as_str);
    if node.name.is_empty() { output() } else { &node.name }
}

/// Whether the tensor's bytes lie outside of the model.
pub(crate) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

/// The tensor's external entry called `key`.
pub(crate) fn external<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

/// Where the external bytes of a tensor lie, and how many its type and shape want.
pub(crate) fn external_range(tensor: &TensorProto) -> Result<(u64, u64)> {
    let number = |key: &str| -> Result<Option<u64>> {
        let Some(text) = external(tensor, key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Error::corrupt(format!("tensor {:?}: external {key} is {text:?}; expected a number", tensor.name))
        })
    };
    let wanted = n_bytes(tensor)?.ok_or_else(|| {
        Error::corrupt(format!("tensor {:?}: external data holds numbers only", tensor.name))
    })?;
    let offset = number("offset")?.unwrap_or(0);
    match number("length")? {
        Some(length) if length != wanted => Err(Error::corrupt(format!(
            "tensor {:?}: external length is {length}; its type and shape {:?} take {wanted} bytes",
            tensor.name, tensor.dims
        ))),
        _ => Ok((offset, wanted)),
    }
}

/// The number of elements that the shape says.
pub(crate) fn n_elements(tensor: &TensorProto) -> Result<u64> {
    let wrong =
        || Error::corrupt(format!("tensor {:?}: {:?} is no shape of a tensor", tensor.name, tensor.dims));
    if tensor.dims.len() > MAX_RANK {
        return Err(wrong());
    }
    tensor.dims.iter().try_fold(1_u64, |product, &dim| {
        u64::try_from(dim).ok().and_then(|dim| product.checked_mul(dim)).ok_or_else(wrong)
    })
}

/// The number of bytes that type and shape take; `None` for strings.
pub(crate) fn n_bytes(tensor: &TensorProto) -> Result<Option<u64>> {
    let Some(size) = element_size(tensor)? else { return Ok(None) };
    let wrong = || Error::corrupt(format!("tensor {:?}: shape {:?} is too large", tensor.name, tensor.dims));
    n_elements(tensor)?
        .checked_mul(size)
        .filter(|&bytes| bytes <= i64::MAX as u64)
        .map(Some)
        .ok_or_else(wrong)
}

fn element_size(tensor: &TensorProto) -> Result<Option<u64>> {
    Ok(Some(match DataType::try_from(tensor.data_type) {
        Ok(DataType::Bool | DataType::Int8 | DataType::Uint8) => 1,
        Ok(DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16) => 2,
        Ok(DataType::Int32 | DataType::Uint32 | DataType::Float) => 4,
        Ok(DataType::Int64 | DataType::Uint64 | DataType::Double) => 8,
        Ok(DataType::String) => return Ok(None),
        _ => {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!(
                    "tensor {:?} has ONNX data type {}, which is not supported",
                    tensor.name, tensor.data_type
                ),
            ));
        }
    }))
}

/// Proves what building relies on: every name is written once and before it is read (so there is no cycle),
/// every tensor has the bytes that its type and shape take, and graphs nest within bounds.
fn check(model: &ModelProto) -> Result<()> {
    let graph = graph(model)?;
    let mut known = HashSet::new();
    check_graph(graph, &mut known, 0)?;
    check_outputs(graph)
}

/// Proves that there are outputs, each once, and each of a node or an initializer.
fn check_outputs(graph: &GraphProto) -> Result<()> {
    let unsupported = |message: String| Err(Error::new(crate::ErrorKind::Unsupported, message));
    if graph.output.is_empty() {
        return unsupported("the graph has no output".to_owned());
    }
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let mut names = HashSet::new();
    for name in graph.output.iter().map(|output| output.name.as_str()) {
        if !names.insert(name) {
            return Err(Error::corrupt(format!("the graph has output {name:?} twice")));
        }
        if !is_weight(name) && graph.input.iter().any(|input| input.name == name) {
            let message =
                format!("output {name:?} is an input; expected what a node gives, such as Identity");
            return unsupported(message);
        }
    }
    Ok(())
}

fn check_graph<'a>(graph: &'a GraphProto, outer: &mut HashSet<&'a str>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::corrupt(format!("graphs nest more than {MAX_DEPTH} deep")));
    }
    let mut own: Vec<&str> = Vec::new();
    let mut define = |known: &mut HashSet<&'a str>, name: &'a str| -> Result<()> {
        if known.insert(name) {
            own.push(name);
            return Ok(());
        }
        Err(Error::corrupt(format!("the graph defines {name:?} twice")))
    };
    if !graph.sparse_initializer.is_empty() {
        return Err(Error::new(crate::ErrorKind::Unsupported, "sparse initializers are not supported"));
    }
    for tensor in &graph.initializer {
        check_tensor(tensor)?;
        define(outer, &tensor.name)?;
    }
    for input in &graph.input {
        // Before IR version 4 each initializer was an input too.
        if !graph.initializer.iter().any(|tensor| tensor.name == input.name) {
            define(outer, &input.name)?;
        }
    }
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if !outer.contains(input.as_str()) {
                return Err(Error::corrupt(format!(
                    "node {:?} ({}) reads {input:?}, which no initializer, input or earlier node gives: the \
                     graph is incomplete, cyclic or out of order",
                    label(node),
                    node.op_type
                )));
            }
        }
        for attribute in &node.attribute {
            attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
            for inner in attribute.g.iter().chain(&attribute.graphs) {
                check_graph(inner, outer, depth + 1)?;
            }
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            define(outer, output)?;
        }
    }
    for output in &graph.output {
        if !outer.contains(output.name.as_str()) {
            return Err(Error::corrupt(format!("nothing gives the graph's output {:?}", output.name)));
        }
    }
    for name in own {
        outer.remove(name);
    }
    Ok(())
}

fn check_tensor(tensor: &TensorProto) -> Result<()> {
    let elements = n_elements(tensor)?;
    let found = match n_bytes(tensor)? {
        None => {
            if tensor.string_data.len() as u64 == elements {
                return Ok(());
            }
            format!("{} strings", tensor.string_data.len())
        }
        Some(_) if is_external(tensor) => return external_range(tensor).map(drop),
        Some(bytes) if !tensor.raw_data.is_empty() || elements == 0 => {
            if tensor.raw_data.len() as u64 == bytes {
                return Ok(());
            }
            format!("{} bytes", tensor.raw_data.len())
        }
        Some(_) => {
            let values = match DataType::try_from(tensor.data_type) {
                Ok(DataType::Float) => tensor.float_data.len(),
                Ok(DataType::Double) => tensor.double_data.len(),
                Ok(DataType::Int64) => tensor.int64_data.len(),
                Ok(DataType::Uint32 | DataType::Uint64) => tensor.uint64_data.len(),
                _ => tensor.int32_data.len(),
            };
            if values as u64 == elements {
                return Ok(());
            }
            format!("{values} values")
        }
    };
    Err(Error::corrupt(format!(
        "tensor {:?} has {found}; its shape {:?} takes {elements} elements",
        tensor.name, tensor.dims
    )))
}

/// The tensor's numbers as little-endian bytes, taken out of it; `None` for strings and external data.
pub(crate) fn take_bytes(tensor: &mut TensorProto) -> Option<Vec<u8>> {
    if is_external(tensor) || tensor.data_type == DataType::String as i32 {
        return None;
    }
    if !tensor.raw_data.is_empty() {
        return Some(std::mem::take(&mut tensor.raw_data));
    }
    fn bytes<T, const N: usize>(values: &mut Vec<T>, convert: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        std::mem::take(values).into_iter().flat_map(convert).collect()
    }
    let int32 = &mut tensor.int32_data;
    Some(match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => bytes(&mut tensor.float_data, f32::to_le_bytes),
        Ok(DataType::Double) => bytes(&mut tensor.double_data, f64::to_le_bytes),
        Ok(DataType::Int64) => bytes(&mut tensor.int64_data, i64::to_le_bytes),
        Ok(DataType::Uint64) => bytes(&mut tensor.uint64_data, u64::to_le_bytes),
        Ok(DataType::Uint32) => bytes(&mut tensor.uint64_data, |value| (value as u32).to_le_bytes()),
        Ok(DataType::Int32) => bytes(int32, i32::to_le_bytes),
        Ok(DataType::Bool | DataType::Int8 | DataType::Uint8) => bytes(int32, |value| [value as u8]),
        _ => bytes(int32, |value| (value as u16).to_le_bytes()),
    })
}
