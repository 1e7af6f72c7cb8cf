//! Comparing outputs with those of the training library.

use crate::precision::Precision;

/// How outputs differ from what was expected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// The greatest difference; infinite where one of the two is not a number.
    pub abs: f64,
    /// The same in units in the last place.
    pub ulps: u64,
}

impl Difference {
    /// The greatest difference between values of this type.
    pub fn of(expected: &[f64], found: &[f64], precision: Precision) -> Difference {
        let each = expected.iter().zip(found).map(|(&a, &b)| {
            if a.to_bits() == b.to_bits() {
                return Difference::default();
            }
            let difference = (a - b).abs();
            if difference.is_nan() {
                return Difference { abs: f64::INFINITY, ulps: u64::MAX };
            }
            Difference { abs: difference, ulps: place(a, precision).abs_diff(place(b, precision)).max(1) }
        });
        each.fold(Difference::default(), |most, next| Difference {
            abs: most.abs.max(next.abs),
            ulps: most.ulps.max(next.ulps),
        })
    }

    /// This difference of pairs of 1 - p and p, in units of p; a first of a pair that is not 1 - p counts as
    /// infinitely far.
    pub fn and_complements(self, expected: &[f64], found: &[f64], precision: Precision) -> Difference {
        let second = |values: &[f64]| values.iter().copied().skip(1).step_by(2).collect::<Vec<_>>();
        let broken =
            |pair: &[f64]| pair.len() != 2 || precision.round(1.0 - pair[1]).to_bits() != pair[0].to_bits();
        if expected.chunks(2).chain(found.chunks(2)).any(broken) && !self.is_none() {
            return Difference { ulps: u64::MAX, ..self };
        }
        Difference { ulps: Difference::of(&second(expected), &second(found), precision).ulps, ..self }
    }

    /// Whether all bits are the same.
    pub fn is_none(self) -> bool {
        self.ulps == 0
    }
}

/// The place of `value` among all values of its type, in order.
fn place(value: f64, precision: Precision) -> i64 {
    let (bits, sign) = match precision {
        Precision::Single => {
            let bits = (value as f32).to_bits();
            (i64::from(bits & !(1 << 31)), bits >> 31 != 0)
        }
        Precision::Double => ((value.to_bits() & !(1 << 63)) as i64, value.is_sign_negative()),
    };
    if sign { -bits } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_apart_in_their_type() {
        let ulps = |a: f64, b: f64, precision| Difference::of(&[a], &[b], precision).ulps;
        assert_eq!(ulps(1.0, 1.0_f64.next_up(), Precision::Double), 1);
        assert_eq!(ulps(1.0, f64::from(1.0_f32.next_down()), Precision::Single), 1);
        assert_eq!(ulps(5e-324, -5e-324, Precision::Double), 2);
        assert_eq!(ulps(0.0, -0.0, Precision::Double), 1, "zeros of both signs are not the same bits");
        assert_eq!(ulps(f64::NAN, f64::NAN, Precision::Double), 0);
        assert_eq!(ulps(f64::NAN, 1.0, Precision::Double), u64::MAX);
    }
}
