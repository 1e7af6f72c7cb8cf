//! Where the values of a field come from: arrays, pandas' and polars' columns, lists.

use crate::arrays::{Numbers, is_array};
use crate::arrow;
use crate::cells::CellBuffer;
use crate::objects::Objects;
use monobloc::Column;
use monobloc::arrow::ArrowColumn;
use monobloc::input::{Coded, Entries, Keys, Nulls};
use monobloc::schema::Null;
use pyo3::intern;
use pyo3::prelude::*;
use std::rc::Rc;

/// Rows at once where values must be asked for.
const CELL_CHUNK: usize = 16_384;
/// Rows at once of arrays of objects, so that what is copied stays in the caches.
const OBJECT_CHUNK: usize = 2048;

/// Where the values of a field come from.
pub enum Source<'py> {
    /// A column of an array.
    Array(Rc<Numbers>, usize),
    /// An Arrow array.
    Arrow(Box<ArrowColumn>),
    /// pandas' categories: for each row the place of its value, negative where there is none.
    Categories(Numbers, CellBuffer),
    /// Values that are read already.
    Cells(CellBuffer),
    /// A column of anything, read by slices of rows.
    Column(Bound<'py, PyAny>),
    /// Numbers, and marks where there are none.
    Masked(Numbers, Numbers),
    /// An array of objects, read some rows at a time.
    Objects(Objects),
}

/// What a source's rows are read into.
#[derive(Default)]
pub struct Buffer {
    cells: CellBuffer,
    arrow: Option<ArrowColumn>,
}

impl<'py> Source<'py> {
    /// A column of anything: where it lies, if it is made of arrays that are known.
    pub fn of_column(column: Bound<'py, PyAny>) -> PyResult<Source<'py>> {
        if is_array(&column) {
            if let Some(numbers) = Numbers::borrow(&column)? {
                return Ok(Source::Array(Rc::new(numbers), 0));
            }
            return Ok(Objects::borrow(&column).map_or(Source::Column(column), Source::Objects));
        }
        if let Some(source) = extension(&column)? {
            return Ok(source);
        }
        // A series: pandas' own way to what it holds.
        if let Ok(values) = column.getattr(intern!(column.py(), "_values")) {
            return match extension(&values)? {
                Some(source) => Ok(source),
                None if is_array(&values) => Source::of_column(values),
                None => Ok(Source::Column(column)),
            };
        }
        if let Some(arrow) = arrow::column(&column, Null::None)? {
            return Ok(Source::Arrow(Box::new(arrow)));
        }
        Ok(Source::Column(column))
    }

    /// Rows to read at once, where values are copied.
    pub fn rows_at_once(&self) -> Option<usize> {
        match self {
            Source::Column(_) => Some(CELL_CHUNK),
            Source::Objects(_) => Some(OBJECT_CHUNK),
            _ => None,
        }
    }

    /// Reads `len` rows of `n_rows` from `start` to `buffer`, where they can't be borrowed.
    pub fn read(
        &self,
        py: Python<'_>,
        start: usize,
        len: usize,
        n_rows: usize,
        buffer: &mut Buffer,
    ) -> PyResult<()> {
        match self {
            Source::Arrow(column) if len != n_rows => {
                let part = column.slice(start, len).map_err(|error| crate::error::exception(&error))?;
                buffer.arrow = Some(part);
                Ok(())
            }
            Source::Column(values) => buffer.cells.read_slice(values, start, len, n_rows),
            Source::Objects(objects) => {
                buffer.cells.clear();
                objects.read(py, start, len, &mut buffer.cells)
            }
            _ => Ok(()),
        }
    }

    /// The values of rows `start..start + len`, which were read.
    pub fn column<'a>(&'a self, start: usize, len: usize, buffer: &'a Buffer) -> Column<'a> {
        match self {
            Source::Array(numbers, column) => numbers.column(*column, start, len),
            Source::Arrow(column) => buffer.arrow.as_ref().unwrap_or(column).column(),
            Source::Categories(codes, values) => match keys(codes.column(0, start, len)) {
                Some(keys) => {
                    let values = Entries::Cells(values.cells());
                    Column::Coded(Coded { keys, values, negative: Some(Null::Nan) })
                }
                None => codes.column(0, start, len),
            },
            Source::Cells(cells) => cells.column(start, len),
            Source::Column(_) | Source::Objects(_) => buffer.cells.column(0, len),
            Source::Masked(numbers, _) => numbers.column(0, start, len),
        }
    }

    /// Which of these rows have no value.
    pub fn nulls<'a>(&'a self, start: usize, len: usize, buffer: &'a Buffer) -> Option<Nulls<'a>> {
        match self {
            Source::Arrow(column) => buffer.arrow.as_ref().unwrap_or(column).nulls(),
            Source::Masked(_, marks) => match marks.column(0, start, len) {
                Column::Boolean(marks) => Some(Nulls::of_bytes(marks, Null::Nan)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn keys(codes: Column<'_>) -> Option<Keys<'_>> {
    Some(match codes {
        Column::Int8(codes) => Keys::Int8(codes),
        Column::Int16(codes) => Keys::Int16(codes),
        Column::Int32(codes) => Keys::Int32(codes),
        Column::Int64(codes) => Keys::Int64(codes),
        _ => return None,
    })
}

/// The values of a pandas array that is not NumPy's: on Arrow, with a mask, of categories, or of objects. These
/// attributes are older than they are public; where they are absent or hold something else, values are read one by
/// one.
pub fn extension<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Source<'py>>> {
    let py = array.py();
    let attribute = |name| array.getattr_opt(name);
    if let Some(values) = attribute(intern!(py, "_pa_array"))? {
        let mut column = arrow::column(&values, Null::Nan);
        if let Ok(None) = column {
            column = arrow::column(&values.call_method0("combine_chunks")?, Null::Nan);
        }
        return Ok(column.ok().flatten().map(|column| Source::Arrow(Box::new(column))));
    }
    if let Some(mask) = attribute(intern!(py, "_mask"))?
        && let Some(marks @ Numbers::Boolean(_)) = Numbers::borrow(&mask)?
        && let Some(values) = attribute(intern!(py, "_data"))?
        && let Some(values) = Numbers::borrow(&values)?
    {
        return Ok(Some(Source::Masked(values, marks)));
    }
    if let Some(codes) = attribute(intern!(py, "codes"))?
        && let Some(categories) = attribute(intern!(py, "categories"))?
    {
        let few = categories.len()? <= array.len()?;
        let codes = Numbers::borrow(&codes)?.filter(|codes| few && keys(codes.column(0, 0, 0)).is_some());
        let Some(codes) = codes else { return Ok(None) };
        let mut values = CellBuffer::default();
        values.read_slice(&categories, 0, categories.len()?, categories.len()?)?;
        return Ok(Some(Source::Categories(codes, values)));
    }
    if let Some(values) = attribute(intern!(py, "_ndarray"))?
        && let Some(objects) = Objects::borrow(&values)
    {
        return Ok(Some(Source::Objects(objects)));
    }
    Ok(None)
}
