//! How far windows without drift lie from the reference: found by drawing them from its own bins.

use super::bins::{grouped, groups};
use super::measures::{hellinger, jensen_shannon, psi, wasserstein};
use crate::reference::{Distribution, Noise, OWN, Reference, Values, WINDOWS};

/// Windows of each size that are drawn of each column.
///
/// The quantile of one in a thousand is not looked up among them but computed from the mean and the deviation of the
/// cube roots of what was found, which are nearly normal for sums of squares (E. B. Wilson and M. M. Hilferty, The
/// distribution of chi-square, 1931).
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
    let is_numeric = matches!(distribution.values, Values::Numbers(_));
    let found = WINDOWS.map(|size| floors(distribution, size));
    let of = |measure: usize| found.map(|floors| floors[measure]);
    Noise {
        psi: of(0),
        jensen_shannon: of(1).map(f64::sqrt).map(rounded),
        hellinger: of(2).map(f64::sqrt).map(rounded),
        wasserstein: is_numeric.then(|| of(3).map(f64::sqrt).map(rounded)),
    }
}

/// The index and the squares of the three distances.
fn floors(distribution: &Distribution, size: u64) -> [f64; 4] {
    let counts = distribution.counts();
    let own = &counts[OWN..];
    if own.iter().sum::<u64>() == 0 {
        return [0.0; 4];
    }
    let groups = groups(distribution);
    let expected = grouped(&counts, &groups);
    let mut random = Random::new(size);
    let (mut sums, mut squares) = ([0.0; 4], [0.0; 4]);
    let mut live = counts.clone();
    for _ in 0..RESAMPLES {
        random.window(own, size, &mut live[OWN..]);
        let found = grouped(&live, &groups);
        let moved = match &distribution.values {
            Values::Numbers(numbers) => wasserstein(numbers, own, &live[OWN..]),
            Values::Categories(_) => 0.0,
        };
        let index = psi(&expected, &found);
        let distances = [jensen_shannon(&expected, &found), hellinger(&expected, &found), moved];
        for (at, value) in
            [index].into_iter().chain(distances.map(|distance| distance * distance)).enumerate()
        {
            let root = value.cbrt();
            sums[at] += root;
            squares[at] += root * root;
        }
    }
    let drawn = RESAMPLES as f64;
    std::array::from_fn(|at| {
        let mean = sums[at] / drawn;
        let deviation = (squares[at] / drawn - mean * mean).max(0.0).sqrt();
        rounded((mean + ONE_OF_A_THOUSAND * deviation).powi(3))
    })
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
