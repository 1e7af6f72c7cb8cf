//! Tensors as callers see them: numbers of one type in a shape, row after row, or text.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::DType;
use std::ops::Range;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude as tract;
use tract_onnx::prelude::{DatumType, IntoTensor, TValue};

macro_rules! pairs {
    ($($dtype:ident = $datum:ident, $onnx:ident;)+) => {
        pub(super) fn datum_type(dtype: DType) -> DatumType {
            match dtype { $(DType::$dtype => DatumType::$datum,)+ }
        }

        pub(super) fn dtype_of_datum(datum: DatumType) -> Option<DType> {
            match datum {
                $(DatumType::$datum => Some(DType::$dtype),)+
                DatumType::TDim => Some(DType::Int64),
                _ => None,
            }
        }

        /// The type of this ONNX number.
        pub(crate) fn dtype_of_onnx(data_type: i32) -> Option<DType> {
            match DataType::try_from(data_type) {
                $(Ok(DataType::$onnx) => Some(DType::$dtype),)+
                _ => None,
            }
        }
    };
}

pairs! {
    Bool = Bool, Bool;
    Float16 = F16, Float16;
    Float32 = F32, Float;
    Float64 = F64, Double;
    Int16 = I16, Int16;
    Int32 = I32, Int32;
    Int64 = I64, Int64;
    Int8 = I8, Int8;
    String = String, String;
    UInt16 = U16, Uint16;
    UInt32 = U32, Uint32;
    UInt64 = U64, Uint64;
    UInt8 = U8, Uint8;
}

/// A tensor: a type, a shape, and the elements row after row (the last axis fastest). `Send` and `Sync`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dtype: DType,
    inner: tract::Tensor,
}

impl Tensor {
    /// A tensor of numbers, with zeros for elements.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for [`DType::String`] or a shape beyond this machine's memory.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Result<Tensor> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidArgument, what);
        if dtype == DType::String {
            return Err(wrong("text has no zero".to_owned()));
        }
        let inner = tract::Tensor::zero_dt(datum_type(dtype), shape)
            .map_err(|error| wrong(format!("a tensor of {} {shape:?}: {error}", dtype.name())))?;
        Ok(Tensor { dtype, inner })
    }

    /// Lets `fill` write the bytes of a tensor of numbers: little-endian elements, row after row. Of truth
    /// values, any byte but 0 becomes 1.
    ///
    /// # Errors
    /// What `fill` says; the tensor then holds what it wrote so far.
    pub fn write<E>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        if self.dtype == DType::String {
            return fill(&mut []);
        }
        let bytes = self.inner.as_bytes_mut();
        let filled = fill(bytes);
        if self.dtype == DType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        filled
    }

    /// Appends the rows of `other` along the first axis.
    pub(crate) fn append(&mut self, other: &Tensor) -> Result<()> {
        let joined = tract::Tensor::stack_tensors(0, &[&self.inner, &other.inner]);
        self.inner = joined.map_err(|error| super::refused("joining the rows of an output", &error))?;
        Ok(())
    }

    /// A tensor with a copy of `bytes`: little-endian elements, row after row.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where there are not the bytes that type and shape take, and for a
    /// truth value that is neither 0 nor 1.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Tensor> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        let wanted = shape.iter().try_fold(dtype.size(), |product, &dim| product.checked_mul(dim));
        if wanted != Some(bytes.len()) {
            return wrong(format!("{} bytes for a tensor of {} {shape:?}", bytes.len(), dtype.name()));
        }
        if dtype == DType::Bool && bytes.iter().any(|&byte| byte > 1) {
            return wrong("a truth value that is neither 0 nor 1".to_owned());
        }
        let mut tensor = Tensor::zeros(dtype, shape)?;
        tensor.inner.as_bytes_mut().copy_from_slice(bytes);
        Ok(tensor)
    }

    /// A tensor of float32 from values row after row, which are not copied.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where `values` does not fill the shape.
    pub fn from_f32(shape: &[usize], values: Vec<f32>) -> Result<Tensor> {
        Tensor::from_values(DType::Float32, shape, values)
    }

    /// A tensor of float64 from values row after row, which are not copied.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where `values` does not fill the shape.
    pub fn from_f64(shape: &[usize], values: Vec<f64>) -> Result<Tensor> {
        Tensor::from_values(DType::Float64, shape, values)
    }

    fn from_values<T: tract::Datum>(dtype: DType, shape: &[usize], values: Vec<T>) -> Result<Tensor> {
        let found = values.len();
        let array = tract::tract_ndarray::ArrayD::from_shape_vec(shape, values).map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, format!("{found} values for a tensor of {shape:?}"))
        })?;
        Ok(Tensor { dtype, inner: tract::Tensor::from(array) })
    }

    /// A tensor of text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where `texts` does not fill the shape.
    pub fn from_texts(shape: &[usize], texts: Vec<String>) -> Result<Tensor> {
        Tensor::from_values(DType::String, shape, texts)
    }

    /// Rows `from` to before `to` along the first axis, copied.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where there are not so many.
    pub fn rows(&self, from: usize, to: usize) -> Result<Tensor> {
        let rows = self.inner.slice(0, from, to).map_err(|error| {
            let message = format!("rows {from} to {to} of a tensor of {:?}: {error}", self.shape());
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        Ok(Tensor { dtype: self.dtype, inner: rows })
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The number of elements along each axis.
    pub fn shape(&self) -> &[usize] {
        self.inner.shape()
    }

    /// The elements as bytes, row after row; empty for text.
    pub fn bytes(&self) -> &[u8] {
        if self.dtype == DType::String { &[] } else { self.inner.as_bytes() }
    }

    /// The elements of a tensor of text.
    pub fn texts(&self) -> &[String] {
        let plain = self.inner.try_as_plain_ram().ok();
        plain.and_then(|plain| plain.as_slice::<String>().ok()).unwrap_or_default()
    }

    /// The elements of a tensor of float32; `None` for other types.
    pub fn floats(&self) -> Option<&[f32]> {
        self.inner.try_as_plain_ram().ok()?.as_slice::<f32>().ok()
    }

    /// The elements as float64, where the type is a number.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        let cast = self.inner.cast_to::<f64>().ok()?;
        Some(cast.try_as_plain_ram().ok()?.as_slice::<f64>().ok()?.to_vec())
    }

    /// Whether an element is NaN or infinite.
    pub fn has_non_finite(&self) -> bool {
        self.count_finite(0..self.inner.len()) < self.inner.len()
    }

    /// The rows, of `n_rows` along the first axis, with an element that is NaN or infinite.
    pub(crate) fn rows_with_non_finite(&self, n_rows: usize) -> Vec<usize> {
        let width = self.inner.len() / n_rows.max(1);
        (0..n_rows).filter(|row| self.count_finite(row * width..(row + 1) * width) < width).collect()
    }

    /// Elements of the range that are finite; all of them where the type has no others.
    fn count_finite(&self, range: Range<usize>) -> usize {
        let plain = self.inner.try_as_plain_ram().ok();
        let finite = plain.and_then(|plain| match self.dtype {
            DType::Float16 => {
                let values = plain.as_slice::<tract::f16>().ok()?.get(range.clone())?;
                Some(values.iter().filter(|half| half.to_bits() & 0x7c00 != 0x7c00).count())
            }
            DType::Float32 => {
                let values = plain.as_slice::<f32>().ok()?.get(range.clone())?;
                Some(values.iter().filter(|value| value.is_finite()).count())
            }
            DType::Float64 => {
                let values = plain.as_slice::<f64>().ok()?.get(range.clone())?;
                Some(values.iter().filter(|value| value.is_finite()).count())
            }
            _ => None,
        });
        finite.unwrap_or(range.len())
    }

    /// Puts NaN, zero or no text into the given rows of the first axis, or everywhere where that axis is no
    /// batch.
    pub(crate) fn blank(&mut self, rows: &[usize], by_row: bool) {
        if rows.is_empty() {
            return;
        }
        let n_rows = if by_row { self.shape().first().copied().unwrap_or(1) } else { 1 };
        let width = self.inner.len() / n_rows.max(1);
        let Ok(mut plain) = self.inner.try_as_plain_ram_mut() else { return };
        for range in rows.iter().map(|row| row * width..(row + 1) * width) {
            match self.dtype {
                DType::Float16 => fill(plain.as_slice_mut().ok(), range, tract::f16::NAN),
                DType::Float32 => fill(plain.as_slice_mut().ok(), range, f32::NAN),
                DType::Float64 => fill(plain.as_slice_mut().ok(), range, f64::NAN),
                DType::String => fill(plain.as_slice_mut().ok(), range, String::new()),
                _ => {
                    let size = self.dtype.size();
                    fill(Some(plain.as_bytes_mut()), range.start * size..range.end * size, 0_u8);
                }
            }
        }
    }

    pub(super) fn into_value(self) -> TValue {
        self.inner.into()
    }

    /// The tensor of a value of tract's, which is copied where others hold it: it may lie in a mapping.
    pub(super) fn of_value(value: TValue) -> Result<Tensor> {
        let mut inner = value.into_tensor();
        let datum = inner.datum_type();
        if datum == DatumType::TDim {
            let cast = inner.cast_to::<i64>().map_err(|error| super::refused("reading an output", &error))?;
            inner = cast.into_owned();
        }
        let dtype = dtype_of_datum(datum).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("an output of type {datum:?}, which is not supported"))
        })?;
        Ok(Tensor { dtype, inner })
    }

    pub(super) fn view(&self) -> &tract::Tensor {
        &self.inner
    }

    pub(super) fn of_tract(inner: tract::Tensor) -> Result<Tensor> {
        Tensor::of_value(inner.into())
    }
}

fn fill<T: Clone>(values: Option<&mut [T]>, range: Range<usize>, value: T) {
    if let Some(values) = values.and_then(|values| values.get_mut(range)) {
        values.fill(value);
    }
}
