//! Building the ranked section from trees as training libraries keep them.

use super::super::build::SourceTree;
use super::layout::{self, Header, LEAVES, MAX_INNER, NARROW_INNER};
use crate::precision::Precision;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Collects trees, and writes the section if all of them can be walked by ranks.
#[derive(Debug)]
pub struct RankedBuilder {
    sums: Precision,
    n_columns: usize,
    n_outputs: usize,
    trees: Vec<Tree>,
    eligible: bool,
}

/// A tree of which only the inner nodes stay, parents before their children.
#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<f64>,
    depth: u16,
    output: u16,
}

#[derive(Debug)]
struct Node {
    column: usize,
    test: Test,
    missing_left: bool,
    children: [u16; 2],
}

#[derive(Clone, Copy, Debug)]
enum Test {
    AtMost(f64),
    In(usize),
    Never,
}

/// The thresholds of a column, and the sides that its nodes send missing values to.
#[derive(Debug, Default)]
struct Cuts {
    cuts: Vec<f64>,
    right: bool,
    left: bool,
}

/// A set of a column (the empty one where there is no number), and the side of missing values.
type SetKey = (Option<usize>, bool);

impl RankedBuilder {
    /// A builder for rows of `n_columns`, whose leaf values are added in `sums`. Columns are compared as they
    /// come, in either precision.
    pub fn new(sums: Precision, n_columns: usize, n_outputs: usize) -> RankedBuilder {
        let eligible = n_columns < usize::from(u16::MAX) && (1..=usize::from(u16::MAX)).contains(&n_outputs);
        RankedBuilder { sums, n_columns, n_outputs, trees: Vec::new(), eligible }
    }

    /// Appends a tree.
    pub fn push(&mut self, tree: &SourceTree<'_>) {
        if self.eligible {
            let tree = self.convert(tree);
            self.eligible = tree.is_some();
            self.trees.extend(tree);
        }
    }

    fn convert(&self, source: &SourceTree<'_>) -> Option<Tree> {
        let n = source.left.len();
        if source.values.len() != n || source.output >= self.n_outputs || n > 2 * MAX_INNER + 1 {
            return None;
        }
        let mut tree = Tree { nodes: vec![], leaves: vec![], depth: 0, output: source.output as u16 };
        // A node, its depth, and where its parent keeps its slot.
        let mut stack = vec![(0_usize, 0_u16, None)];
        let mut visits = 0;
        while let Some((at, depth, parent)) = stack.pop() {
            visits += 1;
            if visits > n {
                return None;
            }
            tree.depth = tree.depth.max(depth);
            let slot = if *source.left.get(at)? < 0 {
                let value = *source.values.get(at)?;
                let fits = self.sums == Precision::Double || self.sums.round(value) == value;
                if value.is_nan() || !fits || tree.leaves.len() == LEAVES {
                    return None;
                }
                tree.leaves.push(value);
                (LEAVES + tree.leaves.len() - 1) as u16
            } else {
                let slot = tree.nodes.len();
                tree.nodes.push(self.node(source, at)?);
                let child = |child: i64| usize::try_from(child).ok();
                stack.push((child(source.right[at])?, depth + 1, Some((slot, 1))));
                stack.push((child(source.left[at])?, depth + 1, Some((slot, 0))));
                slot as u16
            };
            if let Some((parent, side)) = parent {
                let parent: &mut Node = tree.nodes.get_mut(parent)?;
                *parent.children.get_mut::<usize>(side)? = slot;
            }
        }
        (tree.nodes.len() <= MAX_INNER).then_some(tree)
    }

    fn node(&self, source: &SourceTree<'_>, at: usize) -> Option<Node> {
        source.right.get(at)?;
        let column = usize::try_from(*source.feature.get(at)?).ok().filter(|&c| c < self.n_columns)?;
        let set = source.set.get(at).and_then(|&set| usize::try_from(set).ok());
        let threshold = *source.threshold.get(at)?;
        let test = match set {
            Some(set) => Test::In(set),
            None if threshold.is_nan() => Test::Never,
            // Zeros of both signs are one threshold.
            None => Test::AtMost(threshold + 0.0),
        };
        Some(Node { column, test, missing_left: *source.missing_left.get(at)?, children: [0, 0] })
    }

    /// The section, or `None` where some tree cannot be walked by ranks.
    pub fn finish(self, sets: &[Vec<u32>]) -> Option<Vec<u8>> {
        if !self.eligible || self.trees.is_empty() {
            return None;
        }
        let (mut cuts, mut categories) = self.columns();
        for cuts in cuts.values_mut() {
            cuts.cuts.sort_by(f64::total_cmp);
            cuts.cuts.dedup();
        }
        let mut body = Body::default();
        let mut first_byte = BTreeMap::new();
        for (&column, list) in &cuts {
            first_byte.insert(column, body.n_tests);
            let variants = u32::from(list.right) | u32::from(list.left) << 1;
            body.list(column, list.cuts.len(), variants);
            body.n_tests += list.cuts.len().div_ceil(layout::BYTE_CUTS) * variants.count_ones() as usize;
            body.cuts.extend(&list.cuts);
        }
        let n_bytes = body.n_tests;
        let mut set_columns = HashMap::new();
        for (&column, keys) in &mut categories {
            let known: BTreeSet<u32> =
                keys.iter().filter_map(|key| sets.get(key.0?)).flatten().copied().collect();
            let known: Vec<u32> = known.into_iter().collect();
            body.list(column, known.len(), keys.len() as u32);
            body.cuts.extend(known.iter().map(|&category| f64::from(category)));
            for (at, &key) in keys.iter().enumerate() {
                set_columns.insert((column, key), body.n_tests + at);
            }
            body.n_tests += keys.len();
            let members = keys.iter().map(|key| match key.0 {
                Some(set) => sets.get(set).map(Vec::as_slice),
                None => Some(&[][..]),
            });
            let members: Vec<&[u32]> = members.collect::<Option<_>>()?;
            body.memberships(&known, &members, &keys.iter().map(|key| key.1).collect::<Vec<_>>());
        }
        if body.n_tests > usize::from(u16::MAX) {
            return None;
        }
        let test = |node: &Node| -> Option<(u16, u8)> {
            let key = match node.test {
                Test::AtMost(threshold) => {
                    let list = cuts.get(&node.column)?;
                    let at = list.cuts.partition_point(|&cut| cut < threshold);
                    let segments = list.cuts.len().div_ceil(layout::BYTE_CUTS);
                    let variant = if node.missing_left && list.right { segments } else { 0 };
                    let byte = first_byte.get(&node.column)? + variant + at / layout::BYTE_CUTS;
                    return Some((byte as u16, (at % layout::BYTE_CUTS) as u8));
                }
                Test::In(set) => (Some(set), node.missing_left),
                Test::Never => (None, node.missing_left),
            };
            Some((*set_columns.get(&(node.column, key))? as u16, 0))
        };
        let narrow =
            body.n_tests <= layout::NARROW_TESTS && self.trees.iter().all(|t| t.nodes.len() <= NARROW_INNER);
        for tree in &self.trees {
            let tests = tree.nodes.iter().map(test).collect::<Option<Vec<_>>>()?;
            // A tree without inner nodes gets one, both of whose sides are its leaf.
            let mut nodes: Vec<_> = tests.iter().zip(&tree.nodes).map(|(&t, n)| (t, n.children)).collect();
            if nodes.is_empty() {
                nodes.push(((0, 255), [LEAVES as u16; 2]));
            }
            body.tree(&nodes, tree, narrow);
        }
        let header = Header {
            n_columns: self.n_columns,
            n_outputs: self.n_outputs,
            n_trees: self.trees.len(),
            n_lists: cuts.len(),
            n_categories: categories.len(),
            n_tests: body.n_tests,
            n_bytes,
            single: self.sums == Precision::Single,
            narrow,
        };
        Some(layout::write(&header, &body.sections()))
    }

    /// The thresholds and the sets of each column.
    fn columns(&self) -> (BTreeMap<usize, Cuts>, BTreeMap<usize, BTreeSet<SetKey>>) {
        let mut cuts: BTreeMap<usize, Cuts> = BTreeMap::new();
        let mut categories: BTreeMap<usize, BTreeSet<SetKey>> = BTreeMap::new();
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            let set = match node.test {
                Test::AtMost(threshold) => {
                    let list = cuts.entry(node.column).or_default();
                    list.cuts.push(threshold);
                    *if node.missing_left { &mut list.left } else { &mut list.right } = true;
                    continue;
                }
                Test::In(set) => Some(set),
                Test::Never => None,
            };
            categories.entry(node.column).or_default().insert((set, node.missing_left));
        }
        (cuts, categories)
    }
}

/// The parts of the section as they grow.
#[derive(Debug, Default)]
struct Body {
    n_tests: usize,
    lists: Vec<u64>,
    cuts: Vec<f64>,
    members: Vec<u64>,
    table: Vec<u64>,
    nodes: Vec<u64>,
    n_nodes: usize,
    leaves: Vec<f64>,
}

impl Body {
    fn list(&mut self, column: usize, n_cuts: usize, rest: u32) {
        self.lists
            .extend([column as u64 | (self.cuts.len() as u64) << 32, n_cuts as u64 | u64::from(rest) << 32]);
    }

    /// For each known category, then for no category and for a missing value: a bit per set, whether it goes
    /// left.
    fn memberships(&mut self, known: &[u32], members: &[&[u32]], missing_left: &[bool]) {
        let words = members.len().div_ceil(64);
        let first = self.members.len();
        self.members.resize(first + (known.len() + 2) * words, 0);
        let table = &mut self.members[first..];
        for (set, (members, &missing)) in members.iter().zip(missing_left).enumerate() {
            let bit = 1_u64 << (set % 64);
            for member in *members {
                if let Ok(at) = known.binary_search(member) {
                    table[at * words + set / 64] |= bit;
                }
            }
            if missing {
                table[(known.len() + 1) * words + set / 64] |= bit;
            }
        }
    }

    fn tree(&mut self, nodes: &[((u16, u8), [u16; 2])], tree: &Tree, narrow: bool) {
        self.table.extend([
            self.n_nodes as u64 | (self.leaves.len() as u64) << 32,
            nodes.len() as u64
                | (tree.leaves.len() as u64) << 16
                | u64::from(tree.depth.max(1)) << 32
                | u64::from(tree.output) << 48,
        ]);
        self.leaves.extend(&tree.leaves);
        if narrow {
            layout::narrow_nodes(nodes, &mut self.nodes);
            self.n_nodes += layout::NARROW_NODES;
        } else {
            self.nodes.extend(nodes.iter().map(|&((column, rank), [left, right])| {
                u64::from(column) | u64::from(rank) << 16 | u64::from(left) << 32 | u64::from(right) << 48
            }));
            self.n_nodes += nodes.len();
        }
    }

    fn sections(self) -> [Vec<u64>; 6] {
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect();
        [self.lists, bits(self.cuts), self.members, self.table, self.nodes, bits(self.leaves)]
    }
}
