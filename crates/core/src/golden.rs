//! Golden rows: inputs with the outputs that the training library gave, replayed through an engine.

#[cfg(feature = "onnx")]
mod tensors;

#[cfg(feature = "onnx")]
pub(crate) use tensors::write as write_cases;
#[cfg(feature = "onnx")]
pub use tensors::{GoldenCase, RELATIVE_BOUND};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Cell, Cells, Column, Input};
use crate::model::{Ensemble, Task};
use crate::schema::{Field, Kind, Null, Schema};
use arrow_array::builder::{BooleanBuilder, FixedSizeListBuilder, Float64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use std::io::Cursor;
use std::sync::Arc;

/// The member that holds golden rows.
pub(crate) const MEMBER: &str = "golden.arrow";

/// What replaying found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoldenReport {
    /// Rows replayed.
    pub rows: usize,
    /// Whether every output has the very bytes of the training library's.
    pub exact: bool,
    /// The greatest difference of an output; infinite where one of the two is not a number or a row
    /// was refused.
    pub max_abs_diff: f64,
    /// The greatest difference relative to the greatest magnitude of its output.
    pub max_rel_diff: f64,
    /// Whether the outputs are what they must be: the very bytes for an ensemble, within the stated bound of
    /// the reference's for a network.
    pub accepted: bool,
}

/// Golden rows as a packer gives them.
#[derive(Clone, Debug, Default)]
pub struct GoldenRows {
    /// For each field of the schema, a cell per row; text cells refer to `text`.
    pub columns: Vec<Vec<Cell>>,
    /// The text of all cells.
    pub text: String,
    /// The outputs of the training library, row after row.
    pub outputs: Vec<f64>,
}

/// Replays the golden rows of the engine's bloc and compares the outputs with the training library's.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the golden rows can't be read.
pub fn replay(engine: &Engine) -> Result<GoldenReport> {
    #[cfg(feature = "onnx")]
    if let Some(network) = engine.model().network() {
        return tensors::replay(engine, network);
    }
    let batch = read_batch(engine)?;
    let fields = engine.schema().fields();
    let texts: Vec<(Vec<Cell>, String)> =
        fields.iter().map(|field| cells(&batch, field)).collect::<Result<_>>()?;
    let columns = texts.iter().map(|(cells, text)| Some(Column::Cells(Cells { cells, text }))).collect();
    let input = Input::new(engine.schema(), batch.num_rows(), columns)?;
    let prediction = engine.run(&input)?;
    let expected = expected(&batch, engine)?;
    if expected.len() != prediction.outputs.len() {
        let (found, wanted) = (expected.len(), prediction.outputs.len());
        return Err(Error::corrupt(format!("reading {MEMBER}: {found} outputs; expected {wanted}")));
    }
    let pairs = || expected.iter().zip(&prediction.outputs);
    let difference = |(a, b): (&f64, &f64)| {
        let difference = (a - b).abs();
        if a.to_bits() == b.to_bits() {
            0.0
        } else if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        }
    };
    let exact = pairs().all(|(a, b)| a.to_bits() == b.to_bits());
    let max_abs_diff = pairs().map(difference).fold(0.0, f64::max);
    let magnitude = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let max_rel_diff = if max_abs_diff == 0.0 { 0.0 } else { max_abs_diff / magnitude };
    Ok(GoldenReport { rows: batch.num_rows(), exact, max_abs_diff, max_rel_diff, accepted: exact })
}

/// The member's bytes.
pub(crate) fn write(schema: &Schema, task: Task, rows: &GoldenRows, n_outputs: usize) -> Result<Vec<u8>> {
    let n_rows = rows.outputs.len() / n_outputs.max(1);
    let consistent = rows.columns.len() == schema.fields().len()
        && rows.outputs.len() == n_rows * n_outputs
        && rows.columns.iter().all(|column| column.len() == n_rows);
    if !consistent {
        let message =
            format!("golden rows of {} columns and {} outputs", rows.columns.len(), rows.outputs.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut named: Vec<(String, ArrayRef)> = Vec::new();
    for (field, column) in schema.fields().iter().zip(&rows.columns) {
        named.push((input_name(field), array(field, column, &rows.text)?));
    }
    named.push(match task {
        Task::Classification => {
            let mut lists = FixedSizeListBuilder::new(Float64Builder::new(), n_outputs as i32);
            for row in rows.outputs.chunks(n_outputs.max(1)) {
                lists.values().append_slice(row);
                lists.append(true);
            }
            (output_name(task).to_owned(), Arc::new(lists.finish()))
        }
        Task::Regression => {
            let mut values = Float64Builder::new();
            values.append_slice(&rows.outputs);
            (output_name(task).to_owned(), Arc::new(values.finish()))
        }
    });
    write_batch(named)
}

fn write_batch<N: AsRef<str>>(columns: Vec<(N, ArrayRef)>) -> Result<Vec<u8>> {
    let internal = |error: arrow_schema::ArrowError| {
        Error::new(ErrorKind::Internal, format!("writing {MEMBER}: {error}"))
    };
    let batch = RecordBatch::try_from_iter(columns).map_err(internal)?;
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, &batch.schema()).map_err(internal)?;
    writer.write(&batch).map_err(internal)?;
    writer.finish().map_err(internal)?;
    drop(writer);
    Ok(bytes)
}

fn input_name(field: &Field) -> String {
    format!("input:{}", field.name)
}

fn output_name(task: Task) -> &'static str {
    match task {
        Task::Classification => "output:probabilities",
        Task::Regression => "output:prediction",
    }
}

fn array(field: &Field, column: &[Cell], text: &str) -> Result<ArrayRef> {
    let missing =
        |cell: &Cell| matches!(cell, Cell::None) || matches!(cell, Cell::Float(value) if value.is_nan());
    let misfit = |cell: &Cell| {
        let message =
            format!("golden row: {cell:?} is no value for field {:?} of kind {:?}", field.name, field.kind);
        Error::new(ErrorKind::InvalidArgument, message)
    };
    Ok(match field.kind {
        Kind::Boolean => {
            let mut builder = BooleanBuilder::new();
            for cell in column {
                builder.append_option(match cell {
                    cell if missing(cell) => None,
                    Cell::Boolean(value) => Some(*value),
                    Cell::Float(value) => Some(*value != 0.0),
                    Cell::Integer(value) => Some(*value != 0),
                    _ => return Err(misfit(cell)),
                });
            }
            Arc::new(builder.finish())
        }
        Kind::Float | Kind::Integer => {
            let mut builder = Float64Builder::new();
            for cell in column {
                builder.append_option(match *cell {
                    ref cell if missing(cell) => None,
                    Cell::Boolean(value) => Some(f64::from(u8::from(value))),
                    Cell::Float(value) => Some(value),
                    Cell::Integer(value) => Some(value as f64),
                    _ => return Err(misfit(cell)),
                });
            }
            Arc::new(builder.finish())
        }
        Kind::String => {
            let mut builder = StringBuilder::new();
            for cell in column {
                builder.append_option(match *cell {
                    ref cell if missing(cell) => None,
                    Cell::Text { start, end } => Some(text.get(start..end).ok_or_else(|| misfit(cell))?),
                    _ => return Err(misfit(cell)),
                });
            }
            Arc::new(builder.finish())
        }
    })
}

fn read_batch(engine: &Engine) -> Result<RecordBatch> {
    let corrupt = |what: String| {
        Error::corrupt(format!("{}: reading {MEMBER}: {what}", engine.bloc().path().display()))
    };
    let bytes =
        engine.bloc().read(MEMBER)?.ok_or_else(|| corrupt("the bloc has no golden rows".to_owned()))?;
    let batches = std::panic::catch_unwind(|| {
        FileReader::try_new(Cursor::new(bytes), None)?.collect::<std::result::Result<Vec<_>, _>>()
    });
    let batches = batches.map_err(|_| corrupt("it is no Arrow IPC file".to_owned()))?;
    let mut batches = batches.map_err(|error| corrupt(error.to_string()))?;
    match (batches.pop(), batches.is_empty()) {
        (Some(batch), true) => Ok(batch),
        _ => Err(corrupt("expected one record batch".to_owned())),
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| Error::corrupt(format!("reading {MEMBER}: it has no column {name:?}")))
}

/// The column of `field` as cells and their text.
fn cells(batch: &RecordBatch, field: &Field) -> Result<(Vec<Cell>, String)> {
    let array = column(batch, &input_name(field))?;
    let wrong = || {
        Error::corrupt(format!("reading {MEMBER}: column of {:?} has type {}", field.name, array.data_type()))
    };
    let null = match field.null {
        Null::Nan => Cell::Float(f64::NAN),
        Null::None => Cell::None,
    };
    let mut text = String::new();
    let cells = match field.kind {
        Kind::Boolean => {
            let values = array.as_boolean_opt().ok_or_else(wrong)?;
            values.iter().map(|value| value.map_or(null, Cell::Boolean)).collect()
        }
        Kind::Float | Kind::Integer => {
            let values = array.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
            values.iter().map(|value| value.map_or(null, Cell::Float)).collect()
        }
        Kind::String => {
            let values = array.as_string_opt::<i32>().ok_or_else(wrong)?;
            let mut cell = |value: &str| {
                let start = text.len();
                text.push_str(value);
                Cell::Text { start, end: text.len() }
            };
            values.iter().map(|value| value.map_or(null, &mut cell)).collect()
        }
    };
    Ok((cells, text))
}

fn expected(batch: &RecordBatch, engine: &Engine) -> Result<Vec<f64>> {
    let ensemble = engine.model().ensemble();
    let task = ensemble.map_or(Task::Regression, Ensemble::task);
    let array = column(batch, output_name(task))?;
    let values = match task {
        Task::Classification => array.as_fixed_size_list_opt().map(|lists| lists.values()),
        Task::Regression => Some(array),
    };
    let values = values.and_then(|values| values.as_primitive_opt::<Float64Type>());
    let wrong = || {
        Error::corrupt(format!("reading {MEMBER}: {:?} has type {}", output_name(task), array.data_type()))
    };
    Ok(values.ok_or_else(wrong)?.values().to_vec())
}
