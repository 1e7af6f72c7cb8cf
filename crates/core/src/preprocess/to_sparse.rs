//! Where dense data becomes sparse: zeros are not stored, so they lose their sign.

use super::reading::{Number, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct ToSparse {
    pairs: Vec<(Number, Number)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
}

impl Step for ToSparse {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<ToSparse> {
        Ok(ToSparse { pairs: reading.pairs(&spec.inputs, None)? })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &(from, to) in &self.pairs {
            tile.map(from, to, |value| if value == 0.0 { 0.0 } else { value });
        }
    }
}
