//! How far windows of the reference's own values lie from it by chance.

use serde::{Deserialize, Serialize};

/// The sizes of the windows that are drawn, in values.
pub const WINDOWS: [u64; 3] = [100, 1_000, 10_000];

/// For each measure the distance that one of a thousand windows without drift exceeds, by the windows' sizes, where
/// the reference itself is exact.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The population stability index.
    pub psi: [f64; 3],
    /// The Jensen-Shannon distance.
    pub jensen_shannon: [f64; 3],
    /// The Hellinger distance.
    pub hellinger: [f64; 3],
    /// The normalised Wasserstein distance, of numbers.
    pub wasserstein: Option<[f64; 3]>,
}

/// [`Noise`] at one number of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NoiseFloor {
    /// The population stability index.
    pub psi: f64,
    /// The Jensen-Shannon distance.
    pub jensen_shannon: f64,
    /// The Hellinger distance.
    pub hellinger: f64,
    /// The normalised Wasserstein distance, of numbers.
    pub wasserstein: Option<f64>,
}

impl Noise {
    /// The floor for `n` live values where the reference has `m`.
    ///
    /// The reference's values are drawn by chance, too: two samples differ as one of n m / (n + m) does from what
    /// both were drawn from. Between the sizes of [`WINDOWS`] the logarithms are interpolated; beyond them the index
    /// falls with the number of values, and distances with its root, as their limits do.
    pub fn floor(&self, n: u64, m: u64) -> NoiseFloor {
        let size = n as f64 * m as f64 / (n as f64 + m as f64).max(1.0);
        NoiseFloor {
            psi: interpolated(&self.psi, size, 1.0),
            jensen_shannon: interpolated(&self.jensen_shannon, size, 0.5),
            hellinger: interpolated(&self.hellinger, size, 0.5),
            wasserstein: self.wasserstein.as_ref().map(|floors| interpolated(floors, size, 0.5)),
        }
    }

    /// Whether all floors are distances.
    pub(super) fn check(&self) -> Result<(), String> {
        let all =
            [Some(&self.psi), Some(&self.jensen_shannon), Some(&self.hellinger), self.wasserstein.as_ref()];
        let sound = all.into_iter().flatten().flatten().all(|floor| floor.is_finite() && *floor >= 0.0);
        if sound { Ok(()) } else { Err("a noise floor that is negative or not finite".to_owned()) }
    }
}

fn interpolated(floors: &[f64; 3], size: f64, power: f64) -> f64 {
    let sizes = WINDOWS.map(|size| size as f64);
    let scaled = |at: usize| floors[at] * (sizes[at] / size.max(1.0)).powf(power);
    if size <= sizes[0] {
        return scaled(0);
    }
    if size >= sizes[2] {
        return scaled(2);
    }
    let low = usize::from(size >= sizes[1]);
    let share = (size / sizes[low]).ln() / (sizes[low + 1] / sizes[low]).ln();
    // Of a constant all floors are 0, which have no logarithm.
    if floors[low] == 0.0 || floors[low + 1] == 0.0 {
        return floors[low].max(floors[low + 1]);
    }
    (floors[low].ln() * (1.0 - share) + floors[low + 1].ln() * share).exp()
}
