//! What is known while steps are read: the slots so far, and where parameters lie.

use super::missing::Missing;
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::input::TextCell;
use crate::params::Params;
pub(super) use crate::precision::Precision;
use crate::schema::{Null, Schema};

/// The state while the manifest's steps are read in order.
pub(super) struct Reading<'a> {
    pub schema: &'a Schema,
    pub params: &'a Params,
    slots: Vec<Slot>,
    n_columns: usize,
}

/// A value for all rows: the output of one step and the input of later ones.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Number(Number),
    Text(Text),
}

/// A number per row, in a column of the tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// The column of the tile.
    pub column: usize,
    /// The field that the values come from.
    pub field: usize,
    /// Whether the values are float32 ones.
    pub precision: Precision,
}

/// Text per row, never materialised: the field's cells, some of them replaced.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub field: usize,
    /// What both missing values are taken for, in a field that can't tell them apart.
    pub null: Option<Null>,
    /// What replaces which cells, in order.
    pub replacements: Vec<(Missing, String)>,
}

impl Text {
    /// What the slot holds where the field holds `cell`.
    pub fn seen<'t>(&'t self, cell: TextCell<'t>) -> TextCell<'t> {
        let mut cell = match (cell, self.null) {
            (TextCell::None | TextCell::Nan, Some(kind)) => kind.into(),
            _ => cell,
        };
        for (missing, fill) in &self.replacements {
            if missing.is_text(cell) {
                cell = TextCell::Text(fill.as_bytes());
            }
        }
        cell
    }

    /// Calls `each` with each row of the tile and its cell, as it came in: [`Text::replaced`] has other cells.
    #[inline]
    pub fn for_each<'t>(&'t self, tile: &Tile<'t>, mut each: impl FnMut(usize, TextCell<'t>)) {
        let replaces_text = self.replacements.iter().any(|(missing, _)| matches!(missing, Missing::Text(_)));
        tile.input().for_each_text(self.field, tile.rows(), |row, cell| {
            let is_plain = matches!(cell, TextCell::Text(_)) && !replaces_text;
            each(row, if is_plain { cell } else { self.seen(cell) });
        });
    }

    /// The rows of the tile whose cells are replaced by rule, with the new ones.
    pub fn replaced<'t>(&'t self, tile: &Tile<'t>) -> impl Iterator<Item = (usize, TextCell<'t>)> {
        tile.replaced(self.field).iter().map(|&(row, cell)| (row, self.seen(cell)))
    }
}

impl<'a> Reading<'a> {
    pub fn new(schema: &'a Schema, params: &'a Params) -> Self {
        Reading { schema, params, slots: Vec::new(), n_columns: 0 }
    }

    /// Appends a number slot and gives its place.
    pub fn push_number(&mut self, field: usize, precision: Precision) -> Number {
        let number = Number { column: self.n_columns, field, precision };
        self.n_columns += 1;
        self.slots.push(Slot::Number(number));
        number
    }

    /// Appends a text slot.
    pub fn push_text(&mut self, text: Text) {
        self.slots.push(Slot::Text(text));
    }

    /// Slot number `slot`.
    pub fn slot(&self, slot: usize) -> Result<&Slot> {
        self.slots.get(slot).ok_or_else(|| {
            Error::corrupt(format!(
                "slot {slot} is read before a step makes it; there are {}",
                self.slots.len()
            ))
        })
    }

    /// Slot number `slot`, which must hold numbers.
    pub fn number(&self, slot: usize) -> Result<Number> {
        match self.slot(slot)? {
            Slot::Number(number) => Ok(*number),
            Slot::Text(_) => Err(Error::corrupt(format!("slot {slot} holds text where numbers are needed"))),
        }
    }

    /// The number slots of `inputs`.
    pub fn numbers(&self, inputs: &[usize]) -> Result<Vec<Number>> {
        inputs.iter().map(|&slot| self.number(slot)).collect()
    }

    /// The number slots of `inputs`, each with a new slot for its output; of the same type, or of
    /// `precision` where given.
    pub fn pairs(&mut self, inputs: &[usize], precision: Option<Precision>) -> Result<Vec<(Number, Number)>> {
        let inputs = self.numbers(inputs)?;
        let output = |from: Number| (from, self.push_number(from.field, precision.unwrap_or(from.precision)));
        Ok(inputs.into_iter().map(output).collect())
    }

    pub fn n_columns(&self) -> usize {
        self.n_columns
    }
}
