//! Which columns of the input are fields of the model, which are carried over, and which are neither.

use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::schema::Schema;

/// Names that a message lists.
const NAMED: usize = 20;

/// The columns of an input by name.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The field of each column that the model reads.
    fields: Vec<Option<usize>>,
    /// The place of each column that is carried over.
    ids: Vec<Option<usize>>,
    /// For each field, whether there is a column.
    has: Vec<bool>,
    extra: Extra,
}

impl Columns {
    /// The columns called `names`, of which the fields number `needed` and `ids` must be there.
    pub fn of_names<'a>(
        schema: &Schema,
        needed: &[usize],
        ids: &[String],
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Columns> {
        let mut columns = Columns { has: vec![false; schema.fields().len()], ..Columns::default() };
        let mut has_id = vec![false; ids.len()];
        for name in names.clone() {
            let field = schema.number(name);
            let read = field.filter(|field| needed.binary_search(field).is_ok());
            let id = ids.iter().position(|id| id == name);
            let twice = read.is_some_and(|field| std::mem::replace(&mut columns.has[field], true));
            if id.is_some_and(|id| std::mem::replace(&mut has_id[id], true)) || twice {
                let message = format!("the column {name:?} is there twice");
                return Err(Error::new(ErrorKind::Schema, message).at(name, None));
            }
            if field.is_none() && id.is_none() {
                columns.extra.push_column(name);
            }
            columns.fields.push(read);
            columns.ids.push(id);
        }
        let absent = needed.iter().filter(|&&field| !columns.has[field]);
        let absent: Vec<&str> = absent.map(|&field| schema.fields()[field].name.as_str()).collect();
        if let Some(first) = absent.first() {
            let message = format!(
                "the model reads columns that are absent: {}; found {}",
                listed(absent.iter().copied()),
                listed(names)
            );
            return Err(Error::new(ErrorKind::Schema, message).at(*first, None));
        }
        if let Some(id) = ids.iter().zip(&has_id).find_map(|(id, has)| (!has).then_some(id)) {
            let message =
                format!("the column {id:?}, which is to be carried over, is absent; found {}", listed(names));
            return Err(Error::new(ErrorKind::Schema, message).at(id, None));
        }
        Ok(columns)
    }

    /// The field of a column, where the model reads it.
    pub fn field_of(&self, column: usize) -> Option<usize> {
        *self.fields.get(column)?
    }

    /// The place of a column among the carried ones.
    pub fn id_of(&self, column: usize) -> Option<usize> {
        *self.ids.get(column)?
    }

    /// Whether there is a column for a field.
    pub fn has(&self, field: usize) -> bool {
        self.has.get(field).copied().unwrap_or_default()
    }

    /// The columns that are no field and not carried over.
    pub fn extra(&self) -> &Extra {
        &self.extra
    }
}

fn listed<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<String> = names.by_ref().take(NAMED).map(|name| format!("{name:?}")).collect();
    let more = names.count();
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    first.join(", ") + &end
}
