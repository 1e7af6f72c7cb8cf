//! What any processor can do, and what the kernels share.

use super::super::block::Block;
use super::super::cuts::Line;
use super::super::layout::{LEAVES, NARROW_LEAF};
use super::super::row::{LANES, Walks};

/// Which ranks of some blocks are at most `rank`.
#[inline(always)]
pub(super) fn at_most<const B: usize>(lines: &[Line; B], rank: u8, masks: &mut [u64; B]) {
    const UPPER: u64 = 0x8080_8080_8080_8080;
    let rank = u64::from(rank) * 0x0101_0101_0101_0101;
    for (line, mask) in lines.iter().zip(masks) {
        *mask = 0;
        for (word, &bytes) in line.0.as_chunks::<8>().0.iter().enumerate() {
            let ranks = u64::from_le_bytes(bytes);
            // The lower bits of each byte are compared without a borrow from the next, then the upper bits.
            let lower = (rank | UPPER) - (ranks & !UPPER);
            let at_most = (rank & !ranks | !(rank ^ ranks) & lower) & UPPER;
            *mask |= ((at_most >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (word * 8);
        }
    }
}

/// As [`super::Backend::flow`], with a kernel's own comparison.
#[inline(always)]
pub(super) fn flow<const B: usize>(
    block: &mut Block,
    ranks: &[[Line; B]],
    bits: &[[u64; B]],
    at_most: impl Fn(&[Line; B], u8, &mut [u64; B]),
) {
    let tree = &block.tree;
    let (left, _) = block.left.as_flattened_mut().as_chunks_mut::<B>();
    let Some(left) = left.first_chunk_mut::<LEAVES>() else { return };
    for (node, left) in left.iter_mut().enumerate().take(tree.n_inner) {
        let column = usize::from(tree.columns[node]);
        if column < tree.n_bytes {
            at_most(&ranks[column], tree.ranks[node], left);
        } else {
            *left = bits[column - tree.n_bytes];
        }
    }
    spread::<B>(block);
}

/// Lets masks of rows flow from the root to the leaves, and folds the leaves' masks to planes.
#[inline(always)]
pub(super) fn spread<const B: usize>(block: &mut Block) {
    let tree = &block.tree;
    let (left, _) = block.left.as_flattened().as_chunks::<B>();
    let (reach, _) = block.reach.as_flattened_mut().as_chunks_mut::<B>();
    let (planes, _) = block.planes.as_flattened_mut().as_chunks_mut::<B>();
    let Some(left) = left.first_chunk::<LEAVES>() else { return };
    let Some(reach) = reach.first_chunk_mut::<{ 2 * LEAVES }>() else { return };
    reach[0] = [!0; B];
    reach[LEAVES + tree.n_leaves..LEAVES + tree.n_leaves.next_multiple_of(8)].fill([0; B]);
    let [to_left, to_right] = &tree.children;
    for node in 0..tree.n_inner.min(LEAVES) {
        let (here, left) = (reach[node], left[node]);
        let (to_left, to_right) = (usize::from(to_left[node]), usize::from(to_right[node]));
        for at in 0..B {
            reach[to_left % (2 * LEAVES)][at] = here[at] & left[at];
        }
        for at in 0..B {
            reach[to_right % (2 * LEAVES)][at] = here[at] & !left[at];
        }
    }
    let leaves = &mut reach[LEAVES..LEAVES + tree.n_leaves.next_multiple_of(8)];
    fold(leaves, planes);
    let mut groups = tree.n_leaves.div_ceil(8);
    for first in [3, 6] {
        if groups > 1 {
            let padded = groups.next_multiple_of(8);
            reach[LEAVES + groups..LEAVES + padded].fill([0; B]);
            fold(&mut reach[LEAVES..LEAVES + padded], &mut planes[first..]);
            groups = groups.div_ceil(8);
        }
    }
}

/// Writes the three lowest bits of the places of masks to planes, and the unions of eight masks each over
/// the first masks.
#[inline(always)]
fn fold<const B: usize>(masks: &mut [[u64; B]], planes: &mut [[u64; B]]) {
    let (mut ones, mut twos, mut fours) = ([0; B], [0; B], [0; B]);
    for group in 0..masks.len() / 8 {
        let Some(&[a, b, c, d, e, f, g, h]) = masks[group * 8..].first_chunk() else { return };
        let (cd, ef, gh) = (or(c, d), or(e, f), or(g, h));
        ones = or(ones, or(or(b, d), or(f, h)));
        twos = or(twos, or(cd, gh));
        let upper = or(ef, gh);
        fours = or(fours, upper);
        masks[group] = or(or(a, b), or(cd, upper));
    }
    for (plane, bits) in planes.iter_mut().zip([ones, twos, fours]) {
        *plane = bits;
    }
}

#[inline(always)]
fn or<const B: usize>(mut masks: [u64; B], more: [u64; B]) -> [u64; B] {
    for at in 0..B {
        masks[at] |= more[at];
    }
    masks
}

/// The leaves that narrow trees lead to from their roots in so many steps.
#[inline(always)]
pub(super) fn walked(walks: &Walks, steps: u16) -> [u8; LANES] {
    let mut at = [0_usize; LANES];
    for _ in 0..steps {
        for (at, next) in at.iter_mut().zip(&walks.0) {
            *at = next[*at].into();
        }
    }
    at.map(|slot| (slot % NARROW_LEAF) as u8)
}

/// Planes of bits as a number for each row.
#[inline(always)]
pub(super) fn numbers(planes: [u64; 8], n_leaves: usize) -> Line {
    let used = n_leaves.next_power_of_two().trailing_zeros() as usize;
    let mut line = Line::ZERO;
    for (word, out) in line.0.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let mut bytes = [0; 8];
        for (byte, plane) in bytes.iter_mut().zip(planes).take(used) {
            *byte = (plane >> (word * 8)) as u8;
        }
        *out = transpose(u64::from_le_bytes(bytes)).to_le_bytes();
    }
    line
}

/// Bit `i` of byte `j` becomes bit `j` of byte `i`.
#[inline(always)]
fn transpose(mut word: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)]
    {
        let swap = (word ^ word >> shift) & mask;
        word ^= swap ^ swap << shift;
    }
    word
}
