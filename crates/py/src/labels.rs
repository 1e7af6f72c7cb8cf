//! Names and labels as NumPy arrays, or lists where NumPy is not installed.

use crate::arrays::{filled, numpy};
use monobloc::model::{Classes, Label};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

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

/// The labels of rows, gathered chunk by chunk: one for each, or of several targets a row of them.
pub struct Labels<'py> {
    targets: Vec<Bound<'py, PyAny>>,
    gathered: Bound<'py, PyAny>,
    done: usize,
}

impl<'py> Labels<'py> {
    /// No labels yet, for this many rows.
    pub fn new(py: Python<'py>, targets: &[Classes], n_rows: usize) -> PyResult<Self> {
        let targets: Vec<_> = targets.iter().map(|classes| labels(py, classes)).collect::<PyResult<_>>()?;
        let gathered = match (numpy(py), &targets[..]) {
            (Some(numpy), [classes]) => numpy.call_method1("empty", (n_rows, classes.getattr("dtype")?))?,
            // The type of the first, as the source has it.
            (Some(numpy), [first, ..]) => {
                numpy.call_method1("empty", ((n_rows, targets.len()), first.getattr("dtype")?))?
            }
            _ => PyList::empty(py).into_any(),
        };
        Ok(Labels { targets, gathered, done: 0 })
    }

    /// Appends labels by their numbers, row after row; NaN stands for the first.
    pub fn extend(&mut self, numbers: &[f64]) -> PyResult<()> {
        let (py, n_targets) = (self.gathered.py(), self.targets.len());
        let rows = numbers.chunks_exact(n_targets.max(1));
        if numpy(py).is_none() {
            let list = self.gathered.cast::<PyList>()?;
            for row in rows {
                let each = self.targets.iter().zip(row);
                let labels = each.map(|(classes, &number)| classes.get_item(number as i64));
                match &labels.collect::<PyResult<Vec<_>>>()?[..] {
                    [label] => list.append(label)?,
                    labels => list.append(PyList::new(py, labels)?)?,
                }
            }
            return Ok(());
        }
        let n_rows = rows.len();
        let end = self.done + n_rows;
        let place = PySlice::new(py, self.done.cast_signed(), end.cast_signed(), 1);
        for (target, classes) in self.targets.iter().enumerate() {
            let of_target = numbers.iter().skip(target).step_by(n_targets);
            let indices = filled::<i64>(py, n_rows, None, |out| {
                out.iter_mut().zip(of_target).for_each(|(into, &number)| *into = number as i64);
                Ok(())
            })?;
            let labels = classes.call_method1("take", (indices,))?;
            match n_targets {
                1 => self.gathered.set_item(&place, labels)?,
                _ => self.gathered.set_item((&place, target), labels)?,
            }
        }
        self.done = end;
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
        let py = self.gathered.py();
        let gathered = match numpy(py) {
            None => self.gathered,
            Some(_) => self.gathered.call_method1("astype", ("object",))?,
        };
        let none = match self.targets.len() {
            0 | 1 => py.None().into_bound(py),
            n_targets => PyList::new(py, (0..n_targets).map(|_| py.None()))?.into_any(),
        };
        rejected.into_iter().try_for_each(|row| gathered.set_item(row, none.clone()))?;
        Ok(gathered)
    }
}
