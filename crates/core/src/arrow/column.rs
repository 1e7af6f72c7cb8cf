//! One array as a column.

use crate::error::{Error, ErrorKind, Result};
use crate::input::{Cell, Cells, Coded, Column, Entries, Keys, List, Nulls, Texts};
use crate::schema::Null;
use crate::strided::{Plain, Strided};
use arrow_array::types::{ArrowPrimitiveType, Float16Type};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use std::fmt::Display;

/// An Arrow array of a type that fields take, borrowed where it lies; 16-bit floats and decimals are copied.
///
/// Keys, offsets and run ends are checked at use, so that an array which was not validated gives refused rows and
/// nothing worse.
#[derive(Debug)]
pub struct ArrowColumn {
    data: ArrayData,
    null: Null,
    form: Form,
}

/// What is not borrowed.
#[derive(Debug)]
enum Form {
    Bits(BooleanBuffer),
    Borrowed,
    Doubles(Vec<f64>),
    Listed {
        /// The places of the rows' values, for runs; those of dictionaries are borrowed.
        keys: Option<Vec<u32>>,
        values: Box<ArrowColumn>,
    },
    Nothing,
    Singles(Vec<f32>),
}

impl ArrowColumn {
    /// The values of the field called `name`. `null` is what rows without a value are taken for.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for a type that no field takes.
    pub fn new(name: &str, data: ArrayData, null: Null) -> Result<ArrowColumn> {
        let form = match data.data_type() {
            DataType::Boolean => {
                let (offset, len) = (data.offset(), data.len());
                let buffer =
                    data.buffers().first().filter(|buffer| (offset + len).div_ceil(8) <= buffer.len());
                let empty = || BooleanBuffer::new_unset(0);
                Form::Bits(
                    buffer.map_or_else(empty, |buffer| BooleanBuffer::new(buffer.clone(), offset, len)),
                )
            }
            DataType::Decimal32(_, scale) => Form::Doubles(decimals::<i32>(&data, *scale)),
            DataType::Decimal64(_, scale) => Form::Doubles(decimals::<i64>(&data, *scale)),
            DataType::Decimal128(_, scale) => Form::Doubles(decimals::<i128>(&data, *scale)),
            DataType::Decimal256(_, scale) => Form::Doubles(decimals::<i256>(&data, *scale)),
            DataType::Dictionary(_, _) => Self::listed(name, &data, null, 0, None)?,
            DataType::Float16 => {
                let values = values::<<Float16Type as ArrowPrimitiveType>::Native>(&data, 0);
                Form::Singles(values.iter().map(|value| value.to_f32()).collect())
            }
            DataType::Null => Form::Nothing,
            DataType::RunEndEncoded(_, _) => Self::listed(name, &data, null, 1, Some(run_keys(&data)))?,
            DataType::Float32
            | DataType::Float64
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::LargeUtf8
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Utf8
            | DataType::Utf8View => Form::Borrowed,
            other => return Err(unreadable(name, other)),
        };
        Ok(ArrowColumn { data, null, form })
    }

    fn listed(
        name: &str,
        data: &ArrayData,
        null: Null,
        child: usize,
        keys: Option<Vec<u32>>,
    ) -> Result<Form> {
        let child = data.child_data().get(child).ok_or_else(|| unreadable(name, data.data_type()))?;
        let values = Box::new(ArrowColumn::new(name, child.clone(), null)?);
        match values.form {
            Form::Listed { .. } => Err(unreadable(name, data.data_type())),
            _ => Ok(Form::Listed { keys, values }),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `len` rows from `start`, as a column of their own.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when there are not so many.
    pub fn slice(&self, start: usize, len: usize) -> Result<ArrowColumn> {
        if start.checked_add(len).is_none_or(|end| end > self.len()) {
            let message = format!("{len} rows from {start} of an Arrow column of {}", self.len());
            return Err(Error::new(ErrorKind::Internal, message));
        }
        ArrowColumn::new("", self.data.slice(start, len), self.null)
    }

    /// The rows that have no value, where there are some.
    pub fn nulls(&self) -> Option<Nulls<'_>> {
        self.data.nulls().map(|bits| Nulls::of_validity(bits, self.null))
    }

    /// The values. What is wrong with their number is for [`crate::Input`] to find.
    pub fn column(&self) -> Column<'_> {
        let data = &self.data;
        match &self.form {
            Form::Bits(bits) => return Column::Bits(bits),
            Form::Doubles(values) => return Column::Float64(values[..].into()),
            Form::Listed { keys, values } => {
                let keys = keys.as_ref().map_or_else(|| keys_of(data), |keys| Keys::UInt32(keys[..].into()));
                let values = match values.column() {
                    Column::Texts(texts) => Entries::Texts(texts, values.nulls()),
                    _ => Entries::Listed(&**values),
                };
                return Column::Coded(Coded { keys, values, negative: None });
            }
            Form::Nothing => {
                let cell: &[Cell] = match self.null {
                    Null::Nan => &[Cell::Absent],
                    Null::None => &[Cell::None],
                };
                return Column::Cells(Cells::every(cell, 0, data.len(), ""));
            }
            Form::Singles(values) => return Column::Float32(values[..].into()),
            Form::Borrowed => {}
        }
        let bytes = |at: usize| data.buffers().get(at).map_or(&[][..], |buffer| buffer.as_slice());
        match data.data_type() {
            DataType::Float32 => Column::Float32(numbers(data)),
            DataType::Float64 => Column::Float64(numbers(data)),
            DataType::Int8 => Column::Int8(numbers(data)),
            DataType::Int16 => Column::Int16(numbers(data)),
            DataType::Int32 => Column::Int32(numbers(data)),
            DataType::Int64 => Column::Int64(numbers(data)),
            DataType::LargeUtf8 => Column::Texts(Texts::Large { offsets: values(data, 1), bytes: bytes(1) }),
            DataType::UInt8 => Column::UInt8(numbers(data)),
            DataType::UInt16 => Column::UInt16(numbers(data)),
            DataType::UInt32 => Column::UInt32(numbers(data)),
            DataType::UInt64 => Column::UInt64(numbers(data)),
            DataType::Utf8View => {
                let views = bytes(0).get(16 * data.offset()..16 * (data.offset() + data.len()));
                let buffers = data.buffers().get(1..).unwrap_or_default();
                Column::Texts(Texts::View { views: views.unwrap_or_default(), buffers })
            }
            _ => Column::Texts(Texts::Small { offsets: values(data, 1), bytes: bytes(1) }),
        }
    }
}

/// The values of the first buffer, `more` than there are rows; none where it is too short.
fn values<T: ArrowNativeType>(data: &ArrayData, more: usize) -> &[T] {
    let values = data.buffers().first().map_or(&[][..], |buffer| buffer.typed_data::<T>());
    values.get(data.offset()..data.offset() + data.len() + more).unwrap_or_default()
}

fn numbers<T: ArrowNativeType + Plain>(data: &ArrayData) -> Strided<'_, T> {
    values::<T>(data, 0).into()
}

/// The floats nearest to decimals with `scale` digits after the point.
fn decimals<T: ArrowNativeType + Display>(data: &ArrayData, scale: i8) -> Vec<f64> {
    let nearest = |value: &T| format!("{value}e{}", -i32::from(scale)).parse().unwrap_or(f64::NAN);
    values::<T>(data, 0).iter().map(nearest).collect()
}

fn keys_of(data: &ArrayData) -> Keys<'_> {
    let DataType::Dictionary(kind, _) = data.data_type() else { return Keys::UInt8((&[][..]).into()) };
    match **kind {
        DataType::Int8 => Keys::Int8(numbers(data)),
        DataType::Int16 => Keys::Int16(numbers(data)),
        DataType::Int32 => Keys::Int32(numbers(data)),
        DataType::Int64 => Keys::Int64(numbers(data)),
        DataType::UInt16 => Keys::UInt16(numbers(data)),
        DataType::UInt32 => Keys::UInt32(numbers(data)),
        DataType::UInt64 => Keys::UInt64(numbers(data)),
        _ => Keys::UInt8(numbers(data)),
    }
}

/// For each row the run that it lies in; rows beyond the last run lie in none.
fn run_keys(data: &ArrayData) -> Vec<u32> {
    let Some(ends) = data.child_data().first() else { return Vec::new() };
    let ends: Vec<i64> = match ends.data_type() {
        DataType::Int16 => values::<i16>(ends, 0).iter().map(|&end| end.into()).collect(),
        DataType::Int32 => values::<i32>(ends, 0).iter().map(|&end| end.into()).collect(),
        _ => values::<i64>(ends, 0).to_vec(),
    };
    let last = data.offset() + data.len();
    let mut keys = Vec::with_capacity(data.len());
    for (run, end) in (0..).zip(ends) {
        let end = usize::try_from(end).unwrap_or(0).min(last).saturating_sub(data.offset());
        keys.resize(end.max(keys.len()), run);
    }
    keys.resize(data.len(), u32::MAX);
    keys
}

impl List for ArrowColumn {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn cell(&self, place: usize) -> Cell {
        match self.nulls().filter(|nulls| nulls.is_null(place)) {
            Some(nulls) if nulls.kind() == Null::None => Cell::None,
            Some(_) => Cell::Absent,
            None => cell(&self.column(), place),
        }
    }
}

fn cell(column: &Column<'_>, row: usize) -> Cell {
    if row >= column.len() {
        return Cell::Other;
    }
    match column {
        Column::Bits(values) => Cell::Boolean(values.value(row)),
        Column::Boolean(values) => Cell::Boolean(values.at(row) != 0),
        Column::Cells(values) => values.at(row),
        Column::Float32(values) => Cell::Float(values.at(row).into()),
        Column::Float64(values) => Cell::Float(values.at(row)),
        Column::Int8(values) => Cell::Integer(values.at(row).into()),
        Column::Int16(values) => Cell::Integer(values.at(row).into()),
        Column::Int32(values) => Cell::Integer(values.at(row).into()),
        Column::Int64(values) => Cell::Integer(values.at(row)),
        Column::UInt8(values) => Cell::Integer(values.at(row).into()),
        Column::UInt16(values) => Cell::Integer(values.at(row).into()),
        Column::UInt32(values) => Cell::Integer(values.at(row).into()),
        Column::UInt64(values) => {
            let value = values.at(row);
            i64::try_from(value).map_or(Cell::Float(value as f64), Cell::Integer)
        }
        Column::Coded(_) | Column::Texts(_) => Cell::Other,
    }
}

fn unreadable(name: &str, found: &DataType) -> Error {
    let message = format!(
        "the column {name:?} is of Arrow's type {found}; expected integers, floats, decimals, Booleans or text, or a \
         dictionary or runs of them"
    );
    Error::new(ErrorKind::Schema, message).at(name, None)
}
