//! The rows of a block: a cell for each field, and the text of columns that are carried over.

use crate::error::Result;
use crate::extra::Extra;
use crate::input::{Cell, Cells, Column, Input};
use crate::schema::Schema;
use std::ops::Range;

/// Rows, in memory that serves one block after another.
#[derive(Debug, Default)]
pub(super) struct Rows {
    n_fields: usize,
    n_ids: usize,
    n_rows: usize,
    /// Row after row.
    cells: Vec<Cell>,
    /// Where the carried texts lie, row after row.
    ids: Vec<Range<usize>>,
    /// What cells and carried texts refer to.
    pub text: String,
}

impl Rows {
    /// Forgets all rows; those to come have so many cells and carried texts.
    pub fn clear(&mut self, n_fields: usize, n_ids: usize) {
        self.cells.clear();
        self.ids.clear();
        (self.n_fields, self.n_ids, self.n_rows) = (n_fields, n_ids, 0);
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Appends a row without values: its cells and carried texts, to be filled.
    #[inline]
    pub fn push(&mut self) -> (&mut [Cell], &mut [Range<usize>]) {
        let (cells, ids) = (self.cells.len(), self.ids.len());
        self.cells.resize(cells + self.n_fields, Cell::Absent);
        self.ids.resize(ids + self.n_ids, 0..0);
        self.n_rows += 1;
        (&mut self.cells[cells..], &mut self.ids[ids..])
    }

    /// The carried texts of a row.
    pub fn ids(&self, row: usize) -> impl Iterator<Item = &str> {
        let ids = self.ids.get(row * self.n_ids..(row + 1) * self.n_ids).unwrap_or_default();
        ids.iter().map(|place| self.text.get(place.clone()).unwrap_or_default())
    }

    /// The rows as input, with a column for each field for which `has` holds.
    pub fn input<'a>(
        &'a self,
        schema: &Schema,
        has: impl Fn(usize) -> bool,
        extra: &'a Extra,
    ) -> Result<Input<'a>> {
        let column = |field: usize| {
            let cells = self.cells.get(field..).unwrap_or_default();
            Column::Cells(Cells::every(cells, self.n_fields, self.n_rows, &self.text))
        };
        let columns = (0..self.n_fields).map(|field| has(field).then(|| column(field)));
        Ok(Input::new(schema, self.n_rows, columns.collect())?.with_extra(extra))
    }
}
