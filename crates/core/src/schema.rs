//! What comes in: the fields of a row, or tensors.

mod tensors;

pub use tensors::{DType, Dimension, NonFinite, TensorField};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The inputs of a model, in order: the fields of a row, or the tensors of a network that stands alone.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    fields: Vec<Field>,
    tensors: Vec<TensorField>,
    numbers: HashMap<String, usize>,
    has_text: bool,
}

/// One input field.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The field's name, unique in its schema.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// The reference data's own name for the column's type, such as `float64` or `object`.
    pub dtype: String,
    /// Which missing value the source had in mind where the input has only one.
    pub null: Null,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True or false; also taken as 1 or 0.
    Boolean,
    /// Numbers.
    Float,
    /// Whole numbers in the reference data. Any number is taken.
    Integer,
    /// Text.
    String,
}

impl Kind {
    /// The name in `snake_case`, the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Float => "float",
            Kind::Integer => "integer",
            Kind::String => "string",
        }
    }
}

/// The two missing values of the Python world.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Null {
    /// Not a number, also standing for missing text.
    Nan,
    /// Python's `None`.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    fields: Vec<Field>,
    #[serde(default)]
    tensors: Vec<TensorField>,
}

impl Schema {
    /// Reads the manifest's `schema`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for other JSON, a name twice, or fields beside tensors.
    pub fn parse(json: &str) -> Result<Schema> {
        let Json { fields, tensors } = serde_json::from_str(json)
            .map_err(|error| Error::corrupt(format!("reading the manifest's schema: {error}")))?;
        let mut numbers = HashMap::with_capacity(fields.len());
        for (number, field) in fields.iter().enumerate() {
            if numbers.insert(field.name.clone(), number).is_some() {
                return Err(Error::corrupt(format!("the schema has the field {:?} twice", field.name)));
            }
        }
        for (number, tensor) in tensors.iter().enumerate() {
            if tensors[..number].iter().any(|other| other.name == tensor.name) {
                return Err(Error::corrupt(format!("the schema has the tensor {:?} twice", tensor.name)));
            }
        }
        if !fields.is_empty() && !tensors.is_empty() {
            return Err(Error::corrupt("the schema has fields and tensors; expected one of them"));
        }
        let has_text = fields.iter().any(|field| field.kind == Kind::String);
        Ok(Schema { fields, tensors, numbers, has_text })
    }

    /// The tensors in order; none for a model that takes rows of fields.
    pub fn tensors(&self) -> &[TensorField] {
        &self.tensors
    }

    /// The fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether some fields are text.
    pub(crate) fn has_text(&self) -> bool {
        self.has_text
    }

    /// The number of the field called `name`.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }
}
