//! Boosted trees in ranked form: thresholds become places among a column's sorted thresholds, so a node
//! compares bytes, and 64 rows pass a node with one comparison.
//!
//! `rank(x)` is the number of a column's thresholds below `x`, so `x <= thresholds[i]` is `rank(x) <= i`:
//! exact, whatever the type of the thresholds. Columns become *byte columns*, of 255 thresholds at most, and
//! *set columns*, of one bit: whether a category is in a set, a missing value on its way counted in.
//!
//! A batch goes through a tree 64 rows at a time: masks of the rows that reach a node flow from parents to
//! children (the idea of QuickScorer's bit vectors, turned from leaves of a tree to rows of a block). A few
//! rows go one by one, several trees at a time. Leaf values are added in the order of the trees either way.

mod block;
mod builder;
mod cuts;
mod layout;
mod row;
mod simd;

pub use builder::RankedBuilder;
pub use layout::Ranked;

use super::backend::Backend;
use crate::precision::Float;
use block::Block;
use cuts::Line;
use row::Walks;

/// What walking needs beside the tables. Kept by a thread, it is allocated once.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The byte columns of some rows.
    ranks: Vec<Line>,
    /// The byte columns of one row, and a byte for each set column.
    row: Vec<u8>,
    /// The set columns: a bit per row, set where the row goes left.
    bits: Vec<u64>,
    block: Box<Block>,
    walks: Box<Walks>,
}

impl Scratch {
    /// Bytes that are kept from row to row.
    pub fn bytes(&self) -> usize {
        let Scratch { ranks, row, bits, block, walks } = self;
        let boxed = size_of_val(&**block) + size_of_val(&**walks);
        ranks.capacity() * size_of::<Line>() + row.capacity() + bits.capacity() * 8 + boxed
    }
}

impl Ranked {
    /// Adds, with the kernels of `backend`, for each row of `rows`, the leaf values of all trees in their order to
    /// the row's part of `sums`.
    /// The rows hold the values of columns, one row after another.
    ///
    /// # Panics
    /// When `rows` is not as many rows of columns as `sums` is rows of outputs.
    pub(super) fn add_with<T: Float>(
        &self,
        backend: Backend,
        rows: &[T],
        sums: &mut [f64],
        scratch: &mut Scratch,
    ) {
        let n_rows = sums.len() / self.n_outputs();
        assert_eq!((rows.len(), sums.len()), (n_rows * self.n_columns(), n_rows * self.n_outputs()));
        let in_blocks = row::in_blocks(self, backend, n_rows);
        let (block_rows, few_rows) = rows.split_at(in_blocks * self.n_columns());
        let (block_sums, few_sums) = sums.split_at_mut(in_blocks * self.n_outputs());
        block::add(self, backend, block_rows, block_sums, scratch);
        for (at, sums) in few_sums.chunks_exact_mut(self.n_outputs()).enumerate() {
            row::add(self, backend, &few_rows[at * self.n_columns()..][..self.n_columns()], sums, scratch);
        }
    }
}

#[cfg(test)]
mod tests;
