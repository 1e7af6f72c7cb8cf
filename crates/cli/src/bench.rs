//! `monobloc bench`: how fast a bloc answers here.

use monobloc::bench::{self, BenchOptions, BenchReport, Call, Measured};
use monobloc::score::Format;
use monobloc::{CpuBudget, Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The bloc.
    bloc: PathBuf,
    /// A file of rows, of any format that `monobloc predict` reads; its first 10,000 are taken. By default the golden rows.
    rows: Option<PathBuf>,
    /// The format of the rows; by default what the file's name ends in.
    #[arg(long, value_parser = crate::predict::format)]
    format: Option<Format>,
    /// Time for all measurements together.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Threads; by default the budget that `monobloc budget` explains.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The text to print.
pub fn run(arguments: &Arguments) -> Result<String> {
    let Arguments { bloc, rows, format, seconds, threads, json } = arguments;
    if !(0.01..=3600.0).contains(seconds) {
        let message = format!("--seconds is {seconds}; expected 0.01 to 3600");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let options = BenchOptions {
        rows: rows.clone(),
        format: *format,
        duration: Duration::from_secs_f64(*seconds),
        threads: threads.map(NonZeroUsize::get),
    };
    let load = load_average();
    let report = bench::run(bloc, &options)?;
    if !json {
        return Ok(table(arguments, &report, load));
    }
    let shown = json!({
        "bloc": bloc.display().to_string(),
        "rows": report.rows,
        "rows_from": rows.as_ref().map(|rows| rows.display().to_string()),
        "processor": processor(),
        "threads": report.threads,
        "load_average": load,
        "measured": report.measured.iter().map(as_json).collect::<Vec<_>>(),
    });
    let internal = |error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
    serde_json::to_string_pretty(&shown).map(|text| text + "\n").map_err(internal)
}

fn as_json(measured: &Measured) -> Value {
    let seconds = |share: f64| measured.times.quantile(share).as_secs_f64();
    json!({
        "call": measured.call.name(),
        "threads": measured.threads,
        "rows_per_call": measured.rows,
        "calls": measured.times.n_calls,
        "calls_per_second": measured.times.per_second(),
        "rows_per_second": measured.rows_per_second(),
        "rows_per_second_and_thread": measured.rows_per_second() / measured.threads as f64,
        "seconds": { "p50": seconds(0.5), "p99": seconds(0.99), "p999": seconds(0.999) },
    })
}

fn table(arguments: &Arguments, report: &BenchReport, load: Option<f64>) -> String {
    let rows = match &arguments.rows {
        Some(path) => format!("{} rows of {}", report.rows, path.display()),
        None => format!("{} golden rows", report.rows),
    };
    let budget = match arguments.threads {
        Some(threads) => format!("{threads} threads (--threads)"),
        None => {
            format!("a budget of {} threads (monobloc budget explains it)", CpuBudget::read(None).threads)
        }
    };
    let mut text = format!("{}: {rows}\n{}, {budget}\n\n", arguments.bloc.display(), processor());
    let titles = ["", "threads", "calls/s", "rows/s", "per thread", "p50", "p99", "p99.9"];
    let mut cells: Vec<Vec<String>> = vec![titles.map(str::to_owned).to_vec()];
    for measured in &report.measured {
        let name = match measured.call {
            Call::Batch => format!("batches of {}", grouped(measured.rows as f64)),
            Call::Golden => "golden tensors".to_owned(),
            Call::Json => "one row as JSON".to_owned(),
            _ => "one row, typed".to_owned(),
        };
        let rate = measured.rows_per_second();
        let mut row = vec![
            name,
            measured.threads.to_string(),
            grouped(measured.times.per_second()),
            grouped(rate),
            grouped(rate / measured.threads as f64),
        ];
        row.extend([0.5, 0.99, 0.999].map(|share| duration(measured.times.quantile(share))));
        cells.push(row);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    for row in &cells {
        let _ = write!(text, "{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    let load = load.map_or(String::new(), |load| format!("; its load was {load} before"));
    text + &format!("\nOther work on the machine shows in these figures{load}.\n")
}

/// A number in groups of three digits, with a decimal where it is small.
fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn duration(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        _ if micros < 1000.0 => format!("{micros:.1} µs"),
        _ if micros < 1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// The processor's name, and how many the machine has.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let lines = |name: &'static str| text.lines().filter(move |line| line.starts_with(name));
    let model = lines("model name").find_map(|line| line.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    format!("{model}, {} CPUs", lines("processor").count())
}

/// Processes that ran or waited in the last minute.
fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!(
            [0.25, 99.94, 100.0, 999.6, 1e6].map(grouped),
            ["0.2", "99.9", "100", "1,000", "1,000,000"]
        );
        let shown = |nanos| duration(Duration::from_nanos(nanos));
        assert_eq!(
            [1_250, 999_000, 1_500_000, 2_000_000_000].map(shown),
            ["1.2 µs", "999.0 µs", "1.5 ms", "2.00 s"]
        );
    }
}
