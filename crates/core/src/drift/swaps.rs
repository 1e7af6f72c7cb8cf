//! Columns whose live values look like each other's reference.

use super::LiveCounts;
use super::report::ColumnDrift;
use crate::reference::{Categories, Distribution, Numbers, OWN, Values};

/// Two columns are alike up to so much, in the Kolmogorov-Smirnov statistic of numbers or the total variation of
/// categories, beside what chance allows: two bins of a fiftieth.
const ALIKE: f64 = 0.04;
/// Columns that drifted and are compared with each other, at most.
const MOST_COMPARED: usize = 64;

/// For each column the one that it seems to be swapped with.
pub(super) fn swapped(
    distributions: &[Distribution],
    live: &[LiveCounts],
    columns: &[ColumnDrift],
) -> Vec<Option<usize>> {
    let drifted: Vec<usize> =
        (0..columns.len()).filter(|&at| columns[at].drifted).take(MOST_COMPARED).collect();
    let like = |at: usize, other: usize| likeness(&distributions[at], &live[at], &distributions[other]);
    let mut found = vec![None; columns.len()];
    let mut best = vec![f64::INFINITY; columns.len()];
    for (place, &one) in drifted.iter().enumerate() {
        for &other in &drifted[place + 1..] {
            let distance = like(one, other).zip(like(other, one)).map(|(there, back)| there + back);
            let Some(distance) = distance.filter(|&distance| distance < best[one].min(best[other])) else {
                continue;
            };
            for at in [one, other] {
                if let Some(before) = found[at].take() {
                    found[before] = None;
                    best[before] = f64::INFINITY;
                }
                best[at] = distance;
            }
            (found[one], found[other]) = (Some(other), Some(one));
        }
    }
    found
}

/// How far the live values of a column lie from the reference of another, where they look like it and not like their
/// own.
fn likeness(own: &Distribution, live: &LiveCounts, other: &Distribution) -> Option<f64> {
    let own_counts = own.counts();
    let (n, m) = (live.values() as f64, other.counts()[OWN..].iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let values = &live.counts[OWN..];
    let (distance, before) = match (&own.values, &other.values) {
        (Values::Numbers(bins), Values::Numbers(numbers)) => {
            let known = |x: f64| share_up_to(bins, x);
            if !ends_fit(live, numbers) {
                return None;
            }
            (distance(bins, values, |x| share_up_to(numbers, x)), distance(bins, values, known))
        }
        (Values::Categories(bins), Values::Categories(categories)) => {
            let expected = projected(categories, bins);
            (variation(&expected, values), variation(&own_counts[OWN..], values))
        }
        _ => return None,
    };
    let limit = ALIKE + 1.36 * (1.0 / n + 1.0 / m).sqrt();
    (distance <= limit && distance < before / 2.0).then_some(distance)
}

/// Whether live extremes, where they are known, are about the reference's.
fn ends_fit(live: &LiveCounts, numbers: &Numbers) -> bool {
    let Some(&last) = numbers.edges.last() else { return false };
    let room = numbers.scale();
    let fits = |end: Option<f64>| end.is_none_or(|end| end >= numbers.min - room && end <= last + room);
    fits(live.least) && (fits(live.greatest) || live.greatest.is_some_and(|greatest| greatest < last * 2.0))
}

/// The greatest difference of cumulated shares at the edges of bins.
fn distance(bins: &Numbers, live: &[u64], share_up_to: impl Fn(f64) -> f64) -> f64 {
    let n = live.iter().sum::<u64>() as f64;
    let mut held = live[0];
    let mut greatest = 0.0_f64;
    for (edge, count) in bins.edges.iter().zip(&live[1..]) {
        held += count;
        greatest = greatest.max((share_up_to(*edge) - held as f64 / n).abs());
    }
    greatest
}

/// The share of the reference's numbers up to `x`, as if they were spread evenly in their bins.
fn share_up_to(numbers: &Numbers, x: f64) -> f64 {
    let total = numbers.counts.iter().sum::<u64>().max(1) as f64;
    let mut low = numbers.min;
    let mut held = 0.0;
    for ((&edge, &count), &mean) in numbers.edges.iter().zip(&numbers.counts).zip(&numbers.means) {
        let count = count as f64;
        if x < edge {
            let is_single = mean == edge;
            let part = if is_single || x < low { 0.0 } else { (x - low) / (edge - low) };
            return (held + count * part) / total;
        }
        held += count;
        low = edge;
    }
    1.0
}

/// The reference's counts in the bins of another column.
fn projected(categories: &Categories, bins: &Categories) -> Vec<u64> {
    let mut counts = vec![0; bins.n_bins()];
    let held = categories.bin_counts();
    for (name, count) in categories.names().iter().zip(&held) {
        counts[bins.bin(name.as_bytes())] += count;
    }
    counts[bins.n_bins() - 1] += held[held.len() - 1];
    counts
}

fn variation(reference: &[u64], live: &[u64]) -> f64 {
    let (m, n) = (reference.iter().sum::<u64>().max(1) as f64, live.iter().sum::<u64>().max(1) as f64);
    let differences = reference.iter().zip(live).map(|(&a, &b)| (a as f64 / m - b as f64 / n).abs());
    differences.sum::<f64>() / 2.0
}
