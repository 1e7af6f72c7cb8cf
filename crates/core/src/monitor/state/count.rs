//! Counting rows.

use super::State;
use super::layout::{BUCKETS, Span, slot, total, window};
use super::own::part;
use super::read::UNIT;
use crate::error::ErrorKind;
use crate::input::Input;
use crate::reference::{Binned, Binner, OWN, Reference};
use crate::sanity::{Finding, FindingKind, Sanity, Status};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rows of a part, in each process, of which every one is looked at: 60,000 of a window, among which a share of 1 % is
/// known to 0.04 %.
const ALL_OF: u64 = 5_000;
/// One row of so many is looked at beyond that.
const SAMPLED: u64 = 16;

/// Rows of which each value is counted by itself.
const FEW: usize = 32;

thread_local! {
    static COUNTS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static ADDITIONS: RefCell<Vec<(usize, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Where an output of the reference is found among a row's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::monitor) enum OutputPlace {
    /// The number of the label of this target.
    Class(usize),
    /// The output of this number.
    Value(usize),
}

/// What was answered to rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answered<'a> {
    /// Each row's outputs, then the numbers of its labels, as far as they were asked for.
    pub values: &'a [f64],
    /// How many of a row's values are outputs.
    pub n_outputs: usize,
    /// How many, the last, are the numbers of labels: one for each target.
    pub n_classes: usize,
}

/// A state, and what its distributions are of.
#[derive(Clone, Copy, Debug)]
pub(in crate::monitor) struct Counter<'a> {
    pub state: &'a State,
    pub reference: &'a Reference,
    pub binner: &'a Binner,
    pub places: &'a [OutputPlace],
    /// For each field whether the model reads it; others may come or not.
    pub is_read: &'a [bool],
}

impl Answered<'_> {
    fn width(&self) -> usize {
        self.n_outputs + self.n_classes
    }

    fn at(&self, place: OutputPlace, row: usize) -> Option<f64> {
        let at = match place {
            OutputPlace::Class(target) if target < self.n_classes => self.n_outputs + target,
            OutputPlace::Value(output) if output < self.n_outputs => output,
            _ => return None,
        };
        self.values.get(row * self.width() + at).copied().filter(|value| !value.is_nan())
    }
}

impl Counter<'_> {
    /// Counts a call that began: one more is under way.
    #[inline]
    pub fn begin(self) {
        add(&self.state.own()[slot::IN_FLIGHT], 1);
    }

    /// Counts a call that ended.
    pub fn end(self, elapsed: Duration, error: Option<ErrorKind>) {
        let words = self.state.own();
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|&bound| bound < elapsed.as_secs_f64());
        let totals = &words[slot::TOTALS..];
        add(&totals[total::REQUESTS], 1);
        add(&totals[total::NANOSECONDS], nanoseconds);
        add(&totals[total::BUCKETS_AT + bucket], 1);
        if let Some(place) = error.and_then(|error| ErrorKind::ALL.iter().position(|kind| *kind == error)) {
            add(&totals[total::ERRORS + place], 1);
        }
        // A process that took the slot of a dead one has set this to 0.
        let fewer = |count: u64| count.checked_sub(1);
        let _ = words[slot::IN_FLIGHT].fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }

    /// Counts rows that were answered, what was found in them, and their values.
    pub fn count(
        self,
        sanity: &Sanity,
        n_rows: usize,
        input: Option<&Input<'_>>,
        answered: Answered<'_>,
        findings: &[Finding],
        now: u64,
    ) {
        let Counter { state, reference, binner, places, is_read } = self;
        let words = state.own();
        let totals = &words[slot::TOTALS..];
        let before = totals[total::ROWS].fetch_add(n_rows as u64, Ordering::Relaxed);
        let (rejected, unlike) = count_findings(totals, sanity, findings);
        let span = match state.layout.span {
            Span::Seconds(seconds) => now / seconds + 1,
            Span::Rows(rows) => (before / rows).saturating_add(1),
        };
        let Some(part) = part(&state.layout, words, span) else { return };
        let counted = part[window::ROWS].fetch_add(n_rows as u64, Ordering::Relaxed);
        add_some(&part[window::REJECTED], rejected);
        add_some(&part[window::OUT_OF_DISTRIBUTION], unlike);
        let step = if counted < ALL_OF { 1 } else { SAMPLED };
        let first = (counted.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % step;
        let rows = (first as usize..n_rows).step_by(step as usize);
        if rows.len() == 0 {
            return;
        }
        add(&part[window::SEEN], rows.len() as u64);
        let n_fields = reference.fields.len();
        // All bins are found before any is counted: an atomic addition waits for all that was begun before it.
        ADDITIONS.with_borrow_mut(|additions| {
            additions.clear();
            for (number, distribution) in reference.distributions().enumerate() {
                let start = state.layout.distribution(number);
                let into = Into { n_bins: distribution.n_bins(), start, additions };
                match (number.checked_sub(n_fields).and_then(|output| places.get(output)), input) {
                    (Some(place), _) => {
                        let values = rows.clone().filter_map(|row| answered.at(*place, row));
                        let bin = |value: f64| match place {
                            OutputPlace::Class(_) => Binned { bin: OWN + value as usize, distance: 0.0 },
                            OutputPlace::Value(_) => binner.bin_of_number(reference, number, value),
                        };
                        into.count(rows.len(), values.map(bin));
                    }
                    (None, Some(input)) if is_read.get(number) == Some(&true) => {
                        into.count(
                            rows.len(),
                            rows.clone()
                                .map(|row| binner.bin_of(reference, number, input.value(number, row))),
                        );
                    }
                    (None, _) => {}
                }
            }
            for &(place, count) in additions.iter() {
                add(&part[place], count);
            }
        });
    }
}

/// Where in a part a distribution's sum is, how many bins are behind it, and what is to be added to words.
struct Into<'a> {
    n_bins: usize,
    start: usize,
    additions: &'a mut Vec<(usize, u64)>,
}

impl Into<'_> {
    /// Counts values by their bins, and adds up distances.
    #[inline]
    fn count(self, n_values: usize, values: impl Iterator<Item = Binned>) {
        let Into { n_bins, start, additions } = self;
        let fixed = |distance: f64| (distance * UNIT) as i64 as u64;
        if n_values <= FEW {
            for Binned { bin, distance } in values {
                additions.push((start + 1 + bin.min(n_bins - 1), 1));
                if distance != 0.0 {
                    additions.push((start, fixed(distance)));
                }
            }
            return;
        }
        COUNTS.with_borrow_mut(|counts| {
            counts.clear();
            counts.resize(n_bins, 0);
            let mut sum = 0_u64;
            for Binned { bin, distance } in values {
                counts[bin.min(n_bins - 1)] += 1;
                sum = sum.wrapping_add(fixed(distance));
            }
            let counted = [sum].into_iter().chain(counts.iter().copied()).enumerate();
            additions.extend(counted.filter(|(_, count)| *count > 0).map(|(at, count)| (start + at, count)));
        });
    }
}

/// Counts findings, and gives the numbers of rejected rows and of those unlike the reference.
fn count_findings(totals: &[AtomicU64], sanity: &Sanity, findings: &[Finding]) -> (u64, u64) {
    let (mut rejected, mut unlike) = (0, 0);
    for row in findings.chunk_by(|one, next| one.row == next.row) {
        let worst = row.iter().map(|finding| finding.status).max();
        let place = match worst {
            Some(Status::Rejected) => Some(total::REJECTED),
            Some(Status::Repaired) => Some(total::REPAIRED),
            Some(Status::Flagged) => Some(total::FLAGGED),
            _ => None,
        };
        if let Some(place) = place {
            add(&totals[place], 1);
        }
        rejected += u64::from(worst == Some(Status::Rejected));
        unlike += u64::from(row.iter().any(|finding| sanity.is_out_of_distribution(finding)));
        for finding in row {
            if let Some(place) = FindingKind::ALL.iter().position(|kind| *kind == finding.kind) {
                add(&totals[total::FINDINGS + place], 1);
            }
        }
    }
    add_some(&totals[total::OUT_OF_DISTRIBUTION], unlike);
    (rejected, unlike)
}

#[inline]
fn add(word: &AtomicU64, count: u64) {
    word.fetch_add(count, Ordering::Relaxed);
}

#[inline]
fn add_some(word: &AtomicU64, count: u64) {
    if count != 0 {
        add(word, count);
    }
}
