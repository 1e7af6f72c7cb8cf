//! e^x, 2^x, e^x - 1 and logarithms with the same bits on every machine.
//!
//! Libraries of mathematical functions differ in their last bits between systems, so these use nothing but
//! IEEE 754's additions, multiplications and divisions, in a fixed order and never fused, and tables that the
//! compiler makes from integers.
//!
//! x is n/128 ln 2 + r with a whole number n, so that e^x is 2^(n div 128) times 2^((n mod 128)/128), which a
//! table holds to about 106 bits, times e^r, of which a Taylor series gives e^r - 1. All but the last addition
//! are then small beside the result.
//!
//! Results lie less than 0.51 units in the last place from the true value, subnormal ones included: over millions
//! of arguments at most 0.5074 ([`exp`]), 0.5081 ([`exp2`]) and 0.5000001 ([`exp_f32`], which rounds twice).

mod fixed;
mod logarithm;
#[cfg(test)]
mod tests;

pub use logarithm::{ln, ln_1p};

/// The table's entries for one doubling.
const ENTRIES: usize = 128;

/// 2^(j/128) as the nearest double and the rest.
static POWERS: [(f64, f64); ENTRIES] = {
    let mut table = [(1.0, 0.0); ENTRIES];
    let mut at = 0;
    while at < ENTRIES {
        table[at] = fixed::high_and_low(fixed::power_of_two(at, ENTRIES));
        at += 1;
    }
    table
};

const LN_2: f64 = fixed::to_f64(fixed::LN_2);
const LN_2_LOW: f64 = fixed::high_and_low(fixed::LN_2).1;

/// ln 2 / 128 in few enough bits that its product with any n is exact, and the rest.
const STEP: (f64, f64) = fixed::split(fixed::LN_2 / ENTRIES as u128, 41);
const STEPS_PER_UNIT: f64 = ENTRIES as f64 / LN_2;

/// Adding 1.5 * 2^52 to a number of moderate size rounds it to a whole number, which the low bits then hold.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// e^x.
#[inline]
pub fn exp(x: f64) -> f64 {
    let shifted = x * STEPS_PER_UNIT + ROUNDER;
    let steps = shifted - ROUNDER;
    let power = Power::new(shifted, (x - steps * STEP.0) - steps * STEP.1);
    // For these the result is a normal number; NaN is not among them.
    if x.abs() < 708.0 { power.normal() } else { extreme(x, 709.8, -745.2, power) }
}

/// 2^x.
#[inline]
pub fn exp2(x: f64) -> f64 {
    let shifted = x * ENTRIES as f64 + ROUNDER;
    let rest = x - (shifted - ROUNDER) / ENTRIES as f64;
    let power = Power::new(shifted, rest * LN_2 + rest * LN_2_LOW);
    if x.abs() < 1022.0 { power.normal() } else { extreme(x, 1024.0, -1075.0, power) }
}

/// e^x - 1, less than 0.7 units in the last place from the true value.
pub fn exp_m1(x: f64) -> f64 {
    const TERMS: i32 = 14;
    if x.abs() < 0.25 {
        // 1/2! + x/3! + x^2/4! + ..., by Horner's rule.
        let series = (2..=TERMS).rev().fold(0.0, |sum, n| (1.0 + x * sum) / f64::from(n));
        return if x == 0.0 { x } else { x + x * x * series };
    }
    if x.is_nan() || x >= 708.0 {
        return exp(x);
    }
    if x < -40.0 {
        return -1.0;
    }
    let shifted = x * STEPS_PER_UNIT + ROUNDER;
    let steps = shifted - ROUNDER;
    let Power { high, low, exponent } = Power::new(shifted, (x - steps * STEP.0) - steps * STEP.1);
    let (high, low) = (high * two_to(exponent), low * two_to(exponent));
    let difference = high - 1.0;
    let lost = if high > 1.0 { (high - difference) - 1.0 } else { high - (difference + 1.0) };
    difference + (lost + low)
}

/// e^x as the nearest float32 to [`exp`]'s result.
#[inline]
pub fn exp_f32(x: f32) -> f32 {
    exp(f64::from(x)) as f32
}

#[cold]
fn extreme(x: f64, greatest: f64, least: f64, power: Power) -> f64 {
    if x.is_nan() {
        x
    } else if x >= greatest {
        f64::INFINITY
    } else if x <= least {
        0.0
    } else {
        power.scaled()
    }
}

/// (`high` + `low`) 2^`exponent`.
#[derive(Clone, Copy)]
struct Power {
    high: f64,
    low: f64,
    exponent: i32,
}

impl Power {
    /// 2^(n/128) e^r, where the low bits of `shifted` are n.
    #[inline]
    fn new(shifted: f64, r: f64) -> Power {
        let n = shifted.to_bits() as i32;
        let (high, table_low) = POWERS[n as usize % ENTRIES];
        let square = r * r;
        let tail = (1.0 / 2.0 + r * (1.0 / 6.0))
            + square * ((1.0 / 24.0 + r * (1.0 / 120.0)) + square * (1.0 / 720.0));
        let minus_one = r + square * tail;
        Power { high, low: table_low + high * minus_one, exponent: n >> ENTRIES.ilog2() }
    }

    /// For results that are normal numbers.
    #[inline]
    fn normal(self) -> f64 {
        (self.high + self.low) * two_to(self.exponent)
    }

    /// For any exponent from -1100 to 1100.
    fn scaled(self) -> f64 {
        if self.exponent > 0 {
            return (self.high + self.low) * two_to(self.exponent - 1) * 2.0;
        }
        let sum = self.high + self.low;
        if self.exponent > -1022 || (self.exponent == -1022 && sum >= 1.0) {
            return self.normal();
        }
        // Rounds once, to a multiple of what 2^-1074 is before scaling.
        let rounder = two_to(52 - 1074 - self.exponent);
        let sum_error = (self.high - sum) + self.low;
        let rounded = rounder + sum;
        let error = (rounder - rounded) + sum;
        let value = (rounded + (error + sum_error)) - rounder;
        value * two_to(self.exponent + 200) * two_to(-200)
    }
}

/// 2^`exponent`, for exponents of normal numbers.
#[inline]
fn two_to(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}
