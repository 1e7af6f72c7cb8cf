//! Kernels for NEON.
#![expect(unsafe_code, reason = "loads of vectors")]

use super::super::block::Block;
use super::super::cuts::Line;
use super::super::layout::{NARROW_NODES, NARROW_TESTS, Tree};
use super::super::row::{LANES, Walks};
use super::portable;
use crate::mapped::Words;
use std::arch::aarch64::*;
use std::sync::atomic::Ordering;

#[target_feature(enable = "neon")]
pub(super) fn flow<const B: usize>(block: &mut Block, ranks: &[[Line; B]], bits: &[[u64; B]]) {
    const WEIGHTS: u64 = 0x8040_2010_0804_0201;
    let weights = vreinterpretq_u8_u64(vdupq_n_u64(WEIGHTS));
    portable::flow(block, ranks, bits, |lines, rank, masks| {
        let rank = vdupq_n_u8(rank);
        for at in 0..B {
            let (quarters, _) = lines[at].0.as_chunks::<16>();
            let [a, b, c, d] = [0, 1, 2, 3]
                .map(|quarter: usize| vandq_u8(vcleq_u8(load(&quarters[quarter]), rank), weights));
            let eighths = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
            masks[at] = vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(eighths, eighths)));
        }
    });
}

#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: 16 bytes that are there, of any alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// All nodes of a tree are decided at once, which tells where each one leads; then walks follow.
#[target_feature(enable = "neon")]
pub(super) fn narrow_leaves(
    nodes: &Words,
    trees: &[Tree; LANES],
    ranks: &[u8; NARROW_TESTS],
    n_tests: usize,
    walks: &mut Walks,
) -> [u8; LANES] {
    let (tables, _) = ranks.as_chunks::<16>();
    let (tables, _) = tables.as_chunks::<4>();
    let tables = &tables[..n_tests.clamp(1, NARROW_TESTS).div_ceil(64)];
    let mut depth = 0;
    for (tree, next) in trees.iter().zip(&mut walks.0) {
        let begin = tree.first_node as usize;
        let mut bytes = [0; NARROW_NODES * 8];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&nodes[begin..begin + NARROW_NODES])
        {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        let (parts, _) = bytes.as_chunks::<16>();
        for (quarter, out) in next.as_chunks_mut::<16>().0.iter_mut().enumerate().take(4) {
            let at_most = vcleq_u8(look_up(tables, load(&parts[quarter])), load(&parts[4 + quarter]));
            let once = vbslq_u8(at_most, load(&parts[8 + quarter]), load(&parts[12 + quarter]));
            // SAFETY: 16 bytes that are there, of any alignment.
            unsafe { vst1q_u8(out.as_mut_ptr(), once) };
        }
        depth = depth.max(tree.depth);
    }
    portable::walked(walks, depth)
}

/// The bytes of the tables, 64 each, at `places`.
#[inline]
#[target_feature(enable = "neon")]
fn look_up(tables: &[[[u8; 16]; 4]], mut places: uint8x16_t) -> uint8x16_t {
    let mut found = vdupq_n_u8(0);
    for [a, b, c, d] in tables {
        // What is not within this table gives 0.
        let table = uint8x16x4_t(load(a), load(b), load(c), load(d));
        found = vorrq_u8(found, vqtbl4q_u8(table, places));
        places = vsubq_u8(places, vdupq_n_u8(64));
    }
    found
}
