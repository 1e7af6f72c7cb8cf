//! scikit-learn's `MinMaxScaler`: multiply by the scale, add the minimum, clip where asked.

use super::reading::{Number, Precision, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use crate::params::NumbersRef;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct MinMaxScaler {
    columns: Vec<(Number, Number, f64, f64)>,
    clip: Option<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    scale: NumbersRef,
    min: NumbersRef,
    clip: Option<NumbersRef>,
    arithmetic: Precision,
}

impl Step for MinMaxScaler {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<MinMaxScaler> {
        let read = |numbers, count| reading.params.private_floats(numbers, count);
        let scale = read(spec.scale, spec.inputs.len())?;
        let min = read(spec.min, spec.inputs.len())?;
        let clip = spec.clip.map(|clip| read(clip, 2)).transpose()?.map(|clip| (clip[0], clip[1]));
        let round = |value| spec.arithmetic.round(value);
        let pairs = reading.pairs(&spec.inputs, None)?.into_iter().zip(scale.into_iter().zip(min));
        let columns = pairs.map(|((from, to), (scale, min))| (from, to, round(scale), round(min)));
        Ok(MinMaxScaler { columns: columns.collect(), clip })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &(from, to, scale, min) in &self.columns {
            let scaled = |value: f64| to.precision.round(to.precision.round(value * scale) + min);
            match self.clip {
                None => tile.map(from, to, scaled),
                Some((low, high)) => tile.map(from, to, |value| clip(scaled(value), low, high)),
            }
        }
    }
}

/// As NumPy clips: NaN stays NaN, and a value that equals a bound stays itself (zeros keep their sign).
#[inline]
fn clip(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}
