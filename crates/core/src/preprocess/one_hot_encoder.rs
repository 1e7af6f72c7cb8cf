//! scikit-learn's `OneHotEncoder`: one column per category, 1 in the column of the row's category.

use super::categories::Categories;
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
    outputs: Vec<Number>,
    unknown: Unknown,
}

impl Column {
    fn refuses(&self) -> bool {
        matches!(self.unknown, Unknown::Refuse)
    }
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
            let outputs = (0..column.width).map(|_| reading.push_number(field, spec.dtype)).collect();
            columns.push(Column { categories, codes, outputs, unknown: column.unknown });
        }
        Ok(OneHotEncoder { columns })
    }

    fn run(&self, tile: &mut Tile<'_>) {
        for column in &self.columns {
            for &output in &column.outputs {
                tile.column_mut(output).fill(0.0);
            }
            for row in 0..tile.n_rows() {
                let code = match column.categories.index(tile, row) {
                    Some(index) => column.codes.at(index),
                    None => match (column.categories.resolve(tile, row, column.refuses()), column.unknown) {
                        (Some(index), _) => column.codes.at(index),
                        (None, Unknown::Code { code }) => code,
                        (None, Unknown::Refuse) => continue,
                    },
                };
                let output = usize::try_from(code).ok().and_then(|code| column.outputs.get(code));
                if let Some(&output) = output {
                    tile.column_mut(output)[row] = 1.0;
                }
            }
        }
    }
}
