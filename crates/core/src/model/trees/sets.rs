//! The sets of categorical nodes, and the values that are compared for equality, where they lie.

use crate::mapped::Words;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sets of category numbers, each of one column, as bits. Any bytes are walked safely.
#[derive(Debug)]
pub(super) struct Sets {
    /// Two words per set: its first word of bits with their number above, and its column.
    pub table: Words,
    /// The bits of all sets.
    pub bits: Words,
    pub n_sets: usize,
    /// The values of places, as float64.
    pub places: Words,
}

impl Sets {
    /// The column that set number `set` asks; not clamped.
    #[inline]
    pub fn column(&self, set: usize) -> usize {
        self.table.get(set * 2 + 1).map_or(0, |word| word.load(Ordering::Relaxed) as u32 as usize)
    }

    /// The place of `value` among the values of places; -1 where it is none, NaN where it is NaN.
    #[inline]
    pub fn place(&self, value: f64) -> f64 {
        if value.is_nan() {
            return value;
        }
        let at = |word: &AtomicU64| f64::from_bits(word.load(Ordering::Relaxed));
        let place = self.places.partition_point(|word| at(word) < value);
        if self.places.get(place).is_some_and(|word| at(word) == value) { place as f64 } else { -1.0 }
    }

    /// Whether `category` is a whole number in set number `set`.
    #[inline]
    pub fn contains(&self, set: usize, category: f64) -> bool {
        let Some(entry) = self.table.get(set * 2) else { return false };
        let entry = entry.load(Ordering::Relaxed);
        let (first, n_words) = (entry & 0xFFFF_FFFF, entry >> 32);
        let number = category as u64;
        if !(category >= 0.0 && number / 64 < n_words) {
            return false;
        }
        let word = self.bits.get((first + number / 64) as usize);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (number % 64) & 1 != 0)
    }
}
