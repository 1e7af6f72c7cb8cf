//! Numbers of the reference, in bins of about equally many.

use serde::{Deserialize, Serialize};
use std::hint::select_unpredictable;

/// Most bins that numbers have, those beyond the reference aside.
pub const MOST_BINS: usize = 100;

/// The finite numbers of a field or output.
///
/// Bin 0 is below the least number, the last one above the greatest. Bin `i` between holds numbers above
/// `edges[i - 2]` and up to `edges[i - 1]`, edges included. A value that is frequent has a bin of its own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Infinite values, and values that are no number.
    pub not_finite: u64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, divided by the number of values.
    pub standard_deviation: f64,
    /// The least number.
    pub min: f64,
    /// The greatest number of each bin, ascending; the last is the greatest of all.
    pub edges: Vec<f64>,
    /// How many numbers are in each of these bins.
    pub counts: Vec<u64>,
    /// The mean of the numbers in each.
    pub means: Vec<f64>,
}

impl Numbers {
    /// The unit of distances from the mean: the standard deviation, or where all numbers are the same their
    /// magnitude, or 1.
    #[inline]
    pub fn scale(&self) -> f64 {
        let units = [self.standard_deviation, self.mean.abs(), 1.0];
        units.into_iter().find(|unit| *unit > 0.0).unwrap_or(1.0)
    }

    /// The number of bins, with those below and above.
    pub fn n_bins(&self) -> usize {
        self.edges.len() + 2
    }

    /// The counts in these bins.
    pub fn bin_counts(&self) -> Vec<u64> {
        [0].into_iter().chain(self.counts.iter().copied()).chain([0]).collect()
    }

    /// The bin of a finite number.
    #[inline]
    pub fn bin(&self, number: f64) -> usize {
        if number < self.min {
            return 0;
        }
        let (mut first, mut n) = (0, self.edges.len());
        while n > 1 {
            let half = n / 2;
            let is_above = self.edges.get(first + half - 1).is_some_and(|&edge| edge < number);
            first = select_unpredictable(is_above, first + half, first);
            n -= half;
        }
        1 + first + usize::from(self.edges.get(first).is_some_and(|&edge| edge < number))
    }

    /// Whether numbers of a bin may lie far from its mean, so that their distances are added up one by one: what is
    /// below or above the reference, and the outermost bins unless each holds one number.
    #[inline]
    pub fn is_wide(&self, bin: usize) -> bool {
        let last = self.edges.len();
        bin == 0
            || bin > last
            || bin == 1 && self.means[0] != self.min
            || bin == last && self.means[last - 1] != self.edges[last - 1]
    }

    /// The distances from the mean of so many numbers in bins that are not wide, each taken for its bin's mean.
    pub fn binned_distances(&self, counts: &[u64]) -> f64 {
        let bins = counts.iter().enumerate().skip(1).take(self.edges.len());
        let narrow = bins.filter(|(bin, _)| !self.is_wide(*bin));
        narrow.map(|(bin, &count)| count as f64 * (self.means[bin - 1] - self.mean) / self.scale()).sum()
    }

    /// What a bin holds, for people.
    pub fn bin_name(&self, bin: usize) -> String {
        let last = self.edges.last().copied().unwrap_or(self.min);
        match bin {
            0 => format!("below {}", self.min),
            _ if bin > self.edges.len() => format!("above {last}"),
            1 if self.edges[0] == self.min => format!("{}", self.min),
            1 => format!("{} to {}", self.min, self.edges[0]),
            _ => format!("above {} to {}", self.edges[bin - 2], self.edges[bin - 1]),
        }
    }

    /// The number of values, or what is wrong.
    pub(super) fn check(&self) -> Result<u64, String> {
        let Numbers { edges, counts, means, min, .. } = self;
        if edges.len() != counts.len() || edges.len() != means.len() || edges.len() > MOST_BINS {
            let lengths = (edges.len(), counts.len(), means.len());
            return Err(format!(
                "{lengths:?} edges, counts and means; expected equally many, {MOST_BINS} at most"
            ));
        }
        let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
        let spread = self.standard_deviation;
        if !ascending || edges.first().is_some_and(|first| first < min) || spread.is_nan() || spread < 0.0 {
            return Err("edges that do not ascend from the least number, or a negative deviation".to_owned());
        }
        let sum = counts.iter().try_fold(self.not_finite, |sum, &count| sum.checked_add(count));
        sum.ok_or_else(|| "more values than can be counted".to_owned())
    }
}
