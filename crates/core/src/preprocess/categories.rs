//! What the encoders share: finding the category of each row of a slot.

use super::reading::{Number, Reading, Slot, Text};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::input::{Coded, Column, TextCell};
use crate::sanity::{FindingKind, Instead, Value};
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

    /// Appends the category of each of the tile's rows to `places`, which is empty. [`UNKNOWN`] stands where there is
    /// none: then the rules were asked, and the row is rejected if `refuses` says that the source model would.
    pub fn find(&self, tile: &mut Tile<'_>, places: &mut Vec<u32>, refuses: bool) {
        match self {
            Categories::Numbers(number, vocabulary) => {
                places.extend(tile.column(*number).iter().map(|&value| place(vocabulary.index(value))));
            }
            Categories::Texts(text, vocabulary) => find_texts(tile, text, vocabulary, places),
        }
        if places.iter().fold(false, |any, &place| any | (place == UNKNOWN)) {
            for row in (0..places.len()).filter(|&row| places[row] == UNKNOWN).collect::<Vec<_>>() {
                places[row] = place(self.resolve(tile, row, refuses));
            }
        }
    }

    /// The category that the rules put in the place of a value in none.
    fn resolve(&self, tile: &mut Tile<'_>, row: usize, refuses: bool) -> Option<usize> {
        let (field, number) = (self.field(), tile.number_of(row));
        let (cell, seen) = match self {
            Categories::Numbers(slot, _) => match tile.column(*slot)[row] {
                value if value.is_nan() => (TextCell::Nan, Value::Missing),
                value => (TextCell::Other, Value::Float(value)),
            },
            Categories::Texts(text, _) => match tile.text(text, row) {
                // An imputer's own text: that the value was missing has been told.
                TextCell::Text(_) if !refuses && is_missing(tile.cell(field, row)) => return None,
                cell @ TextCell::Text(text) => (cell, Value::text(&String::from_utf8_lossy(text))),
                cell => (cell, tile.seen(field, row)),
            },
        };
        let knows = |text: &str| self.texts().is_some_and(|vocabulary| vocabulary.knows(text));
        let sanity = tile.sanity();
        let instead = sanity.unknown(field, number, (seen, cell), refuses, &knows, tile.findings());
        let index = match (&instead, self) {
            (Instead::Rejected | Instead::Nothing, _) => return None,
            (Instead::Number(value), Categories::Numbers(_, vocabulary)) => vocabulary.index(*value),
            (Instead::Text(text), Categories::Texts(_, vocabulary)) => {
                vocabulary.index(TextCell::Text(text.as_bytes()))
            }
            (Instead::Missing, Categories::Texts(_, vocabulary)) => {
                vocabulary.index(TextCell::Nan).or_else(|| vocabulary.index(TextCell::None))
            }
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

fn is_missing(cell: TextCell<'_>) -> bool {
    matches!(cell, TextCell::None | TextCell::Nan)
}

fn place(index: Option<usize>) -> u32 {
    index.map_or(UNKNOWN, |index| index as u32)
}

/// Appends the category of each row's text.
fn find_texts(tile: &Tile<'_>, text: &Text, vocabulary: &TextVocabulary, places: &mut Vec<u32>) {
    match tile.input().column(text.field) {
        Some(Column::Coded(coded)) if coded.values.len() <= tile.n_rows() => {
            let of_cell = |cell| place(vocabulary.index(text.seen(cell)));
            find_coded(tile, &coded, text.field, of_cell, places);
            places.truncate(tile.n_rows());
        }
        _ => {
            places.resize(tile.n_rows(), UNKNOWN);
            let mut recent = (tile.n_rows() >= MANY).then(Recent::default);
            text.for_each(tile, |row, cell| {
                places[row] = place(vocabulary.index_after(cell, recent.as_mut()));
            });
        }
    }
    text.replaced(tile).for_each(|(row, cell)| places[row] = place(vocabulary.index(cell)));
}

/// As [`find_texts`], looking each of the few values up once; `places` holds these, too, at its end.
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
