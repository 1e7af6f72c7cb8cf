//! A list of rows: objects by name, or arrays by position.

use super::cell::CellSeed;
use super::{Name, NameSeed, Reader, malformed};
use crate::error::{Error, ErrorKind};
use crate::input::Cell;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads the rows of an array.
pub(super) struct Rows<'r, 'a>(pub &'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads one row into a new one of the records.
struct Row<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.0.request.records.n_rows();
        write!(into, "row {row} to be an object with a value for each field, or an array of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let reader = self.0;
        reader.push_row()?;
        reader.next = 0;
        while let Some(name) = entries.next_key_seed(NameSeed { reader, rows: false })? {
            let field = match name {
                Name::Field(field) => field,
                Name::Rows => continue,
                Name::Extra(name) => {
                    entries.next_value::<IgnoredAny>()?;
                    let row = reader.request.records.n_rows() - 1;
                    reader.request.extra.push_value(&name, row);
                    continue;
                }
            };
            let cell = entries.next_value_seed(CellSeed(&mut reader.request.records))?;
            reader.set_once(field, cell)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let reader = self.0;
        reader.push_row()?;
        let n_fields = reader.schema.fields().len();
        let mut n_values = 0;
        while n_values < n_fields
            && let Some(cell) = values.next_element_seed(CellSeed(&mut reader.request.records))?
        {
            reader.request.records.set_last(n_values, cell);
            n_values += 1;
        }
        while values.next_element::<IgnoredAny>()?.is_some() {
            n_values += 1;
        }
        if n_values == n_fields {
            return Ok(());
        }
        let row = reader.request.records.n_rows() - 1;
        let message = format!("row {row} is an array of {n_values} values; the model has {n_fields} fields");
        Err(reader.fail(Error::new(ErrorKind::Schema, message)))
    }
}

impl Reader<'_> {
    /// Writes into the last row's field, which must not have a value yet.
    pub(super) fn set_once<E: serde::de::Error>(&mut self, field: usize, cell: Cell) -> Result<(), E> {
        let records = &mut self.request.records;
        if records.set_last(field, cell) == Cell::Absent {
            return Ok(());
        }
        let (row, name) = (records.n_rows() - 1, &self.schema.fields()[field].name);
        let error = malformed(format!("row {row} has the key {name:?} twice")).at(name, Some(row));
        Err(self.fail(error))
    }
}
