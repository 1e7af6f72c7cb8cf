//! Sets of categories in `params.bin`: which category a value is.

use crate::error::{Error, Result};
use crate::input::TextCell;
use crate::mapped::Words;
use crate::params::{Floats, NumberType, NumbersRef, Params};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// A reference to a vocabulary in `params.bin`, as JSON holds it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum VocabularyRef {
    /// Ascending floats.
    Number {
        /// Where the floats begin, in bytes.
        offset: u64,
        /// The number of ordinary categories.
        count: u64,
        /// The index of NaN where it is a category.
        nan: Option<u64>,
        /// The index of `None` where it is a category.
        none: Option<u64>,
    },
    /// Text in a hash table.
    String {
        /// Where the table begins, in bytes.
        offset: u64,
        /// The number of ordinary categories.
        count: u64,
        /// The binary logarithm of the table's number of slots.
        table: u32,
        /// The bytes of all text together.
        bytes: u64,
        /// The index of NaN where it is a category.
        nan: Option<u64>,
        /// The index of `None` where it is a category.
        none: Option<u64>,
    },
}

/// Categories that are numbers.
#[derive(Clone, Debug)]
pub(crate) struct NumberVocabulary {
    values: Floats,
    count: usize,
    nan: Option<usize>,
}

/// Categories that are text.
#[derive(Clone, Debug)]
pub(crate) struct TextVocabulary {
    table: Words,
    positions: Words,
    bytes: Words,
    count: usize,
    nan: Option<usize>,
    none: Option<usize>,
}

/// Short texts that were looked up in one vocabulary, and their categories: texts mostly repeat themselves.
#[derive(Debug)]
pub(crate) struct Recent([Found; 1 << RECENT]);

/// The binary logarithm of the number of texts that are remembered.
const RECENT: u32 = 7;

#[derive(Clone, Copy, Debug)]
struct Found {
    word: u64,
    /// 0 where nothing is remembered.
    len: u32,
    /// `u32::MAX` where the vocabulary does not hold it.
    index: u32,
}

impl Default for Recent {
    fn default() -> Self {
        Recent([Found { word: 0, len: 0, index: 0 }; 1 << RECENT])
    }
}

impl Recent {
    #[inline]
    fn slot(&mut self, word: u64) -> &mut Found {
        &mut self.0[(word.wrapping_mul(SPREAD) >> (64 - RECENT)) as usize]
    }
}

impl VocabularyRef {
    /// The number of categories, NaN and `None` included.
    pub(crate) fn len(&self) -> Result<usize> {
        let (VocabularyRef::Number { count, nan, none, .. } | VocabularyRef::String { count, nan, none, .. }) =
            *self;
        let len = count.checked_add(u64::from(nan.is_some()) + u64::from(none.is_some()));
        let inside = |index: Option<u64>| index.is_none_or(|index| Some(index) < len && index >= count);
        let len = len.filter(|_| inside(nan) && inside(none)).and_then(|len| u32::try_from(len).ok());
        len.map(|len| len as usize).ok_or_else(|| Error::corrupt(format!("impossible vocabulary {self:?}")))
    }
}

impl NumberVocabulary {
    pub fn read(params: &Params, reference: &VocabularyRef) -> Result<Option<NumberVocabulary>> {
        reference.len()?;
        let VocabularyRef::Number { offset, count, nan, none: _ } = *reference else { return Ok(None) };
        let values = NumbersRef { offset, count, dtype: NumberType::Float64 };
        let count = count as usize;
        let nan = nan.map(|index| index as usize);
        Ok(Some(NumberVocabulary { values: params.floats(values, count)?, count, nan }))
    }

    /// The index of the category that equals `value`.
    #[inline]
    pub fn index(&self, value: f64) -> Option<usize> {
        if value.is_nan() {
            return self.nan;
        }
        let (mut below, mut size) = (0, self.count);
        while size > 0 {
            let half = size / 2;
            if self.values.at(below + half) < value {
                below += half + 1;
                size -= half + 1;
            } else {
                size = half;
            }
        }
        (below < self.count && self.values.at(below) == value).then_some(below)
    }
}

impl TextVocabulary {
    pub fn read(params: &Params, reference: &VocabularyRef) -> Result<Option<TextVocabulary>> {
        reference.len()?;
        let VocabularyRef::String { offset, count, table, bytes, nan, none } = *reference else {
            return Ok(None);
        };
        let impossible = || Error::corrupt(format!("impossible vocabulary {reference:?}"));
        let slots = 1_u64.checked_shl(table).filter(|_| table < 40).ok_or_else(impossible)?;
        let positions_at = offset.checked_add(slots * 8).ok_or_else(impossible)?;
        let bytes_at = count.checked_add(1).and_then(|n| n.checked_mul(8)?.checked_add(positions_at));
        Ok(Some(TextVocabulary {
            table: params.words(offset, slots)?,
            positions: params.words(positions_at, count + 1)?,
            bytes: params.words(bytes_at.ok_or_else(impossible)?, bytes.div_ceil(8))?,
            count: count as usize,
            nan: nan.map(|index| index as usize),
            none: none.map(|index| index as usize),
        }))
    }

    /// The index of the category that equals `cell`.
    pub fn index(&self, cell: TextCell<'_>) -> Option<usize> {
        match cell {
            TextCell::Nan => self.nan,
            TextCell::None => self.none,
            TextCell::Other => None,
            TextCell::Text(text) => self.text_index(text),
        }
    }

    /// As [`TextVocabulary::index`], where `recent` holds what was found of short text before.
    #[inline(always)]
    pub fn index_after(&self, cell: TextCell<'_>, recent: Option<&mut Recent>) -> Option<usize> {
        match (cell, recent) {
            (TextCell::Text(text), Some(recent)) if (1..=8).contains(&text.len()) => {
                let (word, len) = (word(text), text.len() as u32);
                let found = recent.slot(word);
                if (found.word, found.len) != (word, len) {
                    let index = self.text_index(text).map_or(u32::MAX, |index| index as u32);
                    *found = Found { word, len, index };
                }
                (found.index != u32::MAX).then_some(found.index as usize)
            }
            _ => self.index(cell),
        }
    }

    /// Whether `text` is a category.
    pub fn knows(&self, text: &str) -> bool {
        self.text_index(text.as_bytes()).is_some()
    }

    /// The texts, as far as they are such.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        (0..self.count).filter_map(|index| {
            let position = |at: usize| self.positions[at].load(Ordering::Relaxed);
            let range = position(index)..position(index + 1).min(self.bytes.len() as u64 * 8);
            let byte =
                |at: u64| (self.bytes[at as usize / 8].load(Ordering::Relaxed) >> (8 * (at % 8))) as u8;
            String::from_utf8(range.map(byte).collect()).ok()
        })
    }

    #[inline(never)]
    fn text_index(&self, text: &[u8]) -> Option<usize> {
        let table = &*self.table;
        // Most text is no longer than a word, and then is one to hash and to compare.
        let short = (1..=8).contains(&text.len()).then(|| word(text));
        let hash = short.map_or_else(|| hash(text), |word| hash_words(text.len(), [word]));
        let mask = table.len() - 1;
        for probe in 0..table.len() {
            let entry = table[(hash as usize).wrapping_add(probe) & mask].load(Ordering::Relaxed);
            if entry == 0 {
                return None;
            }
            let index = (entry as u32).wrapping_sub(1) as usize;
            if entry >> 32 == hash >> 32 && index < self.count && self.holds(index, text, short) {
                return Some(index);
            }
        }
        None
    }

    /// Whether category `index` is `text`, which is the word `short` where that is all of it; whatever the
    /// positions say, only the vocabulary's own bytes are read.
    #[inline]
    fn holds(&self, index: usize, text: &[u8], short: Option<u64>) -> bool {
        let (positions, bytes) = (&*self.positions, &*self.bytes);
        let position = |at: usize| positions.get(at).map_or(0, |at| at.load(Ordering::Relaxed) as usize);
        let (start, end) = (position(index), position(index + 1));
        if start.checked_add(text.len()) != Some(end) || end > bytes.len() * 8 {
            return false;
        }
        let load = |at: usize| bytes.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        let equal = |at: usize, word: u64, len: usize| {
            // In two steps, since the place in a word may be 0.
            let shift = 8 * (at % 8) as u32;
            let known = load(at / 8) >> shift | load(at / 8 + 1) << 1 << (63 - shift);
            (known ^ word) << (64 - 8 * len as u32) == 0
        };
        match short {
            Some(word) => equal(start, word, text.len()),
            None => {
                let mut chunks = text.chunks(8).zip((start..).step_by(8));
                chunks.all(|(chunk, at)| equal(at, word(chunk), chunk.len()))
            }
        }
    }
}

const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of FORMAT.md.
pub(crate) fn hash(text: &[u8]) -> u64 {
    hash_words(text.len(), text.chunks(8).map(word))
}

#[inline]
fn hash_words(len: usize, words: impl IntoIterator<Item = u64>) -> u64 {
    const MIX: u64 = 0xD6E8_FEB8_6659_FD93;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let begun = (len as u64).wrapping_mul(SPREAD);
    fold(words.into_iter().fold(begun, |hash, word| fold(hash ^ word, MIX)), SPREAD)
}

/// Up to 8 bytes as the low ones of a little-endian word.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    let shifted = |at: usize| bytes.get(at).map_or(0, |&byte| u64::from(byte) << (8 * at));
    let len = bytes.len();
    if len >= 4 {
        half(bytes.first_chunk()) | half(bytes.last_chunk()) << (8 * (len.min(8) - 4))
    } else {
        // The first, middle and last of up to 3.
        shifted(0) | shifted(len / 2) | shifted(len.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_word_is_its_bytes() {
        let bytes = [0x11, 0x82, 0xf3, 0x44, 0x95, 0x66, 0xe7, 0x08];
        for len in 0..=8 {
            let naive = bytes[..len].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
            assert_eq!(word(&bytes[..len]), naive, "{len} bytes");
        }
    }
}
