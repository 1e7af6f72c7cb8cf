//! The rows in work: a few hundred at a time, column by column.

use super::reading::{Number, Text};
use crate::input::{Input, TextCell};
use crate::sanity::{Finding, FindingKind, Sanity, Status, Value};
use std::ops::Range;

/// The memory of a tile, reused from tile to tile.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    columns: Vec<f64>,
    places: Vec<u32>,
}

impl Scratch {
    /// Bytes that are kept from tile to tile.
    pub fn bytes(&self) -> usize {
        self.columns.capacity() * size_of::<f64>() + self.places.capacity() * size_of::<u32>()
    }
}

/// What the steps tell of rows, and the rules that they ask.
pub(crate) struct Checks<'a> {
    pub sanity: &'a Sanity,
    pub findings: &'a mut Vec<Finding>,
}

/// A range of rows of the input, with a column of numbers for each slot.
pub(super) struct Tile<'a> {
    input: &'a Input<'a>,
    rows: Range<usize>,
    columns: &'a mut [f64],
    places: &'a mut Vec<u32>,
    /// Cells that take the place of others, by field: rows of the tile, ascending, and the new cells.
    replaced: Vec<(usize, Vec<(usize, TextCell<'a>)>)>,
    sanity: &'a Sanity,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Tile<'a> {
    pub fn new(
        input: &'a Input<'a>,
        rows: Range<usize>,
        n_columns: usize,
        scratch: &'a mut Scratch,
        Checks { sanity, findings }: Checks<'a>,
    ) -> Self {
        let needed = rows.len() * n_columns;
        if scratch.columns.len() < needed {
            scratch.columns.resize(needed, 0.0);
        }
        let Scratch { columns, places } = scratch;
        let columns = &mut columns[..needed];
        Tile { input, rows, columns, places, replaced: Vec::new(), sanity, findings }
    }

    pub fn input(&self) -> &'a Input<'a> {
        self.input
    }

    /// The rows of the input that the tile holds.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The values of a slot.
    pub fn column(&self, number: Number) -> &[f64] {
        &self.columns[number.column * self.n_rows()..][..self.n_rows()]
    }

    /// The values of a slot, to be written.
    pub fn column_mut(&mut self, number: Number) -> &mut [f64] {
        let n_rows = self.n_rows();
        &mut self.columns[number.column * n_rows..][..n_rows]
    }

    /// The values of `width` slots that follow each other, slot after slot, to be written.
    pub fn columns_mut(&mut self, first: Number, width: usize) -> &mut [f64] {
        let n_rows = self.n_rows();
        &mut self.columns[first.column * n_rows..][..width * n_rows]
    }

    /// The values of `from`, and of the later slot `to` to be written.
    pub fn pair_mut(&mut self, from: Number, to: Number) -> (&[f64], &mut [f64]) {
        let n_rows = self.n_rows();
        let (before, after) = self.columns.split_at_mut(to.column * n_rows);
        (&before[from.column * n_rows..][..n_rows], &mut after[..n_rows])
    }

    /// Writes `function` of each value of `from` to the later slot `to`, rounded to its type.
    #[inline]
    pub fn map(&mut self, from: Number, to: Number, function: impl Fn(f64) -> f64) {
        let (from, into) = self.pair_mut(from, to);
        for (into, &value) in into.iter_mut().zip(from) {
            *into = to.precision.round(function(value));
        }
    }

    /// The cell of a text slot in row `row` of the tile.
    pub fn text<'t>(&self, text: &'t Text, row: usize) -> TextCell<'t>
    where
        'a: 't,
    {
        text.seen(self.cell(text.field, row))
    }

    /// The cell of a text field in row `row` of the tile, before steps: as it came in, or as a rule has it.
    pub fn cell(&self, field: usize, row: usize) -> TextCell<'a> {
        match self.replaced(field).iter().find(|(replaced, _)| *replaced == row) {
            Some((_, cell)) => *cell,
            None => self.input.text(field, self.rows.start + row),
        }
    }

    /// Calls `each` with the tile and memory for the categories of its rows, which is reused.
    pub fn with_places(&mut self, each: impl FnOnce(&mut Self, &mut Vec<u32>)) {
        let mut places = std::mem::take(self.places);
        places.clear();
        each(self, &mut places);
        *self.places = places;
    }

    /// The rules.
    pub fn sanity(&self) -> &'a Sanity {
        self.sanity
    }

    /// Where findings go.
    pub fn findings(&mut self) -> &mut Vec<Finding> {
        self.findings
    }

    /// The number of row `row` of the tile in what the caller holds.
    pub fn number_of(&self, row: usize) -> usize {
        self.input.first_row() + self.rows.start + row
    }

    /// The value of a field as it came in.
    pub fn seen(&self, field: usize, row: usize) -> Value {
        self.input.value(field, self.rows.start + row).into()
    }

    /// Puts cells in the place of a field's: rows of the tile, ascending, with the new cells.
    pub fn replace(&mut self, field: usize, cells: Vec<(usize, TextCell<'a>)>) {
        if !cells.is_empty() {
            self.replaced.push((field, cells));
        }
    }

    /// The cells that take the place of a field's.
    pub fn replaced(&self, field: usize) -> &[(usize, TextCell<'a>)] {
        self.replaced.iter().find(|(replaced, _)| *replaced == field).map_or(&[], |(_, cells)| cells)
    }

    /// Refuses row `row` of the tile, as the source model does, for a value that it expects otherwise.
    pub fn refuse(&mut self, row: usize, field: usize, kind: FindingKind, expected: &str) {
        let (number, seen) = (self.number_of(row), self.seen(field, row));
        self.findings.push(Finding {
            row: number,
            field: self.sanity.name(field).clone(),
            kind,
            seen,
            used: None,
            status: Status::Rejected,
            expected: Some(expected.into()),
        });
    }
}
