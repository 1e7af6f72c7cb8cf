//! The ranked section: header, lists of cuts and table of trees, proven and copied; cuts, memberships, nodes
//! and leaf values, which may hold any bytes and are clamped at use.

use crate::error::{Error, Result};
use crate::mapped::{View, Words};
use crate::precision::Precision;
use std::sync::atomic::Ordering;

/// Leaves that a tree has at most; slots from here on are leaves.
pub(super) const LEAVES: usize = 256;
/// Inner nodes that a tree has at most.
pub(super) const MAX_INNER: usize = 255;
/// Inner nodes that a narrow tree has at most.
pub(super) const NARROW_INNER: usize = 63;
/// The slot of a narrow tree's first leaf.
pub(super) const NARROW_LEAF: usize = 128;
/// Byte and set columns that narrow trees may look at.
pub(super) const NARROW_TESTS: usize = 256;
/// Words of a narrow tree: 64 columns, 64 ranks, 64 left and 64 right slots, a byte each.
pub(super) const NARROW_NODES: usize = 32;
/// Cuts that a byte column covers.
pub(super) const BYTE_CUTS: usize = 255;

const MAGIC: &[u8; 8] = b"MBRANKED";
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 192;
const SECTIONS: usize = 6;
const SECTION_NAMES: [&str; SECTIONS] =
    ["lists", "cuts", "memberships", "tree table", "nodes", "leaf values"];

/// Trees in ranked form whose structure is proven. It is `Send` and `Sync`.
#[derive(Debug)]
pub struct Ranked {
    pub(super) cut_lists: Box<[CutList]>,
    pub(super) category_lists: Box<[CategoryList]>,
    pub(super) trees: Box<[Tree]>,
    pub(super) cuts: Words,
    pub(super) members: Words,
    pub(super) nodes: Words,
    pub(super) leaves: Words,
    /// Byte columns; set columns are counted on from here.
    pub(super) n_bytes: usize,
    pub(super) n_sets: usize,
    pub(super) narrow: bool,
    /// The steps to the deepest leaf of all trees.
    #[cfg_attr(
        any(not(target_arch = "x86_64"), miri),
        expect(dead_code, reason = "a kernel alone looks at it")
    )]
    pub(super) depth: u16,
    pub(super) sums: Precision,
    /// The nodes again, to be read by the byte.
    pub(super) node_bytes: View,
    n_columns: usize,
    n_outputs: usize,
}

/// The thresholds of a column, all of them inside the cuts.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutList {
    pub column: usize,
    pub first: usize,
    pub len: usize,
    /// The byte columns in which missing values go right, then those in which they go left: where they
    /// begin, or `None`.
    pub variants: [Option<usize>; 2],
}

/// The known categories of a column, all of them inside the cuts, and its sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct CategoryList {
    pub column: usize,
    pub first: usize,
    pub len: usize,
    /// The first set column, counted from the first of all.
    pub first_set: usize,
    pub n_sets: usize,
    /// Where the memberships begin: `len + 2` times `words`.
    pub members: usize,
    pub words: usize,
}

/// Where a tree's nodes and leaf values lie, all of them inside their sections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    pub first_node: u32,
    pub first_leaf: u32,
    pub n_inner: u16,
    pub n_leaves: u16,
    /// The steps from the root to the deepest leaf.
    pub depth: u16,
    pub output: u16,
}

/// What the header says beside the places of the sections.
#[derive(Debug)]
pub(super) struct Header {
    pub n_columns: usize,
    pub n_outputs: usize,
    pub n_trees: usize,
    pub n_lists: usize,
    pub n_categories: usize,
    pub n_tests: usize,
    pub n_bytes: usize,
    pub single: bool,
    pub narrow: bool,
}

/// The nodes of a narrow tree, as bytes apart.
pub(super) fn narrow_nodes(nodes: &[((u16, u8), [u16; 2])], out: &mut Vec<u64>) {
    let slot = |slot: u16| match usize::from(slot).checked_sub(LEAVES) {
        Some(leaf) => (NARROW_LEAF + leaf) as u8,
        None => slot as u8,
    };
    let mut bytes = [0; NARROW_NODES * 8];
    for (at, &((column, rank), [left, right])) in nodes.iter().enumerate() {
        for (part, byte) in [column as u8, rank, slot(left), slot(right)].into_iter().enumerate() {
            bytes[part * 64 + at] = byte;
        }
    }
    out.extend(bytes.as_chunks::<8>().0.iter().map(|&word| u64::from_le_bytes(word)));
}

/// The whole section.
pub(super) fn write(header: &Header, sections: &[Vec<u64>; SECTIONS]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let numbers = [
        VERSION as usize,
        usize::from(header.single) | usize::from(header.narrow) << 1,
        header.n_columns,
        header.n_outputs,
        header.n_trees,
        header.n_lists,
        header.n_categories,
        header.n_tests,
        header.n_bytes,
        0,
    ];
    out.extend(numbers.iter().flat_map(|&number| (number as u32).to_le_bytes()));
    let mut end = HEADER_BYTES;
    for section in sections {
        let place = [end as u64, section.len() as u64];
        out.extend(place.iter().flat_map(|number| number.to_le_bytes()));
        end = (end + section.len() * 8).next_multiple_of(64);
    }
    out.resize(HEADER_BYTES, 0);
    for section in sections {
        out.resize(out.len().next_multiple_of(64), 0);
        out.extend(section.iter().flat_map(|word| word.to_le_bytes()));
    }
    out
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("reading the ranked trees of forest.bin: {what}"))
}

impl Ranked {
    /// Proves the header, the lists of cuts and the table of trees.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`], naming what does not fit.
    pub fn read(section: &View, n_columns: usize, n_outputs: usize) -> Result<Ranked> {
        let bytes: [u8; HEADER_BYTES] = section.read(0).ok_or_else(|| {
            corrupt(format_args!("{} bytes; the header alone has {HEADER_BYTES}", section.len()))
        })?;
        if !bytes.starts_with(MAGIC) {
            return Err(corrupt("they do not begin with MBRANKED"));
        }
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        if u32_at(8) != VERSION {
            return Err(corrupt(format_args!("layout version {}; expected {VERSION}", u32_at(8))));
        }
        let number = |field: usize| u32_at(8 + 4 * field) as usize;
        let [flags, columns, outputs, n_trees, n_lists, n_categories, n_tests, n_bytes] =
            std::array::from_fn(|at| number(at + 1));
        if (columns, outputs) != (n_columns, n_outputs) || n_outputs == 0 || n_trees == 0 || flags > 3 {
            return Err(corrupt(format_args!(
                "{n_trees} trees of {columns} columns with {outputs} outputs and flags {flags}; \
                 expected {n_columns} columns with {n_outputs} outputs"
            )));
        }
        let narrow = flags & 2 != 0;
        let most = if narrow { NARROW_TESTS } else { usize::from(u16::MAX) };
        if n_bytes > n_tests || n_tests > most {
            return Err(corrupt(format_args!(
                "{n_tests} columns of tests, {n_bytes} of them bytes; at most {most} fit"
            )));
        }
        let view = |at: usize| {
            let (offset, count) = (u64_at(48 + at * 16), u64_at(56 + at * 16));
            let view = count.checked_mul(8).and_then(|len| section.slice(offset, len));
            let both = view.and_then(|view| view.words().map(|words| (view, words)));
            both.ok_or_else(|| {
                corrupt(format_args!(
                    "the {} at byte {offset} do not lie inside the section",
                    SECTION_NAMES[at]
                ))
            })
        };
        let words = |at: usize| view(at).map(|both| both.1);
        let (lists, cuts, members) = (words(0)?, words(1)?, words(2)?);
        let (table, (node_bytes, nodes), leaves) = (words(3)?, view(4)?, words(5)?);
        let entry = |words: &Words, at: usize| -> Option<[u64; 2]> {
            Some([words.get(2 * at)?.load(Ordering::Relaxed), words.get(2 * at + 1)?.load(Ordering::Relaxed)])
        };
        let mut places = Places { n_columns, n_cuts: cuts.len(), ..Places::default() };
        let list = |at: usize| {
            entry(&lists, at).ok_or_else(|| corrupt(format_args!("list {at} of {n_lists} is missing")))
        };
        let cut_lists: Box<[CutList]> =
            (0..n_lists).map(|at| places.cut_list(at, list(at)?)).collect::<Result<_>>()?;
        let category_lists: Box<[CategoryList]> = (n_lists..n_lists + n_categories)
            .map(|at| places.category_list(at, list(at)?))
            .collect::<Result<_>>()?;
        let counts = (places.n_bytes, places.n_sets, places.n_members);
        if counts != (n_bytes, n_tests - n_bytes, members.len()) {
            return Err(corrupt(format_args!(
                "lists of {} byte columns, {} set columns and {} words of memberships; expected {n_bytes}, {} and {}",
                counts.0,
                counts.1,
                counts.2,
                n_tests - n_bytes,
                members.len()
            )));
        }
        let trees = (0..n_trees).map(|at| {
            let words = entry(&table, at)
                .ok_or_else(|| corrupt(format_args!("tree {at} of {n_trees} is missing")))?;
            tree(words, narrow, nodes.len(), leaves.len(), n_outputs)
                .ok_or_else(|| corrupt(format_args!("tree {at} is none: {words:x?}")))
        });
        let trees = trees.collect::<Result<Box<[Tree]>>>()?;
        let depth = trees.iter().fold(0, |depth, tree| depth.max(tree.depth));
        let sums = if flags & 1 != 0 { Precision::Single } else { Precision::Double };
        Ok(Ranked {
            cut_lists,
            category_lists,
            trees,
            cuts,
            members,
            nodes,
            leaves,
            n_bytes,
            n_sets: n_tests - n_bytes,
            narrow,
            depth,
            sums,
            node_bytes,
            n_columns,
            n_outputs,
        })
    }

    /// Bytes that walking reads of the file.
    pub fn walked_bytes(&self) -> usize {
        (self.cuts.len() + self.members.len() + self.nodes.len() + self.leaves.len()) * 8
    }

    /// Bytes of what was copied from the file.
    pub fn private_bytes(&self) -> usize {
        size_of_val(&*self.cut_lists) + size_of_val(&*self.category_lists) + size_of_val(&*self.trees)
    }

    /// The number of columns of a row.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The number of outputs of a row.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// Where value number `leaf` of `tree` is.
    #[inline(always)]
    pub(super) fn leaf_place(&self, tree: &Tree, leaf: usize) -> usize {
        tree.first_leaf as usize + leaf.min(usize::from(tree.n_leaves) - 1)
    }

    /// The leaf value at a place.
    #[inline(always)]
    pub(super) fn leaf_value(&self, place: usize) -> f64 {
        f64::from_bits(self.leaves[place].load(Ordering::Relaxed))
    }
}

/// What the lists so far have taken.
#[derive(Default)]
struct Places {
    n_columns: usize,
    n_cuts: usize,
    n_bytes: usize,
    n_sets: usize,
    n_members: usize,
}

impl Places {
    /// The column, the first cut, the number of cuts, and what else an entry says.
    fn entry(&self, at: usize, [place, extent]: [u64; 2]) -> Result<(usize, usize, usize, usize)> {
        let low = |word: u64| word as u32 as usize;
        let high = |word: u64| (word >> 32) as usize;
        let (column, first, len, rest) = (low(place), high(place), low(extent), high(extent));
        if column >= self.n_columns || first.checked_add(len).is_none_or(|end| end > self.n_cuts) {
            return Err(corrupt(format_args!(
                "list {at} has {len} cuts from {first} for column {column}; there are {} cuts and {} columns",
                self.n_cuts, self.n_columns
            )));
        }
        Ok((column, first, len, rest))
    }

    fn cut_list(&mut self, at: usize, words: [u64; 2]) -> Result<CutList> {
        let (column, first, len, sides) = self.entry(at, words)?;
        if len == 0 || !(1..=3).contains(&sides) {
            return Err(corrupt(format_args!("list {at} has {len} cuts for sides {sides}")));
        }
        let mut variant = |side: usize| {
            (sides >> side & 1 != 0).then(|| {
                let begin = self.n_bytes;
                self.n_bytes += len.div_ceil(BYTE_CUTS);
                begin
            })
        };
        Ok(CutList { column, first, len, variants: [variant(0), variant(1)] })
    }

    fn category_list(&mut self, at: usize, words: [u64; 2]) -> Result<CategoryList> {
        let (column, first, len, n_sets) = self.entry(at, words)?;
        let words = n_sets.div_ceil(64);
        let list = CategoryList {
            column,
            first,
            len,
            first_set: self.n_sets,
            n_sets,
            members: self.n_members,
            words,
        };
        let members = (len + 2).checked_mul(words).and_then(|n| self.n_members.checked_add(n));
        let members = members.filter(|_| n_sets > 0);
        self.n_members = members.ok_or_else(|| corrupt(format_args!("list {at} has {n_sets} sets")))?;
        self.n_sets += n_sets;
        Ok(list)
    }
}

/// An entry of the table of trees, if all that it says lies inside.
fn tree(
    [places, counts]: [u64; 2],
    narrow: bool,
    nodes: usize,
    leaves: usize,
    outputs: usize,
) -> Option<Tree> {
    let [n_inner, n_leaves, depth, output] = [0, 16, 32, 48].map(|shift| (counts >> shift) as u16);
    let tree = Tree {
        first_node: places as u32,
        first_leaf: (places >> 32) as u32,
        n_inner,
        n_leaves,
        depth,
        output,
    };
    let (most, taken) = if narrow { (NARROW_INNER, NARROW_NODES) } else { (MAX_INNER, n_inner.into()) };
    let inside = (1..=most).contains(&n_inner.into())
        && (1..=LEAVES).contains(&n_leaves.into())
        && (1..=n_inner).contains(&depth)
        && usize::from(output) < outputs
        && (tree.first_node as usize).checked_add(taken)? <= nodes
        && (tree.first_leaf as usize).checked_add(n_leaves.into())? <= leaves;
    inside.then_some(tree)
}
