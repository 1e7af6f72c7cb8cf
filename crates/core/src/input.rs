//! The caller's rows, borrowed: one column per field of the schema.

mod cells;
mod coded;
mod nulls;
mod texts;

pub use cells::{Cell, Cells};
pub(crate) use cells::{TextCell, Value};
pub use coded::{Coded, Entries, Keys, List};
pub use nulls::Nulls;
pub use texts::Texts;

use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::schema::{Null, Schema};
use crate::strided::{Strided, StridedMatrix};
use arrow_buffer::BooleanBuffer;
use std::ops::Range;

/// Rows as columns in the order of the schema's fields. What it holds is borrowed, so it costs nothing but itself.
///
/// ```
/// use monobloc::{Column, Engine, Input, LoadOptions};
///
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
/// // Columns by name, in any order; `region` is left out, and the model reads it.
/// let (balance, age) = ([1_i64, 2500], [40_f32, 25.0]);
/// let columns = [("balance", Column::Int64(balance[..].into())), ("age", Column::Float32(age[..].into()))];
/// let input = Input::from_named(engine.schema(), 2, columns)?;
/// let error = engine.run(&input).expect_err("a column is absent");
/// assert!(error.to_string().contains("region"), "{error}");
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Debug)]
pub struct Input<'a> {
    first_row: usize,
    n_rows: usize,
    columns: Columns<'a>,
    extra: Option<&'a Extra>,
    /// For each field, or empty where all rows have a value.
    nulls: Vec<Option<Nulls<'a>>>,
}

#[derive(Debug)]
enum Columns<'a> {
    Apart(Vec<Option<Column<'a>>>),
    /// A row after the other, each with as many cells.
    Cells {
        cells: &'a [Cell],
        n_fields: usize,
        text: &'a str,
    },
    Matrix(Matrix<'a>),
}

/// The values of all fields for all rows, in the order of the schema's fields.
///
/// ```
/// use monobloc::{Engine, Input, LoadOptions, Matrix, StridedMatrix};
///
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
/// // Two rows of three values, one row after another.
/// let values = [40.0_f32, 1.0, f32::NAN, 25.0, -10.0, f32::NAN];
/// let matrix = StridedMatrix::of_rows(&values, 3).expect("whole rows");
/// let input = Input::of_matrix(engine.schema(), Matrix::Float32(matrix))?;
/// assert_eq!(input.n_rows(), 2);
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// 32-bit floats; NaN is missing.
    Float32(StridedMatrix<'a, f32>),
    /// 64-bit floats; NaN is missing.
    Float64(StridedMatrix<'a, f64>),
}

/// The values of one field for all rows.
///
/// ```
/// use monobloc::{Cell, Cells, Column};
///
/// let numbers = [40_i32, 25];
/// let column = Column::Int32(numbers[..].into());
/// assert_eq!(column.len(), 2);
///
/// // Values of any kind, their texts kept together.
/// let cells = [Cell::Text { start: 0, end: 5 }, Cell::None];
/// assert_eq!(Column::Cells(Cells::new(&cells, "north")).len(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// One bit each.
    Bits(&'a BooleanBuffer),
    /// One byte each, 0 for false.
    Boolean(Strided<'a, u8>),
    /// Values of any kind.
    Cells(Cells<'a>),
    /// Places of values in a list.
    Coded(Coded<'a>),
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
    /// Text.
    Texts(Texts<'a>),
    /// Unsigned 8-bit integers.
    UInt8(Strided<'a, u8>),
    /// Unsigned 16-bit integers.
    UInt16(Strided<'a, u16>),
    /// Unsigned 32-bit integers.
    UInt32(Strided<'a, u32>),
    /// Unsigned 64-bit integers.
    UInt64(Strided<'a, u64>),
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
        Ok(Input { first_row: 0, n_rows, columns: Columns::Apart(columns), extra: None, nulls: Vec::new() })
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
        Ok(Input { first_row: 0, n_rows, columns: Columns::Matrix(matrix), extra: None, nulls: Vec::new() })
    }

    /// Rows of cells, each with one for every field of `schema` in its order, one row after another. `text` is what
    /// text cells refer to.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the last row is short.
    pub fn of_cells(schema: &Schema, cells: &'a [Cell], text: &'a str) -> Result<Self> {
        let n_fields = schema.fields().len();
        let n_rows = cells.len().checked_div(n_fields).unwrap_or(0);
        if n_rows * n_fields != cells.len() {
            let message = format!("{} cells; expected rows of {n_fields}, one for each field", cells.len());
            return Err(Error::new(ErrorKind::Schema, message));
        }
        let columns = Columns::Cells { cells, n_fields, text };
        Ok(Input { first_row: 0, n_rows, columns, extra: None, nulls: Vec::new() })
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

    /// The same rows, some of which have no value in field number `field`.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for another number of rows.
    pub fn with_nulls(mut self, field: usize, nulls: Nulls<'a>) -> Result<Self> {
        if nulls.len() != self.n_rows {
            let message =
                format!("field {field} has marks of {} rows; expected {}", nulls.len(), self.n_rows);
            return Err(Error::new(ErrorKind::Schema, message));
        }
        if self.nulls.len() <= field {
            self.nulls.resize(field + 1, None);
        }
        self.nulls[field] = Some(nulls);
        Ok(self)
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
            Columns::Cells { cells, n_fields, text } => {
                let own = cells.get(field..).filter(|_| field < *n_fields).unwrap_or_default();
                Some(Column::Cells(Cells::every(own, *n_fields, self.n_rows, text)))
            }
            Columns::Matrix(Matrix::Float32(values)) => values.column(field).map(Column::Float32),
            Columns::Matrix(Matrix::Float64(values)) => values.column(field).map(Column::Float64),
        }
    }

    /// The rows without a value in a field, where there may be some.
    pub(crate) fn nulls(&self, field: usize) -> Option<Nulls<'a>> {
        *self.nulls.get(field)?
    }

    /// The value of a field in a row, of whatever kind.
    pub(crate) fn value(&self, field: usize, row: usize) -> Value<'a> {
        match self.nulls(field) {
            Some(nulls) if nulls.is_null(row) => Value::Missing(nulls.kind()),
            _ => self.column(field).map_or(Value::Missing(Null::Nan), |column| column.value(row)),
        }
    }

    /// Whether a row that names its values has none for a field.
    pub(crate) fn is_absent(&self, field: usize, row: usize) -> bool {
        matches!(self.column(field), Some(Column::Cells(cells)) if cells.at(row) == Cell::Absent)
    }

    /// Whether some of `rows` may hold something else than text in a field.
    pub(crate) fn may_lack_text(&self, field: usize, rows: Range<usize>) -> bool {
        let lacks = match self.column(field) {
            Some(Column::Texts(_)) => false,
            Some(Column::Cells(cells)) => cells.are_some_no_text(rows.clone()),
            Some(Column::Coded(coded)) => coded.may_lack_text(rows.clone()),
            _ => true,
        };
        lacks || self.nulls(field).is_some_and(|nulls| rows.clone().any(|row| nulls.is_null(row)))
    }

    /// The cell of a text field in a row.
    pub(crate) fn text(&self, field: usize, row: usize) -> TextCell<'a> {
        match self.nulls(field) {
            Some(nulls) if nulls.is_null(row) => nulls.kind().into(),
            _ => self.column(field).map_or(TextCell::Nan, |column| column.text(row)),
        }
    }

    /// Calls `each` with the cell of a text field in each of `rows`, and its place among them.
    #[inline]
    pub(crate) fn for_each_text(
        &self,
        field: usize,
        rows: Range<usize>,
        mut each: impl FnMut(usize, TextCell<'a>),
    ) {
        let (nulls, column) = (self.nulls(field), self.column(field));
        // One call of `each`, so that it becomes part of the loop.
        for (at, row) in rows.enumerate() {
            let cell = match (nulls, column) {
                (Some(nulls), _) if nulls.is_null(row) => nulls.kind().into(),
                (_, Some(column)) => column.text(row),
                (_, None) => TextCell::Nan,
            };
            each(at, cell);
        }
    }

    /// The values as one matrix, where they are one.
    pub(crate) fn matrix(&self) -> Option<&Matrix<'a>> {
        match &self.columns {
            Columns::Apart(_) | Columns::Cells { .. } => None,
            Columns::Matrix(matrix) => Some(matrix),
        }
    }
}

impl<'a> From<&'a [&'a str]> for Column<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Column::Texts(Texts::Apart(texts))
    }
}

impl<'a> Column<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Bits(values) => values.len(),
            Column::Boolean(values) => values.len(),
            Column::Cells(values) => values.len(),
            Column::Coded(values) => values.keys.len(),
            Column::Float32(values) => values.len(),
            Column::Float64(values) => values.len(),
            Column::Int8(values) => values.len(),
            Column::Int16(values) => values.len(),
            Column::Int32(values) => values.len(),
            Column::Int64(values) => values.len(),
            Column::Texts(values) => values.len(),
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

    fn value(&self, row: usize) -> Value<'a> {
        let unsigned = |value: u64| i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer);
        match self {
            Column::Bits(values) => Value::Boolean(values.value(row)),
            Column::Boolean(values) => Value::Boolean(values.at(row) != 0),
            Column::Cells(cells) => cells.value(row),
            Column::Coded(coded) => coded.at(row),
            Column::Float32(values) => Value::Float(values.at(row).into()),
            Column::Float64(values) => Value::Float(values.at(row)),
            Column::Int8(values) => Value::Integer(values.at(row).into()),
            Column::Int16(values) => Value::Integer(values.at(row).into()),
            Column::Int32(values) => Value::Integer(values.at(row).into()),
            Column::Int64(values) => Value::Integer(values.at(row)),
            Column::Texts(texts) => texts.at(row).map_or(Value::Other, Value::Text),
            Column::UInt8(values) => Value::Integer(values.at(row).into()),
            Column::UInt16(values) => Value::Integer(values.at(row).into()),
            Column::UInt32(values) => Value::Integer(values.at(row).into()),
            Column::UInt64(values) => unsigned(values.at(row)),
        }
    }

    #[inline(always)]
    fn text(&self, row: usize) -> TextCell<'a> {
        match self {
            Column::Cells(values) => values.value(row).into(),
            Column::Coded(values) => values.at(row).into(),
            Column::Float32(values) if values.at(row).is_nan() => TextCell::Nan,
            Column::Float64(values) if values.at(row).is_nan() => TextCell::Nan,
            Column::Texts(values) => values.at(row).into(),
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
