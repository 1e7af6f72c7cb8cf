//! Columns that hold the places of their values in a list: Arrow's dictionaries, pandas' categories.

use super::{Cell, Cells, Nulls, Texts, Value};
use crate::schema::Null;
use crate::strided::Strided;
use std::ops::Range;

/// For each row the place of its value among some. A place that none of them has is a value that no field takes.
#[derive(Clone, Copy, Debug)]
pub struct Coded<'a> {
    /// The places.
    pub keys: Keys<'a>,
    /// The values.
    pub values: Entries<'a>,
    /// What a negative place is taken for, where it means a missing value.
    pub negative: Option<Null>,
}

/// The values that places refer to.
#[derive(Clone, Copy, Debug)]
pub enum Entries<'a> {
    /// Values of any kind.
    Cells(Cells<'a>),
    /// Values that are no text, asked for one by one.
    Listed(&'a dyn List),
    /// Text, some of which may be missing.
    Texts(Texts<'a>, Option<Nulls<'a>>),
}

/// A list of values.
pub trait List: std::fmt::Debug + Sync {
    /// The number of values.
    fn len(&self) -> usize;

    /// Whether there are no values.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of the values, which is no text.
    fn cell(&self, place: usize) -> Cell;
}

/// Places as integers of any type.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// 8-bit integers.
    Int8(Strided<'a, i8>),
    /// 16-bit integers.
    Int16(Strided<'a, i16>),
    /// 32-bit integers.
    Int32(Strided<'a, i32>),
    /// 64-bit integers.
    Int64(Strided<'a, i64>),
    /// Unsigned 8-bit integers.
    UInt8(Strided<'a, u8>),
    /// Unsigned 16-bit integers.
    UInt16(Strided<'a, u16>),
    /// Unsigned 32-bit integers.
    UInt32(Strided<'a, u32>),
    /// Unsigned 64-bit integers.
    UInt64(Strided<'a, u64>),
}

impl<'a> Coded<'a> {
    /// Whether some of `rows` may hold something else than text.
    pub(crate) fn may_lack_text(&self, rows: Range<usize>) -> bool {
        let n_values = self.values.len();
        let is_text = |place: usize| matches!(self.values.at(place), Value::Text(_));
        n_values > rows.len()
            || !(0..n_values).all(is_text)
            || rows.into_iter().any(|row| self.keys.at(row).map_or(true, |place| place >= n_values))
    }

    /// The value of a row.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> Value<'a> {
        match (self.keys.at(row), self.negative) {
            (Ok(place), _) => self.values.at(place),
            (Err(Negative), Some(kind)) => Value::Missing(kind),
            (Err(Negative), None) => Value::Other,
        }
    }
}

impl<'a> Entries<'a> {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Entries::Cells(cells) => cells.len(),
            Entries::Listed(list) => list.len(),
            Entries::Texts(texts, _) => texts.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn at(&self, place: usize) -> Value<'a> {
        match self {
            _ if place >= self.len() => Value::Other,
            Entries::Cells(cells) => cells.value(place),
            Entries::Listed(list) => list.cell(place).into(),
            Entries::Texts(_, Some(nulls)) if nulls.is_null(place) => Value::Missing(nulls.kind()),
            Entries::Texts(texts, _) => texts.at(place).map_or(Value::Other, Value::Text),
        }
    }
}

/// What a key is that is below 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negative;

impl Keys<'_> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Keys::Int8(keys) => keys.len(),
            Keys::Int16(keys) => keys.len(),
            Keys::Int32(keys) => keys.len(),
            Keys::Int64(keys) => keys.len(),
            Keys::UInt8(keys) => keys.len(),
            Keys::UInt16(keys) => keys.len(),
            Keys::UInt32(keys) => keys.len(),
            Keys::UInt64(keys) => keys.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a row's value, which may be beyond the last.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> Result<usize, Negative> {
        let signed = |key: i64| usize::try_from(key).map_err(|_| Negative);
        match self {
            Keys::Int8(keys) => signed(keys.at(row).into()),
            Keys::Int16(keys) => signed(keys.at(row).into()),
            Keys::Int32(keys) => signed(keys.at(row).into()),
            Keys::Int64(keys) => signed(keys.at(row)),
            Keys::UInt8(keys) => Ok(keys.at(row).into()),
            Keys::UInt16(keys) => Ok(keys.at(row).into()),
            Keys::UInt32(keys) => Ok(keys.at(row) as usize),
            Keys::UInt64(keys) => Ok(usize::try_from(keys.at(row)).unwrap_or(usize::MAX)),
        }
    }
}
