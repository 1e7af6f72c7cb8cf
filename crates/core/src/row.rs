//! One row whose values are set one by one, in memory that is used again.

use crate::error::{Error, ErrorKind, Result};
use crate::input::{Cell, Input};
use crate::schema::{Null, Schema};

/// A row of a schema's fields, for callers that answer one row at a time: fields are looked up once
/// ([`Schema::number`]), values are set by their numbers and stay until they are set again, and nothing is allocated once
/// each field's longest text was seen.
///
/// A new row has no values: what was never set is absent, which is taken as missing and told in the row's verdict.
/// `Send` and `Sync`; setting needs it exclusively, so threads have a row each.
///
/// ```
/// use monobloc::{Engine, LoadOptions, Row};
///
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
/// let (mut row, mut outputs) = (Row::new(engine.schema()), [0.0; 2]);
/// row.set_f64(0, 40.0)?;
/// row.set_i64(1, 1)?;
/// row.set_text(2, "north")?;
/// engine.predict_into(&row.input(engine.schema())?, &mut outputs)?;
/// assert_eq!(outputs, [0.26666666666666666, 0.7333333333333334]);
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Row {
    nulls: Vec<Null>,
    /// Texts are marked, and have their places once they are gathered.
    cells: Vec<Cell>,
    texts: Vec<String>,
    gathered: String,
    is_gathered: bool,
}

impl Row {
    /// A row without values.
    pub fn new(schema: &Schema) -> Row {
        let fields = schema.fields();
        Row {
            nulls: fields.iter().map(|field| field.null).collect(),
            cells: vec![Cell::Absent; fields.len()],
            texts: vec![String::new(); fields.len()],
            gathered: String::new(),
            is_gathered: true,
        }
    }

    /// The number of fields.
    pub fn n_fields(&self) -> usize {
        self.cells.len()
    }

    /// Takes all values away.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::Absent);
    }

    /// Sets field number `field` to a truth value.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where there is no such field.
    pub fn set_bool(&mut self, field: usize, value: bool) -> Result<()> {
        self.set(field, Cell::Boolean(value))
    }

    /// Sets field number `field` to a float; NaN is missing.
    ///
    /// # Errors
    /// As [`Row::set_bool`].
    pub fn set_f64(&mut self, field: usize, value: f64) -> Result<()> {
        self.set(field, Cell::Float(value))
    }

    /// Sets field number `field` to an integer.
    ///
    /// # Errors
    /// As [`Row::set_bool`].
    pub fn set_i64(&mut self, field: usize, value: i64) -> Result<()> {
        self.set(field, Cell::Integer(value))
    }

    /// Says that field number `field` has no value: the missing value that the source had in mind for it.
    ///
    /// # Errors
    /// As [`Row::set_bool`].
    pub fn set_missing(&mut self, field: usize) -> Result<()> {
        let cell = match self.nulls.get(field) {
            Some(Null::None) => Cell::None,
            _ => Cell::Float(f64::NAN),
        };
        self.set(field, cell)
    }

    /// Sets field number `field` to a copy of `text`.
    ///
    /// # Errors
    /// As [`Row::set_bool`].
    pub fn set_text(&mut self, field: usize, text: &str) -> Result<()> {
        self.set(field, Cell::Text { start: 0, end: text.len() })?;
        self.texts[field].clear();
        self.texts[field].push_str(text);
        self.is_gathered = false;
        Ok(())
    }

    #[inline]
    fn set(&mut self, field: usize, value: Cell) -> Result<()> {
        let n_fields = self.cells.len();
        match self.cells.get_mut(field) {
            Some(cell) => *cell = value,
            None => return Err(no_field(field, n_fields)),
        }
        Ok(())
    }

    /// The row as input for an engine of this schema.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for a schema of another number of fields.
    pub fn input(&mut self, schema: &Schema) -> Result<Input<'_>> {
        if !self.is_gathered {
            self.gathered.clear();
            for (cell, text) in self.cells.iter_mut().zip(&self.texts) {
                if matches!(cell, Cell::Text { .. }) {
                    let start = self.gathered.len();
                    self.gathered.push_str(text);
                    *cell = Cell::Text { start, end: self.gathered.len() };
                }
            }
            self.is_gathered = true;
        }
        match schema.fields().len() == self.cells.len() {
            true => Input::of_cells(schema, &self.cells, &self.gathered),
            false => Input::new(schema, 1, vec![None; self.cells.len()]),
        }
    }
}

#[cold]
fn no_field(field: usize, n_fields: usize) -> Error {
    let message = format!("field number {field}; the model has {n_fields} fields, counted from 0");
    Error::new(ErrorKind::InvalidArgument, message)
}
