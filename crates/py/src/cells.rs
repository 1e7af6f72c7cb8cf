//! Python's values as cells.

use crate::error::raise;
use monobloc::{Cell, Cells, Column, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PySlice, PyString};

/// Values up to which asking one by one is faster than asking for a list of them.
const FEW: usize = 4;

/// Values of any kind, owned.
#[derive(Default)]
pub struct CellBuffer {
    cells: Vec<Cell>,
    text: String,
}

impl CellBuffer {
    /// Values `start..start + len`.
    pub fn column(&self, start: usize, len: usize) -> Column<'_> {
        Column::Cells(Cells::new(&self.cells[start..start + len], &self.text))
    }

    /// All values.
    pub fn cells(&self) -> Cells<'_> {
        Cells::new(&self.cells, &self.text)
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.text.clear();
    }

    /// Reads rows `start..start + len` of a column of `n_rows`.
    pub fn read_slice(
        &mut self,
        column: &Bound<'_, PyAny>,
        start: usize,
        len: usize,
        n_rows: usize,
    ) -> PyResult<()> {
        self.clear();
        let py = column.py();
        let positional = if column.hasattr("iloc")? { column.getattr("iloc")? } else { column.clone() };
        let part = if len == n_rows {
            column.clone()
        } else {
            positional.get_item(PySlice::new(py, start.cast_signed(), (start + len).cast_signed(), 1))?
        };
        if let Ok(list) = part.cast::<PyList>() {
            list.iter().try_for_each(|value| self.push(&value))?;
        } else if len <= FEW {
            part.try_iter()?.try_for_each(|value| self.push(&value?))?;
        } else {
            let values = part.call_method0(if part.hasattr("tolist")? { "tolist" } else { "to_list" })?;
            values.cast::<PyList>()?.iter().try_for_each(|value| self.push(&value))?;
        }
        if self.cells.len() != len {
            return Err(raise(ErrorKind::Internal, format!("{} values for {len} rows", self.cells.len())));
        }
        Ok(())
    }

    /// Appends a value.
    pub fn push(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let cell = if let Ok(text) = value.cast::<PyString>() {
            self.text_cell(text)
        } else if let Ok(number) = value.cast::<PyFloat>() {
            Cell::Float(number.value())
        } else if let Ok(boolean) = value.cast::<PyBool>() {
            Cell::Boolean(boolean.is_true())
        } else if value.is_none() {
            Cell::None
        } else if value.is_instance_of::<PyInt>() {
            value.extract().map_or_else(|_| value.extract().map_or(Cell::Other, Cell::Float), Cell::Integer)
        } else {
            match foreign(value)? {
                Cell::Other => self.object(value)?,
                cell => cell,
            }
        };
        self.cells.push(cell);
        Ok(())
    }

    /// Makes room for this many values.
    pub fn reserve(&mut self, n_values: usize) {
        self.cells.reserve(n_values);
    }

    /// Appends text.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        let cell = self.str_cell(text);
        self.cells.push(cell);
    }

    /// Appends `None`.
    pub fn push_none(&mut self) {
        self.cells.push(Cell::None);
    }

    /// Appends a missing value.
    pub fn push_absent(&mut self) {
        self.cells.push(Cell::Absent);
    }

    /// A cell of text.
    #[inline]
    fn text_cell(&mut self, text: &Bound<'_, PyString>) -> Cell {
        // Half of a surrogate pair is no category's, whatever stands in its place.
        let lossy;
        let text = match text.to_str() {
            Ok(text) => text,
            Err(_) => {
                lossy = text.to_string_lossy();
                &lossy
            }
        };
        self.str_cell(text)
    }

    /// An object that is neither number nor text. What can be hashed may be compared with categories, and so is a text
    /// that none of them has; bytes are a number where `float` reads one from them.
    fn object(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Cell> {
        if let Ok(bytes) = value.cast::<PyBytes>()
            && let Ok(text) = std::str::from_utf8(bytes.as_bytes())
            && let Ok(number) = text.trim().parse()
        {
            return Ok(Cell::Float(number));
        }
        if value.hash().is_err() {
            return Ok(Cell::Other);
        }
        Ok(match value.repr() {
            Ok(shown) => self.text_cell(&shown),
            Err(_) => Cell::Other,
        })
    }

    fn str_cell(&mut self, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        Cell::Text { start, end: self.text.len() }
    }

    /// The cells and their text.
    pub fn into_parts(self) -> (Vec<Cell>, String) {
        (self.cells, self.text)
    }
}

/// Lists of values, one per column, as cells that share one text.
pub fn cells(columns: &[Bound<'_, PyList>]) -> PyResult<(Vec<Vec<Cell>>, String)> {
    let mut buffer = CellBuffer::default();
    let mut read = Vec::with_capacity(columns.len());
    for column in columns {
        column.iter().try_for_each(|value| buffer.push(&value))?;
        read.push(std::mem::take(&mut buffer.cells));
    }
    Ok((read, buffer.into_parts().1))
}

/// NumPy's scalars, pandas' NA and NaT, decimals and the like.
fn foreign(value: &Bound<'_, PyAny>) -> PyResult<Cell> {
    let class = value.get_type().name()?.to_string();
    Ok(match class.as_str() {
        "NAType" | "NaTType" => Cell::Float(f64::NAN),
        "bool_" | "bool" => Cell::Boolean(value.is_truthy()?),
        _ => {
            let integer = || value.extract().ok().map(Cell::Integer);
            integer().or_else(|| value.extract().ok().map(Cell::Float)).unwrap_or(Cell::Other)
        }
    })
}
