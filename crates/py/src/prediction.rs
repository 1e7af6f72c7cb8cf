//! What `run` gives: outputs and a verdict per row.

use crate::verdicts::Verdicts;
use pyo3::prelude::*;
use pyo3::types::PyDict;

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
}

#[pymethods]
impl Prediction {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let names = self.outputs.bind(py).keys();
        let verdicts = self.verdicts.get();
        let n_rejected = verdicts.found().filter(|(_, status)| *status == monobloc::Status::Rejected).count();
        Ok(format!("Prediction({} rows, {n_rejected} rejected, outputs {names})", verdicts.n_rows()))
    }
}
