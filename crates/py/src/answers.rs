//! What an ensemble says of rows, as arrays of the source's type.

use crate::arrays::{filled, numpy};
use crate::engine::{Engine, detached};
use crate::error::exception;
use crate::labels::Labels;
use crate::prediction::Prediction;
use crate::rows::Rows;
use crate::verdicts::Verdicts;
use monobloc::model::{Classes, Ensemble};
use monobloc::precision::Precision;
use monobloc::sanity::accept;
use monobloc::{Finding, Input};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySlice};
use std::ops::Range;

/// Writes values for all rows of a chunk, and gives what is found in them.
type Fill<'a> = &'a (dyn Fn(&Input<'_>, &mut [f64]) -> monobloc::Result<Vec<Finding>> + Sync);

/// An array of `n_values` per row in the source's type, in one dimension where `flat` and there is one value.
/// Raises where rows are rejected.
pub fn values<'py>(
    py: Python<'py>,
    engine: &Engine,
    rows: &Rows<'py>,
    n_values: usize,
    flat: bool,
    fill: Fill<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let width = (!flat || n_values != 1).then_some(n_values);
    array(py, engine, rows, n_values, width, |input, out| {
        let findings = detached(py, engine, input, || fill(input, out))?;
        accept(&findings).map_err(|error| exception(&error))
    })
}

/// A new array of the source's type, `width` values wide or in one dimension, that `each` writes chunk by chunk:
/// `n_values` per row.
fn array<'py>(
    py: Python<'py>,
    engine: &Engine,
    rows: &Rows<'py>,
    n_values: usize,
    width: Option<usize>,
    mut each: impl FnMut(&Input<'_>, &mut [f64]) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let precision = engine.inner().model().ensemble().map_or(Precision::Double, Ensemble::precision);
    match precision {
        Precision::Double => filled::<f64>(py, rows.n_rows(), width, |out| {
            engine.for_each_chunk(py, rows, |input| {
                each(input, &mut out[input.first_row() * n_values..][..input.n_rows() * n_values])
            })
        }),
        Precision::Single => filled::<f32>(py, rows.n_rows(), width, |out| {
            engine.for_each_chunk(py, rows, |input| {
                let mut chunk = vec![0.0; input.n_rows() * n_values];
                each(input, &mut chunk)?;
                let out = &mut out[input.first_row() * n_values..];
                out.iter_mut().zip(chunk).for_each(|(into, value)| *into = value as f32);
                Ok(())
            })
        }),
    }
}

/// Probabilities, of several targets as a list of an array for each. Raises where rows are rejected.
pub fn probabilities<'py>(
    py: Python<'py>,
    engine: &Engine,
    rows: &Rows<'py>,
    fill: Fill<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let array = values(py, engine, rows, engine.inner().model().n_outputs(), false, fill)?;
    of_targets(array, engine)
}

/// The outputs of several targets as a list of an array, or list of rows, for each.
fn of_targets<'py>(array: Bound<'py, PyAny>, engine: &Engine) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let Some(ensemble) = engine.inner().model().ensemble().filter(|ensemble| ensemble.targets().len() > 1)
    else {
        return Ok(array);
    };
    let places =
        |outputs: Range<usize>| PySlice::new(py, outputs.start.cast_signed(), outputs.end.cast_signed(), 1);
    let of_target = |outputs: Range<usize>| match numpy(py) {
        Some(numpy) => {
            let columns = array.get_item((PySlice::full(py), places(outputs)))?;
            numpy.call_method1("ascontiguousarray", (columns,))
        }
        None => {
            let rows = array.try_iter()?.map(|row| row?.get_item(places(outputs.clone())));
            Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
    };
    let arrays: Vec<_> = ensemble.target_outputs().map(of_target).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, arrays)?.into_any())
}

/// The label of each row, of several targets a row of them.
pub fn labels<'py>(
    py: Python<'py>,
    engine: &Engine,
    rows: &Rows<'py>,
    targets: &[Classes],
) -> PyResult<Bound<'py, PyAny>> {
    let mut labels = Labels::new(py, targets, rows.n_rows())?;
    engine.for_each_chunk(py, rows, |input| {
        let mut numbers = vec![0.0; input.n_rows() * targets.len()];
        let findings =
            detached(py, engine, input, || engine.inner().class_numbers_into(input, &mut numbers))?;
        accept(&findings).map_err(|error| exception(&error))?;
        labels.extend(&numbers)
    })?;
    labels.finish()
}

/// The outputs of all rows, by name, and verdicts.
pub fn run<'py>(py: Python<'py>, engine: &Engine, rows: &Rows<'py>) -> PyResult<Prediction> {
    let model = engine.inner().model();
    let (n_outputs, n_rows) = (model.n_outputs(), rows.n_rows());
    let targets = model.targets();
    let width = n_outputs + targets.len();
    let mut findings: Vec<Finding> = Vec::new();
    let mut numbers = Vec::new();
    let ensemble = model.ensemble();
    let name = ensemble.map_or("prediction", Ensemble::output_name);
    let list = !ensemble.is_some_and(Ensemble::has_flat_output);
    let array = array(py, engine, rows, n_outputs, list.then_some(n_outputs), |input, out| {
        if targets.is_empty() {
            findings.extend(detached(py, engine, input, || engine.inner().run_into(input, out))?);
            return Ok(());
        }
        let mut together = vec![0.0; input.n_rows() * width];
        findings.extend(detached(py, engine, input, || {
            engine.inner().run_with_classes_into(input, &mut together)
        })?);
        for (row, out) in together.chunks_exact(width).zip(out.chunks_exact_mut(n_outputs)) {
            let (outputs, of_row) = row.split_at(n_outputs);
            out.copy_from_slice(outputs);
            numbers.extend_from_slice(of_row);
        }
        Ok(())
    })?;
    let verdicts = Verdicts::new(n_rows, findings, rows.extra());
    let outputs = PyDict::new(py);
    outputs.set_item(name, of_targets(array, engine)?)?;
    if !targets.is_empty() {
        let mut labels = Labels::new(py, targets, n_rows)?;
        labels.extend(&numbers)?;
        outputs.set_item("label", labels.without(verdicts.rejected())?)?;
    }
    Ok(Prediction {
        outputs: outputs.unbind(),
        verdicts: Py::new(py, verdicts)?,
        engine: engine.shared(),
        classes: numbers,
    })
}
