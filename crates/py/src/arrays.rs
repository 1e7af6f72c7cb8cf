//! NumPy arrays without linking NumPy: callers' numbers are borrowed and results are filled through
//! the buffer protocol. Where NumPy is not installed, results are lists.
#![expect(unsafe_code, reason = "borrows buffers whose owner is held")]

use monobloc::strided::Plain;
use monobloc::{Column, ErrorKind, Matrix, Strided, StridedMatrix};
use pyo3::buffer::{Element, ElementType, PyBuffer, PyUntypedBuffer};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use crate::error::raise;

/// NumPy, where it can be imported.
pub fn numpy(py: Python<'_>) -> Option<&Bound<'_, PyModule>> {
    Some(Parts::of(py)?.module.bind(py))
}

/// Whether `value` is an array of NumPy's own class.
pub fn is_array(value: &Bound<'_, PyAny>) -> bool {
    Parts::of(value.py()).is_some_and(|numpy| value.get_type().is(&numpy.array))
}

/// What is asked of NumPy at each call.
struct Parts {
    module: Py<PyModule>,
    array: Py<PyAny>,
    empty: Py<PyAny>,
    float32: Py<PyAny>,
    float64: Py<PyAny>,
    int64: Py<PyAny>,
    uint8: Py<PyAny>,
}

impl Parts {
    fn of(py: Python<'_>) -> Option<&Parts> {
        static PARTS: PyOnceLock<Option<Parts>> = PyOnceLock::new();
        PARTS.get_or_init(py, || Parts::import(py).ok()).as_ref()
    }

    fn import(py: Python<'_>) -> PyResult<Parts> {
        let module = py.import("numpy")?;
        let part = |name: &str| module.getattr(name).map(Bound::unbind);
        let dtype = |name: &str| module.call_method1("dtype", (name,)).map(Bound::unbind);
        Ok(Parts {
            array: part("ndarray")?,
            empty: part("empty")?,
            float32: dtype("f4")?,
            float64: dtype("f8")?,
            int64: dtype("i8")?,
            uint8: dtype("u1")?,
            module: module.clone().unbind(),
        })
    }
}

/// Numbers that results hold.
pub trait Number: Element + Plain + Default + for<'a> IntoPyObject<'a> {
    #[expect(private_interfaces, reason = "asked here alone")]
    fn dtype(numpy: &Parts) -> &Py<PyAny>;
}

macro_rules! numbers {
    ($($number:ident $dtype:ident,)+) => {
        $(impl Number for $number {
            #[expect(private_interfaces, reason = "asked here alone")]
            fn dtype(numpy: &Parts) -> &Py<PyAny> {
                &numpy.$dtype
            }
        })+
    };
}

numbers! { f32 float32, f64 float64, i64 int64, u8 uint8, }

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
        let Ok(buffer) = PyUntypedBuffer::get(array) else { return Ok(None) };
        // One letter means the machine's own order of bytes.
        let element = match buffer.format().to_bytes() {
            [_] => ElementType::from_format(buffer.format()),
            _ => ElementType::Unknown,
        };
        let borrowed = match element {
            ElementType::Bool => PyBuffer::get(&array.call_method1("view", ("u1",))?).map(Numbers::Boolean),
            ElementType::Float { bytes: 4 } => buffer.into_typed().map(Numbers::Float32),
            ElementType::Float { bytes: 8 } => buffer.into_typed().map(Numbers::Float64),
            ElementType::SignedInteger { bytes: 1 } => buffer.into_typed().map(Numbers::Int8),
            ElementType::SignedInteger { bytes: 2 } => buffer.into_typed().map(Numbers::Int16),
            ElementType::SignedInteger { bytes: 4 } => buffer.into_typed().map(Numbers::Int32),
            ElementType::SignedInteger { bytes: 8 } => buffer.into_typed().map(Numbers::Int64),
            ElementType::UnsignedInteger { bytes: 1 } => buffer.into_typed().map(Numbers::UInt8),
            ElementType::UnsignedInteger { bytes: 2 } => buffer.into_typed().map(Numbers::UInt16),
            ElementType::UnsignedInteger { bytes: 4 } => buffer.into_typed().map(Numbers::UInt32),
            ElementType::UnsignedInteger { bytes: 8 } => buffer.into_typed().map(Numbers::UInt64),
            _ => return Ok(None),
        };
        Ok(borrowed.ok())
    }

    /// Rows and columns.
    pub fn shape(&self) -> &[usize] {
        match self {
            Numbers::Boolean(buffer) | Numbers::UInt8(buffer) => buffer.shape(),
            Numbers::Float32(buffer) => buffer.shape(),
            Numbers::Float64(buffer) => buffer.shape(),
            Numbers::Int8(buffer) => buffer.shape(),
            Numbers::Int16(buffer) => buffer.shape(),
            Numbers::Int32(buffer) => buffer.shape(),
            Numbers::Int64(buffer) => buffer.shape(),
            Numbers::UInt16(buffer) => buffer.shape(),
            Numbers::UInt32(buffer) => buffer.shape(),
            Numbers::UInt64(buffer) => buffer.shape(),
        }
    }

    /// Rows `start..start + len` of floats in two dimensions; `None` of others.
    pub fn matrix(&self, start: usize, len: usize) -> Option<Matrix<'_>> {
        match self {
            Numbers::Float32(buffer) => Some(Matrix::Float32(matrix(buffer)?.range(start, len))),
            Numbers::Float64(buffer) => Some(Matrix::Float64(matrix(buffer)?.range(start, len))),
            _ => None,
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

/// A buffer of two dimensions.
fn matrix<T: Element + Plain>(buffer: &PyBuffer<T>) -> Option<StridedMatrix<'_, T>> {
    let (&[rows, columns], &[row, column]) = (buffer.shape(), buffer.strides()) else { return None };
    // SAFETY: as above.
    Some(unsafe { StridedMatrix::from_raw_parts(buffer.buf_ptr().cast(), [row, column], [rows, columns]) })
}

/// A new array of `shape` with rows written by `fill`, or nested lists where NumPy is absent.
pub fn filled<'py, T: Number>(
    py: Python<'py>,
    n_rows: usize,
    width: Option<usize>,
    fill: impl FnOnce(&mut [T]) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let len = n_rows * width.unwrap_or(1);
    let Some(numpy) = Parts::of(py) else {
        let mut values = vec![T::default(); len];
        fill(&mut values)?;
        return Ok(match width {
            None => PyList::new(py, values)?.into_any(),
            Some(width) => PyList::new(py, values.chunks(width.max(1)).map(<[T]>::to_vec))?.into_any(),
        });
    };
    let empty = numpy.empty.bind(py);
    let array = match width {
        None => empty.call1((n_rows, T::dtype(numpy)))?,
        Some(width) => empty.call1(((n_rows, width), T::dtype(numpy)))?,
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

/// A copy of a contiguous array of exactly this type.
pub fn read<T: Element + Copy>(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<T>> {
    let wrong =
        || raise(ErrorKind::InvalidArgument, format!("{name} is no array of {}", std::any::type_name::<T>()));
    let buffer = PyBuffer::<T>::get(array).map_err(|_| wrong())?;
    buffer.to_vec(array.py())
}
