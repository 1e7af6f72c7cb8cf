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
    #[inline]
    pub fn index(&self, cell: TextCell<'_>) -> Option<usize> {
        match cell {
            TextCell::Nan => self.nan,
            TextCell::None => self.none,
            TextCell::Other => None,
            TextCell::Text(text) => self.text_index(text.as_bytes()),
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

    fn text_index(&self, text: &[u8]) -> Option<usize> {
        let hash = hash(text);
        let mask = self.table.len() - 1;
        for probe in 0..self.table.len() {
            let slot = (hash as usize).wrapping_add(probe) & mask;
            let entry = self.table[slot].load(Ordering::Relaxed);
            if entry == 0 {
                return None;
            }
            let index = (entry as u32).wrapping_sub(1) as usize;
            if entry >> 32 == hash >> 32 && index < self.count && self.holds(index, text) {
                return Some(index);
            }
        }
        None
    }

    /// Whether category `index` is `text`; whatever the positions say, only the vocabulary's own bytes
    /// are read.
    fn holds(&self, index: usize, text: &[u8]) -> bool {
        let position = |at: usize| self.positions[at].load(Ordering::Relaxed);
        let (start, end) = (position(index), position(index + 1));
        if end.wrapping_sub(start) != text.len() as u64 || end > self.bytes.len() as u64 * 8 {
            return false;
        }
        text.iter().zip(start as usize..).all(|(&byte, at)| {
            let word = self.bytes[at / 8].load(Ordering::Relaxed);
            (word >> (8 * (at % 8))) as u8 == byte
        })
    }
}

/// The hash of FORMAT.md.
pub(crate) fn hash(text: &[u8]) -> u64 {
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    const MIX: u64 = 0xD6E8_FEB8_6659_FD93;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let mut hash = (text.len() as u64).wrapping_mul(SPREAD);
    for chunk in text.chunks(8) {
        let word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        hash = fold(hash ^ word, MIX);
    }
    fold(hash, SPREAD)
}
