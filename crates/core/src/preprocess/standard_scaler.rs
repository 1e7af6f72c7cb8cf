//! scikit-learn's `StandardScaler`: subtract the mean, divide by the scale.

use super::reading::{Number, Precision, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use crate::params::NumbersRef;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct StandardScaler {
    columns: Vec<(Number, Number, Option<f64>, Option<f64>)>,
    scaling: Scaling,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    mean: Option<NumbersRef>,
    scale: Option<NumbersRef>,
    scaling: Scaling,
    arithmetic: Precision,
}

/// Dense data is divided; sparse data is multiplied by the reciprocal, which rounds differently.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Scaling {
    Divide,
    Reciprocal,
}

impl Step for StandardScaler {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<StandardScaler> {
        let count = spec.inputs.len();
        let read = |numbers: Option<NumbersRef>| numbers.map(|numbers| reading.params.private_floats(numbers, count));
        let (mean, scale) = (read(spec.mean).transpose()?, read(spec.scale).transpose()?);
        let parameter = |values: &Option<Vec<f64>>, at: usize| values.as_ref().map(|values| spec.arithmetic.round(values[at]));
        let factor = |scale: f64| match spec.scaling {
            Scaling::Divide => scale,
            Scaling::Reciprocal => spec.arithmetic.round(1.0 / scale),
        };
        let pairs = reading.pairs(&spec.inputs, None)?;
        let columns = pairs.into_iter().enumerate().map(|(at, (from, to))| {
            (from, to, parameter(&mean, at), parameter(&scale, at).map(factor))
        });
        Ok(StandardScaler { columns: columns.collect(), scaling: spec.scaling })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &(from, to, mean, scale) in &self.columns {
            let round = |value| to.precision.round(value);
            match (mean, scale, self.scaling) {
                (None, None, _) => tile.map(from, to, |value| value),
                (Some(mean), None, _) => tile.map(from, to, |value| value - mean),
                (None, Some(scale), Scaling::Divide) => tile.map(from, to, |value| value / scale),
                (None, Some(scale), Scaling::Reciprocal) => tile.map(from, to, |value| value * scale),
                (Some(mean), Some(scale), Scaling::Divide) => tile.map(from, to, |value| round(value - mean) / scale),
                (Some(mean), Some(scale), Scaling::Reciprocal) => {
                    tile.map(from, to, |value| round(value - mean) * scale);
                }
            }
        }
    }
}
