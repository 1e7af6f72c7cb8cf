//! Where in the words of a state everything lies.

use crate::error::ErrorKind;
use crate::reference::{Distribution, Reference};
use crate::sanity::FindingKind;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Upper bounds of the buckets that durations of calls are counted in, in seconds.
pub const BUCKETS: [f64; 17] = [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5,
];
/// Words of the header.
pub const HEADER: usize = 512;
/// Bytes of a state at most; of wide models fewer processes have a slot of their own.
const MOST_BYTES: usize = 64 << 20;
/// Processes that have a slot of their own, unless there are said to be more.
const SLOTS: usize = 16;
/// Slots at most.
const MOST_SLOTS: usize = 256;

const N_ERRORS: usize = ErrorKind::ALL.len();
const N_FINDINGS: usize = FindingKind::ALL.len();

/// What a part of a window spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Rows of a process.
    Rows(u64),
    /// Time, in whole seconds.
    Seconds(u64),
}

/// Offsets within a slot.
pub mod slot {
    /// Calls that are under way.
    pub const IN_FLIGHT: usize = 2;
    /// The first of what is counted for ever.
    pub const TOTALS: usize = 8;
}

/// Offsets within the totals.
pub mod total {
    use super::{BUCKETS, N_ERRORS, N_FINDINGS};

    pub const REQUESTS: usize = 0;
    pub const ROWS: usize = 1;
    pub const FLAGGED: usize = 2;
    pub const REPAIRED: usize = 3;
    pub const REJECTED: usize = 4;
    pub const OUT_OF_DISTRIBUTION: usize = 5;
    pub const NANOSECONDS: usize = 6;
    pub const BUCKETS_AT: usize = 7;
    pub const ERRORS: usize = BUCKETS_AT + BUCKETS.len() + 1;
    pub const FINDINGS: usize = ERRORS + N_ERRORS;
    pub const LEN: usize = FINDINGS + N_FINDINGS;
}

/// Offsets within a part of the window.
pub mod window {
    /// Which span it holds, counted from 1; 0 for none.
    pub const SPAN: usize = 0;
    /// Rows that were answered.
    pub const ROWS: usize = 1;
    /// Rows of which values were counted.
    pub const SEEN: usize = 2;
    pub const REJECTED: usize = 3;
    pub const OUT_OF_DISTRIBUTION: usize = 4;
    /// The first distribution: its sum of distances, and its bins.
    pub const DISTRIBUTIONS: usize = 5;
}

/// The sizes of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The bloc's digest, hashed.
    pub bloc: [u64; 4],
    pub n_slots: usize,
    /// The parts of a window.
    pub n_parts: usize,
    pub span: Span,
    /// Where each distribution's sum is within a part; its bins follow.
    distributions: Vec<usize>,
    part_words: usize,
}

impl Layout {
    /// For a bloc with this digest and reference; `slots` processes are to have one of their own.
    pub fn new(
        digest: &str,
        reference: &Reference,
        slots: Option<usize>,
        n_parts: usize,
        span: Span,
    ) -> Layout {
        let hash = Sha256::digest(digest.as_bytes());
        let mut bloc = [0; 4];
        for (word, bytes) in bloc.iter_mut().zip(hash.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        let mut end = window::DISTRIBUTIONS;
        let place = |distribution: &Distribution| {
            let start = end;
            end += 1 + distribution.n_bins();
            start
        };
        let distributions = reference.distributions().map(place).collect();
        // Parts begin on a cache line.
        let part_words = end.next_multiple_of(8);
        let mut layout = Layout { bloc, n_slots: 1, n_parts, span, distributions, part_words };
        let fit = (MOST_BYTES / 8 / layout.slot_words()).max(1);
        layout.n_slots = slots.unwrap_or(SLOTS).clamp(1, MOST_SLOTS).min(fit);
        layout
    }

    /// Words of a slot.
    pub fn slot_words(&self) -> usize {
        // One part more than the window has: the oldest is cleared while the window is read.
        (slot::TOTALS + total::LEN).next_multiple_of(8) + (self.n_parts + 1) * self.part_words
    }

    /// Words of all.
    pub fn n_words(&self) -> usize {
        HEADER + self.n_slots * self.slot_words()
    }

    /// Bytes of all.
    pub fn n_bytes(&self) -> u64 {
        self.n_words() as u64 * 8
    }

    /// The words of a slot among all.
    pub fn slot(&self, number: usize) -> Range<usize> {
        let start = HEADER + number * self.slot_words();
        start..start + self.slot_words()
    }

    /// The words within a slot of the part that holds a span.
    pub fn part(&self, span: u64) -> Range<usize> {
        let first = (slot::TOTALS + total::LEN).next_multiple_of(8);
        let start = first + (span % (self.n_parts as u64 + 1)) as usize * self.part_words;
        start..start + self.part_words
    }

    /// The place of a distribution's sum within a part.
    pub fn distribution(&self, number: usize) -> usize {
        self.distributions[number]
    }

    /// The header that says all this.
    pub fn header(&self) -> [u64; 12] {
        let (kind, length) = match self.span {
            Span::Rows(rows) => (1, rows),
            Span::Seconds(seconds) => (0, seconds),
        };
        let [a, b, c, d] = self.bloc;
        let sizes = [self.n_slots as u64, self.n_parts as u64, kind, length, self.slot_words() as u64];
        let mut header = [MAGIC, VERSION, a, b, c, d, sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], 0];
        header[11] = check(&header[..11]);
        header
    }
}

/// The first word: `MONOBLST`.
pub const MAGIC: u64 = u64::from_le_bytes(*b"MONOBLST");
/// The version of this layout.
pub const VERSION: u64 = 1;

/// FNV-1a over words.
pub fn check(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}
