//! Columns that are carried over: as they are into Arrow, as text into other formats.

use super::super::rows::{Carried, Place, Rows};
use crate::arrow::ArrowColumn;
use crate::engine::write_json;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Column, Value};
use crate::schema::Null;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, make_array, new_null_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{DataType, Field};
use std::sync::Arc;

/// The field of a column, of a dictionary's values where it is one.
pub(super) fn unpacked_field(field: &Field) -> Field {
    match field.data_type() {
        DataType::Dictionary(_, values) => Field::new(field.name(), (**values).clone(), true),
        _ => field.clone(),
    }
}

/// A column, or for a dictionary its values row by row: dictionaries of batches differ, and a file has one for all.
pub(super) fn unpacked(array: &ArrayRef) -> Result<ArrayRef> {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return Ok(Arc::clone(array)) };
    let values = dictionary.values();
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), array.len()));
    }
    let data = values.to_data();
    let mut unpacked = MutableArrayData::new(vec![&data], true, array.len());
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        let extended = match array.is_null(row) {
            true => unpacked.try_extend_nulls(1),
            false => unpacked.try_extend(0, key, key + 1),
        };
        extended.map_err(|error| {
            Error::new(ErrorKind::TooLarge, format!("a dictionary's values row by row: {error}"))
        })?;
    }
    Ok(make_array(unpacked.freeze()))
}

/// The values of a carried column as text.
pub(super) fn texts(id: usize, rows: &Rows) -> StringArray {
    let value = |row: usize| match rows.ids(row).nth(id) {
        Some(Carried::Text(text) | Carried::Token(text)) => Some(text),
        Some(Carried::Missing) | None => None,
    };
    (0..rows.n_rows()).map(value).collect()
}

/// Writes the values of a column into `rows`, as those of the carried column `id`.
pub(super) fn append(name: &str, array: &ArrayRef, id: usize, rows: &mut Rows) -> Result<()> {
    let refuse = || {
        let message = format!(
            "the column {name:?}, which is to be carried over, is of Arrow's type {}; expected integers, floats, \
             Booleans or text, or answers in Arrow (--out-format arrow), which carry any type",
            array.data_type()
        );
        Error::new(ErrorKind::Schema, message).at(name, None)
    };
    let kind = match array.data_type() {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    if matches!(
        kind,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    ) {
        return Err(refuse());
    }
    let column = ArrowColumn::new(name, array.to_data(), Null::None).map_err(|_| refuse())?;
    let (nulls, values) = (column.nulls(), column.column());
    for row in 0..array.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        let start = rows.text.len();
        let is_token = append_value(&mut rows.text, &values, row);
        let place = start..rows.text.len();
        match is_token {
            Some(true) => rows.set_id(row, id, Place::Token(place)),
            Some(false) => rows.set_id(row, id, Place::Text(place)),
            None => {}
        }
    }
    Ok(())
}

/// Appends a value, and says whether JSON has it without quotes; `None` where there is none.
fn append_value(text: &mut String, column: &Column<'_>, row: usize) -> Option<bool> {
    let mut shown = |value: &dyn std::fmt::Display| {
        *text += &value.to_string();
        Some(true)
    };
    match column {
        Column::Bits(values) => shown(&values.value(row)),
        Column::Boolean(values) => shown(&(values.at(row) != 0)),
        Column::Coded(coded) => append_any(text, coded.at(row)),
        Column::Cells(cells) => append_any(text, cells.value(row)),
        Column::Float32(values) => append_float(text, values.at(row).into(), &values.at(row)),
        Column::Float64(values) => append_float(text, values.at(row), &values.at(row)),
        Column::Int8(values) => shown(&values.at(row)),
        Column::Int16(values) => shown(&values.at(row)),
        Column::Int32(values) => shown(&values.at(row)),
        Column::Int64(values) => shown(&values.at(row)),
        Column::Texts(values) => append_any(text, values.at(row).map_or(Value::Other, Value::Text)),
        Column::UInt8(values) => shown(&values.at(row)),
        Column::UInt16(values) => shown(&values.at(row)),
        Column::UInt32(values) => shown(&values.at(row)),
        Column::UInt64(values) => shown(&values.at(row)),
    }
}

fn append_any(text: &mut String, value: Value<'_>) -> Option<bool> {
    match value {
        Value::Boolean(value) => *text += if value { "true" } else { "false" },
        Value::Float(value) => return append_float(text, value, &value),
        Value::Integer(value) => *text += &value.to_string(),
        Value::Missing(_) | Value::Other => return None,
        Value::Text(bytes) => {
            *text += &String::from_utf8_lossy(bytes);
            return Some(false);
        }
    }
    Some(true)
}

/// Appends the shortest number that reads as the same value of its type.
fn append_float(text: &mut String, value: f64, shortest: &impl serde::Serialize) -> Option<bool> {
    if value.is_nan() {
        return None;
    }
    if value.is_infinite() {
        *text += if value > 0.0 { "inf" } else { "-inf" };
        return Some(false);
    }
    let mut bytes = Vec::new();
    write_json(&mut bytes, shortest);
    *text += &String::from_utf8_lossy(&bytes);
    Some(true)
}
