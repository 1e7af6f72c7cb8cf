//! Rows as lines of JSON: an object each, which means what it means in an array of rows.

use super::cell::CellSeed;
use super::{Reader, Request, hint, malformed};
use crate::error::Result;
use crate::input::Cell;
use crate::schema::Schema;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Keys whose values are wanted as they stand, and who takes them.
pub(crate) struct Carry<'c> {
    /// The keys.
    pub keys: &'c [String],
    /// Takes the JSON text that stands under the key of this number.
    pub take: &'c mut dyn FnMut(usize, &str) -> Result<()>,
}

impl Request {
    /// Forgets all rows.
    pub(crate) fn clear(&mut self, schema: &Schema) {
        self.records.clear(schema.fields().len());
        self.columns = None;
        self.floats.clear();
        self.extra.clear();
    }

    /// Appends the row that a line of JSON holds.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MalformedRequest`] for what is no object, or has a key twice; what `carry` says.
    pub(crate) fn read_line(&mut self, schema: &Schema, line: &str, carry: Carry<'_>) -> Result<()> {
        self.records.push_row();
        let mut reader = Reader { schema, request: self, failure: None, next: 0 };
        let mut json = serde_json::Deserializer::from_str(line);
        let read = Line { reader: &mut reader, carry }.deserialize(&mut json).and_then(|()| json.end());
        match (read, reader.failure.take()) {
            (Err(_), Some(failure)) => Err(failure),
            (Err(error), None) => {
                let column = error.column();
                let said = error.to_string();
                let said =
                    said.strip_suffix(&format!(" at line {} column {column}", error.line())).unwrap_or(&said);
                let place = if column > 0 { format!(" in column {column}") } else { String::new() };
                let hint = hint(line, column);
                Err(malformed(format!("no JSON object: {said}{place}{hint}")))
            }
            (Ok(()), _) => Ok(()),
        }
    }
}

/// Reads the object of a line into the last row.
struct Line<'r, 'a, 'c> {
    reader: &'r mut Reader<'a>,
    carry: Carry<'c>,
}

impl<'de> DeserializeSeed<'de> for Line<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Line<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("an object with a value for each field")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<(), A::Error> {
        let Line { reader, carry } = self;
        let keys = carry.keys;
        while let Some(Key { field, carried }) =
            entries.next_key_seed(KeySeed { reader: &mut *reader, keys })?
        {
            let token = match carried {
                Some(number) => {
                    let token: &RawValue = entries.next_value()?;
                    (carry.take)(number, token.get()).map_err(|error| reader.fail(error))?;
                    Some(token)
                }
                None => None,
            };
            let records = &mut reader.request.records;
            let cell = match (field, token) {
                (Some(_), Some(token)) => {
                    let cell = CellSeed(records).deserialize(token);
                    cell.map_err(serde::de::Error::custom)?
                }
                (Some(_), None) => entries.next_value_seed(CellSeed(records))?,
                (None, Some(_)) => continue,
                (None, None) => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let Some(field) = field else { continue };
            if reader.request.records.set_last(field, cell) != Cell::Absent {
                let name = &reader.schema.fields()[field].name;
                let error = malformed(format!("the key {name:?} stands there twice")).at(name, None);
                return Err(reader.fail(error));
            }
        }
        Ok(())
    }
}

/// What a key names: a field, a value to be carried, or both.
struct Key {
    field: Option<usize>,
    carried: Option<usize>,
}

/// Reads a key; one that names nothing is counted.
struct KeySeed<'r, 'a, 'c> {
    reader: &'r mut Reader<'a>,
    keys: &'c [String],
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_, '_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_, '_> {
    type Value = Key;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> std::result::Result<Key, E> {
        let field = self.reader.field(name);
        let carried = self.keys.iter().position(|key| key == name);
        if field.is_none() && carried.is_none() {
            let row = self.reader.request.records.n_rows() - 1;
            self.reader.request.extra.push_value(name, row);
        }
        Ok(Key { field, carried })
    }
}
