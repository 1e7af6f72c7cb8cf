//! Trees as version 5 writes them: branches and leaves apart, by their places.

use super::attributes::{Attributes, malformed};
use super::classic::unknown_mode;
use super::grow::{Branch, Branches, Child, Test, Vote};
use crate::error::Result;

/// Reads the branches, leaves and roots of a `TreeEnsemble`.
pub(super) fn read(attributes: Attributes<'_>) -> Result<Branches> {
    let features = attributes.integers("nodes_featureids");
    let (yes, no) = (attributes.integers("nodes_truenodeids"), attributes.integers("nodes_falsenodeids"));
    let (yes_ends, no_ends) =
        (attributes.integers("nodes_trueleafs"), attributes.integers("nodes_falseleafs"));
    let roots = attributes.integers("tree_roots");
    let targets = attributes.integers("leaf_targetids");
    let modes = attributes.tensor("nodes_modes")?.unwrap_or_default().values;
    let thresholds = attributes.tensor("nodes_splits")?.unwrap_or_default().values;
    let weights = attributes.tensor("leaf_weights")?.unwrap_or_default();
    let (n, n_leaves) = (features.len(), targets.len());
    if roots.is_empty() {
        return Err(malformed("it has no trees: tree_roots is empty".to_owned()));
    }
    let lengths = [
        ("nodes_truenodeids", yes.len()),
        ("nodes_falsenodeids", no.len()),
        ("nodes_trueleafs", yes_ends.len()),
        ("nodes_falseleafs", no_ends.len()),
        ("nodes_modes", modes.len()),
        ("nodes_splits", thresholds.len()),
    ];
    Attributes::expect_lengths(n, "nodes_featureids", &lengths)?;
    Attributes::expect_lengths(n_leaves, "leaf_targetids", &[("leaf_weights", weights.values.len())])?;
    let missing = attributes.missing_tracks(n)?;
    let n_sets = modes.iter().filter(|&&mode| mode == MEMBER).count();
    let mut sets = member_sets(attributes, n_sets)?.into_iter();
    let child = |at: usize, which: &str, number: i64, is_leaf: bool| -> Result<Child> {
        let (what, count) = if is_leaf { ("leaf", n_leaves) } else { ("node", n) };
        let place = usize::try_from(number).ok().filter(|&place| place < count);
        let place = place.ok_or_else(|| {
            malformed(format!("node {at} has {which} child {what} {number}; there are {count}"))
        })?;
        Ok(if is_leaf { Child::Leaf(place) } else { Child::Branch(place) })
    };
    let mut branches = Branches::default();
    for at in 0..n {
        let label = format!("node {at}");
        let threshold = thresholds[at];
        let (test, negated) = match modes[at] as u8 {
            0 => (Test::AtMost(threshold), false),
            1 => (Test::Below(threshold), false),
            2 => (Test::Below(threshold), true),
            3 => (Test::AtMost(threshold), true),
            4 => (Test::Among(vec![threshold]), false),
            5 => (Test::Among(vec![threshold]), true),
            6 => (Test::Among(sets.next().unwrap_or_default()), false),
            mode => return Err(unknown_mode(&label, &mode.to_string())),
        };
        branches.branches.push(Branch {
            label,
            feature: features[at],
            test,
            negated,
            yes: child(at, "true", yes[at], yes_ends[at] != 0)?,
            no: child(at, "false", no[at], no_ends[at] != 0)?,
            missing_yes: missing[at],
        });
    }
    for &root in roots {
        let place = usize::try_from(root).ok().filter(|&root| root < n);
        let place = place.ok_or_else(|| malformed(format!("tree_roots names node {root}; there are {n}")))?;
        branches.roots.push(Child::Branch(place));
    }
    branches.leaves = (0..n_leaves).map(|leaf| leaf..leaf + 1).collect();
    let votes = targets.iter().zip(&weights.values);
    branches.votes = votes.map(|(&target, &weight)| Vote { target, weight }).collect();
    branches.has_double_weights = weights.is_double;
    Ok(branches)
}

/// The mode of a node that asks for membership.
const MEMBER: f64 = 6.0;

/// The sets of `membership_values`, which NaN ends (or only parts).
fn member_sets(attributes: Attributes<'_>, n_sets: usize) -> Result<Vec<Vec<f64>>> {
    let values = attributes.tensor("membership_values")?.unwrap_or_default().values;
    let mut sets: Vec<Vec<f64>> = values.split(|value| value.is_nan()).map(<[f64]>::to_vec).collect();
    sets.pop_if(|last| last.is_empty());
    if sets.len() == n_sets {
        return Ok(sets);
    }
    Err(malformed(format!(
        "membership_values has {} sets; {n_sets} nodes have mode BRANCH_MEMBER: expected as many",
        sets.len()
    )))
}
