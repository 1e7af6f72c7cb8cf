//! The trees. Leaves that are siblings and have the same values become one, since symmetric trees have many.

use super::super::value::Value;
use super::features::{Features, Split};
use crate::error::{Error, Result};
use crate::model::trees::source::Tree;

/// Splits of a symmetric tree at most, CatBoost's own limit.
const DEEPEST: usize = 16;

/// A tree all of whose nodes of one level share a split. Split `n` sets bit `n` of a leaf's number where the value is
/// greater.
pub(super) fn symmetric(value: &Value<'_>, features: &Features) -> Result<Tree> {
    let splits = match value.member("splits")? {
        Value::Null => &[],
        splits => splits.array().map_err(|error| error.within("splits"))?,
    };
    if splits.len() > DEEPEST {
        return Err(Error::corrupt(format!("{} splits, expected at most {DEEPEST}", splits.len())));
    }
    let each = splits.iter().enumerate().map(|(level, split)| {
        features.split(split).map_err(|error| error.within(format!("splits, element {level}")))
    });
    let splits = each.collect::<Result<Vec<_>>>()?;
    let n_leaves = 1 << splits.len();
    let values = value.get("leaf_values", Value::doubles)?;
    if values.is_empty() || values.len() % n_leaves != 0 {
        return Err(Error::corrupt(format!("{} leaf_values for {n_leaves} leaves", values.len())));
    }
    let weights = value.get_optional("leaf_weights", Value::doubles)?;
    if let Some(weights) = weights.as_ref().filter(|weights| weights.len() != n_leaves) {
        return Err(Error::corrupt(format!("{} leaf_weights for {n_leaves} leaves", weights.len())));
    }
    let mut grower = Grower::new(values.len() / n_leaves, weights.is_some());
    grower.level(&splits, 0, 0, &values, weights.as_deref())?;
    Ok(grower.tree)
}

/// A tree of nodes inside each other; the reader of JSON bounds how deep.
pub(super) fn asymmetric(value: &Value<'_>, features: &Features) -> Result<Tree> {
    let mut first = value;
    while first.find("value")?.is_none() {
        first = first.member("left")?;
    }
    let mut grower = Grower::new(leaf_values(first)?.len(), first.find("weight")?.is_some());
    grower.node(value, features)?;
    Ok(grower.tree)
}

/// A tree for each value of the leaves.
pub(super) fn apart(tree: &Tree) -> impl Iterator<Item = Tree> {
    let n_values = tree.values.len() / tree.left.len();
    (0..n_values).map(move |output| Tree {
        values: tree.values.iter().skip(output).step_by(n_values).copied().collect(),
        output,
        ..tree.clone()
    })
}

fn leaf_values(leaf: &Value<'_>) -> Result<Vec<f64>> {
    leaf.get("value", |value| match value {
        Value::Number(number) => Ok(vec![number.double()?]),
        values => values.doubles(),
    })
}

/// Grows a tree from its root, a node before what is below it.
struct Grower {
    tree: Tree,
    n_values: usize,
}

impl Grower {
    fn new(n_values: usize, weighted: bool) -> Grower {
        let tree = Tree { cover: weighted.then(Vec::new), ..Tree::default() };
        Grower { tree, n_values }
    }

    /// The nodes of a symmetric tree from `level` on, below the path whose bits are `leaf`.
    fn level(
        &mut self,
        splits: &[Split],
        level: usize,
        leaf: usize,
        values: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<usize> {
        let Some(&split) = splits.get(level) else {
            let weight = weights.map(|weights| weights[leaf]);
            return self.leaf(&values[leaf * self.n_values..][..self.n_values], weight);
        };
        let at = self.inner(split);
        let left = self.level(splits, level + 1, leaf, values, weights)?;
        let right = self.level(splits, level + 1, leaf | 1 << level, values, weights)?;
        self.close(at, left, right);
        Ok(at)
    }

    fn node(&mut self, value: &Value<'_>, features: &Features) -> Result<usize> {
        if value.find("value")?.is_some() {
            let weight = value.get_optional("weight", Value::double)?;
            if weight.is_some() != self.tree.cover.is_some() {
                return Err(Error::corrupt("leaves with and without weight"));
            }
            return self.leaf(&leaf_values(value)?, weight);
        }
        let at = self.inner(value.get("split", |split| features.split(split))?);
        let left = self.node(value.member("left")?, features)?;
        let right = self.node(value.member("right")?, features)?;
        self.close(at, left, right);
        Ok(at)
    }

    fn push(&mut self, values: &[f64], weight: f64) -> usize {
        let tree = &mut self.tree;
        tree.left.push(-1);
        tree.right.push(-1);
        tree.column.push(-1);
        tree.threshold.push(0.0);
        tree.missing_left.push(false);
        tree.values.extend_from_slice(values);
        tree.values.resize(tree.left.len() * self.n_values, 0.0);
        if let Some(cover) = &mut tree.cover {
            cover.push(weight as f32);
        }
        tree.left.len() - 1
    }

    fn leaf(&mut self, values: &[f64], weight: Option<f64>) -> Result<usize> {
        if values.len() != self.n_values || self.n_values == 0 {
            return Err(Error::corrupt(format!(
                "leaves of {} values, and of {}",
                values.len(),
                self.n_values
            )));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::corrupt(format!("a leaf of {value}, expected finite numbers")));
        }
        Ok(self.push(values, weight.unwrap_or_default()))
    }

    fn inner(&mut self, split: Split) -> usize {
        let at = self.push(&[], 0.0);
        self.tree.column[at] = i64::from(split.feature);
        self.tree.threshold[at] = f64::from(split.border);
        self.tree.missing_left[at] = split.missing_left;
        at
    }

    /// Joins an inner node to its children, or makes it a leaf where they are equal ones.
    fn close(&mut self, at: usize, left: usize, right: usize) {
        let tree = &mut self.tree;
        if let Some(cover) = &mut tree.cover {
            cover[at] = cover[left] + cover[right];
        }
        let bits = |node: usize| {
            tree.values[node * self.n_values..][..self.n_values].iter().map(|value| value.to_bits())
        };
        if tree.left[left] >= 0 || tree.left[right] >= 0 || !bits(left).eq(bits(right)) {
            (tree.left[at], tree.right[at]) = (left as i64, right as i64);
            return;
        }
        tree.values.copy_within(left * self.n_values..(left + 1) * self.n_values, at * self.n_values);
        (tree.column[at], tree.threshold[at], tree.missing_left[at]) = (-1, 0.0, false);
        let n = at + 1;
        tree.left.truncate(n);
        tree.right.truncate(n);
        tree.column.truncate(n);
        tree.threshold.truncate(n);
        tree.missing_left.truncate(n);
        tree.values.truncate(n * self.n_values);
        if let Some(cover) = &mut tree.cover {
            cover.truncate(n);
        }
    }
}
