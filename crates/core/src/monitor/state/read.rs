//! What all processes have counted.

use super::State;
use super::layout::{BUCKETS, Span, slot, total, window};
use super::own::lock;
use crate::error::ErrorKind;
use crate::reference::{OWN, Reference, Values};
use crate::sanity::FindingKind;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the state was made.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Calls that were answered or failed.
    pub requests: u64,
    /// Rows that were answered or rejected.
    pub rows: u64,
    /// Rows that were answered though something was found.
    pub flagged: u64,
    /// Rows that were answered with other values than came in.
    pub repaired: u64,
    /// Rows without an answer.
    pub rejected: u64,
    /// Rows unlike the reference.
    pub out_of_distribution: u64,
    /// Seconds that calls took together.
    pub seconds: f64,
    /// Calls by duration: up to each of [`BUCKETS`] seconds, and longer ones.
    pub durations: Vec<u64>,
    /// Calls that failed, by [`ErrorKind::ALL`].
    pub errors: Vec<(ErrorKind, u64)>,
    /// Findings by [`FindingKind::ALL`].
    pub findings: Vec<(FindingKind, u64)>,
    /// Calls under way now.
    pub in_flight: u64,
    /// Processes that counted something in the window.
    pub workers: u64,
}

/// What was counted of one distribution.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Counted {
    /// By bin.
    pub counts: Vec<u64>,
    /// The sum of the numbers' distances from the reference's mean. A number that lies within the reference's, but not
    /// in an outermost bin, counts as its bin's mean.
    pub distances: f64,
}

/// What all processes have counted, at some moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Since the state was made.
    pub totals: Totals,
    /// Rows of the window.
    pub rows: u64,
    /// Rows of the window of which values were counted: all of the first ones of a part, and then one of sixteen.
    pub seen: u64,
    /// Rows of the window without an answer.
    pub rejected: u64,
    /// Rows of the window that are unlike the reference.
    pub out_of_distribution: u64,
    /// When the window began, in seconds since 1970, where it is one of time.
    pub since: Option<u64>,
    /// When this was read.
    pub until: u64,
    /// One for each field and output of the reference, in its order.
    pub distributions: Vec<Counted>,
}

/// What distances from a mean are multiplied by before they are added up as whole numbers.
pub(super) const UNIT: f64 = (1 << 20) as f64;

impl State {
    /// What all processes have counted until `now`.
    pub fn snapshot(&self, reference: &Reference, now: u64) -> Snapshot {
        let mut snapshot = Snapshot { until: now, ..Snapshot::default() };
        let distributions = reference.distributions();
        snapshot.distributions =
            distributions.map(|each| Counted { counts: vec![0; each.n_bins()], distances: 0.0 }).collect();
        let mut sums = vec![0; total::LEN];
        for (number, words) in self.slots().enumerate() {
            let in_flight = self.in_flight(number, words);
            snapshot.totals.in_flight = snapshot.totals.in_flight.saturating_add(in_flight);
            for (sum, word) in sums.iter_mut().zip(&words[slot::TOTALS..]) {
                *sum = u64::saturating_add(*sum, load(word));
            }
            let is_live = self.add_window(words, now, &mut snapshot);
            snapshot.totals.workers += u64::from(is_live);
        }
        for (distribution, counted) in reference.distributions().zip(&mut snapshot.distributions) {
            if let Values::Numbers(numbers) = &distribution.values {
                counted.distances += numbers.binned_distances(&counted.counts[OWN..]);
            }
        }
        snapshot.since = match self.layout.span {
            Span::Rows(_) => None,
            Span::Seconds(seconds) => {
                Some((now / seconds + 1).saturating_sub(self.layout.n_parts as u64) * seconds)
            }
        };
        snapshot.totals = totals(&sums, snapshot.totals);
        snapshot
    }

    /// Calls that are under way in a slot. Those of a process that is gone are none.
    fn in_flight(&self, number: usize, words: &[AtomicU64]) -> u64 {
        let under_way = load(&words[slot::IN_FLIGHT]);
        if under_way == 0 {
            return 0;
        }
        let Some(_lock) = lock(self, number) else { return under_way };
        words[slot::IN_FLIGHT].store(0, Ordering::Relaxed);
        0
    }

    /// Adds the parts of a slot that belong to the window, and says whether there were some.
    fn add_window(&self, words: &[AtomicU64], now: u64, snapshot: &mut Snapshot) -> bool {
        let newest = match self.layout.span {
            Span::Seconds(seconds) => now / seconds + 1,
            Span::Rows(rows) => (load(&words[slot::TOTALS + total::ROWS]) / rows).saturating_add(1),
        };
        let n_parts = self.layout.n_parts as u64;
        let mut is_live = false;
        for place in 0..=n_parts {
            let part = &words[self.layout.part(place)];
            let span = part[window::SPAN].load(Ordering::Acquire);
            // A process whose clock goes before this one's by less than a part counts, too.
            if span == 0 || span > newest.saturating_add(1) || span + n_parts <= newest {
                continue;
            }
            is_live |= count(&part[window::ROWS]) > 0;
            snapshot.rows += count(&part[window::ROWS]);
            snapshot.seen += count(&part[window::SEEN]);
            snapshot.rejected += count(&part[window::REJECTED]);
            snapshot.out_of_distribution += count(&part[window::OUT_OF_DISTRIBUTION]);
            for (number, into) in snapshot.distributions.iter_mut().enumerate() {
                let start = self.layout.distribution(number);
                into.distances += load(&part[start]) as i64 as f64 / UNIT;
                for (sum, word) in into.counts.iter_mut().zip(&part[start + 1..]) {
                    *sum += count(word);
                }
            }
        }
        is_live
    }
}

/// A count of a part, which no honest one exceeds: a damaged file's sums must not overflow.
fn count(word: &AtomicU64) -> u64 {
    const MOST: u64 = 1 << 40;
    load(word).min(MOST)
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

fn totals(sums: &[u64], started: Totals) -> Totals {
    let by_kind = |start: usize, n: usize| sums[start..start + n].iter().copied();
    Totals {
        requests: sums[total::REQUESTS],
        rows: sums[total::ROWS],
        flagged: sums[total::FLAGGED],
        repaired: sums[total::REPAIRED],
        rejected: sums[total::REJECTED],
        out_of_distribution: sums[total::OUT_OF_DISTRIBUTION],
        seconds: sums[total::NANOSECONDS] as f64 / 1e9,
        durations: by_kind(total::BUCKETS_AT, BUCKETS.len() + 1).collect(),
        errors: ErrorKind::ALL.iter().copied().zip(by_kind(total::ERRORS, ErrorKind::ALL.len())).collect(),
        findings: FindingKind::ALL
            .iter()
            .copied()
            .zip(by_kind(total::FINDINGS, FindingKind::ALL.len()))
            .collect(),
        ..started
    }
}
