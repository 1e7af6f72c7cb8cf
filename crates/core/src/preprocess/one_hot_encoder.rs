//! scikit-learn's `OneHotEncoder`: one column per category, 1 in the column of the row's category.

use super::categories::{Categories, UNKNOWN};
use super::reading::{Number, Precision, Reading};
use super::tile::Tile;
use super::Step;
use crate::error::{Error, Result};
use crate::params::{Integers, NumbersRef};
use crate::vocabulary::VocabularyRef;
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct OneHotEncoder {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    categories: Categories,
    codes: Integers,
    /// The first of the outputs, which follow each other.
    output: Option<Number>,
    width: usize,
    unknown: Unknown,
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
    codes: NumbersRef,
    width: usize,
    unknown: Unknown,
}

/// What happens to a value in no category.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "policy")]
enum Unknown {
    Code { code: i32 },
    Refuse,
}

impl OneHotEncoder {
    /// What the values of each column are looked up in.
    pub fn categories(&self) -> impl Iterator<Item = &Categories> {
        self.columns.iter().map(|column| &column.categories)
    }
}

impl Step for OneHotEncoder {
    type Spec = Spec;

    fn read(spec: Spec, reading: &mut Reading<'_>) -> Result<OneHotEncoder> {
        if spec.inputs.len() != spec.columns.len() {
            return Err(Error::corrupt(format!("{} columns for {} inputs", spec.columns.len(), spec.inputs.len())));
        }
        let mut columns = Vec::new();
        for (&slot, column) in spec.inputs.iter().zip(spec.columns) {
            if column.width > column.vocabulary.len()? + 1 {
                return Err(Error::corrupt(format!("{} columns for {:?}", column.width, column.vocabulary)));
            }
            let categories = Categories::read(reading, slot, &column.vocabulary)?;
            let codes = reading.params.integers(column.codes, column.vocabulary.len()?)?;
            let field = categories.field();
            let width = column.width;
            let output = (0..width).map(|_| reading.push_number(field, spec.dtype)).reduce(|first, _| first);
            columns.push(Column { categories, codes, output, width, unknown: column.unknown });
        }
        Ok(OneHotEncoder { columns })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for column in &self.columns {
            tile.with_places(|tile, places| {
                column.categories.find(tile, places, matches!(column.unknown, Unknown::Refuse));
                column.write(tile, places);
            });
        }
    }
}

impl Column {
    /// Writes the outputs of rows in these categories.
    fn write(&self, tile: &mut Tile<'_>, places: &[u32]) {
        let unknown = match self.unknown {
            Unknown::Code { code } => code,
            Unknown::Refuse => -1,
        };
        if let Some(first) = self.output {
            let outputs = tile.columns_mut(first, self.width);
            outputs.fill(0.0);
            for (row, &place) in places.iter().enumerate() {
                let code = if place == UNKNOWN { unknown } else { self.codes.at(place as usize) };
                if let Some(code) = usize::try_from(code).ok().filter(|&code| code < self.width) {
                    outputs[code * places.len() + row] = 1.0;
                }
            }
        }
    }
}
