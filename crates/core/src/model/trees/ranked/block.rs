//! Blocks of 64 rows through one tree after another.

use super::Scratch;
use super::layout::{LEAVES, NARROW_LEAF, NARROW_NODES, Ranked, Tree};
use super::simd::MAX_BLOCKS;
use crate::model::trees::backend::Backend;
use crate::precision::Float;
use crate::precision::Precision;
use std::sync::atomic::Ordering;

/// Bytes of byte columns that a tile should not exceed, so that they stay in the nearest cache.
const TILE_BYTES: usize = 1 << 16;

/// A tree in private memory, every number clamped.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Decoded {
    pub n_inner: usize,
    pub n_leaves: usize,
    /// Columns from here on are set columns.
    pub n_bytes: usize,
    pub columns: [u16; LEAVES],
    pub ranks: [u8; LEAVES],
    /// The slots of the children, leaves from [`LEAVES`] on.
    pub children: [[u16; LEAVES]; 2],
    pub values: [f64; LEAVES],
    pub single: [f32; LEAVES],
    /// The lower and upper halves of the first values.
    pub halves: [[u32; 64]; 2],
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
                n_bytes: 0,
                columns: [0; LEAVES],
                ranks: [0; LEAVES],
                children: [[0; LEAVES]; 2],
                values: [0.0; LEAVES],
                single: [0.0; LEAVES],
                halves: [[0; 64]; 2],
            },
            sums: Vec::new(),
            single: Vec::new(),
        }
    }
}

/// Adds the leaf values of all trees to the sums of each row.
pub(super) fn add<T: Float>(
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

fn add_tile<const B: usize, T: Float>(
    trees: &Ranked,
    backend: Backend,
    rows: &[T],
    sums: &mut [f64],
    scratch: &mut Scratch,
) {
    trees.rank_blocks::<B, T>(rows, scratch);
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
        // Without any column, all nodes look at an empty one.
        self.n_bytes = if trees.n_sets == 0 { trees.n_bytes.max(1) } else { trees.n_bytes };
        let last = (self.n_bytes + trees.n_sets - 1) as u16;
        let first = tree.first_node as usize;
        if trees.narrow {
            let mut bytes = [0; NARROW_NODES * 8];
            let nodes = &trees.nodes[first..first + NARROW_NODES];
            for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(nodes) {
                *bytes = word.load(Ordering::Relaxed).to_le_bytes();
            }
            let (parts, _) = bytes.as_chunks::<64>();
            for (column, &byte) in self.columns.iter_mut().zip(&parts[0]) {
                *column = u16::from(byte).min(last);
            }
            self.ranks[..64].copy_from_slice(&parts[1]);
            for (slots, bytes) in self.children.iter_mut().zip(&parts[2..]) {
                for (slot, &byte) in slots.iter_mut().zip(bytes) {
                    let leaf = u16::from(byte & NARROW_LEAF as u8);
                    *slot = u16::from(byte) + leaf * (LEAVES / NARROW_LEAF - 1) as u16;
                }
            }
        } else {
            for (at, node) in trees.nodes[first..first + self.n_inner].iter().enumerate() {
                let node = node.load(Ordering::Relaxed);
                self.columns[at] = (node as u16).min(last);
                self.ranks[at] = (node >> 16) as u8;
                self.children[0][at] = (node >> 32) as u16 % (2 * LEAVES) as u16;
                self.children[1][at] = (node >> 48) as u16 % (2 * LEAVES) as u16;
            }
        }
        let first = tree.first_leaf as usize;
        for (value, word) in self.values.iter_mut().zip(&trees.leaves[first..first + self.n_leaves]) {
            *value = f64::from_bits(word.load(Ordering::Relaxed));
        }
        if trees.sums == Precision::Double {
            let [low, high] = &mut self.halves;
            for ((low, high), value) in low.iter_mut().zip(high).zip(&self.values) {
                (*low, *high) = (value.to_bits() as u32, (value.to_bits() >> 32) as u32);
            }
        } else {
            for (single, value) in self.single.iter_mut().zip(&self.values[..self.n_leaves]) {
                *single = *value as f32;
            }
        }
    }
}
