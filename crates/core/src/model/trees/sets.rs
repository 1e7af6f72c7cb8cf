//! The sets of categorical nodes, where they lie.

use crate::mapped::Words;
use std::sync::atomic::Ordering;

/// Sets of category numbers, each of one column, as bits. Any bytes are walked safely.
#[derive(Debug)]
pub(super) struct Sets {
    /// Two words per set: its first word of bits with their number above, and its column.
    pub table: Words,
    /// The bits of all sets.
    pub bits: Words,
    pub n_sets: usize,
}

impl Sets {
    /// The column that set number `set` asks; not clamped.
    #[inline]
    pub fn column(&self, set: usize) -> usize {
        self.table.get(set * 2 + 1).map_or(0, |word| word.load(Ordering::Relaxed) as u32 as usize)
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
