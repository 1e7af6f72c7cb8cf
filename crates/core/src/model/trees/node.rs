//! The two shapes of a node: 16 bytes for any threshold, and 8 where features are float32.
//!
//! A float32 `x` satisfies `x <= t` exactly when it satisfies `x <= r`, where `r` is the greatest
//! float32 that is not above `t`; so narrow nodes lose nothing. A threshold that is NaN sends no value left.

use crate::mapped::Words;
use crate::precision::Float;
use std::sync::atomic::Ordering;

pub(super) const LEAF: u32 = 1 << 31;
pub(super) const MISSING_LEFT: u32 = 1 << 30;
pub(super) const NUMBER: u32 = MISSING_LEFT - 1;

/// How the nodes of a forest are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    Narrow(Narrow),
    Wide,
}

impl Layout {
    pub fn words_per_node(self) -> usize {
        match self {
            Layout::Narrow(_) => 1,
            Layout::Wide => 2,
        }
    }
}

/// What walkers ask of a layout, with features of type `V`. Nothing that comes out of a node is clamped yet.
pub(super) trait NodeLayout<V>: Copy {
    /// Words that a node takes.
    const WORDS: usize;
    /// A node as it was read, once.
    type Node: Copy;

    /// Node number `index` of the section.
    fn read(self, nodes: &Words, index: usize) -> Self::Node;
    /// The column that the node looks at, or beyond the columns the set that it asks.
    fn column(self, node: Self::Node) -> u32;
    /// Whether `value` goes left from an inner node that asks no set.
    fn goes_left(self, node: Self::Node, value: V) -> bool;
    /// Whether missing values go left.
    fn missing_left(self, node: Self::Node) -> bool;
    /// The left child, counted from the tree's root; the right one is next to it.
    fn left(self, node: Self::Node) -> u32;
    /// Whether the node is a leaf, where a walk stays.
    fn is_leaf(self, node: Self::Node) -> bool;
    /// The number of the leaf.
    fn leaf(self, node: Self::Node) -> u32;
}

/// 16 bytes: threshold, then left child, then flags with column or leaf number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide;

impl<V: Float> NodeLayout<V> for Wide {
    const WORDS: usize = 2;
    type Node = (f64, u64);

    #[inline]
    fn read(self, nodes: &Words, index: usize) -> (f64, u64) {
        let threshold = nodes[2 * index].load(Ordering::Relaxed);
        (f64::from_bits(threshold), nodes[2 * index + 1].load(Ordering::Relaxed))
    }

    #[inline]
    fn column(self, (_, rest): (f64, u64)) -> u32 {
        (rest >> 32) as u32 & NUMBER
    }

    #[inline]
    fn goes_left(self, (threshold, rest): (f64, u64), value: V) -> bool {
        let value = value.to_f64();
        (value <= threshold) | (value.is_nan() & ((rest >> 32) as u32 & MISSING_LEFT != 0))
    }

    #[inline]
    fn missing_left(self, (_, rest): (f64, u64)) -> bool {
        (rest >> 32) as u32 & MISSING_LEFT != 0
    }

    #[inline]
    fn left(self, (_, rest): (f64, u64)) -> u32 {
        rest as u32
    }

    #[inline]
    fn is_leaf(self, (_, rest): (f64, u64)) -> bool {
        (rest >> 32) as u32 & LEAF != 0
    }

    #[inline]
    fn leaf(self, (_, rest): (f64, u64)) -> u32 {
        (rest >> 32) as u32 & NUMBER
    }
}

/// 8 bytes: float32 threshold or leaf number, then flags with the pair of children and the column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow {
    column_bits: u32,
}

impl Narrow {
    pub fn new(column_bits: u32) -> Narrow {
        Narrow { column_bits }
    }

    /// The layout for this many columns and sets, where every left child up to `last_left` fits.
    pub fn fitting(n_columns: u32, last_left: u32) -> Option<Narrow> {
        let column_bits = n_columns.next_power_of_two().ilog2();
        (column_bits < 30 && last_left / 2 < 1 << (30 - column_bits)).then_some(Narrow { column_bits })
    }

    pub fn column_bits(self) -> u32 {
        self.column_bits
    }

    /// A wide node in 8 bytes.
    pub fn encode(self, (threshold, rest): (f64, u64)) -> u64 {
        let (left, payload) = (rest as u32, (rest >> 32) as u32);
        if payload & LEAF != 0 {
            return u64::from(LEAF) << 32 | u64::from(payload & NUMBER);
        }
        let rest = payload & MISSING_LEFT | (left / 2) << self.column_bits | payload & NUMBER;
        u64::from(rest) << 32 | u64::from(not_above(threshold).to_bits())
    }
}

impl<V: Float> NodeLayout<V> for Narrow {
    const WORDS: usize = 1;
    type Node = u64;

    #[inline]
    fn read(self, nodes: &Words, index: usize) -> u64 {
        nodes[index].load(Ordering::Relaxed)
    }

    #[inline]
    fn column(self, node: u64) -> u32 {
        (node >> 32) as u32 & ((1 << self.column_bits) - 1)
    }

    #[inline]
    fn goes_left(self, node: u64, value: V) -> bool {
        let value = value.to_f32();
        (value <= f32::from_bits(node as u32)) | (value.is_nan() & ((node >> 32) as u32 & MISSING_LEFT != 0))
    }

    #[inline]
    fn missing_left(self, node: u64) -> bool {
        (node >> 32) as u32 & MISSING_LEFT != 0
    }

    #[inline]
    fn left(self, node: u64) -> u32 {
        (((node >> 32) as u32 & NUMBER) >> self.column_bits) * 2 + 1
    }

    #[inline]
    fn is_leaf(self, node: u64) -> bool {
        (node >> 32) as u32 & LEAF != 0
    }

    #[inline]
    fn leaf(self, node: u64) -> u32 {
        node as u32
    }
}

/// The greatest float32 that is not above `threshold`.
fn not_above(threshold: f64) -> f32 {
    let near = threshold as f32;
    if f64::from(near) > threshold { near.next_down() } else { near }
}

#[cfg(test)]
mod tests {
    use super::not_above;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_down_keeps_every_comparison(threshold in any::<f64>(), x in any::<f32>(), near in -2_i32..3) {
            let beside = f32::from_bits((threshold as f32).to_bits().wrapping_add_signed(near));
            for x in [x, beside, 0.0, -0.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY] {
                prop_assert_eq!(f64::from(x) <= threshold, x <= not_above(threshold), "{} {}", x, threshold);
            }
        }
    }

    #[test]
    fn ends_of_the_range() {
        for (threshold, expected) in
            [(1e300, f32::MAX), (-5e-324, -1e-45), (5e-324, 0.0), (-1e300, f32::NEG_INFINITY)]
        {
            assert_eq!(not_above(threshold).to_bits(), expected.to_bits(), "{threshold}");
        }
    }
}
