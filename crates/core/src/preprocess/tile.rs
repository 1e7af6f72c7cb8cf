//! The rows in work: a few hundred at a time, column by column.

use super::reading::{Number, Text};
use crate::input::{Column, Input, TextCell};
use crate::sanity::{Finding, FindingKind, Sanity, Status, Value};
use crate::schema::Null;
use std::ops::Range;

/// The memory of a tile, reused from tile to tile.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    columns: Vec<f64>,
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
        Scratch { columns }: &'a mut Scratch,
        Checks { sanity, findings }: Checks<'a>,
    ) -> Self {
        let needed = rows.len() * n_columns;
        if columns.len() < needed {
            columns.resize(needed, 0.0);
        }
        Tile { input, rows, columns: &mut columns[..needed], replaced: Vec::new(), sanity, findings }
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
        let mut cell = match self.replaced(text.field, row) {
            Some(cell) => cell,
            None => {
                self.column_of(text.field).map_or(TextCell::Nan, |column| column.text(self.rows.start + row))
            }
        };
        cell = match (cell, text.null) {
            (TextCell::None | TextCell::Nan, Some(Null::Nan)) => TextCell::Nan,
            (TextCell::None | TextCell::Nan, Some(Null::None)) => TextCell::None,
            _ => cell,
        };
        for (missing, fill) in &text.replacements {
            if missing.is_text(cell) {
                cell = TextCell::Text(fill);
            }
        }
        cell
    }

    /// The caller's column of a field.
    pub fn column_of(&self, field: usize) -> Option<Column<'a>> {
        self.input.column(field)
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
        self.column_of(field).map_or(Value::Missing, |column| Value::of(&column, self.rows.start + row))
    }

    /// Puts `cell` in the place of a field's. Rows of a field come in ascending order.
    pub fn replace(&mut self, field: usize, row: usize, cell: TextCell<'a>) {
        match self.replaced.iter_mut().find(|(replaced, _)| *replaced == field) {
            Some((_, rows)) => rows.push((row, cell)),
            None => self.replaced.push((field, vec![(row, cell)])),
        }
    }

    /// Whether texts of a field have been looked at already, and some replaced.
    pub fn has_replaced(&self, field: usize) -> bool {
        self.replaced.iter().any(|(replaced, _)| *replaced == field)
    }

    fn replaced(&self, field: usize, row: usize) -> Option<TextCell<'a>> {
        let (_, rows) = self.replaced.iter().find(|(replaced, _)| *replaced == field)?;
        rows.binary_search_by_key(&row, |(row, _)| *row).ok().map(|at| rows[at].1)
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
