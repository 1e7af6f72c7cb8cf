//! Whether a row of features is ordinary, asked of all its values at once.

use super::reading::Number;
use crate::precision::Float;
use crate::sanity::{Sanity, Watch};

/// Rows from which on it pays to lay the bounds out.
const MANY: usize = 16;

/// The bounds of each feature, side by side.
#[derive(Debug)]
pub(super) struct Bounds {
    low: Vec<f64>,
    high: Vec<f64>,
    nan: Nan,
}

/// Which features NaN has to be looked at in.
#[derive(Debug)]
enum Nan {
    All,
    None,
    Some(Vec<bool>),
}

impl Bounds {
    /// For features of type `T`; `None` for few rows, or features that are of another type before.
    pub fn of<T: Float>(features: &[Number], sanity: &Sanity, n_rows: usize) -> Option<Bounds> {
        let watches = sanity.watches(T::PRECISION);
        if n_rows < MANY || features.iter().any(|slot| slot.precision != T::PRECISION) {
            return None;
        }
        let watch = |slot: &Number| watches.get(slot.field).copied();
        let watches: Vec<Watch> = features.iter().map(watch).collect::<Option<_>>()?;
        let nan: Vec<bool> = watches.iter().map(Watch::stops_nan).collect();
        Some(Bounds {
            low: watches.iter().map(|watch| watch.range().0).collect(),
            high: watches.iter().map(|watch| watch.range().1).collect(),
            nan: match (nan.contains(&true), nan.contains(&false)) {
                (false, _) => Nan::None,
                (true, false) => Nan::All,
                (true, true) => Nan::Some(nan),
            },
        })
    }

    /// Whether some value of a row has to be looked at.
    #[inline]
    pub fn stop_any<T: Float>(&self, row: &[T]) -> bool {
        let Bounds { low, high, nan } = self;
        match nan {
            // NaN is in no range.
            Nan::All => any(row, low, high, |value, low, high| !((value >= low) & (value <= high))),
            Nan::None => any(row, low, high, |value, low, high| (value < low) | (value > high)),
            Nan::Some(stops) => {
                let some_nan =
                    || row.iter().zip(stops).any(|(value, stops)| *stops && value.to_f64().is_nan());
                any(row, low, high, |value, low, high| (value < low) | (value > high)) || some_nan()
            }
        }
    }
}

/// Whether `stops` holds of any value and its bounds. Counting, four at a time, is what compilers make vectors of.
#[inline]
fn any<T: Float>(row: &[T], low: &[f64], high: &[f64], stops: impl Fn(f64, f64, f64) -> bool) -> bool {
    const LANES: usize = 4;
    let mut counts = [0_u64; LANES];
    let ((rows, last), (lows, last_low), (highs, last_high)) =
        (row.as_chunks::<LANES>(), low.as_chunks::<LANES>(), high.as_chunks::<LANES>());
    for ((row, low), high) in rows.iter().zip(lows).zip(highs) {
        for lane in 0..LANES {
            counts[lane] |= u64::from(stops(row[lane].to_f64(), low[lane], high[lane]));
        }
    }
    for ((value, low), high) in last.iter().zip(last_low).zip(last_high) {
        counts[0] |= u64::from(stops(value.to_f64(), *low, *high));
    }
    counts != [0; LANES]
}
