//! scikit-learn's `MissingIndicator`: 1 where a value is missing, else 0.

use super::missing::{Missing, MissingSpec};
use super::reading::{Number, Precision, Reading, Slot};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct MissingIndicator {
    missing: Missing,
    columns: Vec<(Slot, Number)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    missing: MissingSpec,
}

impl Step for MissingIndicator {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<MissingIndicator> {
        let missing = spec.missing.read(reading.params)?;
        let mut columns = Vec::new();
        for slot in spec.inputs {
            let from = reading.slot(slot)?.clone();
            let (Slot::Number(Number { field, .. }) | Slot::Text(super::reading::Text { field, .. })) = from;
            columns.push((from, reading.push_number(field, Precision::Double)));
        }
        Ok(MissingIndicator { missing, columns })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for (from, to) in &self.columns {
            match from {
                Slot::Number(from) => {
                    tile.map(*from, *to, |value| f64::from(u8::from(self.missing.is_number(value))));
                }
                Slot::Text(text) => {
                    tile.with_places(|tile, places| {
                        places.resize(tile.n_rows(), 0);
                        text.for_each(tile, |row, cell| places[row] = self.missing.is_text(cell).into());
                        text.replaced(tile).for_each(|(row, cell)| places[row] = self.missing.is_text(cell).into());
                        let missing = places.iter().map(|&missing| f64::from(missing));
                        tile.column_mut(*to).iter_mut().zip(missing).for_each(|(into, missing)| *into = missing);
                    });
                }
            }
        }
    }
}
