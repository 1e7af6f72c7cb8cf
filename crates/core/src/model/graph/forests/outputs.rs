//! What becomes of a forest's sums: the attributes of a node beside its trees.

use super::attributes::{Attributes, malformed};
use super::transform::Transform;
use crate::error::{Error, ErrorKind, Result};
use crate::model::argmax;
use crate::model::graph::proto::NodeProto;
use crate::precision::Precision;

/// How the votes of trees for a target become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Sum,
    Least,
    Greatest,
}

/// The labels of classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Numbers.
    Integers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

/// What a node gives for the sums of a row.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    n_targets: usize,
    aggregate: Aggregate,
    base: Vec<f64>,
    transform: Transform,
    labels: Option<Labels>,
    /// Whether the sum is the second of two classes', and the first's follows from it.
    is_binary: bool,
    /// Whether scores have the type of the input, not float32.
    has_type_of_input: bool,
}

impl Labels {
    /// Their number.
    pub fn len(&self) -> usize {
        match self {
            Labels::Integers(labels) => labels.len(),
            Labels::Texts(labels) => labels.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Outputs {
    /// Reads the node's attributes.
    pub fn read(node: &NodeProto) -> Result<Outputs> {
        let attributes = Attributes(node);
        if node.op_type == "TreeEnsemble" {
            return Outputs::of_version_5(attributes);
        }
        let name = attributes.text("post_transform", "NONE");
        let transform = Transform::of_name(&name)
            .ok_or_else(|| malformed(format!("post_transform {name:?} is none of ONNX's")))?;
        let base = attributes.numbers("base_values")?.values;
        let outputs = if node.op_type == "TreeEnsembleClassifier" {
            Outputs::of_classifier(attributes, transform, base)?
        } else {
            Outputs::of_regressor(attributes, transform, base)?
        };
        let n_base = if outputs.is_binary { 1 } else { outputs.n_targets };
        if outputs.base.is_empty() || outputs.base.len() == n_base {
            return Ok(outputs);
        }
        Err(unsupported(format!("{} base_values for {n_base} sums; expected as many", outputs.base.len())))
    }

    fn of_classifier(attributes: Attributes<'_>, transform: Transform, base: Vec<f64>) -> Result<Outputs> {
        let labels = attributes.labels();
        let n_classes = labels.len();
        if n_classes < 2 {
            let what = format!("{n_classes} class labels; expected two at least");
            return Err(unsupported(what));
        }
        let ids = attributes.integers("class_ids");
        let is_binary = n_classes == 2 && ids.first().is_some_and(|first| ids.iter().all(|id| id == first));
        if is_binary && ids[0] != 0 {
            let what = format!(
                "its weights are all for class {}; where they are for one of two, it is class 0",
                ids[0]
            );
            return Err(unsupported(what));
        }
        let n_targets = if is_binary { 1 } else { n_classes };
        let aggregate = Aggregate::Sum;
        Ok(Outputs {
            n_targets,
            aggregate,
            base,
            transform,
            labels: Some(labels),
            is_binary,
            has_type_of_input: false,
        })
    }

    fn of_regressor(attributes: Attributes<'_>, transform: Transform, base: Vec<f64>) -> Result<Outputs> {
        let name = attributes.text("aggregate_function", "SUM");
        let aggregate = match &*name {
            "AVERAGE" => Aggregate::Average,
            "SUM" => Aggregate::Sum,
            "MIN" => Aggregate::Least,
            "MAX" => Aggregate::Greatest,
            _ => return Err(malformed(format!("aggregate_function {name:?} is none of ONNX's"))),
        };
        let n_targets = n_targets(attributes)?;
        Ok(Outputs {
            n_targets,
            aggregate,
            base,
            transform,
            labels: None,
            is_binary: false,
            has_type_of_input: false,
        })
    }

    fn of_version_5(attributes: Attributes<'_>) -> Result<Outputs> {
        let number = attributes.integer("post_transform", 0);
        let transform = Transform::of_number(number)
            .ok_or_else(|| malformed(format!("post_transform {number} is none of ONNX's")))?;
        let aggregate = match attributes.integer("aggregate_function", 1) {
            0 => Aggregate::Average,
            1 => Aggregate::Sum,
            2 => Aggregate::Least,
            3 => Aggregate::Greatest,
            number => return Err(malformed(format!("aggregate_function {number} is none of ONNX's"))),
        };
        let n_targets = n_targets(attributes)?;
        Ok(Outputs {
            n_targets,
            aggregate,
            base: Vec::new(),
            transform,
            labels: None,
            is_binary: false,
            has_type_of_input: true,
        })
    }

    /// The number of sums of a row.
    pub fn n_targets(&self) -> usize {
        self.n_targets
    }

    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    pub fn has_type_of_input(&self) -> bool {
        self.has_type_of_input
    }

    /// The number of scores of a row.
    pub fn width(&self) -> usize {
        if self.is_binary { 2 } else { self.n_targets }
    }

    /// Writes the scores of a row to `scores`, and gives the place of the class. `sums` has a sum for each target,
    /// or where extremes are taken one for each tree and target.
    pub fn of_row(&self, sums: &[f64], n_trees: usize, precision: Precision, scores: &mut [f64]) -> usize {
        let round = |value: f64| precision.round(value);
        for (target, score) in scores.iter_mut().take(self.n_targets).enumerate() {
            let votes = sums.iter().skip(target).step_by(self.n_targets).copied();
            let extreme = |beyond: fn(f64, f64) -> bool| {
                let votes = votes.clone().filter(|vote| !vote.is_nan());
                votes.reduce(|most, vote| if beyond(vote, most) { vote } else { most }).unwrap_or(0.0)
            };
            *score = match self.aggregate {
                Aggregate::Sum => sums[target],
                Aggregate::Average => round(sums[target] / n_trees as f64),
                Aggregate::Least => extreme(|vote, most| vote < most),
                Aggregate::Greatest => extreme(|vote, most| vote > most),
            };
            if let Some(base) = self.base.get(target) {
                *score = round(*score + base);
            }
        }
        if let (true, &mut [ref mut first, ref mut second]) = (self.is_binary, &mut *scores) {
            *second = *first;
            *first = match self.transform {
                Transform::None | Transform::Probit => round(1.0 - *second),
                _ => -*second,
            };
        }
        let class = argmax(scores);
        self.transform.apply(scores, precision);
        class
    }
}

fn n_targets(attributes: Attributes<'_>) -> Result<usize> {
    let number = attributes.integer("n_targets", 1);
    let usable = usize::try_from(number).ok().filter(|&number| (1..=1 << 20).contains(&number));
    usable.ok_or_else(|| malformed(format!("n_targets is {number}")))
}

fn unsupported(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}
