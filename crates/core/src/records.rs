//! Rows of values of any kind, owned: what request bodies are read into.

use crate::error::Result;
use crate::input::{Cell, Cells, Column, Input};
use crate::schema::Schema;

/// Rows as cells, one for each field of a schema.
#[derive(Debug, Default)]
pub struct Records {
    n_fields: usize,
    n_rows: usize,
    /// Row after row.
    cells: Vec<Cell>,
    text: String,
}

/// Bytes of cells and text that [`Records::clear`] keeps for the next rows.
const KEPT_BYTES: usize = 1 << 20;

impl Records {
    /// Forgets all rows; those to come have `n_fields` cells.
    pub fn clear(&mut self, n_fields: usize) {
        self.cells.clear();
        self.text.clear();
        self.cells.shrink_to(KEPT_BYTES / size_of::<Cell>());
        self.text.shrink_to(KEPT_BYTES);
        (self.n_fields, self.n_rows) = (n_fields, 0);
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of cells of all rows.
    pub fn n_cells(&self) -> usize {
        self.cells.len()
    }

    /// Appends a row of absent values.
    pub fn push_row(&mut self) {
        self.n_rows += 1;
        self.cells.resize(self.n_rows * self.n_fields, Cell::Absent);
    }

    /// Appends a cell of the row after the last one.
    #[inline]
    pub(crate) fn append(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    /// Ends the row of the appended cells; `false` unless there are as many as fields.
    pub(crate) fn end_row(&mut self) -> bool {
        self.n_rows += 1;
        self.cells.len() == self.n_rows * self.n_fields
    }

    /// Writes `cell` into the last row's field, and gives what was there.
    ///
    /// # Panics
    /// When there is no row or no such field.
    pub fn set_last(&mut self, field: usize, cell: Cell) -> Cell {
        self.set(self.n_rows - 1, field, cell)
    }

    /// Writes `cell` into a row's field, and gives what was there.
    ///
    /// # Panics
    /// When there is no such row or field.
    pub fn set(&mut self, row: usize, field: usize, cell: Cell) -> Cell {
        assert!(field < self.n_fields, "field {field} of {}", self.n_fields);
        std::mem::replace(&mut self.cells[row * self.n_fields + field], cell)
    }

    /// A cell of `text`, which is kept beside the rows.
    pub fn text_cell(&mut self, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        Cell::Text { start, end: self.text.len() }
    }

    /// The cell of a field in a row.
    pub fn cell(&self, row: usize, field: usize) -> Option<Cell> {
        (field < self.n_fields).then(|| self.cells.get(row * self.n_fields + field).copied())?
    }

    /// The rows, with a column for each field for which `has` holds.
    ///
    /// # Errors
    /// As [`Input::new`], for a schema of another number of fields.
    pub fn input(&self, schema: &Schema, has: impl Fn(usize) -> bool) -> Result<Input<'_>> {
        if self.n_fields == schema.fields().len() && (0..self.n_fields).all(&has) {
            return Input::of_cells(schema, &self.cells, &self.text);
        }
        let column = |field: usize| {
            let cells = self.cells.get(field..).unwrap_or_default();
            Column::Cells(Cells::every(cells, self.n_fields, self.n_rows, &self.text))
        };
        let columns = (0..self.n_fields).map(|field| has(field).then(|| column(field)));
        Input::new(schema, self.n_rows, columns.collect())
    }
}
