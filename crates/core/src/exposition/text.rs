//! The two text formats.

use super::{Format, Metric, MetricKind};
use std::fmt::Write;

pub(super) fn write(metrics: &[Metric], format: Format, model: &str) -> String {
    let mut out = String::with_capacity(metrics.iter().map(|metric| 300 + 100 * metric.samples.len()).sum());
    let model = escaped(model);
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let Metric { name, help, kind, samples } = metric;
        let family = match (format, kind) {
            (Format::Prometheus, MetricKind::Counter) => format!("{name}_total"),
            (Format::Prometheus, MetricKind::Info) => format!("{name}_info"),
            _ => (*name).to_owned(),
        };
        let kind = match (format, kind) {
            (Format::Prometheus, MetricKind::Info) => MetricKind::Gauge.name(),
            _ => kind.name(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {family} {help}\n# TYPE {family} {kind}");
        let unit = name.rsplit_once('_').map_or("", |(_, last)| last);
        if format == Format::OpenMetrics && matches!(unit, "ratio" | "seconds") {
            let _ = writeln!(out, "# UNIT {family} {unit}");
        }
        for sample in samples {
            let _ = write!(out, "{name}{}{{model=\"{model}\"", sample.suffix);
            for (label, value) in &sample.labels {
                let _ = write!(out, ",{label}=\"{}\"", escaped(value));
            }
            let _ = writeln!(out, "}} {}", number(sample.value));
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
    out
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}
