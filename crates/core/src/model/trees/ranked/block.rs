//! Blocks of 64 rows through one tree after another.

use super::super::source::Precision;
use super::layout::{LEAVES, NARROW_LEAF, NARROW_NODES, Ranked, Tree};
use super::simd::{Backend, MAX_BLOCKS};
use super::{Scratch, Value};
use std::sync::atomic::Ordering;

/// Bytes of byte columns that a tile should not exceed, so that they stay in the nearest cache.
const TILE_BYTES: usize = 1 << 16;

/// What a node asks of a byte column or set column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Test {
    pub column: u16,
    pub rank: u8,
    pub node: u8,
}

/// A tree in private memory, every number clamped.
#[derive(Debug)]
pub(super) struct Decoded {
    pub n_inner: usize,
    pub n_leaves: usize,
    pub n_ranks: usize,
    /// The tests of byte columns.
    pub ranks: [Test; LEAVES],
    pub n_sets: usize,
    /// The tests of set columns.
    pub sets: [Test; LEAVES],
    /// The slots of the children, leaves from [`LEAVES`] on.
    pub children: [[u16; 2]; LEAVES],
    pub values: [f64; LEAVES],
}

/// What walking blocks needs. Arrays of eight words serve fewer blocks too.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Block {
    /// The rows of a block that each node sends left.
    pub left: [[u64; MAX_BLOCKS]; LEAVES],
    /// The rows that reach each slot.
    pub reach: [[u64; MAX_BLOCKS]; 2 * LEAVES],
    /// The bits of the rows' leaf numbers.
    pub planes: [[u64; MAX_BLOCKS]; 8],
    pub tree: Decoded,
    sums: Vec<[f64; 64]>,
    single: Vec<[f32; 64]>,
}

impl Default for Block {
    fn default() -> Block {
        Block {
            left: [[0; MAX_BLOCKS]; LEAVES],
            reach: [[0; MAX_BLOCKS]; 2 * LEAVES],
            planes: [[0; MAX_BLOCKS]; 8],
            tree: Decoded {
                n_inner: 0,
                n_leaves: 0,
                n_ranks: 0,
                ranks: [Test::default(); LEAVES],
                n_sets: 0,
                sets: [Test::default(); LEAVES],
                children: [[0; 2]; LEAVES],
                values: [0.0; LEAVES],
            },
            sums: Vec::new(),
            single: Vec::new(),
        }
    }
}

/// Adds the leaf values of all trees to the sums of each row.
pub(super) fn add<T: Value>(
    trees: &Ranked,
    backend: Backend,
    mut rows: &[T],
    mut sums: &mut [f64],
    scratch: &mut Scratch,
) {
    while !sums.is_empty() {
        let waiting = (sums.len() / trees.n_outputs()).div_ceil(64);
        let fitting = (TILE_BYTES / (64 * trees.n_bytes.max(1))).max(1);
        let blocks = match waiting.min(fitting) {
            1 => 1,
            2 | 3 => 2,
            4..7 => 4,
            _ => MAX_BLOCKS,
        };
        let n_rows = (blocks * 64).min(sums.len() / trees.n_outputs());
        let (tile, rest) = rows.split_at(n_rows * trees.n_columns());
        let (tile_sums, rest_sums) = std::mem::take(&mut sums).split_at_mut(n_rows * trees.n_outputs());
        match blocks {
            1 => add_tile::<1, T>(trees, backend, tile, tile_sums, scratch),
            2 => add_tile::<2, T>(trees, backend, tile, tile_sums, scratch),
            4 => add_tile::<4, T>(trees, backend, tile, tile_sums, scratch),
            _ => add_tile::<MAX_BLOCKS, T>(trees, backend, tile, tile_sums, scratch),
        }
        (rows, sums) = (rest, rest_sums);
    }
}

fn add_tile<const B: usize, T: Value>(
    trees: &Ranked,
    backend: Backend,
    rows: &[T],
    sums: &mut [f64],
    scratch: &mut Scratch,
) {
    trees.rank_blocks::<B, T>(backend, rows, scratch);
    let Scratch { ranks, bits, block, .. } = scratch;
    let (ranks, _) = ranks.as_chunks::<B>();
    let (bits, _) = bits.as_chunks::<B>();
    let n_outputs = trees.n_outputs();
    let single = trees.sums == Precision::Single;
    if single {
        block.single.resize(n_outputs * B, [0.0; 64]);
    } else {
        block.sums.resize(n_outputs * B, [0.0; 64]);
    }
    for (row, sums) in sums.chunks_exact(n_outputs).enumerate() {
        for (output, &sum) in sums.iter().enumerate() {
            let at = output * B + row / 64;
            if single {
                block.single[at][row % 64] = sum as f32;
            } else {
                block.sums[at][row % 64] = sum;
            }
        }
    }
    for tree in &trees.trees {
        block.tree.decode(trees, tree);
        backend.flow::<B>(block, ranks, bits);
        let first = usize::from(tree.output) * B;
        if single {
            backend.add_single::<B>(&block.planes, &block.tree, &mut block.single[first..first + B]);
        } else {
            backend.add_double::<B>(&block.planes, &block.tree, &mut block.sums[first..first + B]);
        }
    }
    for (row, sums) in sums.chunks_exact_mut(n_outputs).enumerate() {
        for (output, sum) in sums.iter_mut().enumerate() {
            let at = output * B + row / 64;
            *sum = if single { f64::from(block.single[at][row % 64]) } else { block.sums[at][row % 64] };
        }
    }
}

impl Decoded {
    /// Copies `tree` out of the tables.
    fn decode(&mut self, trees: &Ranked, tree: &Tree) {
        self.n_inner = tree.n_inner.into();
        self.n_leaves = tree.n_leaves.into();
        self.n_ranks = 0;
        self.n_sets = 0;
        let first = tree.first_node as usize;
        if trees.narrow {
            let (parts, _) = trees.nodes[first..first + NARROW_NODES].as_chunks::<8>();
            let [columns, ranks, left, right] = [0, 1, 2, 3].map(|part: usize| &parts[part]);
            for word in 0..self.n_inner.div_ceil(8) {
                let bytes = |words: &[std::sync::atomic::AtomicU64; 8]| {
                    words[word].load(Ordering::Relaxed).to_le_bytes()
                };
                let (columns, ranks, left, right) = (bytes(columns), bytes(ranks), bytes(left), bytes(right));
                for at in 0..8.min(self.n_inner - word * 8) {
                    let slot = |slot: u8| match usize::from(slot).checked_sub(NARROW_LEAF) {
                        Some(leaf) => (LEAVES + leaf) as u16,
                        None => slot.into(),
                    };
                    let children = [slot(left[at]), slot(right[at])];
                    self.put(trees, word * 8 + at, columns[at].into(), ranks[at], children);
                }
            }
        } else {
            for (at, node) in trees.nodes[first..first + self.n_inner].iter().enumerate() {
                let node = node.load(Ordering::Relaxed);
                let children = [(node >> 32) as u16 & 511, (node >> 48) as u16 & 511];
                self.put(trees, at, (node as u16).into(), (node >> 16) as u8, children);
            }
        }
        let first = tree.first_leaf as usize;
        for (value, word) in self.values.iter_mut().zip(&trees.leaves[first..first + self.n_leaves]) {
            *value = f64::from_bits(word.load(Ordering::Relaxed));
        }
    }

    #[inline(always)]
    fn put(&mut self, trees: &Ranked, node: usize, column: usize, rank: u8, children: [u16; 2]) {
        self.children[node] = children;
        if column >= trees.n_bytes && trees.n_sets > 0 {
            let column = (column - trees.n_bytes).min(trees.n_sets - 1) as u16;
            self.sets[self.n_sets] = Test { column, rank, node: node as u8 };
            self.n_sets += 1;
        } else {
            let column = column.min(trees.n_bytes.saturating_sub(1)) as u16;
            self.ranks[self.n_ranks] = Test { column, rank, node: node as u8 };
            self.n_ranks += 1;
        }
    }
}
