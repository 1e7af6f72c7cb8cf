//! Kernels for AVX2.
#![expect(unsafe_code, reason = "loads of vectors")]

use super::super::block::{Block, Decoded};
use super::super::cuts::Line;
use super::portable;
use std::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(super) fn flow<const B: usize>(block: &mut Block, ranks: &[[Line; B]], bits: &[[u64; B]]) {
    portable::flow(block, ranks, bits, |lines, rank, masks| {
        let rank = _mm256_set1_epi8(rank as i8);
        for at in 0..B {
            let (halves, _) = lines[at].0.as_chunks::<32>();
            masks[at] = u64::from(at_most(&halves[0], rank)) | u64::from(at_most(&halves[1], rank)) << 32;
        }
    });
}

#[inline]
#[target_feature(enable = "avx2")]
fn at_most(ranks: &[u8; 32], rank: __m256i) -> u32 {
    // SAFETY: 32 bytes that are there, of any alignment.
    let ranks = unsafe { _mm256_loadu_si256(ranks.as_ptr().cast()) };
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(ranks, rank), ranks)) as u32
}

#[target_feature(enable = "avx2")]
pub(super) fn add_double(planes: [u64; 8], tree: &Decoded, sums: &mut [f64; 64]) {
    let leaves = portable::numbers(planes, tree.n_leaves);
    for (sum, leaf) in sums.iter_mut().zip(leaves.0) {
        *sum += tree.values[usize::from(leaf)];
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn add_single(planes: [u64; 8], tree: &Decoded, sums: &mut [f32; 64]) {
    let leaves = portable::numbers(planes, tree.n_leaves);
    for (sum, leaf) in sums.iter_mut().zip(leaves.0) {
        *sum += tree.values[usize::from(leaf)] as f32;
    }
}
