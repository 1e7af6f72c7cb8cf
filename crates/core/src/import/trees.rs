//! Tree ensembles in the files of their training libraries, one shape for all of them.

use super::catboost::{self, CatboostModel, CatboostOptions};
use super::json;
use super::lightgbm::{LightgbmModel, LightgbmOptions};
use super::xgboost::{self, XgboostModel, XgboostOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::link::Link;
use crate::model::trees::source::TreeEnsemble;
use crate::model::{Classes, Decide};
use std::ops::Range;

/// A tree ensemble that was read from its library's file.
#[derive(Clone, Debug)]
pub struct TreeModel {
    /// The class that the file holds, as `lightgbm.Booster`.
    pub source: &'static str,
    /// The name under which a bloc keeps the file.
    pub member: &'static str,
    /// The trees.
    pub ensemble: TreeEnsemble,
    /// The objective, as the library names it.
    pub objective: String,
    /// How raw scores become outputs.
    pub link: Link,
    /// The labels, for classification.
    pub classes: Option<Classes>,
    /// What decides on the label.
    pub decide: Decide,
    /// A name for each feature.
    pub feature_names: Vec<String>,
    /// The levels of each feature that holds categories, where the file has them; others are refused.
    pub categories: Vec<Option<Levels>>,
}

/// The levels of a categorical feature; a level's place is its number.
#[derive(Clone, Debug, PartialEq)]
pub enum Levels {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Text.
    Texts(Vec<String>),
}

/// What of a file is read, whichever library it is of.
#[derive(Clone, Debug, Default)]
pub struct TreeOptions {
    /// The boosting iterations to keep; the library's own choice where `None`.
    pub iterations: Option<Range<usize>>,
    /// A value that is missing besides NaN; XGBoost's `missing`, as in [`XgboostOptions::missing`].
    pub missing: Option<f32>,
}

/// Whether these bytes look like a tree ensemble's file rather than an ONNX model.
pub fn is_tree_file(bytes: &[u8]) -> bool {
    is_lightgbm(bytes) || catboost::is_binary(bytes) || bytes.trim_ascii_start().starts_with(b"{")
}

fn is_lightgbm(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"tree\n") || bytes.trim_ascii_start().starts_with(b"tree\r\n")
}

/// Refuses a missing value besides NaN for a library whose models have their own.
fn without_missing(options: &TreeOptions, library: &str) -> Result<()> {
    if options.missing.is_none() {
        return Ok(());
    }
    let message = format!("missing is for XGBoost models; {library}'s missing values are in the model");
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

impl TreeModel {
    /// Reads a LightGBM text model, an XGBoost model as UBJSON or JSON, or a CatBoost model as JSON; the content tells
    /// which.
    ///
    /// # Errors
    /// Those of [`LightgbmModel::read`], [`XgboostModel::read`] and [`CatboostModel::read`].
    pub fn read(bytes: &[u8], options: &TreeOptions) -> Result<TreeModel> {
        if is_lightgbm(bytes) {
            without_missing(options, "LightGBM")?;
            let options = LightgbmOptions { iterations: options.iterations.clone() };
            let model = LightgbmModel::read(bytes, &options)?;
            if !model.categories.is_empty() {
                let message = "the file lists the levels of a data frame's category columns, and not which \
                               features they are; pack the fitted object from Python";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            return Ok(TreeModel::of_lightgbm(model));
        }
        let document = if xgboost::is_ubjson(bytes) { None } else { json::read(bytes).ok() };
        let is_catboost = match &document {
            Some(document) => catboost::is_catboost(document),
            None => catboost::begins(bytes),
        };
        if is_catboost {
            without_missing(options, "CatBoost")?;
            let options = CatboostOptions { iterations: options.iterations.clone() };
            let model = match &document {
                Some(document) => CatboostModel::of(document, &options),
                None => CatboostModel::read(bytes, &options),
            };
            return model.map(TreeModel::of_catboost);
        }
        let TreeOptions { iterations, missing } = options.clone();
        let read = XgboostOptions { iterations, missing, ..XgboostOptions::default() };
        let member = if xgboost::is_ubjson(bytes) { "source/model.ubj" } else { "source/model.json" };
        let model = match &document {
            Some(document) => XgboostModel::of(document, &read),
            None => XgboostModel::read(bytes, &read),
        };
        Ok(TreeModel { member, ..TreeModel::of_xgboost(model?)? })
    }

    /// What a CatBoost model is.
    pub fn of_catboost(model: CatboostModel) -> TreeModel {
        TreeModel {
            source: "catboost.core.CatBoost",
            member: "source/model.json",
            categories: vec![None; model.ensemble.n_features],
            ensemble: model.ensemble,
            objective: model.loss,
            link: model.link,
            classes: model.classes,
            decide: model.decide,
            feature_names: model.feature_names,
        }
    }

    /// What a LightGBM model is, whose features are codes where its data frame had categories.
    pub fn of_lightgbm(model: LightgbmModel) -> TreeModel {
        let objective = model.objective.split(' ').next().unwrap_or_default();
        let (link, n_classes) = match (model.link, objective) {
            (link, "binary") => (link.with_complement(), Some(2)),
            (link, "multiclass" | "multiclassova") => (link, Some(model.n_classes)),
            (link, _) => (link, None),
        };
        TreeModel {
            source: "lightgbm.Booster",
            member: "source/model.txt",
            ensemble: model.ensemble,
            objective: model.objective,
            link,
            classes: n_classes.map(Classes::numbered),
            decide: Decide::default(),
            categories: vec![None; model.feature_names.len()],
            feature_names: model.feature_names,
        }
    }

    /// What an XGBoost model is.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for several targets of classes.
    pub fn of_xgboost(model: XgboostModel) -> Result<TreeModel> {
        if model.n_classes.is_some() && model.n_targets > 1 {
            let message = format!("{} with {} targets; one is supported", model.objective, model.n_targets);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let n_features = model.ensemble.n_features;
        let (link, n_classes) = match (model.link, model.n_classes) {
            (link @ (Link::Hinge { .. } | Link::Logistic { .. } | Link::Softmax { .. }), Some(n_classes)) => {
                (link.with_complement(), Some(n_classes))
            }
            (link, _) => (link, None),
        };
        let mut feature_names = model.feature_names;
        if feature_names.len() != n_features {
            feature_names = (0..n_features).map(|feature| format!("f{feature}")).collect();
        }
        let mut categories: Vec<Option<Levels>> = model
            .categories
            .into_iter()
            .map(|known| {
                known.map(|known| match known {
                    xgboost::Categories::Integers(values) => {
                        Levels::Numbers(values.into_iter().map(|value| value as f64).collect())
                    }
                    xgboost::Categories::Texts(texts) => Levels::Texts(texts),
                })
            })
            .collect();
        categories.resize(n_features, None);
        Ok(TreeModel {
            source: "xgboost.Booster",
            member: "source/model.ubj",
            ensemble: model.ensemble,
            objective: model.objective,
            link,
            classes: n_classes.map(Classes::numbered),
            decide: Decide::default(),
            feature_names,
            categories,
        })
    }
}
