//! How far windows without drift lie from the reference: found by drawing them from its own bins.

use super::bins::{grouped, groups};
use super::measures::{hellinger, jensen_shannon, psi, wasserstein};
use crate::reference::{Distribution, Noise, OWN, Reference, Values, WINDOWS};

/// Windows of each size that are drawn of each column. The quantile of one in a thousand is not looked up among so few
/// but extrapolated.
pub const RESAMPLES: usize = 200;

/// The standard normal number that one of a thousand exceeds, `scipy.stats.norm.isf(0.001)`.
const ONE_OF_A_THOUSAND: f64 = 3.090232306167813;

/// Calibrates all distributions of a reference. Equal references give equal noise.
pub fn calibrate(reference: &mut Reference) {
    let outputs = reference.outputs.iter_mut().flat_map(|outputs| &mut outputs.distributions);
    for distribution in reference.fields.iter_mut().chain(outputs) {
        distribution.noise = Some(noise(distribution));
    }
}

/// The noise of windows of each size.
pub(super) fn noise(distribution: &Distribution) -> Noise {
    let drawn = WINDOWS.map(|size| distances(distribution, size));
    let quantiles = |measure: usize| {
        let of = |windows: &Vec<Squares>| sum_of_squares(windows.iter().map(|window| window[measure]));
        [0, 1, 2].map(|size| of(&drawn[size]))
    };
    let root = |square: f64| rounded(square.sqrt());
    // The distance falls with the root of the size, so windows of all sizes tell of one.
    let scaled = |(windows, size): (&Vec<Squares>, u64)| {
        windows.iter().map(|window| window[3] * size as f64).collect::<Vec<_>>()
    };
    let moved = exceedances(drawn.iter().zip(WINDOWS).flat_map(scaled).collect());
    Noise {
        psi: quantiles(0).map(rounded),
        jensen_shannon: quantiles(1).map(root),
        hellinger: quantiles(2).map(root),
        wasserstein: matches!(distribution.values, Values::Numbers(_))
            .then(|| WINDOWS.map(|size| root(moved / size as f64))),
    }
}

/// The index and the squares of the Jensen-Shannon, Hellinger and Wasserstein distances of a window.
type Squares = [f64; 4];

fn distances(distribution: &Distribution, size: u64) -> Vec<Squares> {
    let counts = distribution.counts();
    let own = &counts[OWN..];
    if own.iter().sum::<u64>() == 0 {
        return Vec::new();
    }
    let groups = groups(distribution);
    let expected = grouped(&counts, &groups);
    let mut random = Random::new(size);
    let mut live = counts.clone();
    let draw = |_| {
        random.window(own, size, &mut live[OWN..]);
        let found = grouped(&live, &groups);
        let moved = match &distribution.values {
            Values::Numbers(numbers) => wasserstein(numbers, own, &live[OWN..]),
            Values::Categories(_) => 0.0,
        };
        let distances = [jensen_shannon(&expected, &found), hellinger(&expected, &found), moved];
        let [jensen_shannon, hellinger, moved] = distances.map(|distance| distance * distance);
        [psi(&expected, &found), jensen_shannon, hellinger, moved]
    };
    (0..RESAMPLES).map(draw).collect()
}

/// The quantile of sums of squares, of which cube roots are nearly normal (E. B. Wilson and M. M. Hilferty, The
/// distribution of chi-square, 1931).
fn sum_of_squares(values: impl Iterator<Item = f64>) -> f64 {
    let roots: Vec<f64> = values.map(f64::cbrt).collect();
    let drawn = roots.len().max(1) as f64;
    let mean = roots.iter().sum::<f64>() / drawn;
    let variance = roots.iter().map(|root| (root - mean).powi(2)).sum::<f64>() / drawn;
    (mean + ONE_OF_A_THOUSAND * variance.sqrt()).powi(3)
}

/// The quantile of values whose greatest tenth exceeds all others as exponential numbers do, which the squares of normal
/// numbers' sums come near to (peaks over a threshold: J. Pickands, Statistical inference using extreme order
/// statistics, 1975).
fn exceedances(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(|one, other| other.total_cmp(one));
    let tenth = values.len() / 10;
    let Some(&threshold) = values.get(tenth) else { return 0.0 };
    let excess: f64 = values[..tenth].iter().map(|value| value - threshold).sum();
    threshold + excess / tenth.max(1) as f64 * f64::ln(0.1 / 0.001)
}

/// To four digits: what differs between machines' logarithms is below.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Draws windows: SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// From 0 to 1, neither included.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((bits ^ (bits >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// By Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// The counts of `size` values that fall into bins as `weights` say.
    pub fn window(&mut self, weights: &[u64], size: u64, counts: &mut [u64]) {
        let (mut left, mut weight_left) = (size, weights.iter().sum::<u64>());
        for (&weight, count) in weights.iter().zip(counts) {
            *count = match weight {
                0 => 0,
                _ if weight == weight_left => left,
                _ => self.binomial(left, weight as f64 / weight_left as f64),
            };
            left -= *count;
            weight_left -= weight;
        }
    }

    /// How many of `n` are so where each is with probability `p`: by inversion where few are expected, else a rounded
    /// normal number.
    fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        let mean = n as f64 * p;
        if mean >= 30.0 {
            let drawn = mean + self.normal() * (mean * (1.0 - p)).sqrt();
            return (drawn.round().max(0.0) as u64).min(n);
        }
        let (odds, mut left) = (p / (1.0 - p), self.uniform());
        let mut term = (1.0 - p).powf(n as f64);
        for drawn in 0..n {
            left -= term;
            if left <= 0.0 {
                return drawn;
            }
            term *= (n - drawn) as f64 / (drawn + 1) as f64 * odds;
            // What is left of the sum is lost to rounding.
            if term < 1e-18 && drawn as f64 > mean {
                return drawn;
            }
        }
        n
    }
}

#[cfg(test)]
mod tests;
