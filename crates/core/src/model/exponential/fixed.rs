//! Fixed-point numbers with 120 fractional bits, from which the compiler makes the tables of constants.

const FRACTION: u32 = 120;
const ONE: u128 = 1 << FRACTION;
const HALF: u128 = u64::MAX as u128;

/// ln 2, as the sum of 1 / (n 2^n).
pub(super) const LN_2: u128 = {
    let (mut sum, mut n) = (0, 1);
    while n < FRACTION {
        sum += (ONE >> n) / n as u128;
        n += 1;
    }
    sum
};

/// `a b`, for factors below 4.
const fn multiply(a: u128, b: u128) -> u128 {
    let (a_high, a_low) = (a >> 64, a & HALF);
    let (b_high, b_low) = (b >> 64, b & HALF);
    let middle = a_high * b_low + a_low * b_high + ((a_low * b_low) >> 64);
    ((a_high * b_high) << (128 - FRACTION)) + (middle >> (FRACTION - 64))
}

/// e^`a`, for arguments below 1.
const fn exp(a: u128) -> u128 {
    let (mut sum, mut term, mut n) = (ONE, ONE, 1);
    while term > 0 {
        term = multiply(term, a) / n;
        sum += term;
        n += 1;
    }
    sum
}

/// 2^(`numerator` / `denominator`), for exponents below 1.
pub(super) const fn power_of_two(numerator: usize, denominator: usize) -> u128 {
    exp(LN_2 / denominator as u128 * numerator as u128)
}

/// ln(`a` / `b`) for `a` from `b` to 2 `b`, both below 2^9: twice the inverse hyperbolic tangent of (a - b) / (a + b).
pub(super) const fn ln_ratio(a: u128, b: u128) -> u128 {
    let (difference, total) = (a - b, a + b);
    let unit = 1 << 6;
    let (mut power, mut sum, mut n) = ((ONE / unit) * difference / total, 0, 1);
    while power > 0 {
        sum += power / n;
        power = power * difference / total * difference / total;
        n += 2;
    }
    2 * unit * sum
}

/// `value` without what is below 2^-`bits`, and the rest.
pub(super) const fn split(value: u128, bits: u32) -> (f64, f64) {
    let low = value & ((1 << (FRACTION - bits)) - 1);
    (to_f64(value - low), to_f64(low))
}

/// The nearest double to `value`, and the nearest to the rest.
pub(super) const fn high_and_low(value: u128) -> (f64, f64) {
    let high = value as f64;
    let low = value as i128 - high as i128;
    (high / ONE as f64, low as f64 / ONE as f64)
}

/// The nearest double.
pub(super) const fn to_f64(value: u128) -> f64 {
    value as f64 / ONE as f64
}
