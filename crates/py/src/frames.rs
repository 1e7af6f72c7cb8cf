//! The columns of DataFrames, pandas' and polars' and others that look like them.

use crate::arrays::Numbers;
use crate::error::exception;
use crate::rows::Source;
use monobloc::schema::Schema;
use monobloc::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::collections::HashMap;

/// A source for each field that the frame has a column of.
pub fn columns<'py>(schema: &Schema, frame: &Bound<'py, PyAny>) -> PyResult<Vec<Option<Source<'py>>>> {
    let labels = frame.getattr("columns")?;
    let labels = match labels.cast_into::<PyList>() {
        Ok(list) => list,
        Err(index) => PyList::new(frame.py(), index.into_inner().try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
    };
    let places = places(schema, &labels)?;
    let arrays = column_arrays(frame, labels.len())?;
    let source = |place: usize| match &arrays {
        Some(arrays) => Source::of_column(arrays[place].clone()),
        None => {
            let column = frame.get_item(labels.get_item(place)?)?;
            Ok(match plain_numbers(&column)? {
                Some(numbers) => Source::Array(std::rc::Rc::new(numbers), 0),
                None => Source::Column(column),
            })
        }
    };
    places.into_iter().map(|place| place.map(source).transpose()).collect()
}

/// Where the column of each field stands.
fn places(schema: &Schema, labels: &Bound<'_, PyList>) -> PyResult<Vec<Option<usize>>> {
    let fields = schema.fields();
    let is_field = |(label, name): (Bound<'_, PyAny>, &str)| {
        label.cast::<PyString>().is_ok_and(|label| label.to_str().is_ok_and(|label| label == name))
    };
    let names = fields.iter().map(|field| field.name.as_str());
    if labels.len() == fields.len() && labels.iter().zip(names).all(is_field) {
        return Ok((0..fields.len()).map(Some).collect());
    }
    let mut found: HashMap<usize, usize> = HashMap::new();
    for (place, label) in labels.iter().enumerate() {
        let Some(field) = schema.number(label.str()?.to_str()?) else { continue };
        if found.insert(field, place).is_some() {
            let name = &fields[field].name;
            let message = format!("the frame has the column {name:?} twice");
            return Err(exception(&Error::new(ErrorKind::Schema, message)));
        }
    }
    Ok((0..fields.len()).map(|field| found.get(&field).copied()).collect())
}

/// The columns of a pandas frame as arrays, by pandas' own way through them, which takes a tenth of the time of
/// `frame[label]` for each. It is not public, so others are asked for where it is absent or gives another number.
fn column_arrays<'py>(
    frame: &Bound<'py, PyAny>,
    n_columns: usize,
) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    let Ok(method) = frame.getattr("_iter_column_arrays") else { return Ok(None) };
    let Ok(arrays) = method.call0().and_then(|arrays| arrays.try_iter()?.collect::<PyResult<Vec<_>>>())
    else {
        return Ok(None);
    };
    Ok((arrays.len() == n_columns).then_some(arrays))
}

/// The numbers of a frame's column, where they are a plain NumPy array.
fn plain_numbers(column: &Bound<'_, PyAny>) -> PyResult<Option<Numbers>> {
    let dtype = column.getattr("dtype")?;
    let numeric_polars = !dtype.hasattr("kind")?
        && dtype.hasattr("is_numeric")?
        && dtype.call_method0("is_numeric")?.is_truthy()?;
    let numeric_numpy = dtype.hasattr("byteorder")?
        && matches!(dtype.getattr("kind")?.extract::<String>()?.as_str(), "b" | "f" | "i" | "u");
    if !numeric_polars && !numeric_numpy {
        return Ok(None);
    }
    Numbers::borrow(&column.call_method0("to_numpy")?)
}
