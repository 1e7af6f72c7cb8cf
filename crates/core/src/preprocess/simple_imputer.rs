//! scikit-learn's `SimpleImputer`: a fixed value in place of missing ones.

use super::missing::{Missing, MissingSpec};
use super::reading::{Number, Reading, Slot};
use super::tile::Tile;
use super::Step;
use crate::error::{Error, Result};
use crate::params::NumbersRef;
use serde::Deserialize;

/// Numbers are replaced in the tile; for text the replacement is noted in the slot.
#[derive(Debug)]
pub(super) struct SimpleImputer {
    missing: Missing,
    columns: Vec<(Number, Number, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    missing: MissingSpec,
    fill: Fill,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fill {
    Numbers(NumbersRef),
    Texts(Vec<String>),
}

impl Step for SimpleImputer {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<SimpleImputer> {
        let missing = spec.missing.read(reading.params)?;
        let mut columns = Vec::new();
        match spec.fill {
            Fill::Numbers(fill) => {
                let fill = reading.params.private_floats(fill, spec.inputs.len())?;
                for ((from, to), fill) in reading.pairs(&spec.inputs, None)?.into_iter().zip(fill) {
                    columns.push((from, to, to.precision.round(fill)));
                }
            }
            Fill::Texts(fill) => {
                if fill.len() != spec.inputs.len() {
                    return Err(Error::corrupt(format!("{} fills for {} inputs", fill.len(), spec.inputs.len())));
                }
                for (&slot, fill) in spec.inputs.iter().zip(fill) {
                    let Slot::Text(mut text) = reading.slot(slot)?.clone() else {
                        return Err(Error::corrupt(format!("slot {slot} holds numbers where text is needed")));
                    };
                    text.replacements.push((missing.clone(), fill));
                    reading.push_text(text);
                }
            }
        }
        Ok(SimpleImputer { missing, columns })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for &(from, to, fill) in &self.columns {
            tile.map(from, to, |value| if self.missing.is_number(value) { fill } else { value });
        }
    }
}
