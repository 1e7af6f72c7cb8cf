//! Kernels for NEON.
#![expect(unsafe_code, reason = "loads of vectors")]

use super::super::block::Block;
use super::super::cuts::Line;
use super::portable;
use std::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub(super) fn flow<const B: usize>(block: &mut Block, ranks: &[[Line; B]], bits: &[[u64; B]]) {
    const WEIGHTS: u64 = 0x8040_2010_0804_0201;
    let weights = vreinterpretq_u8_u64(vdupq_n_u64(WEIGHTS));
    portable::flow(block, ranks, bits, |lines, rank, masks| {
        let rank = vdupq_n_u8(rank);
        for at in 0..B {
            let (quarters, _) = lines[at].0.as_chunks::<16>();
            let [a, b, c, d] = [0, 1, 2, 3].map(|quarter: usize| {
                // SAFETY: 16 bytes that are there, of any alignment.
                let ranks = unsafe { vld1q_u8(quarters[quarter].as_ptr()) };
                vandq_u8(vcleq_u8(ranks, rank), weights)
            });
            let eighths = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
            masks[at] = vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(eighths, eighths)));
        }
    });
}
