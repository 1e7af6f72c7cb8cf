//! A prediction as the table that `docs/arrow.md` specifies.

use crate::arrays::Numbers;
use crate::error::{exception, raise};
use crate::prediction::Prediction;
use arrow_array::RecordBatch;
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
    let labels = prediction.engine.label_column(prediction.classes.iter().copied());
    let width = (!ensemble.has_flat_output()).then(|| ensemble.n_outputs());
    let changed =
        || raise(ErrorKind::InvalidArgument, "the prediction's outputs are no longer those that were given");
    let values = values(&outputs.get_item(ensemble.output_name())?.ok_or_else(changed)?)?;
    if values.len() != n_rows * ensemble.n_outputs() {
        return Err(changed());
    }
    let outputs = (ensemble.output_name(), values);
    monobloc::arrow::table(n_rows, labels, outputs, ensemble.precision(), width, found.all())
        .map_err(|error| exception(&error))
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
