//! Which bins are judged for themselves, and which are taken together.

use crate::reference::{Categories, Distribution, Numbers, OWN, Values};

/// Groups of numbers hold at least one in so many of the reference's.
const GROUPS: u64 = 12;
/// Categories beyond so many, by how often they are, are one group.
const MOST_NAMED_GROUPS: usize = 15;

/// For each bin of a distribution's own the number of its group, ascending, without gaps.
///
/// Neighbouring bins of numbers are joined until they hold a twelfth of the reference's numbers, a more frequent value
/// stays for itself, and numbers beyond the reference belong to the groups at its ends. Of categories the 15 most
/// frequent of those that are [judged](judged_categories) stay for themselves.
pub(super) fn groups(distribution: &Distribution) -> Vec<usize> {
    match &distribution.values {
        Values::Categories(categories) => {
            let named = judged_categories(categories).min(MOST_NAMED_GROUPS);
            (0..categories.n_bins()).map(|bin| bin.min(named)).collect()
        }
        Values::Numbers(numbers) => number_groups(numbers),
    }
}

fn number_groups(numbers: &Numbers) -> Vec<usize> {
    let total: u64 = numbers.counts.iter().sum();
    let enough = total.div_ceil(GROUPS);
    let mut groups = vec![0];
    let (mut group, mut count) = (0, 0);
    for (bin, &held) in numbers.counts.iter().enumerate() {
        groups.push(group);
        count += held;
        let next = numbers.counts.get(bin + 1).copied().unwrap_or(0);
        let left: u64 = numbers.counts[bin + 1..].iter().sum();
        if (count >= enough || next >= enough) && left >= enough / 2 && left > 0 {
            group += 1;
            count = 0;
        }
    }
    groups.push(group);
    groups
}

/// How many of the named categories, the most frequent first, are judged for themselves.
///
/// All, where the reference names all that it has. Else names were chosen by their counts, so that those of the least
/// count were probably seen more often than is usual for them; only what lies four standard deviations of a Poisson
/// count above the least is told from the others.
pub(super) fn judged_categories(categories: &Categories) -> usize {
    let counts = categories.bin_counts();
    let named = &counts[..counts.len() - 1];
    let Some(&least) = named.last() else { return 0 };
    if categories.is_complete() {
        return named.len();
    }
    let enough = least as f64 + 4.0 * (least as f64).sqrt();
    named.partition_point(|&count| count as f64 >= enough)
}

/// The counts of all bins, group by group: those of values alone.
pub(super) fn grouped(counts: &[u64], groups: &[usize]) -> Vec<u64> {
    let mut sums = vec![0; groups.last().map_or(0, |last| last + 1)];
    counts[OWN..].iter().zip(groups).for_each(|(count, &group)| sums[group] += count);
    sums
}

/// Neighbouring bins joined until both samples are expected to have at least 5 rows in each, which the chi-square
/// distribution needs (W. G. Cochran, Biometrics 10, 1954).
pub(super) fn joined(reference: &[u64], live: &[u64]) -> Vec<(u64, u64)> {
    let (m, n): (u64, u64) = (reference.iter().sum(), live.iter().sum());
    let least = m.min(n) as f64 / (m + n).max(1) as f64;
    let is_enough = |(a, b): (u64, u64)| (a + b) as f64 * least >= 5.0;
    let mut all = Vec::new();
    let mut open = (0, 0);
    for (a, b) in reference.iter().zip(live) {
        open = (open.0 + a, open.1 + b);
        if is_enough(open) {
            all.push(open);
            open = (0, 0);
        }
    }
    if let Some(last) = all.last_mut() {
        *last = (last.0 + open.0, last.1 + open.1);
    }
    all
}

/// A number for each bin: the mean of the reference's numbers in it, and the reference's ends for those beyond.
pub(super) fn positions(numbers: &Numbers) -> Vec<f64> {
    let last = numbers.edges.last().copied().unwrap_or(numbers.min);
    [numbers.min].into_iter().chain(numbers.means.iter().copied()).chain([last]).collect()
}
