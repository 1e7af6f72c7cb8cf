//! The kernels, for what the processor has.
#![expect(unsafe_code, reason = "calls of functions that need features of the processor")]

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx512;
#[cfg(all(target_arch = "aarch64", not(miri)))]
mod neon;
mod portable;

use super::block::{Block, Decoded};
use super::cuts::Line;
use super::layout::{Ranked, Tree};
use super::row::{LANES, Walks};
use crate::mapped::Words;
use crate::model::trees::backend::{Backend, Level};

/// Blocks of 64 rows that go through a tree together at most.
pub(super) const MAX_BLOCKS: usize = 8;

impl Backend {
    /// Takes `B` blocks of rows through the tree of `block`, and writes the bits of their leaf numbers to its
    /// planes.
    pub(super) fn flow<const B: usize>(self, block: &mut Block, ranks: &[[Line; B]], bits: &[[u64; B]]) {
        match self.level() {
            Level::Portable => portable::flow(block, ranks, bits, portable::at_most),
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            // SAFETY: the level says that the processor has what the function needs.
            Level::Avx2 => unsafe { avx2::flow(block, ranks, bits) },
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            // SAFETY: as above.
            Level::Avx512 | Level::Avx512Vbmi => unsafe { avx512::flow(block, ranks, bits) },
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            // SAFETY: as above.
            Level::Neon => unsafe { neon::flow(block, ranks, bits) },
        }
    }

    /// Adds to each row's sum the value of the leaf whose number stands in `planes`.
    pub(super) fn add_double<const B: usize>(
        self,
        planes: &[[u64; MAX_BLOCKS]; 8],
        tree: &Decoded,
        sums: &mut [[f64; 64]],
    ) {
        let (planes, _) = planes.as_flattened().as_chunks::<B>();
        for (block, sums) in sums.iter_mut().enumerate().take(B) {
            let planes = std::array::from_fn(|bit| planes[bit][block]);
            match self.level() {
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: the level says that the processor has what the function needs.
                Level::Avx512 | Level::Avx512Vbmi => unsafe { avx512::add_double(planes, tree, sums) },
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: as above.
                Level::Avx2 => unsafe { avx2::add_double(planes, tree, sums) },
                _ => {
                    let leaves = portable::numbers(planes, tree.n_leaves);
                    for (sum, leaf) in sums.iter_mut().zip(leaves.0) {
                        *sum += tree.values[usize::from(leaf)];
                    }
                }
            }
        }
    }

    /// As [`Backend::add_double`], in float32.
    pub(super) fn add_single<const B: usize>(
        self,
        planes: &[[u64; MAX_BLOCKS]; 8],
        tree: &Decoded,
        sums: &mut [[f32; 64]],
    ) {
        let (planes, _) = planes.as_flattened().as_chunks::<B>();
        for (block, sums) in sums.iter_mut().enumerate().take(B) {
            let planes = std::array::from_fn(|bit| planes[bit][block]);
            match self.level() {
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: the level says that the processor has what the function needs.
                Level::Avx512 | Level::Avx512Vbmi => unsafe { avx512::add_single(planes, tree, sums) },
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: as above.
                Level::Avx2 => unsafe { avx2::add_single(planes, tree, sums) },
                _ => {
                    let leaves = portable::numbers(planes, tree.n_leaves);
                    for (sum, leaf) in sums.iter_mut().zip(leaves.0) {
                        *sum += tree.single[usize::from(leaf)];
                    }
                }
            }
        }
    }

    /// What a block of rows costs, in rows that go one by one through narrow or other trees.
    pub(super) fn rows_per_block(self, narrow: bool) -> usize {
        match self.level() {
            Level::Portable if narrow => 40,
            Level::Portable => 64,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx512Vbmi if narrow => 36,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx2 | Level::Avx512 if narrow => 20,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx2 | Level::Avx512 | Level::Avx512Vbmi => 28,
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            Level::Neon => 24,
        }
    }

    /// The leaves of some narrow trees for a row of `n_tests` ranks, if there is a faster way than node by
    /// node.
    #[cfg_attr(
        any(not(any(target_arch = "x86_64", target_arch = "aarch64")), miri),
        expect(unused_variables, reason = "kernels alone look at them")
    )]
    #[inline(always)]
    pub(super) fn narrow_leaves(
        self,
        nodes: &Words,
        trees: &[Tree; LANES],
        ranks: &[u8],
        n_tests: usize,
        walks: &mut Walks,
    ) -> Option<[u8; LANES]> {
        match self.level() {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx2 | Level::Avx512 | Level::Avx512Vbmi => {
                // SAFETY: as above.
                Some(unsafe { avx2::narrow_leaves(nodes, trees, ranks.first_chunk()?, n_tests, walks) })
            }
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            Level::Neon => {
                // SAFETY: as above.
                Some(unsafe { neon::narrow_leaves(nodes, trees, ranks.first_chunk()?, n_tests, walks) })
            }
            Level::Portable => None,
        }
    }

    /// Folds the outputs and values of a row's leaves in narrow trees, if there is a way through all of them at
    /// once; `Err` with the unused `sum` otherwise.
    #[cfg_attr(
        any(not(target_arch = "x86_64"), miri),
        expect(unused_variables, reason = "kernels alone look at them")
    )]
    #[inline(always)]
    pub(super) fn fold_narrow<S>(
        self,
        trees: &Ranked,
        ranks: &[u8],
        sum: S,
        add: impl FnMut(S, usize, f64) -> S,
    ) -> Result<S, S> {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if let (Level::Avx512Vbmi, Some(ranks)) = (self.level(), ranks.first_chunk()) {
            // Walks end at their last inner nodes.
            let doublings = trees.depth.saturating_sub(1).next_power_of_two().ilog2();
            return Ok(if trees.n_bytes + trees.n_sets > 128 {
                // SAFETY: the level says that the processor has what the function needs.
                unsafe { avx512::fold_narrow::<true, S>(trees, ranks, doublings, sum, add) }
            } else {
                // SAFETY: as above.
                unsafe { avx512::fold_narrow::<false, S>(trees, ranks, doublings, sum, add) }
            });
        }
        Err(sum)
    }
}
