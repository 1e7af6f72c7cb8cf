//! The caller's rows, borrowed: one column per field of the schema.

use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::schema::Schema;
use crate::strided::{Strided, StridedMatrix};

/// Rows as columns in the order of the schema's fields.
#[derive(Debug)]
pub struct Input<'a> {
    first_row: usize,
    n_rows: usize,
    columns: Columns<'a>,
    extra: Option<&'a Extra>,
}

#[derive(Debug)]
enum Columns<'a> {
    Apart(Vec<Option<Column<'a>>>),
    Matrix(Matrix<'a>),
}

/// The values of all fields for all rows, in the order of the schema's fields.
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// 32-bit floats; NaN is missing.
    Float32(StridedMatrix<'a, f32>),
    /// 64-bit floats; NaN is missing.
    Float64(StridedMatrix<'a, f64>),
}

/// The values of one field for all rows.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// One byte each, 0 for false.
    Boolean(Strided<'a, u8>),
    /// Values of any kind.
    Cells(Cells<'a>),
    /// 32-bit floats; NaN is missing.
    Float32(Strided<'a, f32>),
    /// 64-bit floats; NaN is missing.
    Float64(Strided<'a, f64>),
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

    /// The text that a cell refers to, or `None` where it refers to none.
    #[inline]
    pub fn text(&self, cell: Cell) -> Option<&'a str> {
        match cell {
            Cell::Text { start, end } => self.text.get(start..end),
            _ => None,
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

/// A cell of a text column as preprocessing sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TextCell<'a> {
    Nan,
    None,
    Other,
    Text(&'a str),
}

impl<'a> Input<'a> {
    /// Rows from one column per field of `schema`, in its order. Fields that no step reads may be
    /// absent.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the number of columns is not that of the fields or a
    /// column's length is not `n_rows`.
    pub fn new(schema: &Schema, n_rows: usize, columns: Vec<Option<Column<'a>>>) -> Result<Self> {
        let fields = schema.fields();
        if columns.len() != fields.len() {
            let message = format!("{} columns; the model has {} fields", columns.len(), fields.len());
            return Err(Error::new(ErrorKind::Schema, message));
        }
        for (field, column) in fields.iter().zip(&columns) {
            if let Some(len) = column.as_ref().map(Column::len).filter(|&len| len != n_rows) {
                let message = format!("field {:?} has {len} rows; expected {n_rows}", field.name);
                return Err(Error::new(ErrorKind::Schema, message).at(&field.name, None));
            }
        }
        Ok(Input { first_row: 0, n_rows, columns: Columns::Apart(columns), extra: None })
    }

    /// Rows of a matrix with one column per field of `schema`, in its order.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the number of columns is not that of the fields.
    pub fn of_matrix(schema: &Schema, matrix: Matrix<'a>) -> Result<Self> {
        let (n_rows, n_columns) = match &matrix {
            Matrix::Float32(values) => (values.n_rows(), values.n_columns()),
            Matrix::Float64(values) => (values.n_rows(), values.n_columns()),
        };
        let n_fields = schema.fields().len();
        if n_columns != n_fields {
            let message = format!("an array of {n_columns} columns; the model has {n_fields} fields");
            return Err(Error::new(ErrorKind::Schema, message));
        }
        Ok(Input { first_row: 0, n_rows, columns: Columns::Matrix(matrix), extra: None })
    }

    /// Rows from named columns. Columns that are no field of `schema` are ignored.
    ///
    /// # Errors
    /// As for [`Input::new`].
    pub fn from_named(
        schema: &Schema,
        n_rows: usize,
        named: impl IntoIterator<Item = (&'a str, Column<'a>)>,
    ) -> Result<Self> {
        let mut columns = vec![None; schema.fields().len()];
        for (name, column) in named {
            if let Some(number) = schema.number(name) {
                columns[number] = Some(column);
            }
        }
        Input::new(schema, n_rows, columns)
    }

    /// The same rows as part of a larger input, in which the first of them is number `row`; what is
    /// said of rows counts from there.
    #[must_use]
    pub fn starting_at(mut self, row: usize) -> Self {
        self.first_row = row;
        self
    }

    /// With what came under names that are no field; its rows count from the first row of what the caller holds.
    #[must_use]
    pub fn with_extra(mut self, extra: &'a Extra) -> Self {
        self.extra = Some(extra);
        self
    }

    /// What came under names that are no field, where the caller tells.
    pub fn extra(&self) -> Option<&'a Extra> {
        self.extra
    }

    /// The number of the first row in what the caller holds.
    pub fn first_row(&self) -> usize {
        self.first_row
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn column(&self, field: usize) -> Option<Column<'a>> {
        match &self.columns {
            Columns::Apart(columns) => *columns.get(field)?,
            Columns::Matrix(Matrix::Float32(values)) => values.column(field).map(Column::Float32),
            Columns::Matrix(Matrix::Float64(values)) => values.column(field).map(Column::Float64),
        }
    }

    /// The values as one matrix, where they are one.
    pub(crate) fn matrix(&self) -> Option<&Matrix<'a>> {
        match &self.columns {
            Columns::Apart(_) => None,
            Columns::Matrix(matrix) => Some(matrix),
        }
    }
}

impl<'a> Column<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Boolean(values) => values.len(),
            Column::Cells(values) => values.len(),
            Column::Float32(values) => values.len(),
            Column::Float64(values) => values.len(),
            Column::Int8(values) => values.len(),
            Column::Int16(values) => values.len(),
            Column::Int32(values) => values.len(),
            Column::Int64(values) => values.len(),
            Column::UInt8(values) => values.len(),
            Column::UInt16(values) => values.len(),
            Column::UInt32(values) => values.len(),
            Column::UInt64(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn text(&self, row: usize) -> TextCell<'a> {
        match self {
            Column::Cells(values) => match values.at(row) {
                Cell::Absent => TextCell::Nan,
                Cell::Float(value) if value.is_nan() => TextCell::Nan,
                Cell::None => TextCell::None,
                cell => values.text(cell).map_or(TextCell::Other, TextCell::Text),
            },
            Column::Float32(values) if values.at(row).is_nan() => TextCell::Nan,
            Column::Float64(values) if values.at(row).is_nan() => TextCell::Nan,
            _ => TextCell::Other,
        }
    }
}

/// The number that `text` stands for, by the rules of Python's `float`: surrounding white space,
/// underscores between digits, `inf`, `infinity` and `nan` in any case are taken.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.contains('_') {
        return text.parse().ok();
    }
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(at.checked_add(1))
    };
    let well_placed = bytes.iter().enumerate().all(|(at, &byte)| byte != b'_' || between_digits(at));
    if well_placed { text.replace('_', "").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::parse_number;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, number) in
            [("12500", 12500.0), (" 1e3\n", 1000.0), ("1_000.5", 1000.5), ("-Infinity", f64::NEG_INFINITY)]
        {
            assert_eq!(parse_number(text), Some(number), "{text:?}");
        }
        assert!(parse_number("NaN").is_some_and(f64::is_nan));
        for text in ["", "_1", "1_", "1__0", "1_.5", "0x10", "1 2", "abc"] {
            assert_eq!(parse_number(text), None, "{text:?}");
        }
    }
}
