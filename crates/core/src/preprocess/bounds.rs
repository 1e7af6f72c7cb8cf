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
        let bounds = || row.iter().map(|value| value.to_f64()).zip(self.low.iter().zip(&self.high));
        match &self.nan {
            // NaN is in no range.
            Nan::All => {
                bounds().fold(false, |any, (value, (low, high))| any | !((value >= *low) & (value <= *high)))
            }
            Nan::None => {
                bounds().fold(false, |any, (value, (low, high))| any | (value < *low) | (value > *high))
            }
            Nan::Some(stops) => bounds().zip(stops).fold(false, |any, ((value, (low, high)), stops)| {
                any | (value < *low) | (value > *high) | (stops & value.is_nan())
            }),
        }
    }
}
