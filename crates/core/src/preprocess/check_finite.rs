//! Where the source refuses infinities, and NaN unless it allows it.

use super::reading::{Number, Reading, Slot, Text};
use super::tile::Tile;
use super::Step;
use crate::error::Result;
use crate::input::TextCell;
use crate::sanity::FindingKind;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct CheckFinite {
    numbers: Vec<Number>,
    texts: Vec<Text>,
    nan: Policy,
    infinite: Policy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    nan: Policy,
    #[serde(default)]
    infinite: Policy,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Policy {
    Accept,
    #[default]
    Refuse,
}

impl Step for CheckFinite {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<CheckFinite> {
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for slot in spec.inputs {
            match reading.slot(slot)? {
                Slot::Number(number) => numbers.push(*number),
                Slot::Text(text) => texts.push(text.clone()),
            }
        }
        Ok(CheckFinite { numbers, texts, nan: spec.nan, infinite: spec.infinite })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        let (refuse_nan, refuse_infinite) = (self.nan == Policy::Refuse, self.infinite == Policy::Refuse);
        for &number in &self.numbers {
            let bad = |value: f64| (refuse_infinite && value.is_infinite()) || (refuse_nan && value.is_nan());
            let column = tile.column(number);
            if !column.iter().fold(false, |any, &value| any | bad(value)) {
                continue;
            }
            for row in 0..tile.n_rows() {
                let value = tile.column(number)[row];
                if bad(value) {
                    let kind = if value.is_nan() { FindingKind::Missing } else { FindingKind::Infinite };
                    tile.refuse(row, number.field, kind, "a finite number");
                }
            }
        }
        for text in self.texts.iter().filter(|_| refuse_nan) {
            for row in 0..tile.n_rows() {
                if tile.text(text, row) == TextCell::Nan {
                    tile.refuse(row, text.field, FindingKind::Missing, "text");
                }
            }
        }
    }
}
