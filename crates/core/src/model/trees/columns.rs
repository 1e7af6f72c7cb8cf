//! From features to columns: what nodes look at.

use super::sets::Sets;
use super::source::{Column, LIGHTGBM_ZERO, Reading};
use crate::precision::Float;
use std::ops::Range;

/// Bytes of a column in the section: its feature, the kind of its reading, and the reading's number.
pub(super) const COLUMN_BYTES: usize = 16;

/// The columns of a forest; `None` where they are the features themselves.
#[derive(Debug)]
pub(super) struct Columns(Option<Read>);

#[derive(Debug)]
struct Read {
    columns: Box<[Column]>,
    /// Neighbours that are read in the same way.
    runs: Box<[Range<usize>]>,
}

impl Columns {
    /// All features as they are.
    pub const FEATURES: Columns = Columns(None);

    pub fn new(columns: Box<[Column]>) -> Columns {
        let mut end = 0;
        let runs = columns.chunk_by(|one, next| one.reading == next.reading).map(|run| {
            let first = end;
            end += run.len();
            first..end
        });
        let runs = runs.collect();
        Columns(Some(Read { columns, runs }))
    }

    /// How many there are, of so many features.
    pub fn len(&self, n_features: usize) -> usize {
        self.0.as_ref().map_or(n_features, |read| read.columns.len())
    }

    /// The columns of `features`, row after row of `n_features`: the slice itself, or in `scratch`.
    pub fn read<'a, V: Float>(
        &self,
        features: &'a [V],
        n_features: usize,
        sets: &Sets,
        scratch: &'a mut Vec<V>,
    ) -> &'a [V] {
        let Some(Read { columns, runs }) = &self.0 else { return features };
        let needed = features.len() / n_features.max(1) * columns.len();
        if scratch.len() < needed {
            scratch.resize(needed, V::default());
        }
        let out = &mut scratch[..needed];
        let rows = features.chunks_exact(n_features.max(1));
        for (row, out) in rows.zip(out.chunks_exact_mut(columns.len().max(1))) {
            for run in runs {
                let columns = &columns[run.clone()];
                let values = columns.iter().map(|column| row[column.feature as usize]);
                read_run(columns[0].reading, values.zip(&mut out[run.clone()]), sets);
            }
        }
        out
    }
}

/// Some columns of a row: a loop for each reading, so that none decides per value.
fn read_run<'a, V: Float>(reading: Reading, values: impl Iterator<Item = (V, &'a mut V)>, sets: &Sets) {
    let near_zero = |value: V| value.to_f64().abs() <= LIGHTGBM_ZERO;
    let (zero, nan) = (V::from_f64(0.0), V::from_f64(f64::NAN));
    match reading {
        Reading::Plain => values.for_each(|(value, into)| *into = value),
        Reading::Missing(missing) => {
            let missing = V::from_f64(f64::from(missing));
            values.for_each(|(value, into)| *into = if value == missing { nan } else { value });
        }
        Reading::NearZero => {
            values.for_each(|(value, into)| *into = if near_zero(value) { zero } else { value });
        }
        Reading::NanIsZero => values.for_each(|(value, into)| {
            *into = if near_zero(value) || value.to_f64().is_nan() { zero } else { value };
        }),
        Reading::ZeroIsMissing => {
            values.for_each(|(value, into)| *into = if near_zero(value) { nan } else { value });
        }
        Reading::TruncatedCategory => values.for_each(|(value, into)| {
            let whole = value.to_f64().trunc();
            let fits = (0.0..=f64::from(i32::MAX)).contains(&whole);
            *into = V::from_f64(if fits { whole } else { -1.0 });
        }),
        Reading::Category => values.for_each(|(value, into)| {
            let value = value.to_f64();
            let fits = value.is_nan() || (0.0..f64::from(1 << 24)).contains(&value);
            *into = V::from_f64(if fits { value.trunc() } else { -1.0 });
        }),
        Reading::ByteCategory(known) => values.for_each(|(value, into)| {
            let value = value.to_f64();
            let whole = value.trunc();
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole);
            let category = f64::from(if fits { whole as i32 as u8 } else { 0 });
            let is_known = value >= 0.0 && sets.contains(known as usize, category);
            *into = if is_known { V::from_f64(category) } else { nan };
        }),
        Reading::Place => values.for_each(|(value, into)| *into = V::from_f64(sets.place(value.to_f64()))),
    }
}

/// A column as the section holds it.
pub(super) fn encode(column: &Column) -> [u8; COLUMN_BYTES] {
    let (kind, number) = match column.reading {
        Reading::Plain => (0_u32, 0_u32),
        Reading::Missing(missing) => (1, missing.to_bits()),
        Reading::NearZero => (2, 0),
        Reading::NanIsZero => (3, 0),
        Reading::ZeroIsMissing => (4, 0),
        Reading::TruncatedCategory => (5, 0),
        Reading::Category => (6, 0),
        Reading::ByteCategory(known) => (7, known),
        Reading::Place => (8, 0),
    };
    let mut bytes = [0; COLUMN_BYTES];
    bytes[..4].copy_from_slice(&column.feature.to_le_bytes());
    bytes[4..8].copy_from_slice(&kind.to_le_bytes());
    bytes[8..12].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The column that `words` hold, or `None` for a kind that is not known.
pub(super) fn decode(words: [u64; 2]) -> Option<Column> {
    let number = words[1] as u32;
    let reading = match words[0] >> 32 {
        0 => Reading::Plain,
        1 => Reading::Missing(f32::from_bits(number)),
        2 => Reading::NearZero,
        3 => Reading::NanIsZero,
        4 => Reading::ZeroIsMissing,
        5 => Reading::TruncatedCategory,
        6 => Reading::Category,
        7 => Reading::ByteCategory(number),
        8 => Reading::Place,
        _ => return None,
    };
    Some(Column { feature: words[0] as u32, reading })
}
