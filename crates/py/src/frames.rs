//! The columns of DataFrames, pandas' and polars' and others that look like them.

use crate::arrays::Numbers;
use crate::error::exception;
use crate::source::{Source, extension};
use monobloc::schema::{Field, Schema};
use monobloc::{Column, Error, ErrorKind, Extra};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::collections::HashMap;

/// A source for each field number `needed`, ascending, that the frame has a column of, and the other columns.
pub fn columns<'py>(
    schema: &Schema,
    needed: &[usize],
    frame: &Bound<'py, PyAny>,
) -> PyResult<(Vec<Option<Source<'py>>>, Extra)> {
    let py = frame.py();
    let labels = frame.getattr(intern!(py, "columns"))?;
    let fields = schema.fields();
    let mut extra = Extra::default();
    // Labels in the order of the fields are not made Python objects.
    let (labels, places) = if are_fields(schema, &labels)? {
        (None, (0..fields.len()).map(Some).collect())
    } else {
        let labels = list(labels)?;
        let places = places(schema, &labels, &mut extra)?;
        (Some(labels), places)
    };
    let n_columns = labels.as_ref().map_or(fields.len(), |labels| labels.len());
    let arrays = column_arrays(frame, n_columns)?;
    let source = |place: usize| match (&arrays, &labels) {
        (Some(arrays), _) => Source::of_column(arrays[place].clone()),
        (None, Some(labels)) => of_series(frame.get_item(labels.get_item(place)?)?),
        (None, None) => of_series(frame.get_item(&fields[place].name)?),
    };
    let is_needed = |field: usize| needed.binary_search(&field).is_ok();
    let places = places.into_iter().enumerate();
    let sources = places.map(|(field, place)| place.filter(|_| is_needed(field)).map(source).transpose());
    Ok((sources.collect::<PyResult<_>>()?, extra))
}

/// Whether the labels of a pandas frame are an Arrow array of the fields' names in their order.
fn are_fields(schema: &Schema, labels: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(values) = labels.getattr_opt(intern!(labels.py(), "_values"))? else { return Ok(false) };
    let Some(Source::Arrow(names)) = extension(&values)? else { return Ok(false) };
    let fields = schema.fields();
    Ok(match names.column() {
        Column::Texts(texts) if texts.len() == fields.len() && names.nulls().is_none() => {
            let is_name = |(at, field): (usize, &Field)| texts.at(at) == Some(field.name.as_bytes());
            fields.iter().enumerate().all(is_name)
        }
        _ => false,
    })
}

/// A series: its numbers, where they are a plain NumPy array.
fn of_series(series: Bound<'_, PyAny>) -> PyResult<Source<'_>> {
    match plain_numbers(&series)? {
        Some(numbers) => Ok(Source::Array(std::rc::Rc::new(numbers), 0)),
        None => Source::of_column(series),
    }
}

/// The labels of a frame, by the quickest of their own ways.
fn list(labels: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyList>> {
    let index = match labels.cast_into::<PyList>() {
        Ok(list) => return Ok(list),
        Err(index) => index.into_inner(),
    };
    if let Some(method) = index.getattr_opt(intern!(index.py(), "tolist"))? {
        return Ok(method.call0()?.cast_into()?);
    }
    PyList::new(index.py(), index.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}

/// Where the column of each field stands; other columns go to `extra`.
fn places(schema: &Schema, labels: &Bound<'_, PyList>, extra: &mut Extra) -> PyResult<Vec<Option<usize>>> {
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
        let label = label.str()?;
        let Some(field) = schema.number(&label.to_string_lossy()) else {
            extra.push_column(&label.to_string_lossy());
            continue;
        };
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
    let Some(method) = frame.getattr_opt(intern!(frame.py(), "_iter_column_arrays"))? else {
        return Ok(None);
    };
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
