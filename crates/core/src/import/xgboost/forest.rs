//! The trees of a booster in the order of summation, and which of them predict.

use super::super::value::Value;
use super::learner::{Booster, Shape};
use super::{XgboostOptions, tree};
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::{Column, Reading, Tree};
use std::collections::HashMap;
use std::ops::Range;

/// All trees of a booster.
pub(super) struct Forest {
    parts: Parts,
    weights: Option<Vec<f32>>,
    /// The first tree of each boosting round, and the number of trees.
    pub rounds: Vec<usize>,
}

/// Trees, and what their nodes point to.
#[derive(Default)]
pub(super) struct Parts {
    pub trees: Vec<Tree>,
    pub columns: Vec<Column>,
    pub sets: Vec<Vec<u32>>,
    column_of: HashMap<(u32, bool), i64>,
    set_of: HashMap<Vec<u32>, i64>,
}

impl Parts {
    /// The column of a feature as numeric or categorical nodes look at it.
    pub fn column(&mut self, feature: u32, categorical: bool) -> i64 {
        let reading = if categorical { Reading::Category } else { Reading::Plain };
        let next = self.columns.len() as i64;
        let column = *self.column_of.entry((feature, categorical)).or_insert(next);
        if column == next {
            self.columns.push(Column { feature, reading });
        }
        column
    }

    /// The number of a set of categories, ascending.
    pub fn set(&mut self, categories: Vec<u32>) -> i64 {
        if let Some(&set) = self.set_of.get(&categories) {
            return set;
        }
        let set = self.sets.len() as i64;
        self.sets.push(categories.clone());
        self.set_of.insert(categories, set);
        set
    }
}

impl Forest {
    pub fn read(booster: &Booster<'_>, shape: Shape) -> Result<Forest> {
        let model = booster.model;
        let params = model.member("gbtree_model_param")?;
        let values = model.get("trees", |trees| Ok(trees.array()?.len()))?;
        let n_trees: usize = params.get("num_trees", Value::parsed)?;
        let info = model.get("tree_info", Value::integers)?;
        let weighted = booster.weights.as_ref().map_or(n_trees, Vec::len);
        if [values, info.len(), weighted] != [n_trees; 3] {
            let message = format!(
                "{n_trees} trees by num_trees, {values} by trees, {} by tree_info, {weighted} by weight_drop",
                info.len()
            );
            return Err(Error::corrupt(message));
        }
        if n_trees == 0 {
            return Err(Error::corrupt("the model has no trees"));
        }
        let mut parts = Parts::default();
        for (number, value) in ordered(model.member("trees")?.array()?)?.into_iter().enumerate() {
            let within = |error: Error| error.within(format!("tree {number}"));
            let vector = tree::is_vector(value).map_err(within)?;
            // A round has a tree per output, so fewer trees than outputs are a claim.
            let output = usize::try_from(info[number]).ok().filter(|&output| output < shape.n_outputs);
            let output =
                output.filter(|&output| if vector { output == 0 } else { shape.n_outputs <= n_trees });
            let output = output.ok_or_else(|| {
                let message =
                    format!("output {} of {}, in a model of {n_trees} trees", info[number], shape.n_outputs);
                within(Error::corrupt(message))
            })?;
            let tree = tree::read(value, shape, output, &mut parts).map_err(within)?;
            parts.trees.push(tree);
        }
        let rounds = match model.get_optional("iteration_indptr", Value::integers)? {
            Some(rounds) => rounds.into_iter().map(|first| first as usize).collect(),
            None => {
                let parallel: usize = params.get("num_parallel_tree", Value::parsed)?;
                let groups = info.iter().max().map_or(1, |&last| last as usize + 1);
                let step = parallel.max(1).saturating_mul(groups);
                (0..=n_trees / step).map(|round| round * step).collect::<Vec<_>>()
            }
        };
        let ascending = rounds.windows(2).all(|pair| pair[0] <= pair[1]);
        if rounds.first() != Some(&0) || rounds.last() != Some(&n_trees) || !ascending {
            let message = format!("boosting rounds that do not lead from tree 0 to tree {n_trees}");
            return Err(Error::corrupt(message));
        }
        Ok(Forest { parts, weights: booster.weights.clone(), rounds })
    }

    /// The trees of `range`. Weighted leaves were added to `through` and it was taken off again, where it is given.
    pub fn select(
        self,
        range: Range<usize>,
        through: Option<&[f32]>,
        options: &XgboostOptions,
    ) -> Result<Parts> {
        let mut parts = self.parts;
        parts.trees.truncate(range.end);
        parts.trees.drain(..range.start);
        if parts.trees.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "boosting rounds without trees"));
        }
        if let Some(weights) = self.weights {
            for (tree, &weight) in parts.trees.iter_mut().zip(&weights[range]) {
                let n_values = tree.values.len() / tree.left.len();
                for (at, value) in tree.values.iter_mut().enumerate() {
                    let margin = through.map_or(0.0, |margins| margins[tree.output + at % n_values]);
                    *value = f64::from((margin + *value as f32 - margin) * weight);
                }
            }
        }
        let reading = reading(options)?;
        for column in &mut parts.columns {
            match column.reading {
                Reading::Category if reading != Reading::Plain => {
                    let message = format!(
                        "feature {} is categorical, and a missing value other than NaN is not read there",
                        column.feature
                    );
                    return Err(Error::new(ErrorKind::Unsupported, message));
                }
                Reading::Category => {}
                _ => column.reading = reading,
            }
        }
        Ok(parts)
    }
}

/// The trees by their ids, which are their places.
fn ordered<'a>(values: &'a [Value<'a>]) -> Result<Vec<&'a Value<'a>>> {
    let mut trees = vec![None; values.len()];
    for (at, value) in values.iter().enumerate() {
        let id =
            value.get("id", Value::integer).map_err(|error| error.within(format!("trees, element {at}")))?;
        let place = usize::try_from(id).ok().and_then(|id| trees.get_mut(id));
        match place {
            Some(place @ None) => *place = Some(value),
            _ => {
                return Err(Error::corrupt(format!(
                    "trees, element {at}: the id {id} is no other tree's place"
                )));
            }
        }
    }
    Ok(trees.into_iter().flatten().collect())
}

fn reading(options: &XgboostOptions) -> Result<Reading> {
    match (options.absent_is_missing, options.missing.unwrap_or(f32::NAN)) {
        (false, missing) if missing.is_nan() => Ok(Reading::Plain),
        (false, missing) => Ok(Reading::Missing(missing)),
        (true, missing) if missing.is_nan() || missing == 0.0 => Ok(Reading::Missing(0.0)),
        (true, missing) => {
            let message = format!("sparse rows, where zeros are missing, with missing={missing} as well");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}
