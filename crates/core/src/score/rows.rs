//! The rows of a block: a cell for each field, and the values that are carried over.

use crate::error::Result;
use crate::extra::Extra;
use crate::input::{Cell, Cells, Column, Input};
use crate::schema::Schema;
use std::ops::Range;

/// A value that is carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried<'a> {
    /// There is none: an empty field of CSV, null in JSON.
    Missing,
    /// Text.
    Text(&'a str),
    /// A number, true or false, as it stands.
    Token(&'a str),
}

/// Where a carried value lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Nowhere,
    Text(Range<usize>),
    Token(Range<usize>),
}

/// Rows, in memory that serves one block after another.
#[derive(Debug, Default)]
pub(super) struct Rows {
    n_fields: usize,
    n_ids: usize,
    n_rows: usize,
    /// Row after row.
    cells: Vec<Cell>,
    /// Where the carried values lie, row after row.
    ids: Vec<Place>,
    /// What cells and carried values refer to.
    pub text: String,
}

impl Rows {
    /// Forgets all rows; those to come have so many cells and carried values.
    pub fn clear(&mut self, n_fields: usize, n_ids: usize) {
        self.cells.clear();
        self.ids.clear();
        (self.n_fields, self.n_ids, self.n_rows) = (n_fields, n_ids, 0);
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Appends a row without values: its cells and the places of its carried values, to be filled.
    #[inline]
    pub fn push(&mut self) -> (&mut [Cell], &mut [Place]) {
        let (cells, ids) = (self.cells.len(), self.ids.len());
        self.cells.resize(cells + self.n_fields, Cell::Absent);
        self.ids.resize(ids + self.n_ids, Place::Nowhere);
        self.n_rows += 1;
        (&mut self.cells[cells..], &mut self.ids[ids..])
    }

    /// Appends rows without values.
    pub fn push_many(&mut self, n_rows: usize) {
        self.n_rows += n_rows;
        self.cells.resize(self.n_rows * self.n_fields, Cell::Absent);
        self.ids.resize(self.n_rows * self.n_ids, Place::Nowhere);
    }

    /// Says where a row's carried value lies.
    pub fn set_id(&mut self, row: usize, id: usize, place: Place) {
        if let Some(at) = self.ids.get_mut(row * self.n_ids + id) {
            *at = place;
        }
    }

    /// The carried values of a row.
    pub fn ids(&self, row: usize) -> impl Iterator<Item = Carried<'_>> {
        let ids = self.ids.get(row * self.n_ids..(row + 1) * self.n_ids).unwrap_or_default();
        let text = |place: &Range<usize>| self.text.get(place.clone()).unwrap_or_default();
        ids.iter().map(move |place| match place {
            Place::Nowhere => Carried::Missing,
            Place::Text(place) => Carried::Text(text(place)),
            Place::Token(place) => Carried::Token(text(place)),
        })
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
