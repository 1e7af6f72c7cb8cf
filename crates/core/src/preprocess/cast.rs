//! Where the source changes the type of numbers.

use super::reading::{Number, Precision, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct Cast {
    pairs: Vec<(Number, Number)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    dtype: Precision,
}

impl Step for Cast {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<Cast> {
        let pairs = reading.pairs(&spec.inputs, Some(spec.dtype))?;
        Ok(Cast { pairs })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &(from, to) in &self.pairs {
            tile.map(from, to, |value| value);
        }
    }
}
