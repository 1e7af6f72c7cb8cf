//! A tree ensemble with its outputs: one value per class or one prediction, for each row.

use super::trees::{self, Forest};
use super::{Classes, Task};
use crate::error::{Error, Result};
use serde::Deserialize;

/// A forest and what its leaves mean. `Send` and `Sync`.
#[derive(Debug)]
pub struct Ensemble {
    forest: Forest,
    source: String,
    combine: Combine,
    task: Task,
    classes: Option<Classes>,
    accepts_missing: bool,
}

impl Ensemble {
    /// Reads the manifest's `model` over the forest that it names.
    pub(crate) fn parse(json: &str, forest: Forest, n_features: usize) -> Result<Ensemble> {
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
        Ok(Ensemble { forest, source, combine, task, classes, accepts_missing: missing == Missing::Accept })
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
