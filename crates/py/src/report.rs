//! What loading cost, and whether a loaded bloc is well.

use monobloc::monitor::OutOfDistribution;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What loading cost.
#[pyclass(frozen, get_all, module = "monobloc")]
pub struct LoadReport {
    /// Wall time in seconds.
    seconds: f64,
    /// Bytes that are mapped and shared with other processes.
    mapped_bytes: u64,
    /// Bytes that the engine keeps for itself, estimated from the size of its parts.
    private_bytes: u64,
    /// A network's constants from 64 KiB on: which are mapped, and which had to be copied or packed.
    constants: Vec<Constant>,
    /// Environment variables that steer a network's kernels, and with them the last bits of its answers.
    kernel_variables: Vec<String>,
    /// What will slow predictions down, one sentence each: more mapped than there is memory for.
    warnings: Vec<String>,
}

/// A large constant of a network.
#[pyclass(frozen, get_all, from_py_object, module = "monobloc")]
#[derive(Clone)]
pub struct Constant {
    /// The node that holds it.
    name: String,
    /// Bytes.
    bytes: u64,
    /// Whether the bytes are the file's and shared with other processes.
    mapped: bool,
    /// Whether they are panels, packed for a kernel.
    packed: bool,
}

/// Whether a loaded bloc is still what it was, and the rows are like the reference.
#[pyclass(frozen, module = "monobloc")]
pub struct Health {
    /// What is wrong, one sentence each.
    #[pyo3(get)]
    findings: Vec<String>,
    /// Whether the file is no longer the one that was loaded: the only thing that should make a service unready.
    #[pyo3(get)]
    file_changed: bool,
    share: OutOfDistribution,
}

impl LoadReport {
    pub fn new(report: &monobloc::LoadReport) -> LoadReport {
        let constants = report.constants.iter().map(|constant| Constant {
            name: constant.name.clone(),
            bytes: constant.bytes,
            mapped: constant.mapped,
            packed: constant.packed,
        });
        LoadReport {
            seconds: report.duration.as_secs_f64(),
            mapped_bytes: report.mapped_bytes,
            private_bytes: report.private_bytes,
            constants: constants.collect(),
            kernel_variables: report.kernel_variables.clone(),
            warnings: report.warnings.clone(),
        }
    }
}

impl Health {
    pub fn new(engine: &monobloc::Engine) -> Health {
        let monobloc::bloc::Health { findings, file_changed, .. } = engine.health();
        Health { findings, file_changed, share: engine.out_of_distribution() }
    }
}

#[pymethods]
impl LoadReport {
    fn __repr__(&self) -> String {
        format!(
            "LoadReport(seconds={:.6}, mapped_bytes={}, private_bytes={})",
            self.seconds, self.mapped_bytes, self.private_bytes
        )
    }
}

#[pymethods]
impl Constant {
    fn __repr__(&self) -> String {
        let kind = if self.packed { "panels" } else { "tensor" };
        let place = if self.mapped { "mapped" } else { "private" };
        format!("Constant({:?}, {kind} of {} bytes, {place})", self.name, self.bytes)
    }
}

#[pymethods]
impl Health {
    /// `"ok"`, or `"degraded"` when something was found.
    #[getter]
    fn status(&self) -> &'static str {
        if self.findings.is_empty() { "ok" } else { "degraded" }
    }

    /// The rows of the last five minutes: a dict of `rows`, the `share` of them that is unlike the reference, the
    /// `limit` above which health is degraded, and `fields`, the share of rows by the field that causes it. Fewer than
    /// 100 rows never degrade health.
    #[getter]
    fn out_of_distribution<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let OutOfDistribution { rows, limit, fields, .. } = &self.share;
        let by_field = PyDict::new(py);
        for (name, count) in fields {
            by_field.set_item(name, *count as f64 / *rows as f64)?;
        }
        let share = PyDict::new(py);
        share.set_item("rows", rows)?;
        share.set_item("share", self.share.share())?;
        share.set_item("limit", limit)?;
        share.set_item("fields", by_field)?;
        Ok(share)
    }

    fn __repr__(&self) -> String {
        format!("Health(status={:?}, findings={:?})", self.status(), self.findings)
    }
}
