//! NumPy arrays as tensors, and back: one copy each way.

use crate::arrays::{filled, numpy};
use crate::error::{exception, raise};
use monobloc::schema::{DType, Dimension, TensorField};
use monobloc::{ErrorKind, Tensor};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// The tensor of an array, or of nested lists of numbers of the field's type.
pub fn read(field: &TensorField, value: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = value.py();
    let numpy = required(py)?;
    let array = if value.is_instance(&numpy.getattr("ndarray")?)? {
        value.clone()
    } else if value.hasattr("__array__")? {
        numpy.call_method1("asarray", (value,))?
    } else {
        let dtype = if field.dtype == DType::String { "object" } else { field.dtype.name() };
        let made = numpy.call_method1("array", (value, dtype));
        made.map_err(|error| {
            let text = format!("input {:?}: no array of {}: {error}", field.name, field.dtype.name());
            raise(ErrorKind::Schema, text)
        })?
    };
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let name: String = array.getattr("dtype")?.getattr("name")?.extract()?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    if matches!(kind.as_str(), "U" | "O" | "T") && field.dtype == DType::String {
        let items = array.call_method0("ravel")?.call_method0("tolist")?;
        let texts = items.try_iter()?.map(|item| {
            let item = item?;
            let text = item.cast::<PyString>().map_err(|_| {
                raise(ErrorKind::Schema, format!("input {:?}: an item that is no text", field.name))
            })?;
            Ok(text.to_str()?.to_owned())
        });
        let texts = texts.collect::<PyResult<Vec<_>>>()?;
        return Tensor::from_texts(&shape, texts).map_err(|error| exception(&error));
    }
    let dtype = DType::ALL.iter().copied().find(|dtype| *dtype != DType::String && dtype.name() == name);
    let dtype = dtype.ok_or_else(|| {
        let wanted = field.dtype.name();
        raise(ErrorKind::Schema, format!("input {:?} is an array of {name}; expected {wanted}", field.name))
    })?;
    let mut tensor = Tensor::zeros(dtype, &shape).map_err(|error| exception(&error))?;
    let swapped = array.getattr("dtype")?.getattr("byteorder")?.extract::<String>()? == ">";
    let array = if swapped {
        array.call_method1("astype", (array.getattr("dtype")?.call_method1("newbyteorder", ("<",))?,))?
    } else {
        array
    };
    // Contiguous arrays are viewed, not copied.
    let bytes = numpy.call_method1("ascontiguousarray", (array,))?.call_method1("reshape", (-1,))?;
    let buffer = PyBuffer::<u8>::get(&bytes.call_method1("view", ("u1",))?)?;
    tensor.write(|into| buffer.copy_to_slice(py, into))?;
    Ok(tensor)
}

/// The tensors of a dict of arrays, or of one array where there is one field.
pub fn read_all<'a>(
    fields: &'a [TensorField],
    values: &Bound<'_, PyAny>,
) -> PyResult<Vec<(&'a str, Tensor)>> {
    let Ok(dict) = values.cast::<PyDict>() else {
        return match fields {
            [field] => Ok(vec![(field.name.as_str(), read(field, values)?)]),
            _ => {
                let names: Vec<_> = fields.iter().map(|field| format!("{:?}", field.name)).collect();
                let text = format!("the model takes {}; expected a dict of arrays by name", names.join(", "));
                Err(raise(ErrorKind::Schema, text))
            }
        };
    };
    let mut tensors = Vec::new();
    for (key, value) in dict {
        let key: String = key.extract()?;
        let field = fields.iter().find(|field| field.name == key).ok_or_else(|| {
            let names: Vec<_> = fields.iter().map(|field| format!("{:?}", field.name)).collect();
            raise(
                ErrorKind::Schema,
                format!("the model has no input {key:?}; its inputs are {}", names.join(", ")),
            )
        })?;
        tensors.push((field.name.as_str(), read(field, &value)?));
    }
    Ok(tensors)
}

/// The array of a tensor.
pub fn array<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    let numpy = required(py)?;
    let shape = pyo3::types::PyTuple::new(py, tensor.shape())?;
    if tensor.dtype() == DType::String {
        let texts = PyList::new(py, tensor.texts())?;
        let flat = numpy.call_method1("array", (texts, "object"))?;
        return flat.call_method1("reshape", (shape,));
    }
    let bytes = filled::<u8>(py, tensor.bytes().len(), None, |out| {
        out.copy_from_slice(tensor.bytes());
        Ok(())
    })?;
    bytes.call_method1("view", (tensor.dtype().name(),))?.call_method1("reshape", (shape,))
}

/// A shape as users write it: sizes, symbols, None for any length.
pub fn shape(value: &Bound<'_, PyAny>) -> PyResult<Vec<Dimension>> {
    let wrong = || {
        raise(
            ErrorKind::InvalidArgument,
            format!("{value} is no shape: expected a list of sizes, names and None"),
        )
    };
    value
        .try_iter()
        .map_err(|_| wrong())?
        .map(|item| {
            let item = item?;
            if item.is_none() {
                return Ok(Dimension::Any);
            }
            if let Ok(text) = item.cast::<PyString>() {
                return Ok(Dimension::Symbol(text.to_str()?.to_owned()));
            }
            item.extract::<usize>().map(Dimension::Size).map_err(|_| wrong())
        })
        .collect()
}

fn required(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    numpy(py).ok_or_else(|| {
        raise(ErrorKind::InvalidArgument, "networks take and give NumPy arrays, and NumPy is not installed")
    })
}
