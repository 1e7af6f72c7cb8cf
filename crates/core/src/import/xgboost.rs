//! XGBoost models: files that `save_model` writes as UBJSON or JSON, of versions 1.0 to 3.x.
//!
//! XGBoost computes in float32 alone: a row's sums start from the base margin and take each tree's leaf in turn.
//! What is here was read from its sources (`src/predictor/cpu_predictor.cc`, `src/gbm/gbtree.cc`,
//! `src/tree/tree_model.cc`, `src/objective/`) and compared with the library.

mod cats;
mod forest;
mod learner;
mod objective;
mod tree;
mod ubjson;

pub use cats::Categories;

use super::json;
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::model::link::Link;
use crate::model::trees::source::TreeEnsemble;
use std::ops::Range;

/// The part of XGBoost whose predictions are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interface {
    /// `Booster.predict` on a `DMatrix`: all trees.
    Booster,
    /// The scikit-learn wrappers: trees up to the best iteration of early stopping, where the file has it. They
    /// predict in place, where a DART tree's leaf was once added to the base margin and the margin taken off
    /// again before it is weighted (until 3.2), which rounds.
    Wrapper,
}

/// How a model is read.
#[derive(Clone, Debug, Default)]
pub struct XgboostOptions {
    /// The value that is missing besides NaN; XGBoost's `missing`. By default that of the wrapper, where it is meant
    /// and wrote it into the file, which those before 2.0 do.
    pub missing: Option<f32>,
    /// Whether zeros are missing because rows are sparse: what a sparse matrix does not store is missing to
    /// XGBoost.
    pub absent_is_missing: bool,
    /// Whose predictions are meant. By default the wrappers' where a wrapper saved the file, as its attribute
    /// `scikit_learn` tells, and the booster's otherwise.
    pub interface: Option<Interface>,
    /// The boosting rounds that predict; XGBoost's `iteration_range`. By default those of the interface.
    pub iterations: Option<Range<usize>>,
    /// What each output's sum starts from: one number, or one per output. By default the file's base score under
    /// its objective's link, as the version that wrote the file computes it with this machine's `logf`.
    pub base_margin: Option<Vec<f32>>,
}

/// The kind of a booster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BoosterKind {
    /// Trees with weights, which their leaves are multiplied by when read.
    Dart,
    /// Trees.
    GbTree,
}

/// A model that was read.
#[derive(Clone, Debug)]
pub struct XgboostModel {
    /// The trees that predict, whose raw scores are XGBoost's margins.
    pub ensemble: TreeEnsemble,
    /// The kind of booster.
    pub booster: BoosterKind,
    /// The objective's name.
    pub objective: String,
    /// What `predict` makes of margins, in float32; of one margin the second class's probability, for the binary
    /// objectives.
    pub link: Link,
    /// The number of classes: 2 for the binary objectives (of each target), that of the file for `multi:*`, and
    /// none for other objectives.
    pub n_classes: Option<usize>,
    /// The number of targets: 1 but for models of several labels or regressands.
    pub n_targets: usize,
    /// The features' names, or none.
    pub feature_names: Vec<String>,
    /// The features' types (`float`, `int`, `i`, `q`, `c`), or none.
    pub feature_types: Vec<String>,
    /// The categories of each feature, in the order of the codes that nodes look at; empty before 3.1, where the
    /// file does not hold them, and for models that were not trained on data frames.
    pub categories: Vec<Option<Categories>>,
    /// The boosting rounds that `ensemble` holds.
    pub iterations: Range<usize>,
    /// The best iteration of early stopping, where the file has it.
    pub best_iteration: Option<usize>,
    /// Whose predictions `ensemble` gives.
    pub interface: Interface,
    /// The version that wrote the file.
    pub version: (u32, u32, u32),
}

impl XgboostModel {
    /// Reads a model's bytes; the content tells UBJSON and JSON apart. What pickles hold, a model with its
    /// configuration, is read as well.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are no model, [`ErrorKind::Unsupported`] for models that are not
    /// trees, have an unknown objective or are in the old binary format, and [`ErrorKind::InvalidArgument`] for
    /// options that do not fit the model.
    pub fn read(bytes: &[u8], options: &XgboostOptions) -> Result<XgboostModel> {
        let document = parse(bytes).map_err(|error| error.within(CONTEXT))?;
        XgboostModel::of(&document, options)
    }

    pub(super) fn of(document: &Value<'_>, options: &XgboostOptions) -> Result<XgboostModel> {
        let read = || learner::read(document.find("Model")?.unwrap_or(document), options);
        read().map_err(|error| error.within(CONTEXT))
    }
}

const CONTEXT: &str = "the XGBoost model";

/// Whether bytes that begin with a brace are UBJSON, not JSON.
pub(super) fn is_ubjson(bytes: &[u8]) -> bool {
    matches!(bytes.get(1), Some(b'L' | b'l' | b'I' | b'i' | b'U' | b'#' | b'$'))
}

fn parse(bytes: &[u8]) -> Result<Value<'_>> {
    let mut significant = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    match (significant.next(), significant.next()) {
        (None, _) => Err(Error::corrupt("the file is empty")),
        (Some(b'{'), _) if is_ubjson(bytes) => ubjson::read(bytes),
        (Some(b'{'), Some(b'"' | b'}')) => json::read(bytes),
        (Some(b'{'), _) => Err(Error::corrupt("after the opening brace stands neither UBJSON nor JSON")),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "neither UBJSON nor JSON. The old binary format is not read: load the model with the XGBoost that \
             wrote it, and save_model it as .ubj or .json",
        )),
    }
}

#[cfg(test)]
mod tests;
