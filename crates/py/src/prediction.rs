//! What `run` gives: outputs and a verdict per row.

use crate::verdicts::Verdicts;
use crate::{answer, arrow};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use std::sync::Arc;

/// The outputs for all rows, and a verdict for each.
#[pyclass(frozen, module = "monobloc")]
pub struct Prediction {
    /// Arrays by name: `probabilities` and `label` of a classifier, `prediction` of a regressor, the
    /// graph's own outputs of a network. Where a classifier decides on several targets, `probabilities` is a list of an
    /// array for each, and `label` has a column for each.
    #[pyo3(get)]
    pub outputs: Py<PyDict>,
    /// One verdict per row.
    #[pyo3(get)]
    pub verdicts: Py<Verdicts>,
    /// What answered.
    pub engine: Arc<monobloc::Engine>,
    /// The number of each row's label, where the model has labels; of several targets one for each, row after row.
    pub classes: Vec<f64>,
}

#[pymethods]
impl Prediction {
    /// The table of answers, `label`, outputs, `status` and `findings`, as a stream by Arrow's C interface.
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
        let n_rejected = verdicts.found().filter(|(_, status)| *status == monobloc::Status::Rejected).count();
        Ok(format!("Prediction({} rows, {n_rejected} rejected, outputs {names})", verdicts.n_rows()))
    }
}
