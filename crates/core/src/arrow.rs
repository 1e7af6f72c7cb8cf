//! Rows in Arrow's arrays: columns borrowed where they lie, matched by name. `docs/arrow.md` says what is taken.
//!
//! The crates of Arrow's whose types stand in signatures are found here too: a program that takes them from here has the
//! major that [`Engine::run_record_batch`](crate::Engine::run_record_batch) takes, whatever major its other
//! dependencies have. A later major of theirs is a breaking change of this crate, and comes with one of its own.

mod answer;
pub(crate) mod body;
mod column;

pub(crate) use answer::{Outputs, table};
pub(crate) use body::batches;
pub use column::ArrowColumn;
pub use {arrow_array, arrow_schema};

use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::input::Input;
use crate::schema::{Null, Schema};
use arrow_array::{Array, RecordBatch};

/// The columns of a record batch that a model reads.
#[derive(Debug)]
pub struct ArrowRows {
    n_rows: usize,
    columns: Vec<Option<ArrowColumn>>,
    extra: Extra,
}

impl ArrowRows {
    /// The columns of `batch` that are called as the fields number `needed`; others may be of any type.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for a column of a type that no field takes, or that is there twice.
    pub fn read(schema: &Schema, needed: &[usize], batch: &RecordBatch) -> Result<ArrowRows> {
        let mut columns = Vec::new();
        columns.resize_with(schema.fields().len(), || None);
        let mut extra = Extra::default();
        for (arrow, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let field = match schema.number(arrow.name()) {
                Some(field) if needed.binary_search(&field).is_ok() => field,
                Some(_) => continue,
                None => {
                    extra.push_column(arrow.name());
                    continue;
                }
            };
            let column = ArrowColumn::new(arrow.name(), array.to_data(), Null::None)?;
            if columns[field].replace(column).is_some() {
                let message = format!("the table has the column {:?} twice", arrow.name());
                return Err(Error::new(ErrorKind::Schema, message).at(arrow.name(), None));
            }
        }
        Ok(ArrowRows { n_rows: batch.num_rows(), columns, extra })
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns that are no field.
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The rows as input for the engine.
    ///
    /// # Errors
    /// As [`Input::new`], for a schema other than the one they were read with.
    pub fn input(&self, schema: &Schema) -> Result<Input<'_>> {
        let columns = self.columns.iter().map(|column| column.as_ref().map(ArrowColumn::column));
        let mut input = Input::new(schema, self.n_rows, columns.collect())?.with_extra(&self.extra);
        for (field, column) in self.columns.iter().enumerate() {
            if let Some(nulls) = column.as_ref().and_then(ArrowColumn::nulls) {
                input = input.with_nulls(field, nulls)?;
            }
        }
        Ok(input)
    }
}
