//! Which value a step takes for missing.

use crate::error::Result;
use crate::input::TextCell;
use crate::params::{NumbersRef, Params};
use serde::Deserialize;

/// `missing` of a step in the manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub(super) enum MissingSpec {
    Nan,
    None,
    Number { value: NumbersRef },
    String { value: String },
}

/// The value that a step takes for missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Missing {
    Nan,
    None,
    Number(f64),
    Text(String),
}

impl MissingSpec {
    pub fn read(self, params: &Params) -> Result<Missing> {
        Ok(match self {
            MissingSpec::Nan => Missing::Nan,
            MissingSpec::None => Missing::None,
            MissingSpec::Number { value } => Missing::Number(params.private_floats(value, 1)?[0]),
            MissingSpec::String { value } => Missing::Text(value),
        })
    }
}

impl Missing {
    #[inline]
    pub fn is_number(&self, value: f64) -> bool {
        match self {
            Missing::Nan => value.is_nan(),
            Missing::Number(missing) => value == *missing,
            Missing::None | Missing::Text(_) => false,
        }
    }

    pub fn is_text(&self, cell: TextCell<'_>) -> bool {
        match self {
            Missing::Nan => cell == TextCell::Nan,
            Missing::None => cell == TextCell::None,
            Missing::Number(_) => false,
            Missing::Text(missing) => cell == TextCell::Text(missing.as_bytes()),
        }
    }
}
