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

/// The leaf number of each row.
#[inline]
#[target_feature(enable = "avx2")]
fn numbers(planes: [u64; 8], n_leaves: usize) -> [u8; 64] {
    let used = n_leaves.next_power_of_two().trailing_zeros() as usize;
    // Byte `i` of a half takes byte `i / 8` of its mask, and then bit `i % 8` of that.
    let byte = _mm256_set_epi64x(
        0x0303_0303_0303_0303,
        0x0202_0202_0202_0202,
        0x0101_0101_0101_0101,
        0x0000_0000_0000_0000,
    );
    let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let mut numbers = [0; 64];
    for (half, out) in numbers.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let mut number = _mm256_setzero_si256();
        for (at, plane) in planes.into_iter().enumerate().take(used) {
            let mask = _mm256_set1_epi32((plane >> (half * 32)) as u32 as i32);
            let bits = _mm256_and_si256(_mm256_shuffle_epi8(mask, byte), bit);
            let one = _mm256_set1_epi8((1_u32 << at) as i8);
            number = _mm256_or_si256(number, _mm256_and_si256(_mm256_cmpeq_epi8(bits, bit), one));
        }
        // SAFETY: 32 bytes that are there, of any alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), number) };
    }
    numbers
}

#[target_feature(enable = "avx2")]
pub(super) fn add_double(planes: [u64; 8], tree: &Decoded, sums: &mut [f64; 64]) {
    for (sum, leaf) in sums.iter_mut().zip(numbers(planes, tree.n_leaves)) {
        *sum += tree.values[usize::from(leaf)];
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn add_single(planes: [u64; 8], tree: &Decoded, sums: &mut [f32; 64]) {
    for (sum, leaf) in sums.iter_mut().zip(numbers(planes, tree.n_leaves)) {
        *sum += tree.single[usize::from(leaf)];
    }
}
