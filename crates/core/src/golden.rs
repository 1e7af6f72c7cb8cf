//! Golden rows: inputs with the outputs that the training library gave, replayed through an engine.

mod bounded;
mod comparison;
#[cfg(feature = "onnx")]
mod tensors;

#[cfg(feature = "onnx")]
pub use tensors::{GoldenCase, RELATIVE_BOUND};
#[cfg(feature = "onnx")]
pub(crate) use tensors::{inputs, write as write_cases};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Cell, Cells, Column, Input};
use crate::model::{Answer, Task};
use crate::schema::{Field, Kind, Null, Schema};
use arrow_array::builder::{BooleanBuilder, FixedSizeListBuilder, Float64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use bounded::Said;
use comparison::Difference;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

/// The member that holds golden rows.
pub(crate) const MEMBER: &str = "golden.arrow";

const RAW_SCORES: &str = "output:raw_scores";
const CLASS: &str = "output:class";

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
    /// The greatest difference of an ensemble's output in units in the last place of the source's type.
    pub max_ulp_diff: u64,
    /// Whether the outputs are what they must be. For an ensemble: raw scores and labels the very same, and
    /// outputs within [`crate::model::Ensemble::max_ulps`]. For a linear model: raw scores within a bound on what the
    /// order of summation makes, outputs and labels as near as that allows. For a
    /// network: within the stated bound of the reference's.
    pub accepted: bool,
}

impl GoldenReport {
    /// Whether the outputs are what they must be.
    ///
    /// # Errors
    /// [`ErrorKind::GoldenMismatch`] where they are not, which names the bloc by its `path`.
    pub fn check(&self, path: &Path) -> Result<()> {
        if self.accepted {
            return Ok(());
        }
        let message = format!(
            "{}: outputs on {} golden rows differ from the source model's by up to {:e}",
            path.display(),
            self.rows,
            self.max_abs_diff
        );
        Err(Error::new(ErrorKind::GoldenMismatch, message))
    }
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
    /// Its raw scores, row after row; empty where outputs are the raw scores.
    pub raw_scores: Vec<f64>,
    /// The numbers of its labels, one for each target, row after row; empty where the model has none, or none are compared.
    pub classes: Vec<f64>,
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
    let texts = columns(engine, &batch)?;
    let columns = texts.iter().map(|(cells, text)| Some(Column::Cells(Cells::new(cells, text)))).collect();
    let input = Input::new(engine.schema(), batch.num_rows(), columns)?;
    let ensemble = engine.model().ensemble().ok_or_else(|| Error::corrupt("no ensemble"))?;
    let n_rows = batch.num_rows();
    let mut outputs = vec![0.0; n_rows * ensemble.n_outputs()];
    engine.answer_without_rules(&input, Answer::Outputs, &mut outputs)?;
    let expected = values(&batch, output_name(ensemble.task()))?.unwrap_or_default();
    let mut raw_scores = vec![0.0; n_rows * engine.model().n_raw_scores()];
    let expected_raw = values(&batch, RAW_SCORES)?;
    let mut classes = vec![0.0; n_rows * ensemble.width(Answer::Class)];
    let expected_classes = values(&batch, CLASS)?;
    if expected_raw.is_some() {
        engine.answer_without_rules(&input, Answer::RawScores, &mut raw_scores)?;
    }
    if expected_classes.is_some() {
        engine.answer_without_rules(&input, Answer::Class, &mut classes)?;
    }
    let compare = |name: &str, expected: &[f64], found: &[f64]| {
        if expected.len() != found.len() {
            let (stored, wanted) = (expected.len(), found.len());
            let what = format!("reading {MEMBER}: {stored} values of {name:?}; expected {wanted}");
            return Err(Error::corrupt(what));
        }
        Ok(Difference::of(expected, found, ensemble.precision()))
    };
    let link = ensemble.link();
    let whole = compare(output_name(ensemble.task()), &expected, &outputs)?;
    // The complement of a probability near 1 inherits its absolute difference, which may be any number of its
    // own units.
    let difference = if link.has_complement() {
        whole.and_complements(&expected, &outputs, ensemble.precision())
    } else {
        whole
    };
    let bound = expected_raw.as_ref().map_or(0, |raw| ensemble.max_ulps(raw));
    let mut accepted = difference.ulps <= bound;
    if let Some(expected) = &expected_raw {
        accepted &= compare(RAW_SCORES, expected, &raw_scores)?.is_none();
    }
    if let Some(expected) = &expected_classes {
        accepted &= compare(CLASS, expected, &classes)?.is_none();
    }
    if let Some(bounds) = engine.raw_score_bounds(&input)? {
        let said = Said {
            raw_scores: expected_raw.as_deref().unwrap_or(&expected),
            outputs: &expected,
            classes: expected_classes.as_deref().unwrap_or(&[]),
        };
        let raw_scores = if expected_raw.is_some() { &raw_scores } else { &outputs };
        let classes = if expected_classes.is_some() { classes.as_slice() } else { &[] };
        accepted = bounded::agree(ensemble, &bounds, said, Said { raw_scores, outputs: &outputs, classes });
    }
    let magnitude = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    Ok(GoldenReport {
        rows: n_rows,
        exact: difference.is_none(),
        max_abs_diff: difference.abs,
        max_rel_diff: if difference.abs == 0.0 { 0.0 } else { difference.abs / magnitude },
        max_ulp_diff: difference.ulps,
        accepted,
    })
}

/// What a model gives, and so what golden rows hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    pub task: Task,
    /// Outputs per row.
    pub n_outputs: usize,
    /// Raw scores per row.
    pub n_raw_scores: usize,
    /// Labels per row.
    pub n_targets: usize,
}

/// For each field its cells in the golden rows, with the text that they refer to.
pub(crate) fn cells_of(engine: &Engine) -> Result<Vec<(Vec<Cell>, String)>> {
    columns(engine, &read_batch(engine)?)
}

fn columns(engine: &Engine, batch: &RecordBatch) -> Result<Vec<(Vec<Cell>, String)>> {
    let fields = engine.schema().fields().iter().enumerate();
    fields.map(|(at, field)| cells(batch, field, at)).collect()
}

/// The member's bytes.
pub(crate) fn write(schema: &Schema, widths: Widths, rows: &GoldenRows) -> Result<Vec<u8>> {
    let Widths { task, n_outputs, n_raw_scores, n_targets } = widths;
    let n_rows = rows.outputs.len() / n_outputs.max(1);
    let fits = |values: &[f64], width: usize| values.is_empty() || values.len() == n_rows * width;
    let consistent = rows.columns.len() == schema.fields().len()
        && rows.outputs.len() == n_rows * n_outputs
        && fits(&rows.raw_scores, n_raw_scores)
        && fits(&rows.classes, n_targets)
        && rows.columns.iter().all(|column| column.len() == n_rows);
    if !consistent {
        let message = format!(
            "golden rows of {} columns, {} outputs, {} raw scores and {} labels",
            rows.columns.len(),
            rows.outputs.len(),
            rows.raw_scores.len(),
            rows.classes.len()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut named: Vec<(String, ArrayRef)> = Vec::new();
    for (field, column) in schema.fields().iter().zip(&rows.columns) {
        named.push((input_name(field), array(field, column, &rows.text)?));
    }
    let is_list = task == Task::Classification || n_outputs > 1;
    named.push((output_name(task).to_owned(), floats(&rows.outputs, n_outputs, is_list)));
    if !rows.raw_scores.is_empty() {
        named.push((RAW_SCORES.to_owned(), floats(&rows.raw_scores, n_raw_scores, true)));
    }
    if !rows.classes.is_empty() {
        named.push((CLASS.to_owned(), floats(&rows.classes, n_targets, n_targets > 1)));
    }
    write_batch(named)
}

/// Values as a column of numbers, or of lists of `width`.
fn floats(values: &[f64], width: usize, is_list: bool) -> ArrayRef {
    if !is_list {
        let mut builder = Float64Builder::new();
        builder.append_slice(values);
        return Arc::new(builder.finish());
    }
    let mut lists = FixedSizeListBuilder::new(Float64Builder::new(), width as i32);
    for row in values.chunks(width.max(1)) {
        lists.values().append_slice(row);
        lists.append(true);
    }
    Arc::new(lists.finish())
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
        Task::OutlierDetection => "output:score",
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

/// The column called `name`, which is looked for at place `at` before all others.
fn column<'a>(batch: &'a RecordBatch, name: &str, at: usize) -> Result<&'a ArrayRef> {
    let is_there = batch.schema_ref().fields().get(at).is_some_and(|field| field.name() == name);
    let column = if is_there { batch.columns().get(at) } else { batch.column_by_name(name) };
    column.ok_or_else(|| Error::corrupt(format!("reading {MEMBER}: it has no column {name:?}")))
}

/// The column of `field`, the one at place `at`, as cells and their text.
fn cells(batch: &RecordBatch, field: &Field, at: usize) -> Result<(Vec<Cell>, String)> {
    let array = column(batch, &input_name(field), at)?;
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

/// The numbers of a column, or of its lists; `None` where there is no such column.
fn values(batch: &RecordBatch, name: &str) -> Result<Option<Vec<f64>>> {
    let Some(array) = batch.column_by_name(name) else { return Ok(None) };
    let values = array.as_fixed_size_list_opt().map_or(array, |lists| lists.values());
    let numbers = values.as_primitive_opt::<Float64Type>();
    let numbers = numbers.ok_or_else(|| {
        Error::corrupt(format!("reading {MEMBER}: {name:?} has type {}", array.data_type()))
    })?;
    Ok(Some(numbers.values().to_vec()))
}
