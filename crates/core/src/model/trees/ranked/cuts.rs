//! From the values of columns to byte columns and set columns.

use super::Scratch;
use super::layout::{BYTE_CUTS, CategoryList, CutList, Ranked};
use crate::precision::Float;
use std::hint::select_unpredictable;
use std::sync::atomic::Ordering;

/// A byte column of 64 rows, or 64 bytes of a row.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Line(pub [u8; 64]);

impl Line {
    pub(super) const ZERO: Line = Line([0; 64]);
}

/// The rank of NaN where it goes right.
const MISSING_RIGHT: u8 = 255;

impl Ranked {
    /// The number of cuts of a list that are below `value`, none for NaN.
    #[inline(always)]
    fn rank(&self, first: usize, len: usize, value: f64) -> usize {
        let cuts = &self.cuts[first..first + len];
        let (mut base, mut rest) = (0, len);
        while rest > 1 {
            let half = rest / 2;
            let below = f64::from_bits(cuts[base + half - 1].load(Ordering::Relaxed)) < value;
            base = select_unpredictable(below, base + half, base);
            rest -= half;
        }
        match cuts.get(base) {
            Some(cut) => base + usize::from(f64::from_bits(cut.load(Ordering::Relaxed)) < value),
            None => base,
        }
    }

    /// Where a value's memberships begin.
    #[inline]
    fn memberships(&self, list: &CategoryList, value: f64) -> usize {
        let at = if value.is_nan() {
            list.len + 1
        } else {
            let at = self.rank(list.first, list.len, value);
            let found = at < list.len && self.cut(list.first + at) == value;
            if found { at } else { list.len }
        };
        list.members + at * list.words
    }

    #[inline(always)]
    fn cut(&self, at: usize) -> f64 {
        f64::from_bits(self.cuts[at].load(Ordering::Relaxed))
    }

    /// Writes the byte columns of one row, and a byte for each set column: 0 where it goes left.
    pub(super) fn rank_row<T: Float>(&self, row: &[T], bytes: &mut [u8]) {
        for list in &self.cut_lists {
            let value = row[list.column].to_f64();
            let rank = self.rank(list.first, list.len, value);
            for (variant, missing) in list.variants.iter().zip([MISSING_RIGHT, 0]) {
                let Some(first) = *variant else { continue };
                for segment in 0..list.len.div_ceil(BYTE_CUTS) {
                    let byte = rank.saturating_sub(segment * BYTE_CUTS).min(BYTE_CUTS) as u8;
                    bytes[first + segment] = if value.is_nan() { missing } else { byte };
                }
            }
        }
        for list in &self.category_lists {
            let members = self.memberships(list, row[list.column].to_f64());
            let bytes = &mut bytes[self.n_bytes + list.first_set..][..list.n_sets];
            for (chunk, word) in bytes.chunks_mut(64).zip(&self.members[members..members + list.words]) {
                let left = word.load(Ordering::Relaxed);
                for (at, byte) in chunk.iter_mut().enumerate() {
                    *byte = u8::from(left >> at & 1 == 0);
                }
            }
        }
    }

    /// Writes the byte columns and set columns of as many blocks of 64 rows as `B`; rows that are not there
    /// are missing throughout.
    pub(super) fn rank_blocks<const B: usize, T: Float>(&self, rows: &[T], scratch: &mut Scratch) {
        let n_lines = self.n_bytes.max(1) * B;
        if scratch.ranks.len() < n_lines {
            scratch.ranks.resize(n_lines, Line::ZERO);
        }
        if scratch.bits.len() < self.n_sets * B {
            scratch.bits.resize(self.n_sets * B, 0);
        }
        let n_rows = if self.n_columns() == 0 { 0 } else { rows.len() / self.n_columns() };
        for list in &self.cut_lists {
            let mut padded = [f64::INFINITY; 256];
            for (to, cut) in padded.iter_mut().zip(&self.cuts[list.first..][..list.len.min(BYTE_CUTS)]) {
                *to = f64::from_bits(cut.load(Ordering::Relaxed));
            }
            for block in 0..B {
                let values = self.column(rows, n_rows, list.column, block);
                if list.len <= BYTE_CUTS {
                    let mut ranks = Line::ZERO;
                    let missing = rank(&values, &padded, list.len, &mut ranks);
                    for (variant, missing_left) in list.variants.iter().zip([false, true]) {
                        let Some(first) = *variant else { continue };
                        let line = &mut scratch.ranks[first * B + block];
                        *line = ranks;
                        if !missing_left && missing != 0 {
                            for (at, byte) in line.0.iter_mut().enumerate() {
                                *byte = if missing >> at & 1 != 0 { MISSING_RIGHT } else { *byte };
                            }
                        }
                    }
                } else {
                    self.rank_long::<B>(list, &values, block, &mut scratch.ranks);
                }
            }
        }
        for list in &self.category_lists {
            for block in 0..B {
                let values = self.column(rows, n_rows, list.column, block);
                let members = values.map(|value| self.memberships(list, value));
                for word in 0..list.words {
                    let mut left = members.map(|at| self.members[at + word].load(Ordering::Relaxed));
                    transpose(&mut left);
                    let sets = list.first_set + word * 64
                        ..(list.first_set + list.n_sets).min(list.first_set + word * 64 + 64);
                    for (set, rows) in sets.zip(left) {
                        scratch.bits[set * B + block] = rows;
                    }
                }
            }
        }
    }

    /// The byte columns of a list whose cuts do not fit in one.
    fn rank_long<const B: usize>(
        &self,
        list: &CutList,
        values: &[f64; 64],
        block: usize,
        ranks: &mut [Line],
    ) {
        let found = values.map(|value| self.rank(list.first, list.len, value));
        for (variant, missing) in list.variants.iter().zip([MISSING_RIGHT, 0]) {
            let Some(first) = *variant else { continue };
            for segment in 0..list.len.div_ceil(BYTE_CUTS) {
                let line = &mut ranks[(first + segment) * B + block].0;
                for ((byte, &rank), value) in line.iter_mut().zip(&found).zip(values) {
                    let rank = rank.saturating_sub(segment * BYTE_CUTS).min(BYTE_CUTS) as u8;
                    *byte = if value.is_nan() { missing } else { rank };
                }
            }
        }
    }

    /// The values of a column in a block of rows.
    #[inline(always)]
    fn column<T: Float>(&self, rows: &[T], n_rows: usize, column: usize, block: usize) -> [f64; 64] {
        let width = self.n_columns();
        let mut values = [f64::NAN; 64];
        let first = (block * 64).min(n_rows);
        let rows = &rows[first * width..(first + 64).min(n_rows) * width];
        for (value, row) in values.iter_mut().zip(rows.chunks_exact(width)) {
            *value = row[column].to_f64();
        }
        values
    }
}

/// Writes the ranks of `values` among the first `n_cuts` of `cuts`, which end in infinities; 0 for NaN. Gives
/// a bit for each NaN.
fn rank(values: &[f64; 64], cuts: &[f64; 256], n_cuts: usize, ranks: &mut Line) -> u64 {
    let mut missing = 0;
    let (eights, _) = values.as_chunks::<8>();
    for (at, (values, ranks)) in eights.iter().zip(ranks.0.as_chunks_mut::<8>().0).enumerate() {
        let mut found = [0; 8];
        // Half of the least power of two above the number of cuts.
        let mut half = (n_cuts + 1).next_power_of_two() / 2;
        while half > 0 {
            for lane in 0..8 {
                let probe = found[lane] + half;
                let below = cuts[(probe - 1) % 256] < values[lane];
                found[lane] = select_unpredictable(below, probe, found[lane]);
            }
            half /= 2;
        }
        for lane in 0..8 {
            ranks[lane] = found[lane] as u8;
            missing |= u64::from(values[lane].is_nan()) << (at * 8 + lane);
        }
    }
    missing
}

/// Bit `i` of word `j` becomes bit `j` of word `i`.
fn transpose(words: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFF_u64;
    while width > 0 {
        for pair in 0..32 {
            let low = (pair / width) * width * 2 + pair % width;
            let swap = (words[low] >> width ^ words[low + width]) & mask;
            words[low + width] ^= swap;
            words[low] ^= swap << width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn transposing_swaps_rows_and_bits() {
        let words: [u64; 64] =
            std::array::from_fn(|at| 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(at as u64 + 1));
        let mut turned = words;
        transpose(&mut turned);
        for (row, word) in words.iter().enumerate() {
            for (bit, turned) in turned.iter().enumerate() {
                assert_eq!(word >> bit & 1, turned >> row & 1);
            }
        }
    }
}
