//! What is noticed over time: how rows and outputs are distributed, counted by all processes together; the share of rows
//! unlike the reference; and a stream of such rows.
//!
//! It only counts and tells; it never changes an answer.

mod events;
mod jsonl;
mod shares;
mod state;

pub use events::{Event, EventCounts, EventOptions};
pub use jsonl::{JsonLines, MOST_BYTES};
pub use shares::OutOfDistribution;
pub(crate) use state::Answered;
pub use state::{BUCKETS, Counted, MonitorOptions, Snapshot, Span, Totals};

use crate::error::{Error, ErrorKind, Result};
use crate::input::Input;
use crate::model::OutputDistributions;
use crate::reference::{Binner, Reference};
use crate::sanity::{Finding, Rules, Sanity};
use crate::schema::Schema;
use events::Events;
use shares::Shares;
use state::{Counter, OutputPlace, State};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The counters of an engine. Lock-free.
#[derive(Debug)]
pub(crate) struct Monitor {
    begun: Instant,
    /// When that was, in seconds since 1970.
    begun_at: u64,
    shares: Shares,
    events: Option<Events>,
    reference: Reference,
    binner: Binner,
    /// Where the outputs of the reference are among those of the model.
    places: Vec<OutputPlace>,
    /// For each field whether the model reads it.
    is_read: Vec<bool>,
    state: Option<State>,
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    monitor: &'a Monitor,
    begun: Instant,
    error: Option<ErrorKind>,
}

impl Monitor {
    /// A monitor of rows of these fields, and what was found wrong with its file and mended. `read` are the fields
    /// that the model reads, which are counted; `outputs` the names of the outputs that the reference may know. Without options nothing is counted but the share of rows unlike the
    /// reference.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a reference of other fields; and for the state as [`State::open`].
    pub fn new(
        schema: &Schema,
        events: Option<EventOptions>,
        model: Model,
        reference: Reference,
        read: &[usize],
        outputs: &OutputDistributions,
        options: Option<&MonitorOptions>,
    ) -> Result<(Monitor, Option<String>)> {
        let places = places(&reference, outputs)?;
        let opened = options.map(|options| State::open(&model.digest, &reference, options)).transpose()?;
        let (state, warning) = opened.map_or((None, None), |(state, warning)| (Some(state), warning));
        let monitor = Monitor {
            begun: Instant::now(),
            begun_at: now(),
            shares: Shares::new(schema.fields().len()),
            events: events.map(|options| Events::new(options, model)),
            binner: Binner::new(&reference),
            reference,
            places,
            is_read: (0..schema.fields().len()).map(|field| read.contains(&field)).collect(),
            state,
        };
        Ok((monitor, warning))
    }

    /// A call begins.
    #[inline]
    pub fn begin(&self) -> Call<'_> {
        if let Some(counter) = self.counter() {
            counter.begin();
        }
        Call { monitor: self, begun: Instant::now(), error: None }
    }

    fn counter(&self) -> Option<Counter<'_>> {
        let Monitor { reference, binner, places, is_read, .. } = self;
        self.state.as_ref().map(|state| Counter { state, reference, binner, places, is_read })
    }

    /// Tells of rows unlike the reference, by ascending row.
    pub fn tell(&self, sanity: &Sanity, findings: &[Finding]) {
        let Some(events) = &self.events else { return };
        for row in findings.chunk_by(|one, next| one.row == next.row) {
            if row.iter().any(|finding| sanity.is_out_of_distribution(finding)) {
                events.tell(sanity, self.begun.elapsed().as_secs(), row);
            }
        }
    }

    /// What all processes have counted; `None` where monitoring is off.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let now = self.begun_at + self.begun.elapsed().as_secs();
        self.state.as_ref().map(|state| state.snapshot(&self.reference, now))
    }

    /// Whether the model reads a field, so that it is counted.
    pub fn reads(&self, field: usize) -> bool {
        self.is_read.get(field) == Some(&true)
    }

    /// Where the reference's outputs are among a row's `n_outputs` outputs, behind which its targets' classes are.
    pub fn output_places(&self, n_outputs: usize) -> Vec<usize> {
        let place = |place: &OutputPlace| match place {
            OutputPlace::Class(target) => n_outputs + target,
            OutputPlace::Value(output) => *output,
        };
        self.places.iter().map(place).collect()
    }

    /// Who is counted together.
    pub fn scope(&self) -> &'static str {
        match &self.state {
            Some(state) if state.path().is_some() => "workers of a folder",
            Some(state) if state.is_shared() => "forked workers",
            _ => "worker",
        }
    }

    /// The file that other processes count in, too.
    pub fn state_path(&self) -> Option<&Path> {
        self.state.as_ref().and_then(State::path)
    }

    /// What the reference looked like.
    pub fn reference(&self) -> &Reference {
        &self.reference
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

impl Call<'_> {
    /// Counts rows that were answered, with what was found in them by ascending row, and those of their values that
    /// are known.
    pub fn answered(
        &self,
        sanity: &Sanity,
        n_rows: usize,
        input: Option<&Input<'_>>,
        answered: Answered<'_>,
        findings: &[Finding],
    ) {
        let monitor = self.monitor;
        let seconds = self.begun.duration_since(monitor.begun).as_secs();
        let window = monitor.shares.at(seconds);
        window.count_rows(n_rows);
        for row in findings.chunk_by(|one, next| one.row == next.row) {
            let mut unlike = row.iter().filter(|finding| sanity.is_out_of_distribution(finding)).peekable();
            if unlike.peek().is_some() {
                window.count_out(unlike.filter_map(|finding| sanity.number_of(&finding.field)));
            }
        }
        if let Some(counter) = monitor.counter() {
            counter.count(sanity, n_rows, input, answered, findings, monitor.begun_at + seconds);
        }
    }

    /// The result of the call, whose error is counted.
    pub fn ended<T>(mut self, result: Result<T>) -> Result<T> {
        self.error = result.as_ref().err().map(Error::kind);
        result
    }

    /// The call ends with an error of this kind.
    pub fn failed(mut self, kind: ErrorKind) {
        self.error = Some(kind);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(counter) = self.monitor.counter() {
            counter.end(self.begun.elapsed(), self.error);
        }
    }
}

/// What is in the state file at `path`, or in the folder at it, of the bloc with this digest and reference.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`], [`ErrorKind::VersionTooNew`] or [`ErrorKind::Corrupt`]
/// where there is none that can be read.
pub fn read_state(path: &Path, digest: &str, reference: &Reference) -> Result<Snapshot> {
    Ok(State::attach(path, digest, reference)?.snapshot(reference, now()))
}

fn places(reference: &Reference, outputs: &OutputDistributions) -> Result<Vec<OutputPlace>> {
    let known = reference.outputs.iter().flat_map(|outputs| &outputs.distributions);
    let place = |name: &String| {
        let output = outputs.names.iter().zip(&outputs.columns).find(|(known, _)| *known == name);
        let target = outputs.labels.iter().position(|(known, _)| known == name);
        let place = output.map(|(_, &column)| OutputPlace::Value(column));
        place.or(target.map(OutputPlace::Class)).ok_or_else(|| {
            Error::corrupt(format!("reading reference.json: the model has no output {name:?}"))
        })
    };
    known.map(|distribution| place(&distribution.name)).collect()
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

pub(crate) use events::Model;
