//! The measures of drift of one field or output.

use super::LiveCounts;
use super::bins::{grouped, groups, joined, judged_categories, positions};
use super::probability::{
    beyond_range, chi_square, kolmogorov, log2_ratio, normal_two_sided, two_proportions,
};
use crate::reference::{Distribution, MISSING, Numbers, OWN, UNUSABLE, Values};
use serde::Serialize;

/// How live values differ from the reference's. A measure is `None` where it has no meaning: for other kinds of values,
/// or without values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Live rows.
    pub rows: u64,
    /// Live rows whose value is of use.
    pub values: u64,
    /// The two-sample Kolmogorov-Smirnov statistic of numbers on the reference's bins, and the limiting distribution's
    /// probability of it (`scipy.stats.kstwobign.sf` at sqrt(n m / (n + m)) D). Between bins the samples may be farther
    /// apart by the share of a bin at most, which is 2 % of the reference unless a value is frequent.
    pub ks: Option<Tested>,
    /// The chi-square test of all bins, joined until each is expected to hold 5 rows
    /// (`scipy.stats.chi2_contingency(correction=False)`).
    pub chi_square: Option<ChiSquare>,
    /// The population stability index, the sum of (p - q) ln(p / q), over up to 16 groups of bins; half a row is added
    /// to each group of both samples, so that empty ones have a logarithm.
    pub psi: Option<f64>,
    /// The Jensen-Shannon distance of the same groups in base 2, from 0 to 1
    /// (`scipy.spatial.distance.jensenshannon(base=2)`).
    pub jensen_shannon: Option<f64>,
    /// The Hellinger distance of the same groups, from 0 to 1: the norm of sqrt(p) - sqrt(q), over sqrt(2).
    pub hellinger: Option<f64>,
    /// The distance that numbers moved, in the reference's standard deviations: the first Wasserstein distance of the
    /// means of all bins (`scipy.stats.wasserstein_distance`). What lies beyond the reference counts as its ends.
    pub wasserstein: Option<f64>,
    /// By how many of the reference's standard deviations the mean moved.
    pub mean_shift: Option<MeanShift>,
    /// Rows without a value.
    pub missing: Rate,
    /// Rows whose value is not finite, or of another kind than the reference's.
    pub unusable: Rate,
    /// Values that are less than the reference's least or greater than its greatest.
    pub out_of_range: Option<Rate>,
    /// Values that are none of the reference's categories, where it names all that it has.
    pub new_categories: Option<Rate>,
    /// How much of all that was counted moved, from 0 to 1: the Hellinger distance over the groups of bins and the rows
    /// that are missing, unusable, beyond the reference's numbers, or none of its categories. Columns are sorted by it.
    pub moved: f64,
}

/// A statistic and how likely it is by chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// The statistic.
    pub statistic: f64,
    /// The probability of such a statistic, or a greater one, without drift.
    pub p_value: f64,
}

/// The chi-square test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChiSquare {
    /// The statistic.
    pub statistic: f64,
    /// One less than the joined bins.
    pub degrees_of_freedom: u64,
    /// The probability of such a statistic, or a greater one, without drift.
    pub p_value: f64,
}

/// How far a mean moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanShift {
    /// In the reference's standard deviations, upwards.
    pub shift: f64,
    /// In standard errors of the difference of two means of the reference's standard deviation.
    pub z: f64,
    /// The two-sided probability by the normal distribution. Of few rows of a long-tailed field it is too small, so it
    /// decides nothing.
    pub p_value: f64,
}

/// A share of rows, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Of the reference.
    pub reference: f64,
    /// Of live rows.
    pub live: f64,
    /// The probability of such a difference, or a greater one, without drift.
    pub p_value: f64,
}

impl Measures {
    /// Compares what was counted with the reference.
    pub fn new(reference: &Distribution, live: &LiveCounts) -> Measures {
        let counts = reference.counts();
        let values: u64 = live.values();
        let usable: u64 = counts[OWN..].iter().sum();
        let groups = groups(reference);
        let (expected, found) = (grouped(&counts, &groups), grouped(&live.counts, &groups));
        let rate = |bin: usize| Rate::exact(live.counts[bin], live.rows(), counts[bin], reference.rows);
        let (a, b) = (&counts[OWN..], &live.counts[OWN..]);
        let comparable = values > 0 && usable > 0;
        let mut measures = Measures {
            rows: live.rows(),
            values,
            chi_square: comparable.then(|| ChiSquare::new(a, b)).flatten(),
            psi: comparable.then(|| psi(&expected, &found)),
            jensen_shannon: comparable.then(|| jensen_shannon(&expected, &found)),
            hellinger: comparable.then(|| hellinger(&expected, &found)),
            missing: rate(MISSING),
            unusable: rate(UNUSABLE),
            ..Measures::default()
        };
        let last = live.counts.len() - 1;
        let mut beyond = 0;
        match &reference.values {
            Values::Numbers(numbers) if comparable => {
                beyond = live.counts[OWN] + live.counts[last];
                measures.ks = Some(ks(a, b));
                measures.wasserstein = Some(wasserstein(numbers, a, b));
                measures.mean_shift = Some(MeanShift::new(live.sum, values, usable));
                measures.out_of_range = Some(Rate {
                    reference: 0.0,
                    live: beyond as f64 / values as f64,
                    p_value: beyond_range(beyond, values, usable),
                });
            }
            Values::Categories(categories) if comparable && categories.is_complete() => {
                beyond = live.counts[last];
                measures.new_categories = Some(Rate::exact(beyond, values, 0, usable));
            }
            _ => {}
        }
        let whole = |bins: Vec<u64>, counts: &[u64], beyond| {
            let others = [counts[MISSING], counts[UNUSABLE], beyond];
            others.into_iter().chain(bins).collect::<Vec<_>>()
        };
        measures.moved = hellinger(&whole(expected, &counts, 0), &whole(found, &live.counts, beyond));
        measures
    }
}

impl Rate {
    /// The exact test of two proportions, [`two_proportions`].
    pub(super) fn exact(live: u64, n: u64, reference: u64, m: u64) -> Rate {
        let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        let p_value = two_proportions(live, n, reference, m);
        Rate { reference: share(reference, m), live: share(live, n), p_value }
    }
}

impl ChiSquare {
    /// `None` where fewer than two bins are left.
    fn new(reference: &[u64], live: &[u64]) -> Option<ChiSquare> {
        let joined = joined(reference, live);
        let degrees_of_freedom = joined.len().checked_sub(1).filter(|&degrees| degrees > 0)? as u64;
        let (m, n): (u64, u64) = (reference.iter().sum(), live.iter().sum());
        let (m, n) = (m as f64, n as f64);
        let term = |&(a, b): &(u64, u64)| {
            let (a, b) = (a as f64, b as f64);
            (a * n - b * m).powi(2) / (n * m * (a + b))
        };
        let statistic: f64 = joined.iter().map(term).sum();
        let p_value = chi_square(statistic, degrees_of_freedom as f64);
        Some(ChiSquare { statistic, degrees_of_freedom, p_value })
    }
}

impl MeanShift {
    /// `sum` of `n` distances, `m` numbers of the reference.
    fn new(sum: f64, n: u64, m: u64) -> MeanShift {
        let shift = sum / n as f64;
        let z = shift / (1.0 / n as f64 + 1.0 / m as f64).sqrt();
        MeanShift { shift, z, p_value: normal_two_sided(z) }
    }
}

/// The tests of single bins: the bin of a distribution's own whose share moved most by what chance allows, with the
/// probability of a move of any of them (Bonferroni's bound). Numbers beyond the reference are not among them.
pub(super) fn most_moved_bin(reference: &Distribution, live: &LiveCounts) -> Option<(usize, Rate)> {
    let (bins, m, n) = single_bins(reference, live);
    let tested = bins.len() as f64;
    let rates = bins.into_iter().map(|(bin, live, known)| (bin, Rate::exact(live, n, known, m)));
    let most = rates.min_by(|one, other| one.1.p_value.total_cmp(&other.1.p_value));
    most.map(|(bin, rate)| (bin, Rate { p_value: (rate.p_value * tested).min(1.0), ..rate }))
}

/// Whether `moved` holds for the live share of any of these bins and the reference's, which costs no test.
pub(super) fn any_bin(reference: &Distribution, live: &LiveCounts, moved: impl Fn(f64, f64) -> bool) -> bool {
    let (bins, m, n) = single_bins(reference, live);
    let (m, n) = (m.max(1) as f64, n.max(1) as f64);
    bins.into_iter().any(|(_, live, known)| moved(live as f64 / n, known as f64 / m))
}

/// The bins that are tested each for itself, with their live rows and the reference's, and how many the reference and
/// the live values are in all.
fn single_bins(reference: &Distribution, live: &LiveCounts) -> (Vec<(usize, u64, u64)>, u64, u64) {
    let counts = reference.counts();
    let (m, n): (u64, u64) = (counts[OWN..].iter().sum(), live.values());
    let last = counts.len() - 1;
    let own = match &reference.values {
        Values::Numbers(_) => OWN + 1..last,
        Values::Categories(categories) => OWN..OWN + judged_categories(categories),
    };
    let each = own.clone().map(|bin| (bin, live.counts[bin], counts[bin]));
    let rest = |counts: &[u64]| counts[own.end..].iter().sum::<u64>();
    let others = match &reference.values {
        Values::Categories(categories) if !categories.is_complete() => {
            Some((last, rest(&live.counts), rest(&counts)))
        }
        _ => None,
    };
    (each.chain(others).collect(), m, n)
}

fn ks(reference: &[u64], live: &[u64]) -> Tested {
    let (m, n) = (reference.iter().sum::<u64>() as f64, live.iter().sum::<u64>() as f64);
    let (mut a, mut b, mut statistic) = (0, 0, 0.0_f64);
    for (more_a, more_b) in reference.iter().zip(live) {
        (a, b) = (a + more_a, b + more_b);
        statistic = statistic.max((a as f64 / m - b as f64 / n).abs());
    }
    Tested { statistic, p_value: kolmogorov((n * m / (n + m)).sqrt() * statistic) }
}

/// Pairs of shares, the reference's first.
fn shares(reference: &[u64], live: &[u64]) -> impl Iterator<Item = (f64, f64)> {
    let (m, n) = (reference.iter().sum::<u64>().max(1) as f64, live.iter().sum::<u64>().max(1) as f64);
    reference.iter().zip(live).map(move |(&a, &b)| (a as f64 / m, b as f64 / n))
}

pub(super) fn psi(reference: &[u64], live: &[u64]) -> f64 {
    let held = || reference.iter().zip(live).filter(|(a, b)| **a + **b > 0);
    let half = 0.5 * held().count() as f64;
    let m = reference.iter().sum::<u64>() as f64 + half;
    let n = live.iter().sum::<u64>() as f64 + half;
    let term = |(&a, &b): (&u64, &u64)| {
        let (q, p) = ((a as f64 + 0.5) / m, (b as f64 + 0.5) / n);
        (p - q) * (p / q).ln()
    };
    held().map(term).sum()
}

pub(super) fn jensen_shannon(reference: &[u64], live: &[u64]) -> f64 {
    let term = |(q, p): (f64, f64)| {
        let middle = (p + q) / 2.0;
        (p * log2_ratio(p, middle) + q * log2_ratio(q, middle)) / 2.0
    };
    shares(reference, live).map(term).sum::<f64>().max(0.0).sqrt()
}

pub(super) fn hellinger(reference: &[u64], live: &[u64]) -> f64 {
    let square: f64 = shares(reference, live).map(|(q, p)| (p.sqrt() - q.sqrt()).powi(2)).sum();
    (square / 2.0).sqrt().min(1.0)
}

pub(super) fn wasserstein(numbers: &Numbers, reference: &[u64], live: &[u64]) -> f64 {
    let positions = positions(numbers);
    let (mut distance, mut ahead) = (0.0, 0.0);
    for (at, (q, p)) in shares(reference, live).enumerate() {
        let width = if at == 0 { 0.0 } else { positions[at] - positions[at - 1] };
        distance += f64::abs(ahead) * (width / numbers.scale());
        ahead += p - q;
    }
    distance
}

#[cfg(test)]
mod tests;
