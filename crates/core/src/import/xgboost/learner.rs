//! The learner of a model: its parameters, its objective, and whose predictions are meant.

use super::super::json;
use super::super::value::Value;
use super::objective::Objective;
use super::{BoosterKind, Interface, XgboostModel, XgboostOptions, forest};
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::{Combine, Comparison, Precision, TreeEnsemble};
use std::ops::Range;

/// Features of a model at most: a file need not name them, and a few bytes could claim any number.
const MAX_FEATURES: usize = 1 << 20;

/// Numbers of a model that its trees must fit.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub n_features: usize,
    pub n_outputs: usize,
}

pub(super) fn read(document: &Value<'_>, options: &XgboostOptions) -> Result<XgboostModel> {
    let version = document.get("version", version)?;
    let learner = document.member("learner")?;
    let objective_name = learner.member("objective")?.get("name", |name| Ok(name.text()?.to_owned()))?;
    let objective = Objective::named(&objective_name)?;
    let params = learner.member("learner_model_param")?;
    let num_class: usize = params.get("num_class", Value::parsed)?;
    let n_targets: usize = params.get_optional("num_target", Value::parsed)?.unwrap_or(1);
    let shape = Shape {
        n_features: params.get("num_feature", Value::parsed::<u32>)? as usize,
        n_outputs: num_class.max(n_targets).max(1),
    };
    if shape.n_features > MAX_FEATURES {
        let message = format!("num_feature: {} features; at most {MAX_FEATURES} are read", shape.n_features);
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    if num_class > 1 && n_targets > 1 {
        let message = format!("{num_class} classes of {n_targets} targets each");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }

    let attributes = learner.get_optional("attributes", attributes)?.unwrap_or_default();
    let best_iteration = attributes.best_iteration;
    let interface = options.interface.unwrap_or(attributes.interface);
    let missing = match (options.missing, interface) {
        (None, Interface::Wrapper) => attributes.missing()?,
        (given, _) => given,
    };

    let booster = Booster::read(learner.member("gradient_booster")?)?;
    let trees = forest::Forest::read(&booster, shape).map_err(|error| error.within("gradient_booster"))?;
    let base_margin = base_margin(params, &objective, shape.n_outputs, version, options)?;
    let best = best_iteration.filter(|_| interface == Interface::Wrapper);
    let rounds = trees.rounds.len() - 1;
    let iterations = iterations(options.iterations.clone(), best, rounds)?;
    // From 3.4 on both interfaces weight leaves in the same way.
    let in_place = interface == Interface::Wrapper && version < (3, 3, 0);
    let selected = trees.rounds[iterations.start]..trees.rounds[iterations.end];
    let weighted_from = in_place.then_some(base_margin.as_slice());
    let mut source = trees.select(selected, weighted_from, &XgboostOptions { missing, ..options.clone() })?;

    let feature_names = learner.get_optional("feature_names", Value::texts)?.unwrap_or_default();
    let feature_types = learner.get_optional("feature_types", Value::texts)?.unwrap_or_default();
    for (what, list) in [("feature_names", &feature_names), ("feature_types", &feature_types)] {
        if !list.is_empty() && list.len() != shape.n_features {
            let message =
                format!("{what}: {} of them, and the model has {} features", list.len(), shape.n_features);
            return Err(Error::corrupt(message));
        }
    }
    let categories = booster.model.get_optional("cats", |cats| super::cats::read(cats, shape.n_features))?;
    Ok(XgboostModel {
        ensemble: TreeEnsemble {
            n_features: shape.n_features,
            columns: std::mem::take(&mut source.columns),
            features: Precision::Single,
            comparison: Comparison::Below,
            sets: source.sets,
            places: Vec::new(),
            trees: source.trees,
            n_outputs: shape.n_outputs,
            start: base_margin.into_iter().map(f64::from).collect(),
            sums: Precision::Single,
            combine: Combine::Sum,
        },
        booster: booster.kind,
        link: objective.link,
        n_classes: objective.n_classes(num_class),
        objective: objective_name,
        n_targets,
        feature_names,
        feature_types,
        categories: categories.unwrap_or_default(),
        iterations,
        best_iteration,
        interface,
        version,
    })
}

fn version(value: &Value<'_>) -> Result<(u32, u32, u32)> {
    let part = |part: i64| u32::try_from(part).ok();
    match value.integers()?.as_slice() {
        &[major, minor, patch] => part(major).zip(part(minor)).zip(part(patch)).map(|((a, b), c)| (a, b, c)),
        _ => None,
    }
    .ok_or_else(|| Error::corrupt("found something else, expected three numbers"))
}

/// What a file's attributes say about predicting.
struct Attributes {
    best_iteration: Option<usize>,
    interface: Interface,
    /// The wrapper's own attributes, as JSON.
    wrapper: Option<String>,
}

impl Default for Attributes {
    fn default() -> Self {
        Attributes { best_iteration: None, interface: Interface::Booster, wrapper: None }
    }
}

impl Attributes {
    /// The wrapper's `missing`, where it is in the file.
    fn missing(&self) -> Result<Option<f32>> {
        let Some(text) = &self.wrapper else { return Ok(None) };
        let read = || match json::read(text.as_bytes())?.find("missing")? {
            None | Some(Value::Null) => Ok(None),
            Some(missing) => missing.single().map(Some).map_err(|error| error.within("missing")),
        };
        read().map_err(|error: Error| error.within("attributes: scikit_learn").and("give missing"))
    }
}

fn attributes(value: &Value<'_>) -> Result<Attributes> {
    let wrapper = value.get_optional("scikit_learn", |text| Ok(text.text()?.to_owned()))?;
    Ok(Attributes {
        best_iteration: value.get_optional("best_iteration", Value::parsed)?,
        interface: if wrapper.is_some() { Interface::Wrapper } else { Interface::Booster },
        wrapper,
    })
}

/// The part of a file that holds trees.
pub(super) struct Booster<'a> {
    pub kind: BoosterKind,
    pub model: &'a Value<'a>,
    /// A weight per tree.
    pub weights: Option<Vec<f32>>,
}

impl<'a> Booster<'a> {
    fn read(value: &'a Value<'a>) -> Result<Booster<'a>> {
        let name = value.member("name")?.text()?;
        let model = match name {
            "dart" => value.member("gbtree")?.member("model")?,
            "gbtree" => value.member("model")?,
            other => {
                let message =
                    format!("the booster {other:?} has no trees; boosters that can be read: dart, gbtree");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        // Weights stand beside the model, from 3.4 on in it; since 3.3 the name is gbtree with them, too.
        let weights = value.find("weight_drop")?.or(model.find("weight_drop")?);
        let weights = weights.map(|weights| weights.singles().map_err(|error| error.within("weight_drop")));
        let weights = weights.transpose()?;
        let kind = if weights.is_some() || name == "dart" { BoosterKind::Dart } else { BoosterKind::GbTree };
        Ok(Booster { kind, model, weights })
    }
}

fn base_margin(
    params: &Value<'_>,
    objective: &Objective,
    n_outputs: usize,
    version: (u32, u32, u32),
    options: &XgboostOptions,
) -> Result<Vec<f32>> {
    let fit = |margins: Vec<f32>, kind: ErrorKind, what: &str| match margins.as_slice() {
        &[margin] => Ok(vec![margin; n_outputs]),
        margins if margins.len() == n_outputs => Ok(margins.to_vec()),
        margins => Err(Error::new(kind, format!("{what} of {} for {n_outputs} outputs", margins.len()))),
    };
    if let Some(given) = &options.base_margin {
        return fit(given.clone(), ErrorKind::InvalidArgument, "a base_margin");
    }
    let scores = params.get("base_score", |scores| {
        let text = scores.text()?.trim();
        let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let scores = list.unwrap_or(text).split(',').map(|score| {
            score.trim().parse().map_err(|_| Error::corrupt(format!("found {score:?}, expected a number")))
        });
        scores.collect::<Result<Vec<f32>>>()
    })?;
    let scores = fit(scores, ErrorKind::Corrupt, "a base_score")?;
    scores.into_iter().map(|score| objective.margin(score, version)).collect()
}

fn iterations(given: Option<Range<usize>>, best: Option<usize>, rounds: usize) -> Result<Range<usize>> {
    if let Some(range) = given {
        if range.start >= range.end || range.end > rounds {
            let message = format!("iterations {} to {}, and the model has {rounds}", range.start, range.end);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        return Ok(range);
    }
    match best {
        Some(best) if best >= rounds => {
            Err(Error::corrupt(format!("the best iteration is {best}, and the model has {rounds}")))
        }
        Some(best) => Ok(0..best + 1),
        None => Ok(0..rounds),
    }
}
