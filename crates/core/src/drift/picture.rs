//! What a picture of a column shows: shares of the reference and of live rows.

use super::LiveCounts;
use super::bins::grouped;
use crate::reference::{Distribution, MISSING, Numbers, OWN, UNUSABLE, Values};
use serde::Serialize;

/// Bars of numbers hold at least one in so many of the reference's.
const BARS: u64 = 25;
/// Categories that have a bar, the most frequent of either sample.
const MOST_CATEGORIES: usize = 12;

/// Characters of a category's name that are shown.
const LONGEST_NAME: usize = 40;

/// A share of all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// What it holds.
    pub label: String,
    /// Of the reference.
    pub reference: f64,
    /// Of live rows.
    pub live: f64,
}

/// Bars of all bins that hold anything; those of numbers are joined.
pub(super) fn bars(distribution: &Distribution, live: &LiveCounts) -> Vec<Bar> {
    let counts = distribution.counts();
    let (m, n) = (distribution.rows.max(1) as f64, live.rows().max(1) as f64);
    let bar = |label: String, a: u64, b: u64| Bar { label, reference: a as f64 / m, live: b as f64 / n };
    let single = |bin: usize| bar(bin_shown(distribution, bin), counts[bin], live.counts[bin]);
    let own = match &distribution.values {
        Values::Numbers(numbers) => {
            let (groups, labels) = joined(numbers);
            let (a, b) = (grouped(&counts, &groups), grouped(&live.counts, &groups));
            labels.into_iter().zip(a.into_iter().zip(b)).map(|(label, (a, b))| bar(label, a, b)).collect()
        }
        Values::Categories(categories) => {
            let last = OWN + categories.names().len();
            let mut named: Vec<Bar> = (OWN..last).map(single).collect();
            named.sort_by(|one, other| {
                other.reference.max(other.live).total_cmp(&one.reference.max(one.live))
            });
            let rest = named.split_off(named.len().min(MOST_CATEGORIES));
            let mut others = single(last);
            others.reference += rest.iter().map(|bar| bar.reference).sum::<f64>();
            others.live += rest.iter().map(|bar| bar.live).sum::<f64>();
            if !rest.is_empty() {
                others.label = format!("{} and {} more", others.label, rest.len());
            }
            named.push(others);
            named
        }
    };
    let mut all: Vec<Bar> = own;
    all.extend([single(MISSING), single(UNUSABLE)]);
    all.retain(|bar| bar.reference + bar.live > 0.0);
    all
}

/// Groups of neighbouring bins, those beyond the reference for themselves, and what each group holds.
fn joined(numbers: &Numbers) -> (Vec<usize>, Vec<String>) {
    let enough = numbers.counts.iter().sum::<u64>().div_ceil(BARS);
    let mut groups = vec![0];
    let mut labels = vec![range(numbers, 0, 0)];
    let (mut count, mut first) = (0, 1);
    for (at, held) in numbers.counts.iter().enumerate() {
        count += held;
        groups.push(labels.len());
        let next = numbers.counts.get(at + 1).copied().unwrap_or(u64::MAX);
        if count >= enough || next >= enough {
            labels.push(range(numbers, first, at + 1));
            (count, first) = (0, at + 2);
        }
    }
    groups.push(labels.len());
    let last = numbers.n_bins() - 1;
    labels.push(range(numbers, last, last));
    (groups, labels)
}

/// What a bin holds, with few digits.
pub(super) fn bin_shown(distribution: &Distribution, bin: usize) -> String {
    match &distribution.values {
        Values::Numbers(numbers) if bin >= OWN => range(numbers, bin - OWN, bin - OWN),
        Values::Categories(categories) => {
            match bin.checked_sub(OWN).and_then(|at| categories.names().get(at)) {
                Some(name) => quoted(name),
                None => distribution.bin_name(bin),
            }
        }
        Values::Numbers(_) => distribution.bin_name(bin),
    }
}

/// What numbers from one bin to another are.
fn range(numbers: &Numbers, first: usize, last: usize) -> String {
    let greatest = numbers.edges.last().copied().unwrap_or(numbers.min);
    if first == 0 {
        return format!("below {}", shown(numbers.min));
    }
    if last > numbers.edges.len() {
        return format!("above {}", shown(greatest));
    }
    let to = numbers.edges[last - 1];
    if first == last && numbers.means[last - 1] == to {
        return shown(to);
    }
    let from = if first == 1 { numbers.min } else { numbers.edges[first - 2] };
    // As many digits as tell the ends apart, which are few where they are far apart.
    let (from, to) = match (rounded(from, 3), rounded(to, 3)) {
        (short, other) if short != other => (short, other),
        _ => (shown(from), shown(to)),
    };
    format!("{from} to {to}")
}

/// A name in quotes, shortened.
pub(super) fn quoted(name: &str) -> String {
    let mut shortened: String = name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST_NAME).is_some() {
        shortened.push('…');
    }
    format!("'{shortened}'")
}

/// A number with four digits, for people.
pub(super) fn shown(number: f64) -> String {
    rounded(number, 4)
}

fn rounded(number: f64, digits: i32) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number}");
    }
    let magnitude = number.abs().log10().floor();
    if !(-4.0..15.0).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let last = f64::from(digits - 1);
    let unit = 10.0_f64.powf(last - magnitude);
    let rounded = if magnitude >= last { number.round() } else { (number * unit).round() / unit };
    format!("{rounded}")
}
