//! The beginning of every chain: fields of the input, brought to the type that the source computes in.

use super::checks::{check_numbers, check_texts, is_odd};
use super::reading::{Number, Precision, Reading, Text};
use super::tile::Tile;
use super::Step;
use crate::error::{Error, Result};
use crate::input::{Cell, Column, Nulls, Value, parse_number};
use crate::schema::Kind;
use crate::strided::{Plain, Strided};
use serde::Deserialize;
use std::cmp::Ordering;

#[derive(Debug)]
pub(super) struct Load {
    numbers: Vec<Number>,
    texts: Vec<usize>,
    to_odd: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    fields: Vec<usize>,
    dtype: LoadType,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LoadType {
    Float32,
    Float64,
    /// As float64, but what does not fit is rounded to odd, so that a later rounding to float32 gives
    /// what rounding once would have given.
    Integer,
    String,
}

impl Step for Load {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<Load> {
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for field in spec.fields {
            let known = reading.schema.fields().get(field);
            let known = known.ok_or_else(|| Error::corrupt(format!("there is no field {field}")))?;
            let precision = match spec.dtype {
                LoadType::Float32 => Precision::Single,
                LoadType::Float64 | LoadType::Integer => Precision::Double,
                LoadType::String => {
                    let null = (known.dtype != "object").then_some(known.null);
                    reading.push_text(Text { field, null, replacements: Vec::new() });
                    texts.push(field);
                    continue;
                }
            };
            if known.kind == Kind::String {
                return Err(Error::corrupt(format!("field {field} is text and can't be read as numbers")));
            }
            numbers.push(reading.push_number(field, precision));
        }
        Ok(Load { numbers, texts, to_odd: matches!(spec.dtype, LoadType::Integer) })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &number in &self.numbers {
            let input = tile.input();
            let Some(column) = input.column(number.field) else { continue };
            let nulls = input.nulls(number.field);
            let mut has_odd = false;
            match column {
                Column::Bits(values) => has_odd = load_values(tile, number, nulls, |row| Value::Boolean(values.value(row)), false),
                Column::Boolean(values) => load(tile, number, &values, |value| f64::from(u8::from(value != 0))),
                Column::Cells(cells) => {
                    let rows = tile.rows();
                    let has_absent = rows.fold(false, |any, row| any | (cells.at(row) == Cell::Absent));
                    has_odd = load_values(tile, number, nulls, |row| cells.value(row), self.to_odd) | has_absent;
                }
                Column::Coded(coded) => has_odd = load_values(tile, number, nulls, |row| coded.at(row), self.to_odd),
                Column::Float32(values) => load(tile, number, &values, f64::from),
                Column::Float64(values) => load(tile, number, &values, |value| number.precision.round(value)),
                Column::Int8(values) => load(tile, number, &values, f64::from),
                Column::Int16(values) => load(tile, number, &values, f64::from),
                Column::Int32(values) => load(tile, number, &values, |value| number.precision.round(f64::from(value))),
                Column::Int64(values) => load(tile, number, &values, |value| integer(number.precision, value.into(), self.to_odd)),
                Column::Texts(texts) => has_odd = load_values(tile, number, nulls, |row| texts.at(row).map_or(Value::Other, Value::Text), false),
                Column::UInt8(values) => load(tile, number, &values, f64::from),
                Column::UInt16(values) => load(tile, number, &values, f64::from),
                Column::UInt32(values) => load(tile, number, &values, |value| number.precision.round(f64::from(value))),
                Column::UInt64(values) => {
                    load(tile, number, &values, |value| integer(number.precision, value.into(), self.to_odd));
                }
            }
            if let Some(nulls) = nulls {
                let rows = tile.rows();
                for (into, row) in tile.column_mut(number).iter_mut().zip(rows) {
                    *into = if nulls.is_null(row) { f64::NAN } else { *into };
                }
            }
            check_numbers(tile, number, has_odd);
        }
        for &field in &self.texts {
            check_texts(tile, field);
        }
    }
}

#[inline]
fn load<T: Plain>(tile: &mut Tile<'_>, number: Number, values: &Strided<'_, T>, convert: impl Fn(T) -> f64) {
    let rows = tile.rows();
    for (into, row) in tile.column_mut(number).iter_mut().zip(rows) {
        *into = convert(values.at(row));
    }
}

fn integer(precision: Precision, value: i128, to_odd: bool) -> f64 {
    match precision {
        Precision::Single => f64::from(value as f32),
        Precision::Double if to_odd => round_to_odd(value),
        Precision::Double => value as f64,
    }
}

/// The float64 that equals `value`, or of its two neighbours the one with an odd last bit.
fn round_to_odd(value: i128) -> f64 {
    let near = value as f64;
    match (near.abs() as i128).cmp(&value.abs()) {
        Ordering::Equal => near,
        Ordering::Greater => f64::from_bits((near.to_bits() - 1) | 1),
        Ordering::Less => f64::from_bits(near.to_bits() | 1),
    }
}

/// Loads values of any kind, except where there is none, and tells whether some are no numbers. What is none, and does
/// not read as one, is NaN.
fn load_values<'a>(
    tile: &mut Tile<'_>,
    number: Number,
    nulls: Option<Nulls<'_>>,
    value: impl Fn(usize) -> Value<'a>,
    to_odd: bool,
) -> bool {
    let (rows, mut has_odd) = (tile.rows(), false);
    for (into, row) in tile.column_mut(number).iter_mut().zip(rows) {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        let value = value(row);
        has_odd |= is_odd(value);
        *into = match value {
            Value::Boolean(value) => f64::from(u8::from(value)),
            Value::Float(value) => number.precision.round(value),
            Value::Integer(value) => integer(number.precision, value.into(), to_odd),
            Value::Missing(_) | Value::Other => f64::NAN,
            Value::Text(text) => {
                let read = std::str::from_utf8(text).ok().and_then(parse_number);
                number.precision.round(read.unwrap_or(f64::NAN))
            }
        };
    }
    has_odd
}

#[cfg(test)]
mod tests {
    use super::round_to_odd;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_to_odd_first_keeps_the_single_rounding(value in any::<i64>(), shift in 0_u32..63, near in -2_i64..3) {
            let tie = ((value >> shift) | 1).wrapping_shl(shift).wrapping_add(near);
            for value in [value, value >> shift, tie] {
                prop_assert_eq!(round_to_odd(value.into()) as f32, value as f32, "{}", value);
            }
            if value.unsigned_abs() < 1 << 53 {
                prop_assert_eq!(round_to_odd(value.into()), value as f64);
            }
        }
    }
}
