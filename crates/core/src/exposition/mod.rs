//! Metrics as text, for those who scrape them.

mod families;
mod text;

pub use families::Watched;

use crate::error::{Error, ErrorKind, Result};
use std::str::FromStr;

/// A text format of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0: `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    OpenMetrics,
    /// Prometheus' own, version 0.0.4: `text/plain; version=0.0.4; charset=utf-8`.
    #[default]
    Prometheus,
}

impl Format {
    /// The media type that a response in this format has.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Reads `openmetrics` or `prometheus`.
    fn from_str(name: &str) -> Result<Format> {
        match name {
            "openmetrics" => Ok(Format::OpenMetrics),
            "prometheus" => Ok(Format::Prometheus),
            _ => {
                let message = format!("the format is {name:?}; expected \"prometheus\" or \"openmetrics\"");
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
        }
    }
}

impl MetricKind {
    /// What OpenMetrics calls it.
    pub const fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::Info => "info",
        }
    }
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that only ever grows. Its samples' names end in `_total`.
    Counter,
    /// A number.
    Gauge,
    /// Counts of durations up to bounds, cumulated.
    Histogram,
    /// Labels alone. Its sample's name ends in `_info`.
    Info,
}

/// Samples under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name, without the suffixes of samples.
    pub name: &'static str,
    /// What it is about.
    pub help: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What its name ends in, such as `_bucket`.
    pub suffix: &'static str,
    /// Labels beside the model's.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

impl Watched<'_> {
    /// The metrics as text.
    pub fn to_text(&self, format: Format) -> String {
        text::write(&self.metrics(), format, self.model)
    }
}

#[cfg(test)]
mod tests;
