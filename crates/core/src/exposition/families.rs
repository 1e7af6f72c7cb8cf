//! Which metrics there are.

use super::{Metric, MetricKind, Sample};
use crate::drift::{ColumnDrift, DriftReport};
use crate::monitor::{BUCKETS, Snapshot, Totals};

/// What is known of an engine at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// The model's name, the label that all samples have.
    pub model: &'a str,
    /// Its version, the bloc's digest, the class that it was read from, and who is counted: `worker`, `forked workers`
    /// or `workers of a folder`.
    pub about: [(&'static str, &'a str); 4],
    /// What was counted.
    pub snapshot: &'a Snapshot,
    /// How it differs from the reference.
    pub drift: &'a DriftReport,
    /// Whether rows are unlike the reference more often than the bloc's limit allows, in this process.
    pub is_degraded: bool,
    /// Whether the bloc's file is not as it was loaded.
    pub file_changed: bool,
    /// Threads that batches take together.
    pub threads: usize,
}

/// A bound as the formats write it: as Python and Go do.
fn bound(seconds: f64) -> String {
    if seconds < 1e-4 {
        let text = format!("{seconds:e}");
        return text.replace("e-5", "e-05");
    }
    format!("{seconds:?}")
}

fn plain(value: f64) -> Sample {
    Sample { suffix: "", labels: Vec::new(), value }
}

fn flag(value: bool) -> Sample {
    plain(f64::from(u8::from(value)))
}

fn counters(label: &'static str, counts: impl IntoIterator<Item = (&'static str, u64)>) -> Vec<Sample> {
    let counts = counts.into_iter();
    counts
        .map(|(name, count)| Sample {
            suffix: "_total",
            labels: vec![(label, name.to_owned())],
            value: count as f64,
        })
        .collect()
}

fn counter(count: u64) -> Vec<Sample> {
    vec![Sample { suffix: "_total", labels: Vec::new(), value: count as f64 }]
}

fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

impl Watched<'_> {
    /// All of them.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = self.of_calls();
        metrics.extend(self.of_the_window());
        metrics.extend(of_columns(&self.drift.columns, "column", &COLUMNS));
        metrics.extend(of_columns(&self.drift.outputs, "output", &OUTPUTS));
        metrics
    }

    fn of_calls(&self) -> Vec<Metric> {
        let Totals {
            requests, rows, flagged, repaired, rejected, out_of_distribution, errors, findings, ..
        } = &self.snapshot.totals;
        let ok = [flagged, repaired, rejected].iter().fold(*rows, |rows, count| rows.saturating_sub(**count));
        let statuses = [("ok", ok), ("flagged", *flagged), ("repaired", *repaired), ("rejected", *rejected)];
        let info = Sample {
            suffix: "_info",
            labels: self.about.iter().map(|(label, value)| (*label, (*value).to_owned())).collect(),
            value: 1.0,
        };
        let metric = |name, help, kind, samples| Metric { name, help, kind, samples };
        let (counts, gauge) = (MetricKind::Counter, MetricKind::Gauge);
        vec![
            metric("monobloc_model", "The model that is served.", MetricKind::Info, vec![info]),
            metric("monobloc_requests", "Calls, answered or failed.", counts, counter(*requests)),
            metric(
                "monobloc_request_duration_seconds",
                "How long calls took.",
                MetricKind::Histogram,
                self.durations(),
            ),
            metric(
                "monobloc_requests_in_flight",
                "Calls that are under way.",
                gauge,
                vec![plain(self.snapshot.totals.in_flight as f64)],
            ),
            metric(
                "monobloc_errors",
                "Calls that failed, by the kind of error.",
                counts,
                counters("code", errors.iter().map(|(kind, count)| (kind.code(), *count))),
            ),
            metric("monobloc_rows", "Rows, by what became of them.", counts, counters("status", statuses)),
            metric(
                "monobloc_findings",
                "What was found in rows.",
                counts,
                counters("kind", findings.iter().map(|(kind, count)| (kind.name(), *count))),
            ),
            metric(
                "monobloc_out_of_distribution_rows",
                "Rows unlike the reference.",
                counts,
                counter(*out_of_distribution),
            ),
            metric(
                "monobloc_threads",
                "Threads that batches take together in this worker.",
                gauge,
                vec![plain(self.threads as f64)],
            ),
        ]
    }

    fn durations(&self) -> Vec<Sample> {
        let Totals { durations, requests, seconds, .. } = &self.snapshot.totals;
        let bounds = BUCKETS.iter().map(|&seconds| bound(seconds)).chain(["+Inf".to_owned()]);
        let mut sum = 0;
        let mut samples: Vec<Sample> = bounds
            .zip(durations)
            .map(|(bound, count)| {
                sum = u64::saturating_add(sum, *count);
                Sample { suffix: "_bucket", labels: vec![("le", bound)], value: sum as f64 }
            })
            .collect();
        // Counters are read one by one while they grow; the buckets say how many calls there are.
        let count = if samples.is_empty() { *requests } else { sum };
        samples.push(Sample { suffix: "_count", labels: Vec::new(), value: count as f64 });
        samples.push(Sample { suffix: "_sum", labels: Vec::new(), value: *seconds });
        samples
    }

    fn of_the_window(&self) -> Vec<Metric> {
        let Snapshot { rows, seen, rejected, out_of_distribution, totals, .. } = self.snapshot;
        let drifted =
            self.drift.columns.iter().chain(&self.drift.outputs).filter(|column| column.drifted).count();
        let gauge =
            |name, help, sample| Metric { name, help, kind: MetricKind::Gauge, samples: vec![sample] };
        vec![
            gauge(
                "monobloc_workers",
                "Workers that answered rows in the window.",
                plain(totals.workers as f64),
            ),
            gauge("monobloc_window_rows", "Rows of the window.", plain(*rows as f64)),
            gauge(
                "monobloc_window_seen_rows",
                "Rows of the window of which values were counted.",
                plain(*seen as f64),
            ),
            gauge(
                "monobloc_window_rejected_ratio",
                "The share of rows of the window without an answer.",
                plain(ratio(*rejected, *rows)),
            ),
            gauge(
                "monobloc_window_out_of_distribution_ratio",
                "The share of rows of the window that are unlike the reference.",
                plain(ratio(*out_of_distribution, *rows)),
            ),
            gauge(
                "monobloc_health_degraded",
                "Whether this worker's health is degraded.",
                flag(self.is_degraded),
            ),
            gauge(
                "monobloc_file_changed",
                "Whether the bloc's file is not as it was loaded.",
                flag(self.file_changed),
            ),
            gauge(
                "monobloc_drift_judged",
                "Whether there are rows enough to judge drift.",
                flag(self.drift.window.judged),
            ),
            gauge("monobloc_drifted_columns", "Columns and outputs that drifted.", plain(drifted as f64)),
        ]
    }
}

/// A metric of a column: its name, its help, and its value where it has one.
type OfColumn = (&'static str, &'static str, fn(&ColumnDrift) -> Option<f64>);

macro_rules! of_columns {
    ($what:literal, $thing:literal) => {
        [
            (
                concat!("monobloc_", $what, "_drifted"),
                concat!("Whether the ", $thing, " drifted from the reference."),
                |column| Some(f64::from(u8::from(column.drifted))),
            ),
            (
                concat!("monobloc_", $what, "_kolmogorov_smirnov_ratio"),
                "The greatest distance of the cumulated shares from the reference's.",
                |column| column.measures.ks.map(|ks| ks.statistic),
            ),
            (
                concat!("monobloc_", $what, "_jensen_shannon_ratio"),
                "The Jensen-Shannon distance from the reference, in base 2.",
                |column| column.measures.jensen_shannon,
            ),
            (
                concat!("monobloc_", $what, "_population_stability_index"),
                "The population stability index.",
                |column| column.measures.psi,
            ),
            (
                concat!("monobloc_", $what, "_mean_shift_standard_deviations"),
                "By how many of the reference's standard deviations the mean moved.",
                |column| column.measures.mean_shift.as_ref().map(|shift| shift.shift),
            ),
            (concat!("monobloc_", $what, "_missing_ratio"), "The share of rows without a value.", |column| {
                Some(column.measures.missing.live)
            }),
            (
                concat!("monobloc_", $what, "_out_of_range_ratio"),
                "The share of numbers beyond the reference's.",
                |column| column.measures.out_of_range.as_ref().map(|rate| rate.live),
            ),
            (
                concat!("monobloc_", $what, "_new_category_ratio"),
                "The share of categories that the reference does not have.",
                |column| column.measures.new_categories.as_ref().map(|rate| rate.live),
            ),
        ]
    };
}

const COLUMNS: [OfColumn; 8] = of_columns!("column", "column");
const OUTPUTS: [OfColumn; 8] = of_columns!("output", "output");

fn of_columns(columns: &[ColumnDrift], label: &'static str, metrics: &[OfColumn]) -> Vec<Metric> {
    let sample = |column: &ColumnDrift, value| Sample {
        suffix: "",
        labels: vec![(label, column.name.clone())],
        value,
    };
    let metric = |&(name, help, of): &OfColumn| Metric {
        name,
        help,
        kind: MetricKind::Gauge,
        samples: columns.iter().filter_map(|column| of(column).map(|value| sample(column, value))).collect(),
    };
    metrics.iter().map(metric).collect()
}
