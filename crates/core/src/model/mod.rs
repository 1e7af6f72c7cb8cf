//! What runs on the feature matrix.

pub mod trees;

use crate::error::{Error, Result};
use serde::Deserialize;
use trees::Forest;

/// A model with its outputs: one value per class or one prediction, for each row. `Send` and `Sync`.
#[derive(Debug)]
pub struct Model {
    forest: Forest,
    source: String,
    combine: Combine,
    task: Task,
    classes: Option<Classes>,
    accepts_missing: bool,
}

/// What the outputs of a model are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Probabilities of classes.
    Classification,
    /// A number.
    Regression,
}

/// The labels of a classifier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// The NumPy dtype of the source's `classes_`.
    pub dtype: String,
    /// The labels, in the order of the outputs.
    pub values: Vec<Label>,
}

/// One label of a classifier.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Label {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Combine {
    Mean,
    Single,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Forest,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Missing {
    Accept,
    Refuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    kind: Kind,
    source: String,
    task: Task,
    combine: Combine,
    classes: Option<Classes>,
    missing: Missing,
}

/// The kinds of models that a bloc can hold, in alphabetical order.
pub const MODEL_KINDS: &[&str] = &["forest"];

impl Model {
    /// Reads the manifest's `model` over the forest that it names.
    pub(crate) fn parse(json: &str, forest: Forest, n_features: usize) -> Result<Model> {
        let corrupt = |what: String| Error::corrupt(format!("reading the manifest's model: {what}"));
        let Json { kind: Kind::Forest, source, task, combine, classes, missing } =
            serde_json::from_str(json).map_err(|error| corrupt(error.to_string()))?;
        if forest.n_features() != n_features {
            return Err(corrupt(format!(
                "a forest over {} features; there are {n_features}",
                forest.n_features()
            )));
        }
        let expected = match (task, &classes) {
            (Task::Classification, Some(classes)) => classes.values.len(),
            (Task::Regression, None) => 1,
            _ => return Err(corrupt(format!("{task:?} with classes {classes:?}"))),
        };
        if forest.n_outputs() != expected {
            return Err(corrupt(format!("{} outputs per leaf; expected {expected}", forest.n_outputs())));
        }
        if combine == Combine::Single && forest.n_trees() != 1 {
            return Err(corrupt(format!("{} trees; expected a single one", forest.n_trees())));
        }
        Ok(Model { forest, source, combine, task, classes, accepts_missing: missing == Missing::Accept })
    }

    /// What the outputs are.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The labels, for classification.
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// The class that the model was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The trees.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The number of values per row: one per class, or one.
    pub fn n_outputs(&self) -> usize {
        self.forest.n_outputs()
    }

    /// Why the source model would refuse a row with this feature, where it would.
    #[inline]
    pub(crate) fn refuses(&self, feature: f32) -> bool {
        feature.is_infinite() || (feature.is_nan() && !self.accepts_missing)
    }

    /// The outputs for each row of `features`.
    pub(crate) fn run(&self, features: &[f32], out: &mut [f64]) {
        match self.combine {
            Combine::Single => trees::fast::copy(&self.forest, features, out),
            Combine::Mean => {
                out.fill(0.0);
                trees::fast::add(&self.forest, features, out);
                let n_trees = self.forest.n_trees() as f64;
                out.iter_mut().for_each(|sum| *sum /= n_trees);
            }
        }
    }
}

/// The first of the greatest values of a row, as `argmax` finds it.
pub fn argmax(row: &[f64]) -> usize {
    let better = |best: usize, (at, &value): (usize, &f64)| if value > row[best] { at } else { best };
    row.iter().enumerate().fold(0, better)
}
