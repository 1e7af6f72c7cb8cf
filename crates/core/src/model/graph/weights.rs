//! Tensors whose pages are the bloc's.
#![expect(unsafe_code, reason = "tract's tensors over mapped pages")]

use super::proto::{self, ModelProto, TensorProto};
use super::tensor::{datum_type, dtype_of_onnx};
use super::{WEIGHTS_MEMBER, refused};
use crate::bloc::Bloc;
use crate::error::{Error, Result};
use crate::mapped::{Overlaid, page_size};
use crate::schema::DType;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tract_onnx::prelude::{Blob, Tensor};

/// Bytes from which on a tensor is mapped; smaller ones are copied, which costs less than a mapping.
pub(super) const LARGE: usize = 64 << 10;

/// A weight of the graph.
pub(super) struct Weight {
    pub name: String,
    pub tensor: Arc<Tensor>,
    /// Where its bytes begin in the member.
    pub offset: u64,
}

/// The mappings under an engine's tensors. They must be dropped after all that reads them.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    tensors: Vec<Overlaid<Tensor>>,
    panels: Vec<Overlaid<Blob>>,
}

impl Mappings {
    /// A tensor of what lies in `file` from `offset`: mapped where it is large and of a type of which any
    /// bits are a value that no index is taken from, else copied.
    pub fn tensor(&mut self, file: &File, offset: u64, dtype: DType, shape: &[usize]) -> Result<Arc<Tensor>> {
        let datum = datum_type(dtype);
        let fault =
            |error: std::io::Error| Error::corrupt(format!("reading a weight at byte {offset}: {error}"));
        let allocate = |alignment: usize| {
            // SAFETY: of a plain number type; every byte is written below before any is read.
            let tensor = unsafe { Tensor::uninitialized_aligned_dt(datum, shape, alignment) };
            tensor.map_err(|error| refused("making room for a weight", &error))
        };
        let page = page_size();
        let len = shape.iter().product::<usize>() * dtype.size();
        let mappable = dtype.is_float() || matches!(dtype, DType::Int8 | DType::UInt8);
        if mappable && len >= LARGE && offset.is_multiple_of(page as u64) {
            let mut tensor = allocate(page)?;
            let bytes = tensor.as_bytes_mut();
            let (address, len) = (bytes.as_mut_ptr(), bytes.len());
            // SAFETY: the tensor's own allocation, which it keeps until it is dropped; constants of a graph
            // are never written; any bits are a value of these types.
            let laid = unsafe { Overlaid::lay(tensor, address, len, file, offset) }.map_err(fault)?;
            let tensor = Arc::clone(laid.value());
            self.tensors.push(laid);
            return Ok(tensor);
        }
        crate::memory::check(len as u64, || format!("a weight of {} {shape:?}", dtype.name()))?;
        let mut tensor = allocate(64)?;
        file.read_exact_at(tensor.as_bytes_mut(), offset).map_err(fault)?;
        if dtype == DType::Bool && tensor.as_bytes().iter().any(|&byte| byte > 1) {
            return Err(Error::corrupt(format!("a truth value at byte {offset} that is neither 0 nor 1")));
        }
        Ok(Arc::new(tensor))
    }

    /// `len` bytes of packed panels, aligned to `alignment`.
    pub fn panels(&mut self, file: &File, offset: u64, len: usize, alignment: usize) -> Result<Arc<Blob>> {
        let fault =
            |error: std::io::Error| Error::corrupt(format!("reading panels at byte {offset}: {error}"));
        let page = page_size();
        let large = len >= LARGE && offset.is_multiple_of(page as u64);
        // SAFETY: a power of two; every byte is written below before any is read.
        let mut blob =
            unsafe { Blob::new_for_size_and_align(len, alignment.max(if large { page } else { 64 })) };
        if large {
            let address = blob.as_bytes_mut().as_mut_ptr();
            // SAFETY: the blob's own allocation, which it keeps until it is dropped and which no kernel
            // writes; panels hold floats, of which any bits are a value.
            let laid = unsafe { Overlaid::lay(blob, address, len, file, offset) }.map_err(fault)?;
            let blob = Arc::clone(laid.value());
            self.panels.push(laid);
            return Ok(blob);
        }
        file.read_exact_at(blob.as_bytes_mut(), offset).map_err(fault)?;
        Ok(Arc::new(blob))
    }

    /// Bytes that are shared with other processes.
    pub fn shared_bytes(&self) -> u64 {
        let tensors = self.tensors.iter().map(Overlaid::shared_bytes);
        tensors.chain(self.panels.iter().map(Overlaid::shared_bytes)).map(|bytes| bytes as u64).sum()
    }

    /// Whether the tensor's bytes are the file's.
    pub fn holds(&self, tensor: &Arc<Tensor>) -> bool {
        self.tensors.iter().any(|laid| Arc::ptr_eq(laid.value(), tensor))
    }

    /// Whether the panels' bytes are the file's.
    pub fn holds_panels(&self, blob: &Arc<Blob>) -> bool {
        self.panels.iter().any(|laid| Arc::ptr_eq(laid.value(), blob))
    }
}

/// Takes the external initializers out of the graph and gives them as tensors over the bloc's weights.
pub(super) fn take(model: &mut ModelProto, bloc: &Bloc, mappings: &mut Mappings) -> Result<Vec<Weight>> {
    let Some(graph) = model.graph.as_mut() else { return Ok(Vec::new()) };
    let (external, inline): (Vec<_>, Vec<_>) =
        std::mem::take(&mut graph.initializer).into_iter().partition(proto::is_external);
    graph.initializer = inline;
    let mut weights = Vec::with_capacity(external.len());
    for tensor in external {
        let (offset, _) = proto::external_range(&tensor)?;
        weights.push(Weight { tensor: read(&tensor, bloc, mappings)?, name: tensor.name, offset });
    }
    graph.input.retain(|input| !weights.iter().any(|weight| weight.name == input.name));
    Ok(weights)
}

fn read(tensor: &TensorProto, bloc: &Bloc, mappings: &mut Mappings) -> Result<Arc<Tensor>> {
    let member = bloc.manifest().member(WEIGHTS_MEMBER);
    let member = member.filter(|_| proto::external(tensor, "location") == Some(WEIGHTS_MEMBER));
    let (offset, length) = proto::external_range(tensor)?;
    let inside = |end: u64| member.is_some_and(|member| end <= member.length);
    let (Some(member), Some(true)) = (member, offset.checked_add(length).map(inside)) else {
        return Err(Error::corrupt(format!("tensor {:?} lies outside of {WEIGHTS_MEMBER}", tensor.name)));
    };
    let dtype = dtype_of_onnx(tensor.data_type).filter(|dtype| *dtype != DType::String);
    let dtype = dtype.ok_or_else(|| {
        Error::corrupt(format!("tensor {:?} has ONNX data type {}", tensor.name, tensor.data_type))
    })?;
    let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
    mappings.tensor(bloc.file(), member.offset + offset, dtype, &shape)
}
