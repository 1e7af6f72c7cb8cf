//! NumPy arrays without linking NumPy: callers' numbers are borrowed and results are filled through
//! the buffer protocol. Where NumPy is not installed, results are lists.
#![expect(unsafe_code, reason = "borrows buffers whose owner is held")]

use monobloc::strided::Plain;
use monobloc::{Column, ErrorKind, Strided};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use crate::error::raise;

/// NumPy, where it can be imported.
pub fn numpy(py: Python<'_>) -> Option<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Option<Py<PyModule>>> = PyOnceLock::new();
    let module = NUMPY.get_or_init(py, || py.import("numpy").ok().map(Bound::unbind));
    module.as_ref().map(|module| module.bind(py))
}

/// A numeric array of one or two dimensions, borrowed.
pub enum Numbers {
    Boolean(PyBuffer<u8>),
    Float32(PyBuffer<f32>),
    Float64(PyBuffer<f64>),
    Int8(PyBuffer<i8>),
    Int16(PyBuffer<i16>),
    Int32(PyBuffer<i32>),
    Int64(PyBuffer<i64>),
    UInt8(PyBuffer<u8>),
    UInt16(PyBuffer<u16>),
    UInt32(PyBuffer<u32>),
    UInt64(PyBuffer<u64>),
}

impl Numbers {
    /// Borrows `array`; `None` when it holds no plain little-endian numbers or Booleans, or holds them
    /// where a buffer of numbers can't lie (fields of packed records).
    pub fn borrow(array: &Bound<'_, PyAny>) -> PyResult<Option<Numbers>> {
        let dtype: String = array.getattr("dtype")?.getattr("str")?.extract()?;
        let borrowed = match dtype.as_str() {
            "|b1" => PyBuffer::get(&array.call_method1("view", ("u1",))?).map(Numbers::Boolean),
            "<f4" => PyBuffer::get(array).map(Numbers::Float32),
            "<f8" => PyBuffer::get(array).map(Numbers::Float64),
            "|i1" => PyBuffer::get(array).map(Numbers::Int8),
            "<i2" => PyBuffer::get(array).map(Numbers::Int16),
            "<i4" => PyBuffer::get(array).map(Numbers::Int32),
            "<i8" => PyBuffer::get(array).map(Numbers::Int64),
            "|u1" => PyBuffer::get(array).map(Numbers::UInt8),
            "<u2" => PyBuffer::get(array).map(Numbers::UInt16),
            "<u4" => PyBuffer::get(array).map(Numbers::UInt32),
            "<u8" => PyBuffer::get(array).map(Numbers::UInt64),
            _ => return Ok(None),
        };
        match borrowed {
            Err(error) if error.is_instance_of::<PyBufferError>(array.py()) => Ok(None),
            borrowed => borrowed.map(Some),
        }
    }

    /// Rows `start..start + len` of column `column`.
    pub fn column(&self, column: usize, start: usize, len: usize) -> Column<'_> {
        match self {
            Numbers::Boolean(buffer) => Column::Boolean(strided(buffer, column).range(start, len)),
            Numbers::Float32(buffer) => Column::Float32(strided(buffer, column).range(start, len)),
            Numbers::Float64(buffer) => Column::Float64(strided(buffer, column).range(start, len)),
            Numbers::Int8(buffer) => Column::Int8(strided(buffer, column).range(start, len)),
            Numbers::Int16(buffer) => Column::Int16(strided(buffer, column).range(start, len)),
            Numbers::Int32(buffer) => Column::Int32(strided(buffer, column).range(start, len)),
            Numbers::Int64(buffer) => Column::Int64(strided(buffer, column).range(start, len)),
            Numbers::UInt8(buffer) => Column::UInt8(strided(buffer, column).range(start, len)),
            Numbers::UInt16(buffer) => Column::UInt16(strided(buffer, column).range(start, len)),
            Numbers::UInt32(buffer) => Column::UInt32(strided(buffer, column).range(start, len)),
            Numbers::UInt64(buffer) => Column::UInt64(strided(buffer, column).range(start, len)),
        }
    }
}

/// Column `column` of a buffer of one or two dimensions.
fn strided<T: Element + Plain>(buffer: &PyBuffer<T>, column: usize) -> Strided<'_, T> {
    let (shape, strides) = (buffer.shape(), buffer.strides());
    let n_rows = shape.first().copied().unwrap_or(0);
    let row_stride = strides.first().copied().unwrap_or(0);
    let offset = match (shape.get(1), strides.get(1)) {
        (Some(&n_columns), Some(&stride)) => {
            assert!(column < n_columns, "column {column} of {n_columns}");
            stride * column.cast_signed()
        }
        _ => 0,
    };
    let first = buffer.buf_ptr().cast::<u8>().cast_const().wrapping_offset(offset);
    // SAFETY: the exporter promises that shape and strides stay inside its memory, which it keeps while
    // the buffer is held.
    unsafe { Strided::from_raw_parts(first, row_stride, n_rows) }
}

/// A new array of `shape` with rows written by `fill`, or nested lists where NumPy is absent.
pub fn filled<'py, T>(
    py: Python<'py>,
    n_rows: usize,
    width: Option<usize>,
    dtype: &str,
    fill: impl FnOnce(&mut [T]) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>>
where
    T: Element + Plain + Default + for<'a> IntoPyObject<'a>,
{
    let len = n_rows * width.unwrap_or(1);
    let Some(numpy) = numpy(py) else {
        let mut values = vec![T::default(); len];
        fill(&mut values)?;
        return Ok(match width {
            None => PyList::new(py, values)?.into_any(),
            Some(width) => PyList::new(py, values.chunks(width.max(1)).map(<[T]>::to_vec))?.into_any(),
        });
    };
    let array = match width {
        None => numpy.call_method1("empty", (n_rows, dtype))?,
        Some(width) => numpy.call_method1("empty", ((n_rows, width), dtype))?,
    };
    let buffer = PyBuffer::<T>::get(&array)?;
    if buffer.readonly() || !buffer.is_c_contiguous() || buffer.item_count() != len {
        return Err(raise(ErrorKind::Internal, "numpy.empty gave no writable contiguous array"));
    }
    let values = if len == 0 {
        &mut []
    } else {
        // SAFETY: the array was made above and nobody else knows it, its buffer is held, and it has
        // `len` contiguous places; NumPy aligns them.
        unsafe { std::slice::from_raw_parts_mut(buffer.buf_ptr().cast::<T>(), len) }
    };
    fill(values)?;
    drop(buffer);
    Ok(array)
}
