//! A tree ensemble or a linear model with its outputs: one value per class or one prediction, for each row.

use super::classes::target_outputs;
use super::exponential::ln;
use super::linear::{Linear, LinearSpec};
use super::link::Link;
use super::scorer::Scorer;
use super::trees::source::Combine;
use super::trees::{self, Forest};
use super::{Classes, Targets, Task, argmax};
use crate::error::{Error, Result};
use crate::precision::{Float, Precision};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A forest or a linear model, and what its sums mean. `Send` and `Sync`.
#[derive(Debug)]
pub struct Ensemble {
    scorer: Scorer,
    source: String,
    combine: Combine,
    link: Link,
    task: Task,
    targets: Vec<Classes>,
    decide: Decide,
    accepts_missing: bool,
    accepts_infinite: bool,
}

/// What is asked of an ensemble for each row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The number of each target's label.
    Class,
    /// The outputs.
    Outputs,
    /// The outputs, and then the number of each target's label.
    OutputsAndClass,
    /// What the trees add up to.
    RawScores,
}

/// Memory that is reused from tile to tile.
#[derive(Debug, Default)]
pub(crate) struct Scratch<V> {
    trees: trees::Scratch<V>,
    raw: Vec<f64>,
    outputs: Vec<f64>,
}

impl<V> Scratch<V> {
    /// Bytes that are kept from tile to tile.
    pub fn bytes(&self) -> usize {
        self.trees.bytes() + (self.raw.capacity() + self.outputs.capacity()) * 8
    }
}

impl Ensemble {
    /// Reads the manifest's `model` over what `scorer` makes of its linear part, or without one.
    pub(crate) fn parse(
        json: &str,
        scorer: impl FnOnce(Option<&LinearSpec>) -> Result<Scorer>,
        n_features: usize,
    ) -> Result<Ensemble> {
        let corrupt = |what: String| Error::corrupt(format!("reading the manifest's model: {what}"));
        let Json {
            kind,
            source,
            task,
            combine,
            link,
            classes: Targets(targets),
            decide,
            missing,
            infinite,
            linear,
        } = serde_json::from_str(json).map_err(|error| corrupt(error.to_string()))?;
        if (kind == Kind::Linear) != linear.is_some() {
            return Err(corrupt("a linear model has a linear part, and no other".to_owned()));
        }
        let scorer = scorer(linear.as_ref())?;
        if scorer.n_features() != n_features {
            return Err(corrupt(format!(
                "a model over {} features; there are {n_features}",
                scorer.n_features()
            )));
        }
        let n_raw = scorer.n_outputs();
        let n_outputs = link.n_outputs(n_raw);
        let fits = match (task, &targets[..], decide) {
            (Task::Classification, [_, _, ..], Decide::Probabilities) => {
                let has_all = targets.iter().all(|classes| !classes.values.is_empty())
                    && targets.iter().map(|classes| classes.values.len()).sum::<usize>() == n_outputs;
                let is_mean = matches!(combine, Combine::Mean | Combine::Single);
                let is_alike = targets.iter().all(|classes| classes.dtype == targets[0].dtype);
                has_all && is_alike && is_mean && link == Link::Identity && kind == Kind::Forest
            }
            (Task::Classification, [classes], Decide::Probabilities | Decide::RawScores) => {
                classes.values.len() == n_outputs && n_outputs > 0
            }
            (Task::Classification, [classes], Decide::Above { .. }) => {
                classes.values.len() == 2 && n_outputs == 2 && n_raw == 1
            }
            (Task::Classification, [classes], Decide::AtLeast { class, probability }) => {
                let is_share = n_raw == n_outputs && link == Link::Identity;
                classes.values.len() == 2 && n_outputs == 2 && class < 2 && !probability.is_nan() && is_share
            }
            (Task::OutlierDetection, [classes], Decide::Isolation { .. }) => {
                classes.values.len() == 2 && n_outputs == 1
            }
            (Task::Regression, [], Decide::Probabilities) => n_outputs > 0,
            _ => false,
        };
        if !fits {
            let labels: usize = targets.iter().map(|classes| classes.values.len()).sum();
            let of = if targets.len() > 1 { format!(" of {} targets", targets.len()) } else { String::new() };
            let expected = match task {
                Task::Classification if targets.len() > 1 => {
                    "several targets have a label or more each, all of one dtype and as many together as outputs, which are means of trees \
                     without a link and are decided on by probabilities"
                }
                Task::Classification => {
                    "classification has as many labels as outputs, decided on by probabilities or raw scores"
                }
                Task::OutlierDetection => {
                    "outlier detection has 2 labels for 1 output, decided on by isolation"
                }
                Task::Regression => "regression has outputs without labels, and nothing that decides on them",
            };
            let by = decide.name();
            return Err(corrupt(format!(
                "{n_outputs} outputs with {labels} labels{of}, decided on by {by}; {expected}"
            )));
        }
        match &scorer {
            Scorer::Forest(forest) if combine == Combine::Single && forest.n_trees() != 1 => {
                return Err(corrupt(format!("{} trees; expected a single one", forest.n_trees())));
            }
            Scorer::Linear(_) if combine != Combine::Sum => {
                return Err(corrupt("a linear model whose sums are combined".to_owned()));
            }
            _ => {}
        }
        if let Combine::Scaled { bias, .. } = &combine
            && bias.len() != n_raw
        {
            return Err(corrupt(format!("a bias of {} for {n_raw} sums", bias.len())));
        }
        Ok(Ensemble {
            scorer,
            source,
            combine,
            link,
            task,
            targets,
            decide,
            accepts_missing: missing == Policy::Accept,
            accepts_infinite: infinite == Policy::Accept,
        })
    }

    /// What the outputs are.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The labels of an ensemble that decides on one target: of classification and outlier detection. `None` where it
    /// decides on none or on several.
    pub fn classes(&self) -> Option<&Classes> {
        match &self.targets[..] {
            [classes] => Some(classes),
            _ => None,
        }
    }

    /// The labels of each target that the ensemble decides on: none of a regression, one of most classifiers and of
    /// outlier detection, and several of a forest that was fitted on a table of labels. The outputs of such a forest are
    /// the targets' probabilities, one target's after another's.
    pub fn targets(&self) -> &[Classes] {
        &self.targets
    }

    /// Where each target's probabilities are among a row's outputs.
    pub fn target_outputs(&self) -> impl Iterator<Item = Range<usize>> + Clone + '_ {
        target_outputs(&self.targets)
    }

    /// The class that the model was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The trees; `None` of a linear model.
    pub fn forest(&self) -> Option<&Forest> {
        match &self.scorer {
            Scorer::Forest(forest) => Some(forest),
            Scorer::Linear(_) => None,
        }
    }

    /// The weights; `None` of trees.
    pub fn linear(&self) -> Option<&Linear> {
        match &self.scorer {
            Scorer::Linear(linear) => Some(linear),
            Scorer::Forest(_) => None,
        }
    }

    /// The number of raw scores of a row.
    pub fn n_raw_scores(&self) -> usize {
        self.scorer.n_outputs()
    }

    /// Whether the source has a `decision_function`, whose values are then the raw scores: scikit-learn's
    /// classifiers whose probabilities are made of something else, and LightGBM's wrapper (from 4.7 on).
    pub fn has_decision_function(&self) -> bool {
        let has = self.source.starts_with("sklearn.") || self.source == "lightgbm.sklearn.LGBMClassifier";
        has && self.task == Task::Classification && self.link != Link::Identity
    }

    /// What decides on the label.
    pub(crate) fn decide(&self) -> Decide {
        self.decide
    }

    /// The type that features are brought to.
    pub(crate) fn features(&self) -> Precision {
        self.scorer.features()
    }

    pub(crate) fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// How raw scores become outputs.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The number of values per row: one per class, or those of a regression.
    pub fn n_outputs(&self) -> usize {
        self.link.n_outputs(self.n_raw_scores())
    }

    /// The type of the source's outputs. They are kept as `f64`, which holds either.
    pub fn precision(&self) -> Precision {
        self.scorer.sums()
    }

    /// How far outputs may lie from the source's, in units in the last place, on rows with these raw scores.
    ///
    /// CatBoost's exponential (`FastExpInplace` of its `fast_exp`, which its softmax and `Exponent` use) errs in
    /// proportion to its argument: by up to 1.25 |x| + 2 units over 10^5 arguments, and a softmax by up to 2.3 of
    /// the distance of its row's scores, and 10. What scikit-learn 1.3 makes of more than two raw scores,
    /// [`Link::ExpLessLogSum`], loses digits as they grow, too: with SciPy 1.17 by up to 4 |x| + 13 units over
    /// 10^6 random scores of 3 to 40 classes.
    pub fn max_ulps(&self, raw: &[f64]) -> u64 {
        let bound = self.link.max_ulps(self.precision());
        let rows = raw.chunks_exact(self.n_raw_scores());
        let greatest = |of: fn(&[f64]) -> f64| rows.clone().map(of).fold(0.0, f64::max);
        let magnitude = |row: &[f64]| row.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        match self.link {
            Link::ExpLessLogSum => bound.saturating_add((4.0 * greatest(magnitude)) as u64),
            _ if !self.source.starts_with("catboost.") => bound,
            Link::Exp => (bound + 2).saturating_add((1.5 * greatest(magnitude)) as u64),
            Link::Softmax { .. } => {
                let distance = |row: &[f64]| {
                    let (least, most) =
                        row.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| {
                            (least.min(x), most.max(x))
                        });
                    most - least
                };
                (bound + 10).saturating_add((3.0 * greatest(distance)) as u64)
            }
            _ => bound,
        }
    }

    /// The score below which a row is an outlier, for outlier detection.
    pub fn offset(&self) -> Option<f64> {
        match self.decide {
            Decide::Isolation { offset, .. } => Some(offset),
            _ => None,
        }
    }

    /// The number of values per row of `answer`.
    pub(crate) fn width(&self, answer: Answer) -> usize {
        match answer {
            Answer::Class => self.targets.len().max(1),
            Answer::Outputs => self.n_outputs(),
            Answer::OutputsAndClass => self.n_outputs() + self.targets.len().max(1),
            Answer::RawScores => self.n_raw_scores(),
        }
    }

    /// All that a row is told: the outputs, and the numbers of labels where there are some.
    pub(crate) fn whole_answer(&self) -> Answer {
        if self.targets.is_empty() { Answer::Outputs } else { Answer::OutputsAndClass }
    }

    /// Whether the source model would refuse a row for some value of a feature.
    pub(crate) fn refuses_some(&self) -> bool {
        !(self.accepts_missing && self.accepts_infinite)
    }

    /// Whether the source model would refuse a row with this feature.
    #[inline]
    pub(crate) fn refuses<V: Float>(&self, feature: V) -> bool {
        let feature = feature.to_f64();
        (feature.is_infinite() && !self.accepts_infinite) || (feature.is_nan() && !self.accepts_missing)
    }

    /// What is asked for each row of `features`, one row's after another's.
    pub(crate) fn run<V: Float>(
        &self,
        features: &[V],
        answer: Answer,
        scratch: &mut Scratch<V>,
        out: &mut [f64],
    ) {
        let n_rows = out.len() / self.width(answer);
        let Scratch { trees, raw, outputs } = scratch;
        match answer {
            Answer::RawScores => return self.raw_scores(features, trees, out),
            Answer::Outputs if self.link == Link::Identity => return self.raw_scores(features, trees, out),
            _ => {}
        }
        let raw = sized(raw, n_rows * self.n_raw_scores());
        self.raw_scores(features, trees, raw);
        if answer == Answer::Outputs {
            return self.link.apply(raw, self.n_raw_scores(), self.precision(), out);
        }
        let n_outputs = self.n_outputs();
        let outputs = sized(outputs, n_rows * n_outputs);
        self.link.apply(raw, self.n_raw_scores(), self.precision(), outputs);
        let n_classes = self.width(Answer::Class);
        let rows = raw.chunks_exact(self.n_raw_scores()).zip(outputs.chunks_exact(n_outputs));
        for ((raw, outputs), out) in rows.zip(out.chunks_exact_mut(self.width(answer))) {
            let (values, classes) = out.split_at_mut(out.len() - n_classes);
            self.decide.classes(&self.targets, raw, outputs, classes);
            values.iter_mut().zip(outputs).for_each(|(into, &value)| *into = value);
        }
    }

    /// Makes natural logarithms of outputs.
    pub(crate) fn take_logarithms(&self, outputs: &mut [f64]) {
        outputs.iter_mut().for_each(|output| *output = self.precision().round(ln(*output)));
    }

    fn raw_scores<V: Float>(&self, features: &[V], scratch: &mut trees::Scratch<V>, out: &mut [f64]) {
        let forest = match &self.scorer {
            Scorer::Linear(linear) => return linear.raw_scores(features, out),
            Scorer::Forest(forest) => forest,
        };
        if self.combine == Combine::Single {
            return trees::fast::copy(forest, features, scratch, out);
        }
        out.chunks_exact_mut(forest.n_outputs()).for_each(|row| row.copy_from_slice(forest.start()));
        trees::fast::add(forest, features, scratch, out);
        self.combine.finish(out, forest.n_rounds(), self.precision());
    }
}

fn sized(buffer: &mut Vec<f64>, len: usize) -> &mut [f64] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// What decides on the label.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Decide {
    /// The second of two where the raw score is above this one: CatBoost with a probability threshold,
    /// scikit-learn's `GradientBoostingClassifier`, to which zero is the second, and its threshold classifiers.
    Above {
        /// The greatest raw score that is not enough for the second label.
        raw_score: f64,
    },
    /// One of two where its output is at least this probability, else the other: scikit-learn's
    /// `FixedThresholdClassifier` and `TunedThresholdClassifierCV` over forests.
    AtLeast {
        /// The number of the label.
        class: usize,
        /// Its threshold.
        probability: f64,
    },
    /// The second of two where the depth of an isolation forest is at least this one, which is where its
    /// score less the offset ceases to be negative.
    Isolation {
        /// The depth.
        least_depth: f64,
        /// What `decision_function` subtracts from the score.
        offset: f64,
    },
    /// The first of the greatest outputs.
    #[default]
    Probabilities,
    /// The sign of the raw score, or the first of the greatest.
    RawScores,
}

impl Decide {
    /// The number of the label of a row with these raw scores and outputs.
    pub fn class(self, raw: &[f64], outputs: &[f64]) -> usize {
        match (self, raw) {
            (Decide::Above { raw_score }, _) => usize::from(raw.iter().all(|&raw| raw > raw_score)),
            (Decide::AtLeast { class, probability }, _) => {
                let holds = outputs.get(class).is_some_and(|&output| output >= probability);
                if holds { class } else { 1 - class.min(1) }
            }
            (Decide::Isolation { least_depth, .. }, _) => {
                usize::from(raw.iter().all(|&depth| depth >= least_depth))
            }
            (Decide::RawScores, &[raw]) => usize::from(raw > 0.0),
            (Decide::RawScores, _) => argmax(raw),
            (Decide::Probabilities, _) => argmax(outputs),
        }
    }

    /// Writes the number of each target's label to `numbers`.
    pub(crate) fn classes(self, targets: &[Classes], raw: &[f64], outputs: &[f64], numbers: &mut [f64]) {
        match numbers {
            [number] => *number = self.class(raw, outputs) as f64,
            _ => {
                for (number, of_target) in numbers.iter_mut().zip(target_outputs(targets)) {
                    *number = outputs.get(of_target).map_or(0, argmax) as f64;
                }
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Decide::Above { .. } => "raw scores above a threshold",
            Decide::AtLeast { .. } => "the probability of a class",
            Decide::Isolation { .. } => "isolation",
            Decide::Probabilities => "probabilities",
            Decide::RawScores => "raw scores",
        }
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Forest,
    Linear,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Policy {
    Accept,
    #[default]
    Refuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    kind: Kind,
    source: String,
    task: Task,
    combine: Combine,
    #[serde(default)]
    link: Link,
    #[serde(default)]
    classes: Targets,
    #[serde(default)]
    decide: Decide,
    missing: Policy,
    #[serde(default)]
    infinite: Policy,
    linear: Option<LinearSpec>,
}

#[cfg(test)]
mod tests;
