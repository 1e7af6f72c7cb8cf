//! Names and labels as NumPy arrays, or lists where NumPy is not installed.

use crate::arrays::{filled, numpy};
use monobloc::model::{Classes, Label};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Names as an array of objects.
pub fn names<'py>(py: Python<'py>, values: &[&str]) -> PyResult<Bound<'py, PyAny>> {
    let list = PyList::new(py, values)?;
    match numpy(py) {
        None => Ok(list.into_any()),
        Some(numpy) => numpy.call_method1("array", (list, "object")),
    }
}

/// The labels as an array of their dtype, or as a list.
pub fn labels<'py>(py: Python<'py>, classes: &Classes) -> PyResult<Bound<'py, PyAny>> {
    let values = classes.values.iter().map(|label| match label {
        Label::Boolean(value) => value.into_bound_py_any(py),
        Label::Integer(value) => value.into_bound_py_any(py),
        Label::Float(value) => value.into_bound_py_any(py),
        Label::Text(value) => value.into_bound_py_any(py),
    });
    let list = PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?;
    match numpy(py) {
        None => Ok(list.into_any()),
        Some(numpy) => numpy.call_method1("array", (list, classes.dtype.as_str())),
    }
}

/// The labels of rows, gathered chunk by chunk.
pub struct Labels<'py> {
    classes: Bound<'py, PyAny>,
    gathered: Bound<'py, PyAny>,
    done: usize,
}

impl<'py> Labels<'py> {
    /// No labels yet, for this many rows.
    pub fn new(py: Python<'py>, classes: &Classes, n_rows: usize) -> PyResult<Self> {
        let classes = labels(py, classes)?;
        let gathered = match numpy(py) {
            None => PyList::empty(py).into_any(),
            Some(numpy) => numpy.call_method1("empty", (n_rows, classes.getattr("dtype")?))?,
        };
        Ok(Labels { classes, gathered, done: 0 })
    }

    /// Appends labels by their numbers; NaN stands for the first.
    pub fn extend(&mut self, numbers: impl Iterator<Item = f64>) -> PyResult<()> {
        let best: Vec<i64> = numbers.map(|number| number as i64).collect();
        let py = self.classes.py();
        match numpy(py) {
            None => {
                let list = self.gathered.cast::<PyList>()?;
                best.iter().try_for_each(|&class| list.append(self.classes.get_item(class)?))?;
            }
            Some(_) => {
                let end = self.done + best.len();
                let place = pyo3::types::PySlice::new(py, self.done.cast_signed(), end.cast_signed(), 1);
                let indices = filled::<i64>(py, best.len(), None, |out| {
                    out.copy_from_slice(&best);
                    Ok(())
                })?;
                self.gathered.set_item(place, self.classes.call_method1("take", (indices,))?)?;
                self.done = end;
            }
        }
        Ok(())
    }

    /// The labels.
    pub fn finish(self) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.gathered)
    }

    /// With None in place of rejected rows' labels.
    pub fn without(self, rejected: Vec<usize>) -> PyResult<Bound<'py, PyAny>> {
        if rejected.is_empty() {
            return Ok(self.gathered);
        }
        let py = self.classes.py();
        let gathered = match numpy(py) {
            None => self.gathered,
            Some(_) => self.gathered.call_method1("astype", ("object",))?,
        };
        rejected.into_iter().try_for_each(|row| gathered.set_item(row, py.None()))?;
        Ok(gathered)
    }
}
