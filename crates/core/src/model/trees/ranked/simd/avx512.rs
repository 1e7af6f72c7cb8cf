//! Kernels for AVX-512.
#![expect(unsafe_code, reason = "loads of vectors")]

use super::super::block::{Block, Decoded};
use super::super::cuts::Line;
use super::super::layout::{NARROW_LEAF, NARROW_NODES, NARROW_TESTS, Ranked};
use super::portable;
use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::atomic::AtomicU64;

/// Trees that a row goes through together.
const TREES: usize = 4;

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_f64(values: &[f64; 8]) -> __m512d {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_pd(values.as_ptr()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn flow<const B: usize>(block: &mut Block, ranks: &[[Line; B]], bits: &[[u64; B]]) {
    portable::flow(block, ranks, bits, |lines, rank, masks| {
        let rank = _mm512_set1_epi8(rank as i8);
        for at in 0..B {
            masks[at] = _mm512_cmple_epu8_mask(load(&lines[at].0), rank);
        }
    });
}

/// The leaf number of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn numbers(planes: [u64; 8], n_leaves: usize) -> [u8; 64] {
    let used = n_leaves.next_power_of_two().trailing_zeros() as usize;
    let mut numbers = _mm512_setzero_si512();
    for (bit, plane) in planes.into_iter().enumerate().take(used) {
        numbers = _mm512_mask_add_epi8(numbers, plane, numbers, _mm512_set1_epi8((1_u32 << bit) as i8));
    }
    let mut bytes = [0; 64];
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), numbers) };
    bytes
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn add_double(planes: [u64; 8], tree: &Decoded, sums: &mut [f64; 64]) {
    let numbers = numbers(planes, tree.n_leaves);
    if tree.n_leaves <= 64 {
        return add_halves(&numbers, tree, sums);
    }
    for (leaves, sums) in numbers.as_chunks::<8>().0.iter().zip(sums.as_chunks_mut::<8>().0) {
        let leaves = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*leaves)));
        // SAFETY: bytes are below the number of values, 256.
        let values = unsafe { _mm512_i32gather_pd::<8>(leaves, tree.values.as_ptr()) };
        add(sums, values);
    }
}

/// Looks up the two halves of up to 64 values in registers, 16 rows at a time: no gathers, which many
/// processors are slow at.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn add_halves(numbers: &[u8; 64], tree: &Decoded, sums: &mut [f64; 64]) {
    let halves = tree.halves.each_ref().map(|half| half.as_chunks::<16>().0);
    let table = |half: usize, part: usize| load_u32(&halves[half][part]);
    let (low0, low1, low2, low3) = (table(0, 0), table(0, 1), table(0, 2), table(0, 3));
    let (high0, high1, high2, high3) = (table(1, 0), table(1, 1), table(1, 2), table(1, 3));
    let first = load_u32(&std::array::from_fn(|at| (at / 2 + at % 2 * 16) as u32));
    let second = load_u32(&std::array::from_fn(|at| (8 + at / 2 + at % 2 * 16) as u32));
    let (sums, _) = sums.as_chunks_mut::<8>();
    for (leaves, sums) in numbers.as_chunks::<16>().0.iter().zip(sums.as_chunks_mut::<2>().0) {
        // SAFETY: 16 bytes that are there, of any alignment.
        let leaves = _mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(leaves.as_ptr().cast()) });
        let upper = _mm512_test_epi32_mask(leaves, _mm512_set1_epi32(32));
        let low = _mm512_permutex2var_epi32(low0, leaves, low1);
        let low = _mm512_mask_mov_epi32(low, upper, _mm512_permutex2var_epi32(low2, leaves, low3));
        let high = _mm512_permutex2var_epi32(high0, leaves, high1);
        let high = _mm512_mask_mov_epi32(high, upper, _mm512_permutex2var_epi32(high2, leaves, high3));
        let values = _mm512_permutex2var_epi32(low, first, high);
        add(&mut sums[0], _mm512_castsi512_pd(values));
        let values = _mm512_permutex2var_epi32(low, second, high);
        add(&mut sums[1], _mm512_castsi512_pd(values));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(sums: &mut [f64; 8], values: __m512d) {
    let sum = _mm512_add_pd(load_f64(sums), values);
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_storeu_pd(sums.as_mut_ptr(), sum) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_u32(values: &[u32; 16]) -> __m512i {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn add_single(planes: [u64; 8], tree: &Decoded, sums: &mut [f32; 64]) {
    let numbers = numbers(planes, tree.n_leaves);
    let (table, _) = tree.single.as_chunks::<16>();
    let (first, second) = (load_f32(&table[0]), load_f32(&table[1]));
    let (third, fourth) = (load_f32(&table[2]), load_f32(&table[3]));
    for (leaves, sums) in numbers.as_chunks::<16>().0.iter().zip(sums.as_chunks_mut::<16>().0) {
        // SAFETY: 16 bytes that are there, of any alignment.
        let leaves = _mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(leaves.as_ptr().cast()) });
        let values = if tree.n_leaves <= 64 {
            let upper = _mm512_test_epi32_mask(leaves, _mm512_set1_epi32(32));
            let low = _mm512_permutex2var_ps(first, leaves, second);
            _mm512_mask_mov_ps(low, upper, _mm512_permutex2var_ps(third, leaves, fourth))
        } else {
            // SAFETY: bytes are below the number of values, 256.
            unsafe { _mm512_i32gather_ps::<4>(leaves, tree.single.as_ptr()) }
        };
        let sum = _mm512_add_ps(load_f32(sums), values);
        // SAFETY: 64 bytes that are there, of any alignment.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sum) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_f32(values: &[f32; 16]) -> __m512 {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

/// The 256 mapped bytes of a narrow tree. Another process may change them meanwhile, so the compiler must not
/// know of the loads.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_mapped(words: &[AtomicU64; NARROW_NODES]) -> [__m512i; 4] {
    let (first, second, third, fourth): (__m512i, __m512i, __m512i, __m512i);
    // SAFETY: the instructions read the 256 bytes of `words`, of any alignment, and write the registers.
    unsafe {
        asm!("vmovdqu64 {first}, [{words}]", "vmovdqu64 {second}, [{words} + 64]",
            "vmovdqu64 {third}, [{words} + 128]", "vmovdqu64 {fourth}, [{words} + 192]",
            first = out(zmm_reg) first, second = out(zmm_reg) second, third = out(zmm_reg) third,
            fourth = out(zmm_reg) fourth, words = in(reg) words.as_ptr(),
            options(readonly, nostack, preserves_flags));
    }
    [first, second, third, fourth]
}

/// Folds the outputs and values of the row's leaves. All nodes of a tree are decided at once, which tells where
/// each one leads; then all walks become twice as long `doublings` times, up to their last inner nodes. `MANY`
/// is for more than 128 tests.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn fold_narrow<const MANY: bool, S>(
    trees: &Ranked,
    ranks: &[u8; NARROW_TESTS],
    doublings: u32,
    mut sum: S,
    mut add: impl FnMut(S, usize, f64) -> S,
) -> S {
    let (ranks, _) = ranks.as_chunks::<64>();
    let (first, second) = (load(&ranks[0]), load(&ranks[1]));
    let (third, fourth) = (load(&ranks[2]), load(&ranks[3]));
    let themselves = load(&std::array::from_fn(|slot| slot as u8));
    let mut children = [[0_u8; 64]; TREES];
    let (groups, rest) = trees.trees.as_chunks::<TREES>();
    let mut padded = [trees.trees[0]; TREES];
    padded[..rest.len()].copy_from_slice(rest);
    let padded = (!rest.is_empty()).then_some((&padded, rest.len()));
    for (group, n_trees) in groups.iter().map(|group| (group, TREES)).chain(padded) {
        // Step by step through all of them, so that few instructions wait for others' results.
        let mut last = [_mm512_setzero_si512(); TREES];
        for ((tree, children), last) in group.iter().zip(&mut children).zip(&mut last) {
            let Some(nodes) = trees.nodes[tree.first_node as usize..].first_chunk() else { return sum };
            let [columns, tested, to_left, to_right] = load_mapped(nodes);
            let mut found = _mm512_permutex2var_epi8(first, columns, second);
            if MANY {
                let high = _mm512_permutex2var_epi8(third, columns, fourth);
                found = _mm512_mask_mov_epi8(found, _mm512_movepi8_mask(columns), high);
            }
            let left = _mm512_cmple_epu8_mask(found, tested);
            let child = _mm512_mask_mov_epi8(to_right, left, to_left);
            // SAFETY: 64 bytes that are there, of any alignment.
            unsafe { _mm512_storeu_si512(children.as_mut_ptr().cast(), child) };
            *last = _mm512_mask_mov_epi8(child, _mm512_movepi8_mask(child), themselves);
        }
        for _ in 0..doublings {
            for last in &mut last {
                *last = _mm512_permutexvar_epi8(*last, *last);
            }
        }
        for at in 0..n_trees {
            let last = _mm_cvtsi128_si32(_mm512_castsi512_si128(last[at])) as usize % 64;
            let leaf = usize::from(children[at][last]) % NARROW_LEAF;
            sum = add(sum, group[at].output.into(), trees.leaf_value(trees.leaf_place(&group[at], leaf)));
        }
    }
    sum
}
