use super::*;
use proptest::prelude::*;

/// Made by `exponential.py` beside it, which says what it holds.
const REFERENCE: &str = include_str!("../../../tests/data/exponential.csv");

/// The number of doubles between two of the same sign.
fn ulps(a: f64, b: f64) -> u64 {
    a.to_bits().abs_diff(b.to_bits())
}

/// The greatest distance from the true value over a function's rows, in millionths of a unit in the last place.
fn worst(function: &str, of: impl Fn(u64) -> u64) -> i64 {
    let rows = REFERENCE.lines().skip(1).filter_map(|line| line.strip_prefix(function)?.strip_prefix(','));
    let distances = rows.map(|row| {
        let cells: Vec<_> = row.split(',').collect();
        let [argument, nearest] =
            [cells[0], cells[1]].map(|bits| u64::from_str_radix(bits, 16).expect("bits"));
        let excess: i64 = cells[2].parse().expect("millionths");
        // Bits of negative numbers rise as the numbers fall.
        let excess = if (nearest as i64) < 0 { -excess } else { excess };
        let found = of(argument);
        let distance = (found as i64 - nearest as i64).saturating_mul(1_000_000).saturating_sub(excess);
        assert!(distance.abs() < 600_000, "{function} of {argument:x}: {found:x}; expected {nearest:x}");
        distance.abs()
    });
    distances.max().expect("rows")
}

#[test]
fn reference() {
    let double = |of: fn(f64) -> f64| move |bits| of(f64::from_bits(bits)).to_bits();
    assert!(worst("exp", double(exp)) < 510_000);
    assert!(worst("exp2", double(exp2)) < 510_000);
    assert!(worst("ln_1p", double(ln_1p)) < 520_000);
    assert!(worst("exp_m1", double(exp_m1)) < 700_000);
    assert!(worst("ln", double(ln)) < 600_000);
    let single = |bits| u64::from(exp_f32(f32::from_bits(bits as u32)).to_bits());
    assert!(worst("exp_f32", single) <= 500_000);
}

#[test]
fn limits() {
    let infinity = f64::INFINITY;
    for (x, expected) in
        [(0.0, 1.0), (-0.0, 1.0), (infinity, infinity), (-infinity, 0.0), (f64::MAX, infinity)]
    {
        assert_eq!(exp(x), expected);
        assert_eq!(exp2(x), expected);
        assert_eq!(f64::from(exp_f32(x as f32)), expected);
    }
    for (x, expected) in [(f64::MIN, 0.0), (1e-320, 1.0), (709.782_712_893_384_1, infinity), (-745.14, 0.0)] {
        assert_eq!(exp(x), expected);
    }
    for exponent in -1074..1024 {
        let expected =
            if exponent < -1022 { f64::from_bits(1 << (exponent + 1074)) } else { two_to(exponent) };
        assert_eq!(exp2(f64::from(exponent)), expected);
    }
    assert_eq!((exp2(1024.0), exp2(-1074.5), exp2(-1075.0)), (infinity, f64::from_bits(1), 0.0));
    assert_eq!((exp_f32(88.8), exp_f32(-104.0)), (f32::INFINITY, 0.0));
    assert_eq!((ln_1p(0.0), ln_1p(infinity), ln_1p(1e-320)), (0.0, infinity, 1e-320));
    assert_eq!((exp_m1(-0.0).to_bits(), exp_m1(-infinity), exp_m1(710.0)), (1 << 63, -1.0, infinity));
    assert_eq!((ln(0.0), ln(-0.0), ln(1.0), ln(infinity)), (-infinity, -infinity, 0.0, infinity));
    assert!([exp_m1(f64::NAN), ln(f64::NAN), ln(-1e-300)].into_iter().all(f64::is_nan));
    for value in [exp(f64::NAN), exp2(f64::NAN), ln_1p(f64::NAN), ln_1p(-1.0), exp_f32(f32::NAN).into()] {
        assert!(value.is_nan());
    }
}

#[test]
fn never_falls() {
    let boundaries = (-160..160).map(|n| (f64::from(n) + 0.5) * STEP.0);
    for start in boundaries.chain([0.0, 1e-16, -1e-16, 1e-9, -1e-9, 0.01, -0.01, -708.0, -708.4, 708.0]) {
        let mut x = start - 100.0 * (start.abs() * f64::EPSILON).max(1e-19);
        for _ in 0..200 {
            let next = x.next_up();
            assert!(exp(x) <= exp(next), "{x:e}");
            x = next;
        }
    }
}

proptest! {
    #[test]
    fn is_near_the_systems(x in prop_oneof![-745.2..709.9, -1.0..1.0, -1e-8..1e-8, any::<f64>()]) {
        prop_assert!(f64::is_nan(x) || ulps(exp(x), f64::exp(x)) <= 1);
        prop_assert!(f64::is_nan(x) || ulps(exp2(x), f64::exp2(x)) <= 1);
        prop_assert!(f64::is_nan(x) || ulps(exp_m1(x), f64::exp_m1(x)) <= 1);
        prop_assert!(f64::is_nan(x) || ulps(ln(x.abs()), f64::ln(x.abs())) <= 1);
        prop_assert!(f64::is_nan(x) || x < 0.0 || ulps(ln_1p(x), f64::ln_1p(x)) <= 1);
    }

    #[test]
    fn is_near_the_systems_in_float32(x in prop_oneof![-104.0_f32..88.8, any::<f32>()]) {
        prop_assert!(f32::is_nan(x) || exp_f32(x).to_bits().abs_diff(f32::exp(x).to_bits()) <= 1);
    }
}
