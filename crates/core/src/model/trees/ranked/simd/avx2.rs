//! Kernels for AVX2.
#![expect(unsafe_code, reason = "loads of vectors")]

use super::super::block::{Block, Decoded};
use super::super::cuts::Line;
use super::super::layout::{NARROW_NODES, NARROW_TESTS, Tree};
use super::super::row::{LANES, Walks};
use super::portable;
use crate::mapped::Words;
use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::atomic::AtomicU64;

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

/// 32 mapped bytes. Another process may change them meanwhile, so the compiler must not know of the load.
#[inline]
#[target_feature(enable = "avx2")]
fn load_mapped(words: &[AtomicU64; 4]) -> __m256i {
    let bytes: __m256i;
    // SAFETY: the instruction reads the 32 bytes of `words`, of any alignment, and writes the register.
    unsafe {
        asm!("vmovdqu {}, [{}]", out(ymm_reg) bytes, in(reg) words.as_ptr(), options(readonly, nostack, preserves_flags));
    }
    bytes
}

/// All nodes of a tree are decided at once, which tells where each one leads; then walks follow.
#[target_feature(enable = "avx2")]
pub(super) fn narrow_leaves(
    nodes: &Words,
    trees: &[Tree; LANES],
    ranks: &[u8; NARROW_TESTS],
    n_tests: usize,
    walks: &mut Walks,
) -> [u8; LANES] {
    let (tables, _) = ranks.as_chunks::<16>();
    let tables = &tables[..n_tests.clamp(1, NARROW_TESTS).div_ceil(16)];
    let mut depth = 0;
    for (tree, next) in trees.iter().zip(&mut walks.0) {
        let begin = tree.first_node as usize;
        let (parts, _) = nodes[begin..begin + NARROW_NODES].as_chunks::<4>();
        for half in 0..2 {
            let found = look_up(tables, load_mapped(&parts[half]));
            let ranks = load_mapped(&parts[2 + half]);
            let left = _mm256_cmpeq_epi8(_mm256_min_epu8(found, ranks), found);
            let once = _mm256_blendv_epi8(load_mapped(&parts[6 + half]), load_mapped(&parts[4 + half]), left);
            let (halves, _) = next.as_chunks_mut::<32>();
            // SAFETY: 32 bytes that are there, of any alignment.
            unsafe { _mm256_storeu_si256(halves[half].as_mut_ptr().cast(), once) };
        }
        depth = depth.max(tree.depth);
    }
    portable::walked(walks, depth)
}

/// The bytes of the tables, 16 each, at `places`.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up(tables: &[[u8; 16]], mut places: __m256i) -> __m256i {
    let mut found = _mm256_setzero_si256();
    for table in tables {
        // SAFETY: 16 bytes that are there, of any alignment.
        let table = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) });
        // What is not within this table gets its upper bit, for which a shuffle gives 0.
        let within = _mm256_adds_epu8(places, _mm256_set1_epi8(0x70));
        found = _mm256_or_si256(found, _mm256_shuffle_epi8(table, within));
        places = _mm256_sub_epi8(places, _mm256_set1_epi8(16));
    }
    found
}
