//! What the encoders share: finding the category of each row of a slot.

use super::reading::{Number, Reading, Slot, Text};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::input::TextCell;
use crate::sanity::{FindingKind, Instead, Value};
use crate::vocabulary::{NumberVocabulary, TextVocabulary, VocabularyRef};

/// A slot with the vocabulary that its values are looked up in.
#[derive(Debug)]
pub(super) enum Categories {
    Numbers(Number, NumberVocabulary),
    Texts(Text, TextVocabulary),
}

impl Categories {
    pub fn read(reading: &Reading<'_>, slot: usize, vocabulary: &VocabularyRef) -> Result<Categories> {
        let mismatch = || Error::corrupt(format!("slot {slot} and its vocabulary are not of one kind"));
        Ok(match reading.slot(slot)? {
            Slot::Number(number) => Categories::Numbers(
                *number,
                NumberVocabulary::read(reading.params, vocabulary)?.ok_or_else(mismatch)?,
            ),
            Slot::Text(text) => Categories::Texts(
                text.clone(),
                TextVocabulary::read(reading.params, vocabulary)?.ok_or_else(mismatch)?,
            ),
        })
    }

    /// The field that the values come from.
    pub fn field(&self) -> usize {
        match self {
            Categories::Numbers(number, _) => number.field,
            Categories::Texts(text, _) => text.field,
        }
    }

    /// The category of the value in row `row` of the tile.
    #[inline]
    pub fn index(&self, tile: &Tile<'_>, row: usize) -> Option<usize> {
        match self {
            Categories::Numbers(number, vocabulary) => vocabulary.index(tile.column(*number)[row]),
            Categories::Texts(text, vocabulary) => vocabulary.index(tile.text(text, row)),
        }
    }

    /// The category that the rules put in the place of a value in none. Where there is none, the row is rejected
    /// if `refuses` says that the source model would.
    #[cold]
    pub fn resolve(&self, tile: &mut Tile<'_>, row: usize, refuses: bool) -> Option<usize> {
        let (field, number) = (self.field(), tile.number_of(row));
        let (cell, seen) = match self {
            // A replacement is what the rules already put there.
            Categories::Numbers(slot, _) => match tile.column(*slot)[row] {
                value if value.is_nan() => (TextCell::Nan, Value::Missing),
                value => (TextCell::Other, Value::Float(value)),
            },
            Categories::Texts(text, _) => match tile.text(text, row) {
                cell @ TextCell::Text(text) => (cell, Value::text(text)),
                cell => (cell, tile.seen(field, row)),
            },
        };
        let knows = |text: &str| match self {
            Categories::Numbers(..) => false,
            Categories::Texts(_, vocabulary) => vocabulary.index(TextCell::Text(text)).is_some(),
        };
        let sanity = tile.sanity();
        let instead = sanity.unknown(field, number, (seen, cell), refuses, &knows, tile.findings());
        let index = match (&instead, self) {
            (Instead::Number(value), Categories::Numbers(_, vocabulary)) => vocabulary.index(*value),
            (Instead::Text(text), Categories::Texts(_, vocabulary)) => vocabulary.index(TextCell::Text(text)),
            (Instead::Missing, Categories::Texts(_, vocabulary)) => {
                vocabulary.index(TextCell::Nan).or_else(|| vocabulary.index(TextCell::None))
            }
            (Instead::Rejected | Instead::Nothing, _) => return None,
            _ => None,
        };
        if index.is_none() && refuses {
            tile.refuse(row, field, FindingKind::UnknownCategory, "one that the encoder was fitted on");
        }
        index
    }

    /// The categories that are text.
    pub fn texts(&self) -> Option<&TextVocabulary> {
        match self {
            Categories::Numbers(..) => None,
            Categories::Texts(_, vocabulary) => Some(vocabulary),
        }
    }
}
