//! From branches and leaves to a tree ensemble.

use super::attributes::malformed;
use super::outputs::{Aggregate, Outputs};
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::{Column, Comparison, Reading, Tree, TreeEnsemble};
use crate::precision::Precision;
use std::collections::HashMap;
use std::ops::Range;

/// Different values that may be compared for equality.
const MAX_PLACES: usize = 1 << 15;
/// Features of a row at most.
const MAX_FEATURES: usize = 1 << 24;
/// How often nodes may be copied, on the average, where they have several parents.
const MAX_COPIES: usize = 16;

/// The trees of a node, as its attributes list them.
#[derive(Debug, Default)]
pub(super) struct Branches {
    pub branches: Vec<Branch>,
    /// The roots, in the order of summation.
    pub roots: Vec<Child>,
    /// For each leaf, its votes.
    pub leaves: Vec<Range<usize>>,
    pub votes: Vec<Vote>,
    /// Whether the weights of votes are float64.
    pub has_double_weights: bool,
}

/// A node with two children.
#[derive(Debug, Default)]
pub(super) struct Branch {
    /// How messages call it.
    pub label: String,
    pub feature: i64,
    pub test: Test,
    /// Whether a value that passes the test goes to `no`, and others to `yes`.
    pub negated: bool,
    pub yes: Child,
    pub no: Child,
    /// Whether NaN goes to `yes`.
    pub missing_yes: bool,
}

/// What is asked of a value that is not NaN.
#[derive(Debug)]
pub(super) enum Test {
    AtMost(f64),
    Below(f64),
    /// Whether it is one of these.
    Among(Vec<f64>),
}

impl Default for Test {
    fn default() -> Test {
        Test::Among(Vec::new())
    }
}

/// A child, by its place among the branches or leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Child {
    Branch(usize),
    Leaf(usize),
}

impl Default for Child {
    fn default() -> Child {
        Child::Leaf(0)
    }
}

/// What a leaf gives to a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vote {
    pub target: i64,
    pub weight: f64,
}

/// A tree, and the leaf that each of its nodes is.
struct Grown {
    tree: Tree,
    leaves: Vec<Option<usize>>,
}

/// The ensemble whose sums are what the node adds up. Where it takes extremes instead, each tree has an output
/// for each target: NaN where it has no vote.
pub(super) fn grow(
    branches: Branches,
    outputs: &Outputs,
    features: Precision,
    width: Option<usize>,
) -> Result<TreeEnsemble> {
    let n_targets = outputs.n_targets();
    let is_target = |vote: &&Vote| usize::try_from(vote.target).is_ok_and(|target| target < n_targets);
    if let Some(vote) = branches.votes.iter().find(|vote| !is_target(vote)) {
        return Err(malformed(format!("a weight is for target {}; there are {n_targets}", vote.target)));
    }
    let mut grower = Grower::new(&branches, width)?;
    let grown: Vec<Grown> = branches.roots.iter().map(|&root| grower.grow(root)).collect::<Result<_>>()?;
    let mut ensemble = TreeEnsemble {
        n_features: grower.n_features,
        features,
        comparison: Comparison::AtMost,
        sums: if branches.has_double_weights { Precision::Double } else { features },
        n_outputs: n_targets,
        start: vec![0.0; n_targets],
        places: grower.places,
        columns: grower.columns.list,
        ..TreeEnsemble::default()
    };
    let mut sets: Vec<_> = grower.sets.into_iter().collect();
    sets.sort_by_key(|(_, number)| *number);
    ensemble.sets = sets.into_iter().map(|(set, _)| set).collect();
    match outputs.aggregate() {
        Aggregate::Sum | Aggregate::Average => add_up(&branches, grown, &mut ensemble),
        aggregate => keep_apart(&branches, grown, aggregate == Aggregate::Least, &mut ensemble)?,
    }
    Ok(ensemble)
}

/// Gives leaves one value where the votes of each tree are for one target, else one for each target.
fn add_up(branches: &Branches, grown: Vec<Grown>, ensemble: &mut TreeEnsemble) {
    let n_targets = ensemble.n_outputs;
    let only: Option<Vec<usize>> = grown.iter().map(|grown| branches.only_target(grown)).collect();
    let only = if n_targets == 1 { Some(vec![0; grown.len()]) } else { only };
    for (number, Grown { mut tree, leaves }) in grown.into_iter().enumerate() {
        let n_values = if only.is_some() { 1 } else { n_targets };
        tree.output = only.as_ref().map_or(0, |only| only[number]);
        tree.values = vec![0.0; leaves.len() * n_values];
        for (values, leaf) in tree.values.chunks_exact_mut(n_values).zip(&leaves) {
            for vote in branches.votes_of(*leaf) {
                let value = &mut values[vote.target as usize - tree.output];
                *value = ensemble.sums.round(*value + vote.weight);
            }
        }
        ensemble.trees.push(tree);
    }
}

/// Gives each tree an output for each target.
fn keep_apart(
    branches: &Branches,
    grown: Vec<Grown>,
    takes_least: bool,
    ensemble: &mut TreeEnsemble,
) -> Result<()> {
    let n_targets = ensemble.n_outputs;
    ensemble.n_outputs = n_targets.checked_mul(grown.len()).filter(|&n| n <= 1 << 20).ok_or_else(|| {
        let message = format!("extremes of {} trees for {n_targets} targets are not supported", grown.len());
        Error::new(ErrorKind::Unsupported, message)
    })?;
    // Adding to negative zero keeps every value, zeros of both signs included.
    ensemble.start = vec![f64::NAN; ensemble.n_outputs];
    for (number, Grown { tree, leaves }) in grown.into_iter().enumerate() {
        let mut by_target: Vec<Option<Vec<f64>>> = vec![None; n_targets];
        for (node, leaf) in leaves.iter().enumerate() {
            for vote in branches.votes_of(*leaf) {
                let values =
                    by_target[vote.target as usize].get_or_insert_with(|| vec![f64::NAN; leaves.len()]);
                let value = &mut values[node];
                let beyond = if takes_least { vote.weight < *value } else { vote.weight > *value };
                if value.is_nan() || beyond {
                    *value = vote.weight;
                }
            }
        }
        for (target, values) in by_target.into_iter().enumerate() {
            let Some(values) = values else { continue };
            let output = number * n_targets + target;
            ensemble.start[output] = -0.0;
            ensemble.trees.push(Tree { values, output, ..tree.clone() });
        }
    }
    Ok(())
}

impl Branches {
    fn votes_of(&self, leaf: Option<usize>) -> &[Vote] {
        leaf.and_then(|leaf| self.votes.get(self.leaves.get(leaf)?.clone())).unwrap_or_default()
    }

    /// The target of all votes of a tree, where it is one and no leaf has two.
    fn only_target(&self, grown: &Grown) -> Option<usize> {
        let mut only = None;
        for leaf in &grown.leaves {
            match self.votes_of(*leaf) {
                [] => {}
                [vote] if only.is_none_or(|only| only == vote.target) => only = Some(vote.target),
                _ => return None,
            }
        }
        Some(only.map_or(0, |only| only as usize))
    }
}

/// The columns that branches look at: the features themselves, then places of those that are compared for equality.
#[derive(Default)]
struct Columns {
    list: Vec<Column>,
    places: HashMap<u32, i64>,
}

/// A branch, and what stands for it with those that were merged into it.
struct Merged<'a> {
    branch: &'a Branch,
    values: Vec<f64>,
    no: Child,
    missing_yes: bool,
}

/// What trees are grown with.
struct Grower<'a> {
    branches: &'a [Branch],
    /// Nodes that may still be grown: in a cycle they come to an end.
    budget: usize,
    n_features: usize,
    places: Vec<f64>,
    columns: Columns,
    sets: HashMap<Vec<u32>, i64>,
}

impl<'a> Grower<'a> {
    fn new(branches: &'a Branches, width: Option<usize>) -> Result<Grower<'a>> {
        let branches = &branches.branches;
        let mut n_features = width.unwrap_or(1).max(1);
        let mut places: Vec<f64> = Vec::new();
        for Branch { label, feature, test, .. } in branches {
            let threshold_is_nan = match test {
                Test::AtMost(threshold) | Test::Below(threshold) => threshold.is_nan(),
                Test::Among(values) => values.iter().any(|value| value.is_nan()),
            };
            if threshold_is_nan {
                return Err(malformed(format!("{label} compares with NaN; expected a number")));
            }
            let Some(feature) = usize::try_from(*feature).ok().filter(|&feature| feature < MAX_FEATURES)
            else {
                return Err(malformed(format!("{label} looks at feature {feature}")));
            };
            if let Some(width) = width.filter(|&width| feature >= width) {
                return Err(malformed(format!("{label} looks at feature {feature}; its input has {width}")));
            }
            n_features = n_features.max(feature + 1);
            if let Test::Among(values) = test {
                places.extend(values.iter().map(|value| value + 0.0));
            }
        }
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MAX_PLACES {
            let message = format!(
                "{} values are compared for equality; at most {MAX_PLACES} are supported",
                places.len()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let plain = (0..n_features as u32).map(|feature| Column { feature, reading: Reading::Plain });
        let columns = Columns { list: plain.collect(), places: HashMap::new() };
        let budget = MAX_COPIES.saturating_mul(2 * branches.len() + 1);
        Ok(Grower { branches, budget, n_features, places, columns, sets: HashMap::new() })
    }

    /// The tree under `root`, the left child being where values that pass the test go.
    fn grow(&mut self, root: Child) -> Result<Grown> {
        let mut tree = Tree::default();
        let mut leaves = Vec::new();
        let mut open = vec![(root, None)];
        while let Some((child, parent)) = open.pop() {
            let at = tree.left.len();
            match parent {
                Some((parent, true)) => tree.left[parent] = at as i64,
                Some((parent, false)) => tree.right[parent] = at as i64,
                None => {}
            }
            tree.left.push(-1);
            tree.right.push(-1);
            let Child::Branch(number) = child else {
                let Child::Leaf(leaf) = child else { continue };
                tree.column.push(-1);
                tree.threshold.push(0.0);
                tree.missing_left.push(false);
                tree.set.push(-1);
                leaves.push(Some(leaf));
                continue;
            };
            self.budget = self.budget.checked_sub(1).ok_or_else(|| {
                let label = &self.branches[number].label;
                malformed(format!("{label} has several parents: its trees have a cycle, or share too much"))
            })?;
            let Merged { branch, values, no, missing_yes } = self.merge(number);
            let (column, threshold, set) = self.test(branch, values);
            tree.column.push(column);
            tree.threshold.push(threshold);
            tree.set.push(set);
            tree.missing_left.push(missing_yes != branch.negated);
            leaves.push(None);
            let (left, right) = if branch.negated { (no, branch.yes) } else { (branch.yes, no) };
            open.extend([(right, Some((at, false))), (left, Some((at, true)))]);
        }
        Ok(Grown { tree, leaves })
    }

    /// The branch with those behind it that ask for further values and go to the same node, as exporters write
    /// sets of categories.
    fn merge(&mut self, number: usize) -> Merged<'a> {
        let branch = &self.branches[number];
        let (mut values, mut no, mut missing_yes) = (Vec::new(), branch.no, branch.missing_yes);
        let Test::Among(first) = &branch.test else { return Merged { branch, values, no, missing_yes } };
        values.extend_from_slice(first);
        while self.budget > 0 {
            let Child::Branch(next) = no else { break };
            let next = &self.branches[next];
            let Test::Among(more) = &next.test else { break };
            if branch.negated || next.negated || next.feature != branch.feature || next.yes != branch.yes {
                break;
            }
            self.budget -= 1;
            values.extend_from_slice(more);
            no = next.no;
            missing_yes |= next.missing_yes;
        }
        Merged { branch, values, no, missing_yes }
    }

    /// The column, threshold and set that send left what passes the branch's test, which may be for `values`.
    fn test(&mut self, branch: &Branch, values: Vec<f64>) -> (i64, f64, i64) {
        let feature = branch.feature as u32;
        match &branch.test {
            Test::AtMost(threshold) => (i64::from(feature), *threshold, -1),
            // Nothing is below it, so nothing is in the empty set.
            Test::Below(f64::NEG_INFINITY) => (i64::from(feature), 0.0, self.set(Vec::new())),
            Test::Below(threshold) => (i64::from(feature), threshold.next_down(), -1),
            Test::Among(_) => {
                let place = |value: &f64| self.places.partition_point(|place| place < value) as u32;
                let mut set: Vec<u32> = values.iter().map(place).collect();
                set.sort_unstable();
                set.dedup();
                (self.places_of(feature), 0.0, self.set(set))
            }
        }
    }

    /// The column of a feature's places.
    fn places_of(&mut self, feature: u32) -> i64 {
        let Columns { list, places } = &mut self.columns;
        *places.entry(feature).or_insert_with(|| {
            list.push(Column { feature, reading: Reading::Place });
            list.len() as i64 - 1
        })
    }

    fn set(&mut self, set: Vec<u32>) -> i64 {
        let next = self.sets.len() as i64;
        *self.sets.entry(set).or_insert(next)
    }
}
