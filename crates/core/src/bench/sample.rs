//! The rows that are answered over and over, in columns of their types.

use super::BATCH_ROWS;
use crate::engine::{Engine, write_json};
use crate::error::{Error, ErrorKind, Result};
use crate::golden;
use crate::input::{Cell, Cells, Column, Input, Value};
use crate::schema::{Kind, Null, Schema};
use crate::score::{Format, Place, Scoring};
use std::ops::Range;
use std::path::Path;

/// Rows: those of a file, or golden ones as often as a batch needs them.
pub(super) struct Sample {
    n_different: usize,
    n_rows: usize,
    columns: Vec<Values>,
    text: String,
}

/// The values of a column.
enum Values {
    Cells(Vec<Cell>),
    /// Of numbers alone, where missing ones are NaN.
    Numbers(Vec<f64>),
}

impl Sample {
    /// The golden rows.
    pub fn of_golden_rows(engine: &Engine) -> Result<Sample> {
        let columns = golden::cells_of(engine)?;
        let n_rows = columns.first().map_or(0, |(cells, _)| cells.len());
        let columns: Vec<_> =
            columns.iter().map(|(cells, text)| Some(Column::Cells(Cells::new(cells, text)))).collect();
        let mut sample = Sample::empty(engine.schema());
        sample.extend(&Input::new(engine.schema(), n_rows, columns)?);
        sample.ready(engine.bloc().path())
    }

    /// The first rows of a file.
    pub fn of_file(engine: &Engine, path: &Path, format: Option<Format>) -> Result<Sample> {
        let place = if path.as_os_str() == "-" { Place::Standard } else { Place::File(path.to_owned()) };
        let scoring = Scoring { input_format: format, ..Scoring::new(place, Place::Standard) };
        let mut sample = Sample::empty(engine.schema());
        scoring.for_each_input(engine, &mut |input| {
            sample.extend(input);
            Ok(sample.n_rows < BATCH_ROWS)
        })?;
        sample.ready(path)
    }

    fn empty(schema: &Schema) -> Sample {
        let columns = schema.fields().iter().map(|field| match field.kind {
            Kind::Float | Kind::Integer => Values::Numbers(Vec::new()),
            Kind::Boolean | Kind::String => Values::Cells(Vec::new()),
        });
        Sample { n_different: 0, n_rows: 0, columns: columns.collect(), text: String::new() }
    }

    /// Appends rows, up to a batch.
    fn extend(&mut self, input: &Input<'_>) {
        let n_rows = input.n_rows().min(BATCH_ROWS - self.n_rows);
        for (field, values) in self.columns.iter_mut().enumerate() {
            for row in 0..n_rows {
                let value = input.value(field, row);
                if let Values::Numbers(numbers) = values {
                    match number(value) {
                        Some(number) => {
                            numbers.push(number);
                            continue;
                        }
                        None => {
                            *values =
                                Values::Cells(numbers.iter().map(|&number| Cell::Float(number)).collect())
                        }
                    }
                }
                if let Values::Cells(cells) = values {
                    cells.push(cell(value, &mut self.text));
                }
            }
        }
        self.n_rows += n_rows;
    }

    /// The rows often enough for a batch.
    fn ready(mut self, path: &Path) -> Result<Sample> {
        self.n_different = self.n_rows;
        if self.n_rows == 0 {
            let message = format!("{}: it has no rows; expected at least one", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        self.n_rows = BATCH_ROWS;
        for values in &mut self.columns {
            match values {
                Values::Cells(cells) => *cells = cells.iter().copied().cycle().take(BATCH_ROWS).collect(),
                Values::Numbers(numbers) => {
                    *numbers = numbers.iter().copied().cycle().take(BATCH_ROWS).collect();
                }
            }
        }
        Ok(self)
    }

    /// Rows of a batch.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Different rows.
    pub fn n_different(&self) -> usize {
        self.n_different
    }

    /// The columns of some rows.
    pub fn columns(&self, rows: Range<usize>) -> Vec<Option<Column<'_>>> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for values in &self.columns {
            columns.push(Some(match values {
                Values::Cells(cells) => {
                    let cells = cells.get(rows.clone()).unwrap_or_default();
                    Column::Cells(Cells::new(cells, &self.text))
                }
                Values::Numbers(numbers) => {
                    Column::Float64(numbers.get(rows.clone()).unwrap_or_default().into())
                }
            }));
        }
        columns
    }

    /// For each different row a request body of JSON, where what is not finite is null.
    pub fn bodies(&self, schema: &Schema) -> Vec<Vec<u8>> {
        let body = |row: usize| {
            let mut body = vec![b'{'];
            for (at, (field, values)) in schema.fields().iter().zip(&self.columns).enumerate() {
                if at > 0 {
                    body.push(b',');
                }
                write_json(&mut body, &field.name);
                body.push(b':');
                match values {
                    Values::Numbers(numbers) => write_json(&mut body, &numbers[row]),
                    Values::Cells(cells) => match cells[row] {
                        Cell::Boolean(value) => write_json(&mut body, &value),
                        Cell::Float(value) => write_json(&mut body, &value),
                        Cell::Integer(value) => write_json(&mut body, &value),
                        Cell::Text { start, end } => {
                            write_json(&mut body, self.text.get(start..end).unwrap_or_default());
                        }
                        Cell::Absent | Cell::None | Cell::Other => body.extend_from_slice(b"null"),
                    },
                }
            }
            body.push(b'}');
            body
        };
        (0..self.n_different).map(body).collect()
    }
}

/// A value as a number that is the same value.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Float(value) => Some(value),
        Value::Integer(value) => {
            let number = value as f64;
            (value.unsigned_abs() <= 1 << 53).then_some(number)
        }
        Value::Missing(_) => Some(f64::NAN),
        Value::Boolean(_) | Value::Other | Value::Text(_) => None,
    }
}

fn cell(value: Value<'_>, text: &mut String) -> Cell {
    match value {
        Value::Boolean(value) => Cell::Boolean(value),
        Value::Float(value) => Cell::Float(value),
        Value::Integer(value) => Cell::Integer(value),
        Value::Missing(Null::Nan) => Cell::Float(f64::NAN),
        Value::Missing(Null::None) => Cell::None,
        Value::Other => Cell::Other,
        Value::Text(bytes) => {
            let start = text.len();
            text.push_str(&String::from_utf8_lossy(bytes));
            Cell::Text { start, end: text.len() }
        }
    }
}
