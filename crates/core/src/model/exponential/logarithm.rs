//! ln(1 + x) for what an exponential gives, and ln x.

use super::fixed;

/// ln 2 as a multiple of 2^-42, so that its multiples and sums with the table's are exact, and the rest.
const LN_2: (f64, f64) = fixed::split(fixed::LN_2, 42);

/// ln(256 / q) for q from 128 to 256, as a multiple of 2^-42 and the rest.
static LOGARITHMS: [(f64, f64); 129] = {
    let mut table = [(0.0, 0.0); 129];
    let mut at = 0;
    while at < 129 {
        table[at] = fixed::split(fixed::ln_ratio(256, 128 + at as u128), 42);
        at += 1;
    }
    table
};

/// Below this the series alone is exact enough.
const SMALL: f64 = 1.0 / 64.0;

/// ln(1 + x), for x from 0 on; NaN for others. Less than 0.6 units in the last place from the true value.
pub fn ln_1p(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x < SMALL {
        return x + x * x * series::<11>(x);
    }
    if x == f64::INFINITY {
        return x;
    }
    let sum = 1.0 + x;
    let lost = if x < 1.0 { x - (sum - 1.0) } else { 1.0 - (sum - x) };
    of_normal(sum, lost, 0)
}

/// ln x, negative infinity of zeros; NaN for numbers below. Less than 0.6 units in the last place from the true value.
pub fn ln(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x.is_nan() || x < 0.0 {
        f64::NAN
    } else if x == f64::INFINITY {
        x
    } else if x < f64::MIN_POSITIVE {
        of_normal(x * (1_u64 << 54) as f64, 0.0, -54)
    } else {
        of_normal(x, 0.0, 0)
    }
}

/// ln((`sum` + `lost`) 2^`scale`) of a normal number and what is small beside it.
fn of_normal(sum: f64, lost: f64, scale: i64) -> f64 {
    let bits = sum.to_bits();
    let exponent = (bits >> 52) as i64 - 1023 + scale;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1.0_f64.to_bits());

    // Every product here is exact: the factor has 9 bits, the halves of the mantissa 26 and 27.
    let factor = (256.0 / mantissa).round();
    let scaled = factor / 256.0;
    let upper = f64::from_bits(mantissa.to_bits() & !((1 << 27) - 1));
    let rest = (upper * scaled - 1.0) + (mantissa - upper) * scaled;

    let (table, table_low) = LOGARITHMS[(factor as usize).clamp(128, 256) - 128];
    let high = exponent as f64 * LN_2.0 + table;
    let low = exponent as f64 * LN_2.1 + table_low;
    let total = high + rest;
    let error = (high - total) + rest;
    total + (error + (low + lost / sum + rest * rest * series::<7>(rest)))
}

/// (ln(1 + x) - x) / x^2 to the term whose power in ln(1 + x) is `LAST`.
fn series<const LAST: i32>(x: f64) -> f64 {
    (2..=LAST).rev().fold(0.0, |sum, n| {
        let coefficient = if n % 2 == 0 { -1.0 } else { 1.0 } / f64::from(n);
        coefficient + x * sum
    })
}
