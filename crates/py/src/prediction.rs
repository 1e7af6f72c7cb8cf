//! What `run` gives: outputs and a verdict per row.

use monobloc::Rejection;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// The outputs for all rows, and a verdict for each.
#[pyclass(frozen, module = "monobloc")]
pub struct Prediction {
    /// Arrays by name: `probabilities` and `label` of a classifier, `prediction` of a regressor.
    #[pyo3(get)]
    pub outputs: Py<PyDict>,
    /// One verdict per row.
    #[pyo3(get)]
    pub verdicts: Py<Verdicts>,
}

#[pymethods]
impl Prediction {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let names = self.outputs.bind(py).keys();
        let verdicts = self.verdicts.get();
        Ok(format!(
            "Prediction({} rows, {} rejected, outputs {names})",
            verdicts.n_rows,
            verdicts.rejections.len()
        ))
    }
}

/// A sequence of verdicts, one per row.
#[pyclass(frozen, sequence, module = "monobloc")]
pub struct Verdicts {
    pub n_rows: usize,
    pub rejections: Arc<[Rejection]>,
}

#[pymethods]
impl Verdicts {
    /// The numbers of the rejected rows, ascending.
    #[getter]
    fn rejected(&self) -> Vec<usize> {
        self.rejections.iter().map(|rejection| rejection.row).collect()
    }

    fn __len__(&self) -> usize {
        self.n_rows
    }

    fn __getitem__(&self, index: isize) -> PyResult<Verdict> {
        let row = if index < 0 { index + self.n_rows.cast_signed() } else { index };
        let row = usize::try_from(row).ok().filter(|&row| row < self.n_rows);
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {}", self.n_rows)))?;
        let found = self.rejections.binary_search_by_key(&row, |rejection| rejection.row).ok();
        let finding = found
            .map(|at| &self.rejections[at])
            .map(|rejection| Finding { field: rejection.field.clone(), reason: rejection.reason.clone() });
        Ok(Verdict { row, findings: finding.into_iter().collect() })
    }

    fn __repr__(&self) -> String {
        format!("Verdicts({} rows, {} rejected)", self.n_rows, self.rejections.len())
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
}

#[pymethods]
impl Verdict {
    /// `"accepted"`, or `"rejected"` for a row that the source model would refuse.
    #[getter]
    fn status(&self) -> &'static str {
        if self.findings.is_empty() { "accepted" } else { "rejected" }
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
