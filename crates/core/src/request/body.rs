//! The whole body: rows, columns, or one row.

use super::cell::CellSeed;
use super::row::Rows;
use super::{Name, NameSeed, Reader, malformed};
use crate::error::{Error, ErrorKind};
use crate::input::Cell;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads a body.
pub(super) struct Body<'r, 'a>(pub &'r mut Reader<'a>);

/// What the values of an object are.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Not seen yet.
    Unknown,
    /// Arrays; and the field of the first one with its length.
    Columns(usize, usize),
    /// Single values; and the field of the first one.
    Row(usize),
    /// `rows` alone.
    Rows,
}

impl<'de> DeserializeSeed<'de> for Body<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = ();

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("an object of one row, an array of rows, an object of columns, or {\"rows\": [...]}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        Rows(self.0).visit_seq(rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let reader = self.0;
        let mut form = Form::Unknown;
        while let Some(name) = entries.next_key_seed(NameSeed { reader, rows: true })? {
            match (name, form) {
                (Name::Extra(name), _) => {
                    entries.next_value::<IgnoredAny>()?;
                    reader.request.extra.push_column(&name);
                }
                (Name::Rows, Form::Unknown) => {
                    entries.next_value_seed(Rows(reader))?;
                    form = Form::Rows;
                }
                (Name::Rows, _) | (Name::Field(_), Form::Rows) => {
                    let message = "\"rows\" beside fields, or twice; expected it alone";
                    return Err(reader.fail(malformed(message)));
                }
                (Name::Field(field), _) => form = entries.next_value_seed(Value { reader, field, form })?,
            }
        }
        if form == Form::Unknown { reader.push_row() } else { Ok(()) }
    }
}

/// Reads the value of a field: a column, or the cell of the only row.
struct Value<'r, 'a> {
    reader: &'r mut Reader<'a>,
    field: usize,
    form: Form,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Form;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Form, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Form;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("a value or a column")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Form, E> {
        self.cell(Cell::Boolean(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Form, E> {
        self.cell(Cell::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Form, E> {
        let cell = CellSeed(&mut self.reader.request.records).visit_u64(value)?;
        self.cell(cell)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Form, E> {
        self.cell(Cell::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Form, E> {
        let cell = self.reader.request.records.text_cell(value);
        self.cell(cell)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Form, E> {
        self.cell(Cell::None)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Form, A::Error> {
        let cell = CellSeed(&mut self.reader.request.records).visit_map(entries)?;
        self.cell(cell)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Form, A::Error> {
        let Value { reader, field, form } = self;
        if let Form::Row(other) = form {
            return Err(mixed(reader, field, other));
        }
        let n_fields = reader.schema.fields().len();
        let has = reader.request.columns.get_or_insert_with(|| vec![false; n_fields]);
        if std::mem::replace(&mut has[field], true) {
            let name = &reader.schema.fields()[field].name;
            let error = malformed(format!("the column {name:?} stands there twice")).at(name, None);
            return Err(reader.fail(error));
        }
        let mut len = 0;
        while let Some(cell) = values.next_element_seed(CellSeed(&mut reader.request.records))? {
            if len >= reader.request.records.n_rows() {
                if form != Form::Unknown {
                    len += 1;
                    continue;
                }
                reader.push_row()?;
            }
            reader.request.records.set(len, field, cell);
            len += 1;
        }
        match form {
            Form::Columns(first, expected) if expected != len => {
                let name = |field: usize| &reader.schema.fields()[field].name;
                let message = format!(
                    "the column {:?} has {len} values, {:?} has {expected}",
                    name(field),
                    name(first)
                );
                let error = Error::new(ErrorKind::Schema, message).at(name(field), None);
                Err(reader.fail(error))
            }
            Form::Columns(..) => Ok(form),
            _ => Ok(Form::Columns(field, len)),
        }
    }
}

impl Value<'_, '_> {
    /// Takes `cell` as that of the only row.
    fn cell<E: serde::de::Error>(self, cell: Cell) -> Result<Form, E> {
        let Value { reader, field, form } = self;
        if let Form::Columns(other, _) = form {
            return Err(mixed(reader, other, field));
        }
        if form == Form::Unknown {
            reader.push_row()?;
        }
        reader.set_once(field, cell)?;
        Ok(if form == Form::Unknown { Form::Row(field) } else { form })
    }
}

fn mixed<E: serde::de::Error>(reader: &mut Reader<'_>, column: usize, single: usize) -> E {
    let [column, single] = [column, single].map(|field| &reader.schema.fields()[field].name);
    let message = format!(
        "field {column:?} holds an array and {single:?} a single value; expected single values (one row) or \
         arrays (columns)"
    );
    let error = Error::new(ErrorKind::Schema, message).at(column, None);
    reader.fail(error)
}
