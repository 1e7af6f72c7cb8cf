//! What a person would say about a column.

mod categories;

use self::categories::of_categories;
use super::LiveCounts;
use super::decision::Reason;
use super::measures::{Rate, most_moved_bin};
use super::picture::{bin_shown, quoted, shown};
use super::report::ColumnDrift;
use super::swaps::swapped;
use crate::reference::{Distribution, FARTHEST, Numbers, OWN, Values};

/// A mean that is so many times the reference's is told as another unit.
const ANOTHER_UNIT: f64 = 3.0;
/// The Kolmogorov-Smirnov statistic from which on a mean is not that of a few values of a long tail.
const MANY_MOVED: f64 = 0.2;
/// A mean shift worth telling, in standard deviations.
const TOLD_SHIFT: f64 = 0.1;
/// Other values count as before up to this Kolmogorov-Smirnov statistic.
const AS_BEFORE: f64 = 0.15;
/// The outer fifth of the reference's numbers is told of where it holds less than half of that, or twice as many.
const OUTER: f64 = 0.2;

/// A sentence for each column, in the order of `columns`, which is that of the distributions.
pub(super) fn sentences(
    distributions: &[Distribution],
    live: &[LiveCounts],
    columns: &[ColumnDrift],
) -> Vec<String> {
    let swaps = swapped(distributions, live, columns);
    let said = |(at, column): (usize, &ColumnDrift)| {
        let said = match (&column.silence, swaps[at]) {
            (Some(silence), _) => format!("not judged: {silence}"),
            (None, _) if !column.drifted => "like the reference".to_owned(),
            (None, Some(other)) => {
                format!(
                    "looks like {0} of the reference, and {0} like this: swapped?",
                    quoted(&columns[other].name)
                )
            }
            (None, None) => drifted(&distributions[at], &live[at], column),
        };
        format!("{}: {said}", column.name)
    };
    columns.iter().enumerate().map(said).collect()
}

fn drifted(distribution: &Distribution, live: &LiveCounts, column: &ColumnDrift) -> String {
    let mut parts = Vec::new();
    let is_about_values = |reason: &Reason| !matches!(reason, Reason::Missing | Reason::Unusable);
    if let Some(&reason) = column.reasons.iter().find(|reason| is_about_values(reason)) {
        parts.push(match &distribution.values {
            Values::Numbers(numbers) => of_numbers(distribution, numbers, live, column, reason),
            Values::Categories(categories) => of_categories(distribution, categories, live, reason),
        });
    }
    if column.reasons.contains(&Reason::Missing) {
        parts.push(moved("missing", &column.measures.missing));
    }
    if column.reasons.contains(&Reason::Unusable) {
        parts.push(moved(&distribution.bin_name(crate::reference::UNUSABLE), &column.measures.unusable));
    }
    parts.join("; ")
}

fn moved(what: &str, rate: &Rate) -> String {
    moved_from(what, rate, &percent(rate.reference))
}

fn moved_from(what: &str, rate: &Rate, before: &str) -> String {
    let way = if rate.live > rate.reference { "rose" } else { "fell" };
    format!("{what} {way} from {before} to {}", percent(rate.live))
}

fn of_numbers(
    distribution: &Distribution,
    numbers: &Numbers,
    live: &LiveCounts,
    column: &ColumnDrift,
    reason: Reason,
) -> String {
    if let (Some(least), Some(greatest)) = (live.least, live.greatest)
        && least == greatest
    {
        return format!("always {}: frozen", shown(least));
    }
    let extremes_differ = live.least.is_some() && live.least != live.greatest;
    if let Reason::Frozen(bin) = reason
        && !extremes_differ
    {
        let at = bin - OWN - 1;
        return match numbers.means[at] == numbers.edges[at] {
            true => format!("always {}: frozen", shown(numbers.edges[at])),
            false => format!("always within {}: frozen?", bin_shown(distribution, bin)),
        };
    }
    let shift = column.measures.mean_shift.map_or(0.0, |mean| mean.shift);
    let beyond = column.measures.out_of_range.map_or(0.0, |rate| rate.live);
    if reason == Reason::OutOfRange && beyond < 0.5 && others_are_as_before(distribution, live) {
        return sentinel(numbers, live, beyond);
    }
    let distance = column.measures.ks.map_or(0.0, |ks| ks.statistic);
    let is_elsewhere = reason == Reason::OutOfRange || distance >= MANY_MOVED;
    if let Some(unit) = another_unit(numbers, shift).filter(|_| is_elsewhere) {
        return unit;
    }
    if shift.abs() >= TOLD_SHIFT && column.reasons.contains(&Reason::Shape) {
        let way = if shift > 0.0 { "higher" } else { "lower" };
        let mean = numbers.mean + shift * numbers.scale();
        let told = format!(
            "values lie {:.1} standard deviations {way} (mean {} -> {})",
            shift.abs(),
            shown(numbers.mean),
            shown(mean)
        );
        return match reason {
            Reason::OutOfRange => format!("{told}, {}", beyond_range(numbers, live, beyond)),
            _ => told,
        };
    }
    if reason == Reason::OutOfRange {
        return beyond_range(numbers, live, beyond);
    }
    if let Some(spread) = another_spread(numbers, live).filter(|_| reason == Reason::Shape) {
        return spread;
    }
    // One bin may tell more than all up to one do.
    let widest = widest_gap(numbers, live);
    match most_moved_bin(distribution, live) {
        Some((bin, rate))
            if column.reasons.contains(&Reason::Bin(bin)) && 2.0 * gap(&rate) >= gap(&widest.1) =>
        {
            moved(&bin_shown(distribution, bin), &rate)
        }
        _ => moved(&format!("values up to {}", shown(widest.0)), &widest.1),
    }
}

fn gap(rate: &Rate) -> f64 {
    (rate.live - rate.reference).abs()
}

/// Where cumulated shares differ most, as the Kolmogorov-Smirnov statistic does, and the shares up to there.
fn widest_gap(numbers: &Numbers, live: &LiveCounts) -> (f64, Rate) {
    let (m, n) = (numbers.counts.iter().sum::<u64>().max(1) as f64, live.values().max(1) as f64);
    let (mut a, mut b) = (0, live.counts[OWN]);
    let mut widest = (numbers.min, Rate::default());
    for ((edge, count), found) in numbers.edges.iter().zip(&numbers.counts).zip(&live.counts[OWN + 1..]) {
        (a, b) = (a + count, b + found);
        let rate = Rate { reference: a as f64 / m, live: b as f64 / n, p_value: 1.0 };
        if gap(&rate) > gap(&widest.1) {
            widest = (*edge, rate);
        }
    }
    widest
}

/// Whether values lie farther from the middle than the reference's, or nearer.
fn another_spread(numbers: &Numbers, live: &LiveCounts) -> Option<String> {
    let total = numbers.counts.iter().sum::<u64>() as f64;
    let (mut below, mut outer_reference, mut outer) = (0.0, 0.0, live.counts[OWN] as f64);
    for (count, live) in numbers.counts.iter().zip(&live.counts[OWN + 1..]) {
        let count = *count as f64;
        if below + count <= total * OUTER / 2.0 || below >= total * (1.0 - OUTER / 2.0) {
            outer_reference += count;
            outer += *live as f64;
        }
        below += count;
    }
    outer += live.counts[live.counts.len() - 1] as f64;
    let (before, now) = (outer_reference / total, outer / live.values().max(1) as f64);
    let shares = format!("of the reference's values {} are far out, now {}", percent(before), percent(now));
    match now / before {
        apart if before > 0.0 && apart >= 2.0 => Some(format!("values lie farther apart: {shares}")),
        apart if before > 0.0 && apart <= 0.5 => Some(format!("values lie closer together: {shares}")),
        _ => None,
    }
}

fn another_unit(numbers: &Numbers, shift: f64) -> Option<String> {
    let (before, now) = (numbers.mean, numbers.mean + shift * numbers.scale());
    let times = now / before;
    // Of a field around 0 the mean says nothing of the unit.
    if !times.is_finite() || before.abs() < numbers.scale() / 4.0 || times <= 0.0 {
        return None;
    }
    let is_clamped = shift.abs() > 0.9 * FARTHEST;
    let about = if is_clamped { "more than" } else { "about" };
    let factor = if times >= 1.0 { times } else { 1.0 / times };
    let way = if times >= 1.0 { "times" } else { "times less" };
    let factor_shown = if factor >= 10.0 { format!("{factor:.0}") } else { format!("{factor:.1}") };
    (factor >= ANOTHER_UNIT).then(|| {
        format!("mean {} -> {}, {about} {factor_shown} {way}: another unit?", shown(before), shown(now))
    })
}

/// Whether the numbers within the reference's range are distributed as its.
fn others_are_as_before(distribution: &Distribution, live: &LiveCounts) -> bool {
    let mut within = live.clone();
    let last = within.counts.len() - 1;
    (within.counts[OWN], within.counts[last]) = (0, 0);
    let measures = super::Measures::new(distribution, &within);
    measures.ks.is_some_and(|ks| ks.statistic < AS_BEFORE)
}

fn sentinel(numbers: &Numbers, live: &LiveCounts, beyond: f64) -> String {
    let end = beyond_end(numbers, live);
    let total = beyond * live.values() as f64;
    match live.examples.iter().max_by_key(|(_, count)| *count) {
        Some((value, count)) if *count as f64 >= 0.9 * total => {
            let value = value.parse().map_or_else(|_| value.clone(), shown);
            let share = percent(*count as f64 / live.values().max(1) as f64);
            format!("{value} in {share} of rows, {end}: a sentinel?")
        }
        _ => format!("{} of values {end}, the others as before: a sentinel?", percent(beyond)),
    }
}

fn beyond_range(numbers: &Numbers, live: &LiveCounts, beyond: f64) -> String {
    format!("{} of values {}", percent(beyond), beyond_end(numbers, live))
}

fn beyond_end(numbers: &Numbers, live: &LiveCounts) -> String {
    let (below, above) = (live.counts[OWN], live.counts[live.counts.len() - 1]);
    let last = numbers.edges.last().copied().unwrap_or(numbers.min);
    let upper = format!("above the reference's greatest of {}", shown(last));
    let lower = format!("below the reference's least of {}", shown(numbers.min));
    match (below, above) {
        _ if below * 10 <= above => upper,
        _ if above * 10 <= below => lower,
        _ => format!("{lower} or {upper}"),
    }
}

/// A share in per cent, for people: two digits below ten, whole ones from there.
pub(super) fn percent(share: f64) -> String {
    let per_cent = share * 100.0;
    let is_nearly_all = (99.5..100.0).contains(&per_cent);
    match per_cent {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => "less than 0.1 %".to_owned(),
        few if few < 9.95 || is_nearly_all => {
            let one = format!("{few:.1}");
            format!("{} %", one.strip_suffix(".0").unwrap_or(&one))
        }
        many => format!("{many:.0} %"),
    }
}
