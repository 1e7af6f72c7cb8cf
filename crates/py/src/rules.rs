//! Sanity rules as text, from and to Python.

use crate::error::{exception, raise};
use monobloc::error::guard;
use monobloc::sanity::Rules;
use monobloc::schema::Schema;
use monobloc::{ErrorKind, LoadOptions, pack};
use pyo3::prelude::*;
use std::path::PathBuf;

/// `rules` (JSON, or None for none) with `changes` (YAML or JSON) laid over them, as JSON. `schema` is the
/// manifest's.
#[pyfunction]
pub fn amend_rules(schema: &str, rules: Option<&str>, changes: &str) -> PyResult<String> {
    let amended = || {
        let schema = Schema::parse(schema)?;
        let rules = match rules {
            None => Rules::default(),
            Some(rules) => Rules::parse(rules, &schema)?,
        };
        rules.amended(changes, &schema)
    };
    let rules = guard(amended).map_err(|error| exception(&error))?;
    serde_json::to_string(&rules).map_err(|error| raise(ErrorKind::Internal, error.to_string()))
}

/// Writes the bloc at `bloc` to `path` with `changes` (YAML or JSON) laid over its rules, and gives its digest.
#[pyfunction]
pub fn with_rules(py: Python<'_>, bloc: PathBuf, path: PathBuf, changes: &str) -> PyResult<String> {
    let written = || {
        let engine = monobloc::Engine::load(&bloc, &LoadOptions::default())?;
        let rules = engine.sanity().rules().amended(changes, engine.schema())?;
        pack::with_rules(&bloc, &path, &rules)
    };
    let packed = py.detach(|| guard(written)).map_err(|error| exception(&error))?;
    Ok(packed.digest)
}
