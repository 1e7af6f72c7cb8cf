//! Trees as versions 1 and 3 write them: nodes by the numbers of tree and node, and votes of leaves.

use super::attributes::{Attributes, malformed};
use super::grow::{Branch, Branches, Child, Test, Vote};
use crate::error::Result;
use std::collections::HashMap;

/// Reads a classifier's nodes (`prefix` `class`) or a regressor's (`target`).
pub(super) fn read(attributes: Attributes<'_>, prefix: &str) -> Result<Branches> {
    let trees = attributes.integers("nodes_treeids");
    let numbers = attributes.integers("nodes_nodeids");
    let features = attributes.integers("nodes_featureids");
    let modes = attributes.texts("nodes_modes");
    let yes = attributes.integers("nodes_truenodeids");
    let no = attributes.integers("nodes_falsenodeids");
    let thresholds = attributes.numbers("nodes_values")?.values;
    let n = trees.len();
    if n == 0 {
        return Err(malformed("it has no trees: nodes_treeids is empty".to_owned()));
    }
    let lengths = [
        ("nodes_nodeids", numbers.len()),
        ("nodes_featureids", features.len()),
        ("nodes_modes", modes.len()),
        ("nodes_truenodeids", yes.len()),
        ("nodes_falsenodeids", no.len()),
        ("nodes_values", thresholds.len()),
    ];
    Attributes::expect_lengths(n, "nodes_treeids", &lengths)?;
    let missing = attributes.missing_tracks(n)?;
    let label = |at: usize| format!("node {} of tree {}", numbers[at], trees[at]);
    let places: HashMap<(i64, i64), usize> =
        trees.iter().copied().zip(numbers.iter().copied()).enumerate().map(|(at, key)| (key, at)).collect();
    if places.len() != n {
        let twice = (0..n).find(|&at| places[&(trees[at], numbers[at])] != at).unwrap_or_default();
        return Err(malformed(format!("{} is listed twice", label(twice))));
    }
    let child_at = |at: usize| if modes[at] == b"LEAF" { Child::Leaf(at) } else { Child::Branch(at) };
    let mut branches = Branches { branches: Vec::with_capacity(n), ..Branches::default() };
    for at in 0..n {
        if modes[at] == b"LEAF" {
            branches.branches.push(Branch { label: label(at), ..Branch::default() });
            continue;
        }
        let child = |which: &str, number: i64| {
            places.get(&(trees[at], number)).map(|&at| child_at(at)).ok_or_else(|| {
                malformed(format!("{} has {which} child {number}, which its tree has not", label(at)))
            })
        };
        let (test, negated) = test(&modes[at], thresholds[at])
            .ok_or_else(|| unknown_mode(&label(at), &String::from_utf8_lossy(&modes[at])))?;
        branches.branches.push(Branch {
            label: label(at),
            feature: features[at],
            test,
            negated,
            yes: child("true", yes[at])?,
            no: child("false", no[at])?,
            missing_yes: missing[at],
        });
    }
    let mut known = std::collections::HashSet::new();
    branches.roots = (0..n).filter(|&at| known.insert(trees[at])).map(child_at).collect();
    read_votes(attributes, prefix, &places, n, &mut branches)?;
    Ok(branches)
}

fn read_votes(
    attributes: Attributes<'_>,
    prefix: &str,
    places: &HashMap<(i64, i64), usize>,
    n: usize,
    branches: &mut Branches,
) -> Result<()> {
    let name = |end: &str| format!("{prefix}_{end}");
    let trees = attributes.integers(&name("treeids"));
    let nodes = attributes.integers(&name("nodeids"));
    let targets = attributes.integers(&name("ids"));
    let weights = attributes.numbers(&name("weights"))?;
    let lengths = [
        (&*name("nodeids"), nodes.len()),
        (&*name("ids"), targets.len()),
        (&*name("weights"), weights.values.len()),
    ];
    Attributes::expect_lengths(trees.len(), &name("treeids"), &lengths)?;
    let mut votes = Vec::with_capacity(trees.len());
    for (at, key) in trees.iter().copied().zip(nodes.iter().copied()).enumerate() {
        let place = places.get(&key).ok_or_else(|| {
            malformed(format!("a weight is for node {} of tree {}, which is not there", key.1, key.0))
        })?;
        votes.push((*place, Vote { target: targets[at], weight: weights.values[at] }));
    }
    votes.sort_by_key(|(place, _)| *place);
    let mut ends = votes.iter().map(|(place, _)| *place).enumerate().peekable();
    let mut begin = 0;
    for leaf in 0..n {
        let mut end = begin;
        while let Some((at, _)) = ends.next_if(|(_, place)| *place == leaf) {
            end = at + 1;
        }
        branches.leaves.push(begin..end);
        begin = end;
    }
    branches.votes = votes.into_iter().map(|(_, vote)| vote).collect();
    branches.has_double_weights = weights.is_double;
    Ok(())
}

/// What a mode asks of a value, and whether the answer is turned round.
fn test(mode: &[u8], threshold: f64) -> Option<(Test, bool)> {
    Some(match mode {
        b"BRANCH_LEQ" => (Test::AtMost(threshold), false),
        b"BRANCH_LT" => (Test::Below(threshold), false),
        b"BRANCH_GTE" => (Test::Below(threshold), true),
        b"BRANCH_GT" => (Test::AtMost(threshold), true),
        b"BRANCH_EQ" => (Test::Among(vec![threshold]), false),
        b"BRANCH_NEQ" => (Test::Among(vec![threshold]), true),
        _ => return None,
    })
}

pub(super) fn unknown_mode(label: &str, mode: &str) -> crate::Error {
    malformed(format!("{label} has mode {mode:?}, which is none of ONNX's"))
}
