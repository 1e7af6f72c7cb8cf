//! What an engine notices over time: the share of rows unlike the reference, and a stream of such rows.
//!
//! It only counts and tells; it never changes an answer.

mod events;
mod jsonl;
mod shares;

pub use events::{Event, EventCounts, EventOptions};
pub use jsonl::{JsonLines, MOST_BYTES};
pub use shares::OutOfDistribution;

use crate::sanity::{Finding, Rules, Sanity};
use crate::schema::Schema;
use events::Events;
use shares::Shares;
use std::time::Instant;

/// The counters of an engine. Lock-free; each process counts for itself.
#[derive(Debug)]
pub(crate) struct Monitor {
    begun: Instant,
    shares: Shares,
    events: Option<Events>,
}

impl Monitor {
    pub fn new(schema: &Schema, options: Option<EventOptions>, model: events::Model) -> Monitor {
        let shares = Shares::new(schema.fields().len());
        Monitor { begun: Instant::now(), shares, events: options.map(|options| Events::new(options, model)) }
    }

    /// Counts `n_rows` rows and what was found in them, by ascending row, and tells of those unlike the reference.
    pub fn observe(&self, sanity: &Sanity, n_rows: usize, findings: &[Finding]) {
        let seconds = self.begun.elapsed().as_secs();
        let window = self.shares.at(seconds);
        window.count_rows(n_rows);
        for row in findings.chunk_by(|one, next| one.row == next.row) {
            let unlike = || row.iter().filter(|finding| sanity.is_out_of_distribution(finding));
            if unlike().next().is_none() {
                continue;
            }
            window.count_out(unlike().filter_map(|finding| sanity.number_of(&finding.field)));
            if let Some(events) = &self.events {
                events.tell(sanity, seconds, row);
            }
        }
    }

    /// The share of rows unlike the reference, over the last minutes.
    pub fn out_of_distribution(&self, schema: &Schema, rules: &Rules) -> OutOfDistribution {
        self.shares.report(self.begun.elapsed().as_secs(), schema, rules.max_out_of_distribution)
    }

    /// What became of the events so far.
    pub fn event_counts(&self) -> EventCounts {
        self.events.as_ref().map_or_else(EventCounts::default, Events::counts)
    }
}

pub(crate) use events::Model;
