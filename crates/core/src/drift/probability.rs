//! How likely a difference is by chance: the distributions that tests of drift need.
//!
//! Held against scipy 1.17.1 by `tests/data/drift/probability.py`.

use std::f64::consts::{LN_2, PI};

/// Of a 2 x 2 table with more rows than so many in its rarer column, the exact test is left for the normal one.
const MOST_EXACT: u64 = 10_000;

/// The probability that the Kolmogorov distribution exceeds `x`, as `scipy.stats.kstwobign.sf`: the limit of the
/// distribution of sqrt(n m / (n + m)) D (A. N. Kolmogorov, 1933; for small `x` by Jacobi's transformation of the
/// theta series).
pub(super) fn kolmogorov(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let term = |k: i32| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp();
        return (1.0 - (2.0 * PI).sqrt() / x * (1..6).map(term).sum::<f64>()).clamp(0.0, 1.0);
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * (f64::from(k) * x).powi(2)).exp()
    };
    (1..6).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// The probability that a standard normal number lies farther from 0 than `z`, as `2 * scipy.stats.norm.sf(abs(z))`.
pub(super) fn normal_two_sided(z: f64) -> f64 {
    upper_gamma(0.5, z * z / 2.0)
}

/// The probability that a chi-square number exceeds `x`, as `scipy.stats.chi2.sf`.
pub(super) fn chi_square(x: f64, degrees_of_freedom: f64) -> f64 {
    upper_gamma(degrees_of_freedom / 2.0, x / 2.0)
}

/// The regularised upper incomplete gamma function Q(a, x), as `scipy.special.gammaincc`, for `a` up to a few hundred:
/// by its series up to a + 1, and by Legendre's continued fraction (Lentz's algorithm) beyond.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut fraction = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        let bounded = |value: f64| if value.abs() < TINY { TINY } else { value };
        d = 1.0 / bounded(numerator * d + b);
        c = bounded(b + numerator / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// ln of the gamma function of a positive number: Stirling's series beyond 16, by recurrence before.
fn ln_gamma(x: f64) -> f64 {
    let (mut z, mut product) = (x, 1.0);
    while z < 16.0 {
        product *= z;
        z += 1.0;
    }
    (z - 0.5) * z.ln() - z + 0.5 * (2.0 * PI).ln() + stirling_series(z) - f64::ln(product)
}

fn stirling_series(z: f64) -> f64 {
    let s = 1.0 / (z * z);
    let coefficients =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    coefficients.iter().rev().fold(0.0, |sum, &coefficient| sum * s + coefficient) / z
}

/// The two-sided p-value of `live` of `n` rows against `reference` of `m`: twice the lesser tail of the hypergeometric
/// distribution (Fisher's exact test), and with more rows than [`MOST_EXACT`] the chi-square test without Yates's
/// correction, as `scipy.stats.chi2_contingency(correction=False)`.
pub(super) fn two_proportions(live: u64, n: u64, reference: u64, m: u64) -> f64 {
    let pooled = live + reference;
    if n == 0 || m == 0 || pooled == 0 || pooled == n + m {
        return 1.0;
    }
    if pooled.min(n + m - pooled) > MOST_EXACT {
        let share = pooled as f64 / (n + m) as f64;
        let difference = live as f64 / n as f64 - reference as f64 / m as f64;
        let deviation = (share * (1.0 - share) * (1.0 / n as f64 + 1.0 / m as f64)).sqrt();
        return normal_two_sided(difference / deviation);
    }
    // The rarer of the two columns has fewer terms.
    let (live, reference) =
        if pooled <= n + m - pooled { (live, reference) } else { (n - live, m - reference) };
    let (x, k) = (live as f64, (live + reference) as f64);
    let (n, m) = (n as f64, m as f64);
    let is_upper = x >= k * n / (n + m);
    let mut term = hypergeometric(x, n, m, k);
    let (mut tail, mut at) = (0.0, x);
    while term > tail * 1e-17 {
        tail += term;
        term *= if is_upper {
            (k - at) * (n - at) / ((at + 1.0) * (m - k + at + 1.0))
        } else {
            at * (m - k + at) / ((k - at + 1.0) * (n - at + 1.0))
        };
        at += if is_upper { 1.0 } else { -1.0 };
    }
    (2.0 * tail).min(1.0)
}

/// The probability of `x` of `n` and `k - x` of `m`, by C. Loader, Fast and Accurate Computation of Binomial
/// Probabilities (2000).
fn hypergeometric(x: f64, n: f64, m: f64, k: f64) -> f64 {
    let p = k / (n + m);
    (ln_binomial(x, n, p) + ln_binomial(k - x, m, p) - ln_binomial(k, n + m, p)).exp()
}

fn ln_binomial(x: f64, n: f64, p: f64) -> f64 {
    if x == 0.0 {
        return n * (-p).ln_1p();
    }
    if x == n {
        return n * p.ln();
    }
    let corrections = stirling_error(n) - stirling_error(x) - stirling_error(n - x);
    let deviances = deviance(x, n * p) + deviance(n - x, n * (1.0 - p));
    corrections - deviances - 0.5 * ((2.0 * PI * x).ln() + (-x / n).ln_1p())
}

/// ln n! less Stirling's formula.
fn stirling_error(n: f64) -> f64 {
    if n > 15.0 {
        return stirling_series(n);
    }
    let factorial: f64 = (1..=n as u32).map(f64::from).product();
    factorial.ln() - (n + 0.5) * n.ln() + n - 0.5 * (2.0 * PI).ln()
}

/// x ln(x / mean) + mean - x, also where they are near.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - difference;
    }
    let v = difference / (x + mean);
    let (mut sum, mut power) = (difference * v, 2.0 * x * v);
    for j in 1..1000 {
        power *= v * v;
        let next = sum + power / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The probability that of `n` rows `beyond` or more lie outside of the range of `m` others of the same distribution,
/// at most: those beyond each end are as likely as a run of heads (E. J. Gumbel and H. von Schelling, The distribution
/// of the number of exceedances, 1950), so both together are negative binomial, as
/// `scipy.stats.nbinom.sf(beyond - 1, 2, m / (n + m))`.
pub(super) fn beyond_range(beyond: u64, n: u64, m: u64) -> f64 {
    if beyond == 0 || n + m == 0 {
        return 1.0;
    }
    let (beyond, share) = (beyond as f64, n as f64 / (n + m) as f64);
    ((beyond * share.ln()).exp() * (1.0 + beyond * (1.0 - share))).min(1.0)
}

/// Entropy's unit: bits.
pub(super) fn log2_ratio(a: f64, b: f64) -> f64 {
    if a > 0.0 { (a / b).ln() / LN_2 } else { 0.0 }
}
