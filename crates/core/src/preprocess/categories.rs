//! What the encoders share: finding the category of each row of a slot.

use super::reading::{Number, Reading, Slot, Text};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::input::{Coded, Column, TextCell};
use crate::vocabulary::{NumberVocabulary, Recent, TextVocabulary, VocabularyRef};

/// A slot with the vocabulary that its values are looked up in.
#[derive(Debug)]
pub(super) enum Categories {
    Numbers(Number, NumberVocabulary),
    Texts(Text, TextVocabulary),
}

/// The place of a value that is in no category.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Rows from which on it pays to remember what was looked up.
const MANY: usize = 64;

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

    /// Appends the category of each of the tile's rows to `places`, which is empty; [`UNKNOWN`] where there is none.
    pub fn find(&self, tile: &Tile<'_>, places: &mut Vec<u32>) {
        let place = |index: Option<usize>| index.map_or(UNKNOWN, |index| index as u32);
        match self {
            Categories::Numbers(number, vocabulary) => {
                places.extend(tile.column(*number).iter().map(|&value| place(vocabulary.index(value))));
            }
            Categories::Texts(text, vocabulary) => match tile.input().column(text.field) {
                Some(Column::Coded(coded)) if coded.values.len() <= tile.n_rows() => {
                    let place = |cell| place(vocabulary.index(text.seen(cell)));
                    find_coded(tile, &coded, text.field, place, places);
                }
                _ => {
                    places.resize(tile.n_rows(), UNKNOWN);
                    let mut recent = (tile.n_rows() >= MANY).then(Recent::default);
                    text.for_each(tile, |row, cell| {
                        places[row] = place(vocabulary.index_after(cell, recent.as_mut()));
                    });
                }
            },
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
                TextCell::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            },
        };
        format!("unknown category {value}; expected one that the encoder was fitted on")
    }
}

/// As [`Categories::find`], looking each of the few values up once.
fn find_coded<'t>(
    tile: &Tile<'t>,
    coded: &Coded<'t>,
    field: usize,
    place: impl Fn(TextCell<'t>) -> u32,
    places: &mut Vec<u32>,
) {
    let nulls = tile.input().nulls(field);
    let n_rows = tile.n_rows();
    places.resize(n_rows, UNKNOWN);
    places.extend((0..coded.values.len()).map(|at| place(coded.values.at(at).into())));
    let (places, of_values) = places.split_at_mut(n_rows);
    let absent = nulls.map_or(UNKNOWN, |nulls| place(nulls.kind().into()));
    let negative = coded.negative.map_or_else(|| place(TextCell::Other), |kind| place(kind.into()));
    for (into, row) in places.iter_mut().zip(tile.rows()) {
        *into = match coded.keys.at(row) {
            _ if nulls.is_some_and(|nulls| nulls.is_null(row)) => absent,
            Ok(at) => of_values.get(at).copied().unwrap_or(UNKNOWN),
            Err(_) => negative,
        };
    }
}
