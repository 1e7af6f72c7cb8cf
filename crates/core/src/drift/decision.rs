//! What counts as drift: a difference that is both large enough to matter and too large for chance.

use super::LiveCounts;
use super::calibration::noise;
use super::measures::{Measures, Rate, any_bin, most_moved_bin};
use crate::reference::{Distribution, OWN, Values};
use serde::Serialize;

/// The probability that a window without drift has any drifted column, at most, over all columns and tests.
pub const ALPHA: f64 = 0.001;
/// Each judged column has so many tests at most; each test of each of k columns is held to `ALPHA / (TESTS k)`
/// (Bonferroni's bound, which holds however columns depend on each other).
pub const TESTS: usize = 6;
/// Nothing is judged of fewer live rows, or of a reference of fewer.
pub const FEWEST_ROWS: u64 = 100;
/// Values are not judged, only that they are missing, where fewer rows have one.
pub const FEWEST_VALUES: u64 = 30;

/// The least Kolmogorov-Smirnov statistic that matters: that of normal numbers shifted by 0.2 standard deviations
/// (2 Phi(0.1) - 1), which J. Cohen (Statistical Power Analysis for the Behavioral Sciences, 1988) calls small.
pub(super) const LEAST_KS: f64 = 0.08;
/// The least move of a share that matters, in rows: one of a hundred.
const LEAST_POINTS: f64 = 0.01;
/// The least move of the share of a category or of a bin of numbers in Cohen's h, 2 asin(sqrt(p)) - 2 asin(sqrt(q)):
/// three quarters of what Cohen calls small. From 0 to 1 %, from 5 % to 8.8 %, from 50 % to 57.5 %.
const LEAST_MOVE: f64 = 0.15;
/// The same of missing and unusable values, of those beyond the reference's, and of new categories, of which the
/// healthy have about as many every day: from 2 % to 3.7 %, from 5 % to 7.4 %.
const LEAST_FAULT: f64 = 0.1;

/// Why a column is drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// All values are in one bin, and the reference's are not.
    Frozen(usize),
    /// More or fewer rows without a value.
    Missing,
    /// More or fewer values that are not finite, or of another kind.
    Unusable,
    /// Numbers beyond the reference's.
    OutOfRange,
    /// Categories that the reference does not have.
    NewCategories,
    /// The distribution as a whole.
    Shape,
    /// The share of one bin.
    Bin(usize),
}

/// Why nothing is said of a column, or `None` where it is judged.
pub(super) fn silence(reference: &Distribution, live: &LiveCounts) -> Option<String> {
    let rows = live.rows();
    if rows < FEWEST_ROWS {
        return Some(format!("{rows} rows; judged from {FEWEST_ROWS} on"));
    }
    let known = reference.rows;
    (known < FEWEST_ROWS).then(|| format!("the reference has {known} rows; judged from {FEWEST_ROWS} on"))
}

/// All that says that a column drifted, where `judged` columns are judged in all.
pub(super) fn reasons(
    reference: &Distribution,
    live: &LiveCounts,
    measures: &Measures,
    judged: usize,
) -> Vec<Reason> {
    let limit = ALPHA / (TESTS * judged.max(1)) as f64;
    let matters = |live: f64, reference: f64, least: f64| {
        let h = || 2.0 * (live.sqrt().asin() - reference.sqrt().asin());
        (live - reference).abs() >= LEAST_POINTS && h().abs() >= least
    };
    let moved = |rate: &Rate, least: f64| rate.p_value < limit && matters(rate.live, rate.reference, least);
    let faulty = |rate: &Option<Rate>| rate.as_ref().is_some_and(|rate| moved(rate, LEAST_FAULT));
    let mut found = Vec::new();
    let mut holds = |reason: Reason, is_so: bool| is_so.then(|| found.push(reason));
    holds(Reason::Missing, moved(&measures.missing, LEAST_FAULT));
    holds(Reason::Unusable, moved(&measures.unusable, LEAST_FAULT));
    let usable: u64 = reference.counts()[OWN..].iter().sum();
    if measures.values < FEWEST_VALUES || usable < FEWEST_VALUES {
        return found;
    }
    // That all n rows fall into any bin of shares p is as likely as the sum of p^n, hardly more than that of the
    // most frequent one where it matters; so no bound for many bins is needed.
    if let Some(bin) = frozen(reference, live, measures.values)
        && own_rate(reference, live, bin, usable).p_value < limit
    {
        holds(Reason::Frozen(bin), true);
    }
    holds(Reason::OutOfRange, faulty(&measures.out_of_range));
    holds(Reason::NewCategories, faulty(&measures.new_categories));
    let is_other_shape = measures.ks.is_some_and(|ks| ks.p_value < limit && ks.statistic >= LEAST_KS);
    holds(Reason::Shape, is_other_shape && exceeds_noise(reference, measures, usable));
    // Where no bin moved enough to matter, the one that is tested best did not.
    if any_bin(reference, live, |live, known| matters(live, known, LEAST_MOVE))
        && let Some((bin, rate)) = most_moved_bin(reference, live)
    {
        holds(Reason::Bin(bin), moved(&rate, LEAST_MOVE));
    }
    found.sort_by_key(|reason| rank(*reason));
    found
}

/// Whether any distance is greater than that of one of a thousand windows without drift.
fn exceeds_noise(reference: &Distribution, measures: &Measures, usable: u64) -> bool {
    let noise = reference.noise.clone().unwrap_or_else(|| noise(reference));
    let floor = noise.floor(measures.values, usable);
    let pairs = [
        (measures.psi, Some(floor.psi)),
        (measures.jensen_shannon, Some(floor.jensen_shannon)),
        (measures.hellinger, Some(floor.hellinger)),
        (measures.wasserstein, floor.wasserstein),
    ];
    pairs.into_iter().any(|(measure, floor)| measure > floor && floor.is_some())
}

/// The only bin that live values are in, unless it holds what the reference does not have.
fn frozen(reference: &Distribution, live: &LiveCounts, values: u64) -> Option<usize> {
    let last = live.counts.len() - 1;
    let known = match &reference.values {
        Values::Numbers(_) => OWN + 1..last,
        Values::Categories(_) => OWN..last,
    };
    known.into_iter().find(|&bin| live.counts[bin] == values)
}

fn own_rate(reference: &Distribution, live: &LiveCounts, bin: usize, usable: u64) -> Rate {
    Rate::exact(live.counts[bin], live.values(), reference.counts()[bin], usable)
}

/// What explains most comes first.
fn rank(reason: Reason) -> usize {
    match reason {
        Reason::Frozen(_) => 0,
        Reason::NewCategories => 1,
        Reason::OutOfRange => 2,
        Reason::Missing => 3,
        Reason::Unusable => 4,
        Reason::Shape => 5,
        Reason::Bin(_) => 6,
    }
}

#[cfg(test)]
mod tests;
