//! Sixteen walks through narrow nodes at a time, with AVX-512: a step gathers their nodes, and then the values
//! that these look at.
#![expect(unsafe_code, reason = "gathers, and calls of functions that need features of the processor")]

use super::backend::{Backend, Level};
use super::fast::LARGE;
use super::layout::{Forest, Tree};
use super::node::{LEAF, Layout, MISSING_LEFT, NUMBER};
use crate::mapped::Words;
use crate::precision::Float;
use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::atomic::AtomicU64;

/// Walks of a group.
const LANES: usize = 16;
/// Groups that are under way together.
const GROUPS: usize = 8;
/// Leaves that are kept until they can be added in order, unless rows are more.
const LEAVES: usize = 4096;

/// As [`super::fast::add`], of columns, where processor and forest allow it; whether they do. `leaves` is
/// memory for it.
pub(super) fn add<V: Float>(
    backend: Backend,
    forest: &Forest,
    columns: &[V],
    leaves: &mut Vec<u32>,
    sums: &mut [f64],
) -> bool {
    let (Level::Avx512 | Level::Avx512Vbmi) = backend.level() else { return false };
    let (Layout::Narrow(layout), Some(values)) = (forest.layout(), V::single(columns)) else { return false };
    let (n_rows, n_columns) = (sums.len() / forest.n_outputs(), forest.n_columns());
    let fits = n_columns > 0 && i32::try_from(values.len()).is_ok();
    if forest.sets().n_sets > 0 || !fits || n_rows * forest.trees().len() < 2 * LANES {
        return false;
    }
    let rows = Rows { nodes: forest.nodes(), column_bits: layout.column_bits(), values, n_rows, n_columns };
    let walk = match (n_rows, n_columns.div_ceil(LANES), forest.nodes().len() < LARGE) {
        (1, 1, true) => Rows::walk::<false, 1>,
        (1, 2, true) => Rows::walk::<false, 2>,
        (1, 3..=4, true) => Rows::walk::<false, 4>,
        (.., true) => Rows::walk::<false, 0>,
        (.., false) => Rows::walk::<true, 0>,
    };
    for trees in forest.trees().chunks((LEAVES / n_rows).max(1)) {
        leaves.resize((trees.len() * n_rows).next_multiple_of(LANES), 0);
        // SAFETY: the level says that the processor has what the function needs.
        unsafe { walk(rows, trees, leaves.as_chunks_mut().0) };
        if n_rows == 1 {
            forest.add_leaves(trees, leaves, sums);
            continue;
        }
        for (&tree, leaves) in trees.iter().zip(leaves.chunks_exact(n_rows)) {
            for (sums, &leaf) in sums.chunks_exact_mut(forest.n_outputs()).zip(leaves) {
                forest.add_leaf(tree, leaf, sums);
            }
        }
    }
    true
}

/// What all walks share.
#[derive(Clone, Copy)]
struct Rows<'a> {
    nodes: &'a Words,
    column_bits: u32,
    values: &'a [f32],
    n_rows: usize,
    /// At least 1.
    n_columns: usize,
}

/// Sixteen walks. All trees lie inside the nodes, and all rows inside the values.
struct Group {
    number: usize,
    /// The node that each walk is at, counted from its root.
    at: __m512i,
    steps: __m512i,
    /// Where the values of each one's row begin.
    row: __m512i,
    /// The last node of each one's tree.
    last: __m512i,
    /// The most steps of each.
    depth: __m512i,
    /// The roots.
    first: [__m512i; 2],
}

/// Which walk a group begins with.
#[derive(Clone, Copy, Default)]
struct Next {
    group: usize,
    tree: usize,
    row: usize,
}

impl Group {
    /// Where the nodes lie.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn places(&self) -> [__m512i; 2] {
        let low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(self.at));
        let high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(self.at));
        [_mm512_add_epi64(self.first[0], low), _mm512_add_epi64(self.first[1], high)]
    }
}

impl Rows<'_> {
    /// Takes all rows through each of `trees`, and writes the numbers of the leaves, tree after tree. The values of a
    /// single row are picked from `REGISTERS` that hold them, if not 0.
    #[target_feature(enable = "avx512f")]
    fn walk<const PREFETCH: bool, const REGISTERS: usize>(self, trees: &[Tree], leaves: &mut [[u32; LANES]]) {
        let held: [__m512; REGISTERS] = std::array::from_fn(|at| {
            let values = self.values.iter().skip(at * LANES).take(LANES);
            let mut padded = [0.0; LANES];
            padded.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
            _mm512_castsi512_ps(load(&padded.map(f32::to_bits)))
        });
        let mut next = Next::default();
        let mut active = GROUPS.min(leaves.len());
        let mut groups: [Group; GROUPS] = std::array::from_fn(|_| self.begin(trees, &mut next));
        let mut waiting = active;
        while active > 0 {
            let mut at = 0;
            while at < active {
                let group = &mut groups[at];
                let Some(found) = self.step::<PREFETCH, REGISTERS>(group, &held) else {
                    at += 1;
                    continue;
                };
                leaves[group.number] = found;
                if waiting < leaves.len() {
                    *group = self.begin(trees, &mut next);
                    waiting += 1;
                    at += 1;
                } else {
                    active -= 1;
                    groups.swap(at, active);
                }
            }
        }
    }

    /// The next group of walks; the last walk once more where there are none left.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn begin(self, trees: &[Tree], next: &mut Next) -> Group {
        let (mut row, mut last, mut depth, mut first) = ([0; LANES], [0; LANES], [0; LANES], [0; LANES]);
        let number = next.group;
        next.group += 1;
        let mut lane = 0;
        if self.n_rows == 1 {
            assert!(self.n_columns <= self.values.len());
            let mut are_inside = true;
            for lane in 0..LANES {
                let tree = trees[(next.tree + lane).min(trees.len() - 1)];
                are_inside &= tree.first + (tree.last as usize) < self.nodes.len();
                (last[lane], depth[lane], first[lane]) = (tree.last, tree.depth, tree.first as u64);
            }
            assert!(are_inside);
            next.tree += LANES;
            lane = LANES;
        }
        while lane < LANES {
            let tree = trees[next.tree];
            let n = (LANES - lane).min(self.n_rows - next.row);
            assert!(tree.first + (tree.last as usize) < self.nodes.len());
            assert!((next.row + n) * self.n_columns <= self.values.len());
            for lane in lane..lane + n {
                row[lane] = (next.row * self.n_columns) as u32;
                (last[lane], depth[lane], first[lane]) = (tree.last, tree.depth, tree.first as u64);
                next.row += 1;
            }
            lane += n;
            if next.row == self.n_rows {
                *next = Next { row: 0, tree: (next.tree + 1).min(trees.len() - 1), ..*next };
            }
        }
        let (first, _) = first.as_chunks::<8>();
        Group {
            number,
            at: _mm512_setzero_si512(),
            steps: _mm512_setzero_si512(),
            row: load(&row),
            last: load(&last),
            depth: load(&depth),
            first: [load_u64(&first[0]), load_u64(&first[1])],
        }
    }

    /// One step of each walk, or the leaf numbers when all are at one.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn step<const PREFETCH: bool, const REGISTERS: usize>(
        self,
        group: &mut Group,
        held: &[__m512; REGISTERS],
    ) -> Option<[u32; LANES]> {
        let [low, high] = group.places().map(|places| gather(self.nodes, places));
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
        let threshold = _mm512_permutex2var_epi32(low, even, high);
        let rest = _mm512_permutex2var_epi32(low, odd, high);
        let at_leaf = _mm512_test_epi32_mask(rest, _mm512_set1_epi32(LEAF.cast_signed()))
            | _mm512_cmpge_epu32_mask(group.steps, group.depth);
        if at_leaf == u16::MAX {
            return Some(store(threshold));
        }
        let columns = _mm512_set1_epi32((1 << self.column_bits) - 1);
        let last_column = _mm512_set1_epi32(self.n_columns as i32 - 1);
        let column = _mm512_min_epu32(_mm512_and_si512(rest, columns), last_column);
        let value = match &held[..] {
            [one] => _mm512_permutexvar_ps(column, *one),
            [first, second] => _mm512_permutex2var_ps(*first, column, *second),
            [first, second, third, fourth] => {
                let low = _mm512_permutex2var_ps(*first, column, *second);
                let high = _mm512_permutex2var_ps(*third, column, *fourth);
                let is_high = _mm512_test_epi32_mask(column, _mm512_set1_epi32(2 * LANES as i32));
                _mm512_mask_blend_ps(is_high, low, high)
            }
            _ => {
                let place = _mm512_add_epi32(group.row, column);
                // SAFETY: `begin` saw that each row lies inside the values, and the column is one of the row.
                unsafe { _mm512_i32gather_ps::<4>(place, self.values.as_ptr()) }
            }
        };
        let missing_left = _mm512_test_epi32_mask(rest, _mm512_set1_epi32(MISSING_LEFT as i32));
        let missing = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
        let right = !_mm512_cmp_ps_mask::<_CMP_LE_OQ>(value, _mm512_castsi512_ps(threshold))
            & !(missing & missing_left);
        let pair = _mm512_and_si512(rest, _mm512_set1_epi32(NUMBER as i32));
        let pair = _mm512_srl_epi32(pair, _mm_cvtsi32_si128(self.column_bits as i32));
        let one = _mm512_set1_epi32(1);
        let left = _mm512_add_epi32(_mm512_add_epi32(pair, pair), one);
        let next = _mm512_mask_add_epi32(left, right, left, one);
        group.at = _mm512_mask_min_epu32(group.at, !at_leaf, next, group.last);
        group.steps = _mm512_add_epi32(group.steps, one);
        if PREFETCH {
            let places = group.places().map(|places| store_u64(places));
            places.as_flattened().iter().for_each(|&place| self.nodes.prefetch(place as usize));
        }
        None
    }
}

/// Eight mapped words. Another process may change them meanwhile, so the compiler must not know of the load.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather(words: &[AtomicU64], places: __m512i) -> __m512i {
    let mut found = _mm512_setzero_si512();
    // SAFETY: `begin` saw that each tree lies inside the nodes, and `step` keeps each walk inside its tree.
    unsafe {
        asm!("vpgatherqq {found}{{{mask}}}, [{words} + {places}*8]",
            found = inout(zmm_reg) found, mask = inout(kreg) 0xff_u8 => _,
            words = in(reg) words.as_ptr(), places = in(zmm_reg) places,
            options(readonly, nostack, preserves_flags));
    }
    found
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(numbers: &[u32; LANES]) -> __m512i {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_u64(numbers: &[u64; 8]) -> __m512i {
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(numbers: __m512i) -> [u32; LANES] {
    let mut stored = [0; LANES];
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_storeu_si512(stored.as_mut_ptr().cast(), numbers) };
    stored
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_u64(numbers: __m512i) -> [u64; 8] {
    let mut stored = [0; 8];
    // SAFETY: 64 bytes that are there, of any alignment.
    unsafe { _mm512_storeu_si512(stored.as_mut_ptr().cast(), numbers) };
    stored
}
