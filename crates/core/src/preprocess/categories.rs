//! What the encoders share: finding the category of each row of a slot.

use super::reading::{Number, Reading, Slot, Text};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::input::TextCell;
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

    /// Why a row whose value is in no category is refused.
    pub fn unknown(&self, tile: &Tile<'_>, row: usize) -> String {
        let value = match self {
            Categories::Numbers(number, _) => tile.column(*number)[row].to_string(),
            Categories::Texts(text, _) => match tile.text(text, row) {
                TextCell::Nan => "NaN".to_owned(),
                TextCell::None => "None".to_owned(),
                TextCell::Other => "a value that is no text".to_owned(),
                TextCell::Text(text) => format!("{text:?}"),
            },
        };
        format!("unknown category {value}; expected one that the encoder was fitted on")
    }
}
