//! What the source model made of rows, for a reference.

use super::ModelTask;
use crate::error::{Error, ErrorKind, Result};
use crate::model::OutputDistributions;
use crate::reference::{OutputSource, ReferenceBuilder};

/// Adds a source model's answers on `n_rows` rows to a reference: all its `outputs`, row after row, and the numbers of
/// its labels, if it has some. `model` is the manifest's `model`.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for a model that can't be read, and answers that are not one for each row.
pub fn add_outputs(
    builder: &mut ReferenceBuilder,
    source: OutputSource,
    model: &str,
    n_rows: usize,
    outputs: &[f64],
    classes: &[f64],
) -> Result<()> {
    let ModelTask { task, classes: labels, .. } = serde_json::from_str(model)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("the model: {error}")))?;
    let n_outputs = outputs.len().checked_div(n_rows).unwrap_or(0);
    if n_rows * n_outputs != outputs.len() || n_outputs == 0 {
        let message = format!("{} outputs of {n_rows} rows; expected one or more of each row", outputs.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let kept = OutputDistributions::new(task, labels.as_ref(), n_outputs);
    builder.add_outputs(source, &kept.names, &kept.pick(outputs, n_outputs), &kept.labels, classes)
}
