//! A prediction as the table that `docs/arrow.md` specifies.

use crate::arrays::Numbers;
use crate::error::{exception, raise};
use crate::prediction::Prediction;
use arrow_array::RecordBatch;
use monobloc::model::Ensemble;
use monobloc::{Column, ErrorKind, Matrix};
use pyo3::prelude::*;

/// The columns `label`, outputs, `status` and `findings`.
pub fn table(py: Python<'_>, prediction: &Prediction) -> PyResult<RecordBatch> {
    let ensemble = prediction.engine.model().ensemble().ok_or_else(|| {
        let message = "the outputs of a network are tensors, which make no table: see `outputs`";
        raise(ErrorKind::InvalidArgument, message)
    })?;
    let (outputs, found) = (prediction.outputs.bind(py), prediction.verdicts.get());
    let n_rows = found.n_rows();
    let changed =
        || raise(ErrorKind::InvalidArgument, "the prediction's outputs are no longer those that were given");
    let given = outputs.get_item(ensemble.output_name())?.ok_or_else(changed)?;
    let values = match ensemble.targets() {
        [_, _, ..] => of_targets(&given, ensemble, n_rows)?,
        _ => Some(values(&given)?).filter(|values| values.len() == n_rows * ensemble.n_outputs()),
    };
    let values = values.ok_or_else(changed)?;
    prediction
        .engine
        .table_of_answers(n_rows, values, &prediction.classes, found.all())
        .map_err(|error| exception(&error))
}

/// The outputs of rows, from a list of each target's; `None` where it holds others.
fn of_targets(given: &Bound<'_, PyAny>, ensemble: &Ensemble, n_rows: usize) -> PyResult<Option<Vec<f64>>> {
    let mut outputs = vec![0.0; n_rows * ensemble.n_outputs()];
    if given.len()? != ensemble.targets().len() {
        return Ok(None);
    }
    for (array, places) in given.try_iter()?.zip(ensemble.target_outputs()) {
        let values = values(&array?)?;
        if values.len() != n_rows * places.len() {
            return Ok(None);
        }
        let rows = outputs.chunks_exact_mut(ensemble.n_outputs()).zip(values.chunks_exact(places.len()));
        rows.for_each(|(row, values)| row[places.clone()].copy_from_slice(values));
    }
    Ok(Some(outputs))
}

/// The numbers of an array or of lists, row after row.
fn values(array: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let Some(numbers) = Numbers::borrow(array)? else {
        return match array.extract::<Vec<Vec<f64>>>() {
            Ok(rows) => Ok(rows.concat()),
            Err(_) => array.extract(),
        };
    };
    let n_rows = numbers.shape().first().copied().unwrap_or(0);
    Ok(match (numbers.matrix(0, n_rows), numbers.column(0, 0, n_rows)) {
        (Some(Matrix::Float32(matrix)), _) => {
            let row = |row| (0..matrix.n_columns()).map(move |at| matrix.row(row).at(at).into());
            (0..n_rows).flat_map(row).collect()
        }
        (Some(Matrix::Float64(matrix)), _) => (0..n_rows)
            .flat_map(|row| (0..matrix.n_columns()).map(move |at| matrix.row(row).at(at)))
            .collect(),
        (None, Column::Float32(column)) => (0..n_rows).map(|row| column.at(row).into()).collect(),
        (None, Column::Float64(column)) => (0..n_rows).map(|row| column.at(row)).collect(),
        (None, _) => Vec::new(),
    })
}
