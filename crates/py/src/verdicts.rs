//! A verdict on each row, and what was found in it.

use crate::arrays::{filled, numpy};
use monobloc::{Extra, Status, Value};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::sync::Arc;

/// A sequence of verdicts, one per row.
#[pyclass(frozen, sequence, module = "monobloc")]
pub struct Verdicts {
    n_rows: usize,
    /// By ascending row.
    findings: Arc<[monobloc::Finding]>,
    extra: Extra,
}

impl Verdicts {
    /// Of `n_rows` rows; findings come by ascending row.
    pub fn new(n_rows: usize, findings: Vec<monobloc::Finding>, extra: Extra) -> Verdicts {
        Verdicts { n_rows, findings: findings.into(), extra }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// All findings, by ascending row.
    pub fn all(&self) -> &[monobloc::Finding] {
        &self.findings
    }

    /// Each row in which something was found, with its status.
    pub fn found(&self) -> impl Iterator<Item = (usize, Status)> {
        let rows = self.findings.chunk_by(|one, next| one.row == next.row);
        rows.map(|row| (row[0].row, row.iter().map(|finding| finding.status).max().unwrap_or_default()))
    }

    fn with(&self, status: Status) -> Vec<usize> {
        self.found().filter(|(_, found)| *found == status).map(|(row, _)| row).collect()
    }
}

#[pymethods]
impl Verdicts {
    /// The numbers of the rejected rows, ascending: they have no answer.
    #[getter]
    pub fn rejected(&self) -> Vec<usize> {
        self.with(Status::Rejected)
    }

    /// The numbers of the repaired rows, ascending: a value was replaced by rule before they were answered.
    #[getter]
    fn repaired(&self) -> Vec<usize> {
        self.with(Status::Repaired)
    }

    /// The numbers of the flagged rows, ascending: something was found, and they were answered as they came.
    #[getter]
    fn flagged(&self) -> Vec<usize> {
        self.with(Status::Flagged)
    }

    /// How many rows have each status.
    ///
    /// >>> monobloc.load("credit.bloc").run(X).verdicts.counts["rejected"]
    /// 0
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        let n_found = self.found().count();
        for status in Status::ALL {
            let n_rows = if status == Status::Ok { self.n_rows - n_found } else { self.with(status).len() };
            counts.set_item(status.name(), n_rows)?;
        }
        Ok(counts)
    }

    /// The status of each row: an array of texts, or a list where NumPy is not installed.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(numpy) = numpy(py) {
            let mut gravity = vec![0_i64; self.n_rows];
            self.found().for_each(|(row, status)| gravity[row] = status as i64);
            let gravity = filled::<i64>(py, self.n_rows, None, |out| {
                out.copy_from_slice(&gravity);
                Ok(())
            })?;
            return numpy
                .call_method1("array", (Status::ALL.map(Status::name),))?
                .call_method1("take", (gravity,));
        }
        let mut names = vec![Status::Ok.name(); self.n_rows];
        self.found().for_each(|(row, status)| names[row] = status.name());
        Ok(PyList::new(py, names)?.into_any())
    }

    /// Columns and keys that are no field of the model, with the number of rows that have them.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let extra = PyDict::new(py);
        for name in self.extra.names() {
            extra.set_item(&*name.name, name.count(self.n_rows))?;
        }
        Ok(extra)
    }

    /// All findings as a table: lists by the names of `Finding`'s attributes, and `row`, for a DataFrame.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let table = PyDict::new(py);
        let all = || self.findings.iter();
        table.set_item("row", PyList::new(py, all().map(|finding| finding.row))?)?;
        table.set_item("field", PyList::new(py, all().map(|finding| &*finding.field))?)?;
        table.set_item("kind", PyList::new(py, all().map(|finding| finding.kind.name()))?)?;
        let values = |each: &dyn Fn(&monobloc::Finding) -> Option<&Value>| {
            let values = all().map(|finding| value(py, each(finding)));
            PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
        };
        table.set_item("seen", values(&|finding| Some(&finding.seen))?)?;
        table.set_item("used", values(&|finding| finding.used.as_ref())?)?;
        table.set_item("status", PyList::new(py, all().map(|finding| finding.status.name()))?)?;
        table.set_item("reason", PyList::new(py, all().map(monobloc::Finding::reason))?)?;
        Ok(table)
    }

    /// The rows in which something was found, as JSON: what `run_json` says under `verdicts`.
    fn to_json(&self) -> String {
        monobloc::sanity::verdicts_json(&self.findings)
    }

    fn __len__(&self) -> usize {
        self.n_rows
    }

    fn __getitem__(&self, index: isize) -> PyResult<Verdict> {
        let row = if index < 0 { index + self.n_rows.cast_signed() } else { index };
        let row = usize::try_from(row).ok().filter(|&row| row < self.n_rows);
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {}", self.n_rows)))?;
        let first = self.findings.partition_point(|finding| finding.row < row);
        let found = self.findings[first..].iter().take_while(|finding| finding.row == row);
        Ok(Verdict { row, findings: found.cloned().map(Finding).collect() })
    }

    fn __repr__(&self) -> String {
        let counts = |status: Status| self.with(status).len();
        let [flagged, repaired, rejected] = [Status::Flagged, Status::Repaired, Status::Rejected].map(counts);
        format!("Verdicts({} rows: {flagged} flagged, {repaired} repaired, {rejected} rejected)", self.n_rows)
    }
}

/// What was found in one row.
#[pyclass(frozen, module = "monobloc")]
pub struct Verdict {
    /// The number of the row.
    #[pyo3(get)]
    row: usize,
    /// What was found; empty for a row without fault.
    #[pyo3(get)]
    findings: Vec<Finding>,
}

#[pymethods]
impl Verdict {
    /// `"ok"`; `"flagged"` for a row that is answered as it came although something was found in it; `"repaired"`
    /// for one that is answered with other values by rule; or `"rejected"` for one that has no answer.
    #[getter]
    fn status(&self) -> &'static str {
        self.findings.iter().map(|finding| finding.0.status).max().unwrap_or_default().name()
    }

    fn __repr__(&self) -> String {
        let findings =
            self.findings.iter().map(|Finding(found)| format!(", {}: {}", found.field, found.reason()));
        format!("Verdict(row {}, {}{})", self.row, self.status(), findings.collect::<String>())
    }
}

/// Something found in a row.
#[pyclass(frozen, from_py_object, module = "monobloc")]
#[derive(Clone)]
pub struct Finding(monobloc::Finding);

#[pymethods]
impl Finding {
    /// The name of the field; of a network's input or of an output where those are meant.
    #[getter]
    fn field(&self) -> &str {
        &self.0.field
    }

    /// What was found: a name of `docs/sanity.md`, such as `"out_of_range"`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// The value that came in; None where it is missing.
    #[getter]
    fn seen<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, Some(&self.0.seen))
    }

    /// The value that is used instead; None where it is the same, or missing.
    #[getter]
    fn used<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, self.0.used.as_ref())
    }

    /// What became of the row by this finding alone: `"flagged"`, `"repaired"` or `"rejected"`.
    #[getter]
    fn status(&self) -> &'static str {
        self.0.status.name()
    }

    /// What was found, what was expected, and what is used instead, for people.
    #[getter]
    fn reason(&self) -> String {
        self.0.reason()
    }

    fn __repr__(&self) -> String {
        format!("Finding({}: {})", self.0.field, self.0.reason())
    }
}

/// A value as Python has it.
fn value<'py>(py: Python<'py>, value: Option<&Value>) -> PyResult<Bound<'py, PyAny>> {
    match value {
        None | Some(Value::Missing) => Ok(py.None().into_bound(py)),
        Some(Value::Boolean(value)) => value.into_bound_py_any(py),
        Some(Value::Float(value)) => value.into_bound_py_any(py),
        Some(Value::Integer(value)) => value.into_bound_py_any(py),
        Some(value @ (Value::Other | Value::Redacted)) => value.to_string().into_bound_py_any(py),
        Some(Value::Text(text)) => text.into_bound_py_any(py),
    }
}
