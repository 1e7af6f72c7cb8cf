//! JSON request bodies, read into rows. `docs/json.md` says what is taken and what it means.

mod body;
mod cell;
mod decimal;
mod line;
mod row;
mod vectors;

pub(crate) use line::Carry;

use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::input::{Input, Matrix};
use crate::records::Records;
use crate::schema::Schema;
use crate::strided::StridedMatrix;
use serde::de::{DeserializeSeed, Deserializer, Visitor};
use std::fmt;

/// Bytes of a body at most, unless [`crate::LoadOptions::max_body_bytes`] says otherwise.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// Cells of a body's rows at most: 200 MB of memory.
pub const MAX_CELLS: usize = 1 << 23;

/// What a body holds, in memory that serves one body after another.
#[derive(Debug, Default)]
pub struct Request {
    records: Records,
    /// For a body of columns: which fields it has. A body of rows has them all.
    columns: Option<Vec<bool>>,
    /// The cells once more, where all are floats or null; empty otherwise.
    floats: Vec<f64>,
    /// What stands under names that the schema does not know.
    extra: Extra,
}

impl Request {
    /// Reads a body of at most `max_bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] beyond the limits; [`ErrorKind::MalformedRequest`] for what is no JSON, or JSON of
    /// another form; [`ErrorKind::Schema`] for rows of arrays that have not one value for each field.
    pub fn read(&mut self, schema: &Schema, body: &[u8], max_bytes: usize) -> Result<()> {
        if body.len() > max_bytes {
            let message = format!("a request body of {} bytes; at most {max_bytes} are taken", body.len());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let text = std::str::from_utf8(body).map_err(|error| {
            malformed(format!("byte {} is not UTF-8; expected JSON in UTF-8", error.valid_up_to()))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let n_fields = schema.fields().len();
        self.records.clear(n_fields);
        self.columns = None;
        self.extra.clear();
        if vectors::read(text.as_bytes(), n_fields, &mut self.records, &mut self.floats) {
            return Ok(());
        }
        self.floats.clear();
        self.read_whole(schema, text)
    }

    /// Reads a body of any form.
    fn read_whole(&mut self, schema: &Schema, text: &str) -> Result<()> {
        self.records.clear(schema.fields().len());
        let mut reader = Reader { schema, request: self, failure: None, next: 0 };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = body::Body(&mut reader).deserialize(&mut json).and_then(|()| json.end());
        match (read, reader.failure.take()) {
            (Err(_), Some(failure)) => Err(failure),
            (Err(error), None) => Err(malformed(found(text, &error))),
            (Ok(()), _) => Ok(()),
        }
    }

    /// The rows.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// What stood under names that the schema does not know.
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    fn matrix(&self, schema: &Schema) -> Option<Matrix<'_>> {
        // In text, null and NaN are two missing values.
        let is_whole = !self.floats.is_empty() && self.floats.len() == self.records.n_cells();
        let is_whole = is_whole && !schema.has_text();
        let rows = StridedMatrix::of_rows(&self.floats, schema.fields().len()).filter(|_| is_whole)?;
        Some(Matrix::Float64(rows))
    }

    /// The rows as input for the engine.
    ///
    /// # Errors
    /// As [`Input::new`], for a schema other than the one it was read with.
    pub fn input(&self, schema: &Schema) -> Result<Input<'_>> {
        if let Some(matrix) = self.matrix(schema) {
            return Input::of_matrix(schema, matrix).map(|input| input.with_extra(&self.extra));
        }
        let columns = self.columns.as_ref();
        let input = self.records.input(schema, |field| columns.is_none_or(|has| has[field]))?;
        Ok(input.with_extra(&self.extra))
    }
}

/// A body being read.
struct Reader<'a> {
    schema: &'a Schema,
    request: &'a mut Request,
    /// The error that ended reading, where it is more than one of JSON.
    failure: Option<Error>,
    /// The field that the next key probably names.
    next: usize,
}

impl Reader<'_> {
    /// The number of the field called `name`. Keys mostly come in the order of the fields.
    fn field(&mut self, name: &str) -> Option<usize> {
        let fields = self.schema.fields();
        let number = match fields.get(self.next) {
            Some(field) if field.name == name => Some(self.next),
            _ => self.schema.number(name),
        };
        if let Some(number) = number {
            self.next = if number + 1 == fields.len() { 0 } else { number + 1 };
        }
        number
    }

    /// Appends a row.
    fn push_row<E: serde::de::Error>(&mut self) -> std::result::Result<(), E> {
        let records = &mut self.request.records;
        if records.n_cells() + self.schema.fields().len() > MAX_CELLS || records.n_rows() >= MAX_CELLS {
            let n_rows = records.n_rows();
            let message = format!("a request body of more than {n_rows} rows; send them in several requests");
            return Err(self.fail(Error::new(ErrorKind::TooLarge, message)));
        }
        records.push_row();
        Ok(())
    }

    /// Ends reading with this error.
    fn fail<E: serde::de::Error>(&mut self, error: Error) -> E {
        self.failure = Some(error);
        E::custom("see the failure")
    }
}

/// What a key of an object names.
enum Name {
    Field(usize),
    /// The list of rows.
    Rows,
    /// Nothing that the schema knows.
    Extra(String),
}

/// Reads a key. `rows` says whether the list of rows may stand under it, which a field of that name hides.
struct NameSeed<'r, 'a> {
    reader: &'r mut Reader<'a>,
    rows: bool,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_, '_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_, '_> {
    type Value = Name;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> std::result::Result<Name, E> {
        Ok(match self.reader.field(name) {
            Some(field) => Name::Field(field),
            None if self.rows && name == "rows" => Name::Rows,
            None => Name::Extra(name.to_owned()),
        })
    }
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedRequest, message)
}

/// What is wrong with `text`, and where.
fn found(text: &str, error: &serde_json::Error) -> String {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let hint = hint(line, error.column());
    format!("the request body is no JSON that is taken: {error}{hint}")
}

/// What to do about a word at `column` of a line that other languages take for a number.
fn hint(line: &str, column: usize) -> &'static str {
    let rest = line.as_bytes().get(column.saturating_sub(1)..).unwrap_or_default();
    let is_number = [&b"NaN"[..], b"Infinity", b"-Infinity"].iter().any(|word| rest.starts_with(word));
    if is_number { "; JSON has no NaN or Infinity: send null for a missing value" } else { "" }
}
