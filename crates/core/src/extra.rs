//! Columns and keys that are no field: counted, with their names, so that rules can speak of them.

use std::sync::Arc;

/// Names that are kept; the values of further ones are counted together.
const MOST_NAMES: usize = 64;

/// What came under names that are no field.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    names: Vec<ExtraName>,
    n_unnamed: usize,
}

/// One such name.
#[derive(Clone, Debug)]
pub struct ExtraName {
    /// The name.
    pub name: Arc<str>,
    /// The rows that have it.
    pub rows: ExtraRows,
}

/// Which rows have a name that is no field.
#[derive(Clone, Debug)]
pub enum ExtraRows {
    /// All: it is a column.
    All,
    /// These, ascending.
    Some(Vec<usize>),
}

impl Extra {
    /// Forgets all names.
    pub fn clear(&mut self) {
        self.names.clear();
        self.n_unnamed = 0;
    }

    /// Whether every name was a field.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, in the order in which they were met; of very many the first.
    pub fn names(&self) -> &[ExtraName] {
        &self.names
    }

    /// How many values came under further names.
    pub fn n_unnamed(&self) -> usize {
        self.n_unnamed
    }

    /// Counts a column.
    pub fn push_column(&mut self, name: &str) {
        if self.names.len() < MOST_NAMES {
            self.names.push(ExtraName { name: name.into(), rows: ExtraRows::All });
        } else {
            self.n_unnamed += 1;
        }
    }

    /// Counts a value of a row.
    pub fn push_value(&mut self, name: &str, row: usize) {
        match self.names.iter().position(|known| &*known.name == name) {
            Some(known) => {
                if let ExtraRows::Some(rows) = &mut self.names[known].rows
                    && rows.last() != Some(&row)
                {
                    rows.push(row);
                }
            }
            None if self.names.len() < MOST_NAMES => {
                self.names.push(ExtraName { name: name.into(), rows: ExtraRows::Some(vec![row]) });
            }
            None => self.n_unnamed += 1,
        }
    }
}

impl ExtraName {
    /// How many of `n_rows` rows have it.
    pub fn count(&self, n_rows: usize) -> usize {
        match &self.rows {
            ExtraRows::All => n_rows,
            ExtraRows::Some(rows) => rows.len(),
        }
    }
}
