//! Reports of drift, as Python sees them.

use crate::error::{exception, raise};
use monobloc::ErrorKind;
use monobloc::exposition::{Metric, Sample};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use serde_json::Value;

/// How live rows differ from the reference. `print` gives it as a table, a notebook shows it as one, and `to_html` is a
/// page of its own with pictures.
#[pyclass(frozen, module = "monobloc")]
pub struct DriftReport {
    inner: monobloc::drift::DriftReport,
}

/// How one column or output differs from the reference.
#[pyclass(frozen, module = "monobloc")]
#[derive(Clone)]
pub struct ColumnDrift {
    inner: monobloc::drift::ColumnDrift,
}

impl DriftReport {
    pub fn new(inner: monobloc::drift::DriftReport) -> DriftReport {
        DriftReport { inner }
    }
}

#[pymethods]
impl DriftReport {
    /// The columns, drifted ones first, and of them those that moved most.
    #[getter]
    fn columns(&self) -> Vec<ColumnDrift> {
        self.inner.columns.iter().cloned().map(|inner| ColumnDrift { inner }).collect()
    }

    /// The outputs, likewise.
    #[getter]
    fn outputs(&self) -> Vec<ColumnDrift> {
        self.inner.outputs.iter().cloned().map(|inner| ColumnDrift { inner }).collect()
    }

    /// The names of the columns and outputs that drifted.
    #[getter]
    fn drifted(&self) -> Vec<String> {
        self.inner.drifted().map(|column| column.name.clone()).collect()
    }

    /// What was compared: a dict with `rows`, `reference_rows`, `judged`, and where they are known `seconds`, `from`,
    /// `to` (Unix times) and `workers`.
    #[getter]
    fn window<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json(py, serde_json::to_value(&self.inner.window))
    }

    /// All of it as a dict of lists, dicts and numbers.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json(py, serde_json::to_value(&self.inner))
    }

    /// A page that needs nothing else: tables, and a picture of each column that moved and of each output.
    fn to_html(&self) -> String {
        self.inner.to_html()
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.inner.drifted().map(|column| column.name.as_str()).collect();
        format!("DriftReport({} rows, drifted: {names:?})", self.inner.window.rows)
    }

    fn _repr_html_(&self) -> String {
        self.inner.to_html_table()
    }
}

#[pymethods]
impl ColumnDrift {
    /// The column's name, or the output's.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether it drifted: by an effect large enough to matter, that is not by chance.
    #[getter]
    fn drifted(&self) -> bool {
        self.inner.drifted
    }

    /// Why nothing was judged, or None.
    #[getter]
    fn silence(&self) -> Option<&str> {
        self.inner.silence.as_deref()
    }

    /// What a person would say.
    #[getter]
    fn sentence(&self) -> &str {
        &self.inner.sentence
    }

    /// By how much, a dict by measure: numbers, or dicts of a `statistic` and its `p_value`; None where a measure has
    /// no meaning.
    #[getter]
    fn measures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json(py, serde_json::to_value(&self.inner.measures))
    }

    fn __repr__(&self) -> String {
        let drifted = if self.inner.drifted { "drifted" } else { "not drifted" };
        format!("ColumnDrift({:?}, {drifted}: {})", self.inner.name, self.inner.sentence)
    }
}

fn json(py: Python<'_>, value: serde_json::Result<Value>) -> PyResult<Bound<'_, PyAny>> {
    let text = value.map_err(|error| raise(ErrorKind::Internal, error.to_string()))?.to_string();
    py.import("json")?.call_method1("loads", (text,))
}

/// What was counted, as a dict.
pub fn snapshot<'py>(py: Python<'py>, engine: &monobloc::Engine) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(snapshot) = engine.snapshot() else { return Ok(None) };
    let totals = &snapshot.totals;
    let dict = PyDict::new(py);
    for (name, count) in [
        ("requests", totals.requests),
        ("rows", totals.rows),
        ("flagged", totals.flagged),
        ("repaired", totals.repaired),
        ("rejected", totals.rejected),
        ("out_of_distribution", totals.out_of_distribution),
        ("in_flight", totals.in_flight),
        ("workers", totals.workers),
        ("window_rows", snapshot.rows),
        ("window_seen_rows", snapshot.seen),
        ("window_rejected", snapshot.rejected),
        ("window_out_of_distribution", snapshot.out_of_distribution),
    ] {
        dict.set_item(name, count)?;
    }
    dict.set_item("seconds", totals.seconds)?;
    Ok(Some(dict))
}

/// Metrics, as tuples.
pub fn families<'py>(py: Python<'py>, metrics: &[Metric]) -> PyResult<Bound<'py, PyAny>> {
    let sample = |Sample { suffix, labels, value }: &Sample| {
        let labels = labels.iter().map(|(label, text)| (*label, text.as_str()));
        Ok((*suffix, labels.into_py_dict(py)?, *value).into_pyobject(py)?.into_any())
    };
    let family = |Metric { name, help, kind, samples }: &Metric| {
        let samples = samples.iter().map(sample).collect::<PyResult<Vec<_>>>()?;
        Ok((*name, *help, kind.name(), samples).into_pyobject(py)?.into_any())
    };
    metrics.iter().map(family).collect::<PyResult<Vec<_>>>()?.into_bound_py_any(py)
}

/// The report on the window, or of the rows that each chunk of `rows` counts into it.
pub fn finished(report: monobloc::Result<monobloc::drift::DriftReport>) -> PyResult<DriftReport> {
    report.map(DriftReport::new).map_err(|error| exception(&error))
}
