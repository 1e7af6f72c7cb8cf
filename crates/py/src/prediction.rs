//! What `run` gives: outputs and a verdict per row.

use crate::{answer, arrow};
use monobloc::Rejection;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use std::sync::Arc;

/// The outputs for all rows, and a verdict for each.
#[pyclass(frozen, module = "monobloc")]
pub struct Prediction {
    /// Arrays by name: `probabilities` and `label` of a classifier, `prediction` of a regressor, the
    /// graph's own outputs of a network.
    #[pyo3(get)]
    pub outputs: Py<PyDict>,
    /// One verdict per row.
    #[pyo3(get)]
    pub verdicts: Py<Verdicts>,
    /// What answered.
    pub engine: Arc<monobloc::Engine>,
    /// The number of each row's label, where the model has labels.
    pub classes: Vec<f64>,
}

#[pymethods]
impl Prediction {
    /// The table of answers, `label`, outputs and `status`, as a stream by Arrow's C interface.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        arrow::export_stream(py, answer::table(py, self)?)
    }

    /// The same as an array of structs.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        arrow::export_array(py, answer::table(py, self)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let names = self.outputs.bind(py).keys();
        let verdicts = self.verdicts.get();
        Ok(format!(
            "Prediction({} rows, {} rejected, outputs {names})",
            verdicts.n_rows,
            verdicts.count(true)
        ))
    }
}

/// A sequence of verdicts, one per row.
#[pyclass(frozen, sequence, module = "monobloc")]
pub struct Verdicts {
    pub n_rows: usize,
    /// By ascending row.
    pub noted: Arc<[Noted]>,
}

/// Something that was found in a row.
pub struct Noted {
    pub row: usize,
    pub field: String,
    pub reason: String,
    pub rejected: bool,
}

impl From<Rejection> for Noted {
    fn from(Rejection { row, field, reason }: Rejection) -> Noted {
        Noted { row, field, reason, rejected: true }
    }
}

impl Verdicts {
    /// The numbers of the rejected rows, ascending.
    pub fn rejections(&self) -> Vec<usize> {
        self.rejected()
    }

    fn count(&self, rejected: bool) -> usize {
        let mut rows: Vec<usize> =
            self.noted.iter().filter(|noted| noted.rejected == rejected).map(|noted| noted.row).collect();
        rows.dedup();
        rows.len()
    }
}

#[pymethods]
impl Verdicts {
    /// The numbers of the rejected rows, ascending.
    #[getter]
    fn rejected(&self) -> Vec<usize> {
        let mut rows: Vec<usize> =
            self.noted.iter().filter(|noted| noted.rejected).map(|noted| noted.row).collect();
        rows.dedup();
        rows
    }

    /// The numbers of the rows in which something was found, ascending.
    #[getter]
    fn flagged(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = self.noted.iter().map(|noted| noted.row).collect();
        rows.dedup();
        rows
    }

    fn __len__(&self) -> usize {
        self.n_rows
    }

    fn __getitem__(&self, index: isize) -> PyResult<Verdict> {
        let row = if index < 0 { index + self.n_rows.cast_signed() } else { index };
        let row = usize::try_from(row).ok().filter(|&row| row < self.n_rows);
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {}", self.n_rows)))?;
        let first = self.noted.partition_point(|noted| noted.row < row);
        let noted: Vec<&Noted> = self.noted[first..].iter().take_while(|noted| noted.row == row).collect();
        let rejected = noted.iter().any(|noted| noted.rejected);
        let finding = |noted: &&Noted| Finding { field: noted.field.clone(), reason: noted.reason.clone() };
        Ok(Verdict { row, rejected, findings: noted.iter().map(finding).collect() })
    }

    fn __repr__(&self) -> String {
        format!("Verdicts({} rows, {} rejected)", self.n_rows, self.count(true))
    }
}

/// What was found in one row.
#[pyclass(frozen, module = "monobloc")]
pub struct Verdict {
    /// The number of the row.
    #[pyo3(get)]
    pub row: usize,
    /// What was found; empty for a row without fault.
    #[pyo3(get)]
    pub findings: Vec<Finding>,
    rejected: bool,
}

#[pymethods]
impl Verdict {
    /// `"accepted"`, `"flagged"` for a row that has an answer although something was found in it, or
    /// `"rejected"` for one that has none.
    #[getter]
    fn status(&self) -> &'static str {
        match (self.findings.is_empty(), self.rejected) {
            (true, _) => "accepted",
            (false, false) => "flagged",
            (false, true) => "rejected",
        }
    }

    fn __repr__(&self) -> String {
        let findings = self.findings.iter().map(|finding| format!(", {}: {}", finding.field, finding.reason));
        format!("Verdict(row {}, {}{})", self.row, self.status(), findings.collect::<String>())
    }
}

/// Something found in a row.
#[pyclass(frozen, from_py_object, module = "monobloc")]
#[derive(Clone)]
pub struct Finding {
    /// The name of the field.
    #[pyo3(get)]
    pub field: String,
    /// What was found and what was expected.
    #[pyo3(get)]
    pub reason: String,
}

#[pymethods]
impl Finding {
    fn __repr__(&self) -> String {
        format!("Finding({}: {})", self.field, self.reason)
    }
}
