//! scikit-learn's `OrdinalEncoder`: one number per category.

use super::categories::{Categories, UNKNOWN};
use super::reading::{Number, Precision, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::{Error, Result};
use crate::params::{Floats, NumbersRef};
use crate::vocabulary::VocabularyRef;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct OrdinalEncoder {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    categories: Categories,
    values: Floats,
    output: Number,
    /// The value of what is in no category; without one the row is refused.
    unknown: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    inputs: Vec<usize>,
    columns: Vec<ColumnSpec>,
    dtype: Precision,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnSpec {
    vocabulary: VocabularyRef,
    values: NumbersRef,
    unknown: Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "policy")]
enum Unknown {
    Refuse,
    Value { value: NumbersRef },
}

impl OrdinalEncoder {
    /// What the values of each column are looked up in.
    pub fn categories(&self) -> impl Iterator<Item = &Categories> {
        self.columns.iter().map(|column| &column.categories)
    }
}

impl Step for OrdinalEncoder {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<OrdinalEncoder> {
        if spec.inputs.len() != spec.columns.len() {
            return Err(Error::corrupt(format!("{} columns for {} inputs", spec.columns.len(), spec.inputs.len())));
        }
        let mut columns = Vec::new();
        for (&slot, column) in spec.inputs.iter().zip(spec.columns) {
            let categories = Categories::read(reading, slot, &column.vocabulary)?;
            let values = reading.params.floats(column.values, column.vocabulary.len()?)?;
            let unknown = match column.unknown {
                Unknown::Refuse => None,
                Unknown::Value { value } => Some(reading.params.private_floats(value, 1)?[0]),
            };
            let output = reading.push_number(categories.field(), spec.dtype);
            columns.push(Column { categories, values, output, unknown });
        }
        Ok(OrdinalEncoder { columns })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for column in &self.columns {
            tile.with_places(|tile, places| {
                column.categories.find(tile, places, column.unknown.is_none());
                column.write(tile, places);
            });
        }
    }
}

impl Column {
    /// Writes the outputs of rows in these categories.
    fn write(&self, tile: &mut Tile<'_>, places: &[u32]) {
        let (unknown, output) = (self.unknown.unwrap_or(f64::NAN), self.output);
        for (into, &place) in tile.column_mut(output).iter_mut().zip(places) {
            let value = if place == UNKNOWN { unknown } else { self.values.at(place as usize) };
            *into = output.precision.round(value);
        }
    }
}
