//! CatBoost models: the JSON that `save_model(path, format="json")` writes.
//!
//! CatBoost brings features to float32 and adds the float64 values of leaves in the order of the trees, one sum for
//! each output, whatever the batch; then a sum is multiplied by the scale and its bias is added, unless these are 1
//! and 0 everywhere. What is here was read from its sources (`catboost/libs/model`: `cpu/evaluator_impl.cpp`,
//! `cpu/quantization.h`, `model_export/json_model_helpers.cpp`, and `libs/eval_result/eval_helpers.cpp`) and compared
//! with the library. CatBoost's own reading of its JSON does not round every number correctly; this does.

mod features;
mod labels;
mod loss;
mod tree;

use super::json;
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::model::link::Link;
use crate::model::trees::source::{Combine, Comparison, Precision, Tree, TreeEnsemble};
use crate::model::{Classes, Decide};
use features::Features;
use std::ops::Range;

/// Outputs up to which a tree of vectors becomes a tree for each: those walk faster by ranks, and take more memory.
const MOST_APART: usize = 8;

/// What a CatBoost binary model begins with.
const BINARY: &[u8] = b"CBM1";

/// What of a model is read.
#[derive(Clone, Debug, Default)]
pub struct CatboostOptions {
    /// The trees to keep, CatBoost's `ntree_start` and `ntree_end`; all where `None`. The file of a model that kept
    /// its best iteration has no others. Without the first tree there is no bias, as in CatBoost.
    pub iterations: Option<Range<usize>>,
}

/// A model that was read.
#[derive(Clone, Debug)]
pub struct CatboostModel {
    /// The trees, whose raw scores are CatBoost's `RawFormulaVal`.
    pub ensemble: TreeEnsemble,
    /// The loss that the model was trained with, by CatBoost's name without parameters.
    pub loss: String,
    /// What makes predictions of raw scores; of one score both classes' probabilities, for classes. An exponential is
    /// what `CatBoostRegressor` gives for the loss: `CatBoost` itself predicts raw scores there.
    pub link: Link,
    /// The labels, for losses over classes.
    pub classes: Option<Classes>,
    /// What decides on the label.
    pub decide: Decide,
    /// A name for each feature; its number where the model has none.
    pub feature_names: Vec<String>,
}

impl CatboostModel {
    /// Reads a model's JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are no model; [`ErrorKind::Unsupported`] for the binary format, for
    /// categorical features, and for losses that this version does not know; [`ErrorKind::InvalidArgument`] for
    /// options that do not fit the model.
    pub fn read(bytes: &[u8], options: &CatboostOptions) -> Result<CatboostModel> {
        if is_binary(bytes) {
            let message = "a CatBoost model in its binary format, of which JSON is read instead: load the model, and \
                           save_model(\"model.json\", format=\"json\")";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let document = json::read(bytes).map_err(|error| error.within(CONTEXT))?;
        CatboostModel::of(&document, options)
    }

    pub(super) fn of(document: &Value<'_>, options: &CatboostOptions) -> Result<CatboostModel> {
        read(document, options).map_err(|error| error.within(CONTEXT))
    }
}

const CONTEXT: &str = "the CatBoost model";

/// Whether these bytes begin as CatBoost's binary format does.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(BINARY)
}

/// Whether bytes that are no JSON were to be a CatBoost model.
pub(super) fn begins(bytes: &[u8]) -> bool {
    const NAMES: [&[u8]; 2] = [b"\"features_info\"", b"\"ctr_data\""];
    is_binary(bytes)
        || NAMES.iter().any(|name| {
            bytes.trim_ascii_start().get(1..).is_some_and(|rest| rest.trim_ascii_start().starts_with(name))
        })
}

/// Whether a document has what CatBoost's JSON has.
pub(super) fn is_catboost(document: &Value<'_>) -> bool {
    matches!(document.find("features_info"), Ok(Some(_))) && matches!(document.find("learner"), Ok(None))
}

fn read(document: &Value<'_>, options: &CatboostOptions) -> Result<CatboostModel> {
    let info = document.member("model_info")?;
    let loss = info_loss(info)?;
    let features = document.get("features_info", Features::read)?;
    let trees = trees(document, &features)?;
    let n_outputs = trees.first().map_or(1, |tree| tree.values.len() / tree.left.len());
    let (trees, combine) = selected(document, trees, n_outputs, options)?;
    let trees = if n_outputs <= MOST_APART { trees.iter().flat_map(tree::apart).collect() } else { trees };
    let meaning = loss::Meaning::of(&loss, n_outputs)?;
    let classes = meaning.has_classes.then(|| labels::read(info, n_outputs)).transpose()?;
    let decide = if meaning.has_classes { labels::decide(info, n_outputs)? } else { Decide::default() };
    Ok(CatboostModel {
        ensemble: TreeEnsemble {
            n_features: features.names.len(),
            columns: features.columns(),
            features: Precision::Single,
            comparison: Comparison::AtMost,
            trees,
            n_outputs,
            start: vec![0.0; n_outputs],
            sums: Precision::Double,
            combine,
            ..TreeEnsemble::default()
        },
        loss,
        link: meaning.link,
        classes,
        decide,
        feature_names: features.names,
    })
}

/// The loss of `model_info`, which sums of models have beside the others' parameters, as text.
fn info_loss(info: &Value<'_>) -> Result<String> {
    let name = |loss: &Value<'_>| loss.get("type", |name| Ok(name.text()?.to_owned()));
    if let Some(params) = info.find("params")? {
        return params.get("loss_function", name).map_err(|error| error.within("params"));
    }
    match info.find("loss_function")? {
        Some(text) => json::read(text.text()?.as_bytes()).and_then(|loss| name(&loss)),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            "model_info names no loss, so what raw scores mean is unknown",
        )),
    }
    .map_err(|error| error.within("loss_function"))
}

fn trees(document: &Value<'_>, features: &Features) -> Result<Vec<Tree>> {
    let (name, of): (_, fn(&Value<'_>, &Features) -> Result<Tree>) = match document.find("oblivious_trees")? {
        Some(_) => ("oblivious_trees", tree::symmetric),
        None => ("trees", tree::asymmetric),
    };
    let values = match document.member(name)? {
        Value::Null => &[],
        values => values.array().map_err(|error| error.within(name))?,
    };
    let mut trees: Vec<Tree> = Vec::with_capacity(values.len());
    for (number, value) in values.iter().enumerate() {
        let tree = of(value, features).map_err(|error| error.within(format!("tree {number}")))?;
        let width = |tree: &Tree| tree.values.len() / tree.left.len();
        if let Some(first) = trees.first().filter(|first| width(first) != width(&tree)) {
            let message =
                format!("tree {number}: leaves of {} values, and of {}", width(&tree), width(first));
            return Err(Error::corrupt(message));
        }
        trees.push(tree);
    }
    if trees.is_empty() {
        return Err(Error::corrupt("the model has no trees"));
    }
    Ok(trees)
}

/// The trees that the options keep, and what is done with their sums.
fn selected(
    document: &Value<'_>,
    mut trees: Vec<Tree>,
    n_outputs: usize,
    options: &CatboostOptions,
) -> Result<(Vec<Tree>, Combine)> {
    let (scale, mut bias) =
        document.get_optional("scale_and_bias", scale_and_bias)?.unwrap_or((1.0, vec![0.0]));
    if bias.len() == 1 {
        bias.resize(n_outputs, bias[0]);
    }
    if bias.len() != n_outputs {
        return Err(Error::corrupt(format!(
            "scale_and_bias: a bias of {} for {n_outputs} outputs",
            bias.len()
        )));
    }
    if let Some(kept) = &options.iterations {
        if kept.start >= kept.end || kept.end > trees.len() {
            let message = format!("trees {} to {}, and the model has {}", kept.start, kept.end, trees.len());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        trees.truncate(kept.end);
        trees.drain(..kept.start);
        if kept.start > 0 {
            bias.fill(0.0);
        }
    }
    let is_identity = scale == 1.0 && bias.iter().all(|&bias| bias == 0.0);
    Ok((trees, if is_identity { Combine::Sum } else { Combine::Scaled { scale, bias } }))
}

fn scale_and_bias(value: &Value<'_>) -> Result<(f64, Vec<f64>)> {
    let [scale, bias] = value.array()? else {
        return Err(Error::corrupt("found something else, expected a scale and an array of biases"));
    };
    let (scale, bias) = (scale.double()?, bias.doubles()?);
    if !scale.is_finite() || !bias.iter().all(|bias| bias.is_finite()) {
        return Err(Error::corrupt(format!(
            "a scale of {scale} and biases {bias:?}, expected finite numbers"
        )));
    }
    Ok((scale, bias))
}
