//! Values of any kind.

use crate::schema::Null;
use std::ops::Range;

/// Values of any kind, their text kept together in one string.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    cells: &'a [Cell],
    step: usize,
    len: usize,
    text: &'a str,
}

impl<'a> Cells<'a> {
    /// One cell per row. `text` is what text cells refer to.
    pub fn new(cells: &'a [Cell], text: &'a str) -> Cells<'a> {
        Cells { cells, step: 1, len: cells.len(), text }
    }

    /// For each of `len` rows one cell of `cells`: the first, and then every one that is `step` after the one
    /// before. What lies beyond the last cell is absent.
    pub fn every(cells: &'a [Cell], step: usize, len: usize, text: &'a str) -> Cells<'a> {
        Cells { cells, step, len, text }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The cell of a row.
    #[inline]
    pub fn at(&self, row: usize) -> Cell {
        self.cells.get(row * self.step).copied().unwrap_or(Cell::Absent)
    }

    /// Whether some of `rows` hold something else than text.
    pub(crate) fn are_some_no_text(&self, rows: Range<usize>) -> bool {
        rows.fold(false, |any, row| any | !matches!(self.at(row), Cell::Text { .. }))
    }

    /// The text that a cell refers to, or `None` where it refers to none.
    #[inline]
    pub fn text(&self, cell: Cell) -> Option<&'a str> {
        match cell {
            Cell::Text { start, end } => self.text.get(start..end),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn value(&self, row: usize) -> Value<'a> {
        match self.at(row) {
            Cell::Text { start, end } => {
                self.text.as_bytes().get(start..end).map_or(Value::Other, Value::Text)
            }
            cell => cell.into(),
        }
    }
}

/// One value of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// No value where one could be, such as a key that a JSON object lacks; taken as missing.
    Absent,
    /// True or false.
    Boolean(bool),
    /// A float; NaN is missing.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// Python's `None`.
    None,
    /// Something that is neither number nor text.
    Other,
    /// Text: bytes `start..end` of [`Cells::text`].
    Text {
        /// The first byte.
        start: usize,
        /// The byte after the last.
        end: usize,
    },
}

/// A value of a column whose values are of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Boolean(bool),
    Float(f64),
    Integer(i64),
    Missing(Null),
    Other,
    /// UTF-8, unless the caller's array holds something else.
    Text(&'a [u8]),
}

impl From<Cell> for Value<'_> {
    /// The value of a cell that is no text; text lies elsewhere.
    #[inline]
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Absent => Value::Missing(Null::Nan),
            Cell::Boolean(value) => Value::Boolean(value),
            Cell::Float(value) => Value::Float(value),
            Cell::Integer(value) => Value::Integer(value),
            Cell::None => Value::Missing(Null::None),
            Cell::Other | Cell::Text { .. } => Value::Other,
        }
    }
}

/// A cell of a text column as preprocessing sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TextCell<'a> {
    Nan,
    None,
    Other,
    /// UTF-8, unless the caller's array holds something else.
    Text(&'a [u8]),
}

impl<'a> From<Option<&'a [u8]>> for TextCell<'a> {
    #[inline]
    fn from(text: Option<&'a [u8]>) -> Self {
        text.map_or(TextCell::Other, TextCell::Text)
    }
}

impl<'a> From<Value<'a>> for TextCell<'a> {
    #[inline]
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Text(text) => TextCell::Text(text),
            Value::Missing(kind) => kind.into(),
            Value::Float(value) if value.is_nan() => TextCell::Nan,
            Value::Boolean(_) | Value::Float(_) | Value::Integer(_) | Value::Other => TextCell::Other,
        }
    }
}

impl From<Null> for TextCell<'_> {
    fn from(kind: Null) -> Self {
        match kind {
            Null::Nan => TextCell::Nan,
            Null::None => TextCell::None,
        }
    }
}
