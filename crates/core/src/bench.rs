//! How fast an engine answers on this machine: what `monobloc bench` tells. `docs/cli.md` says how each figure is taken.

mod sample;
mod timing;

pub use timing::Times;

use crate::budget::CpuBudget;
use crate::engine::{Engine, LoadOptions};
use crate::error::{Error, Result};
use crate::score::Format;
use sample::Sample;
use std::path::{Path, PathBuf};
use std::time::Duration;
use timing::{at_once, one_by_one};

/// Rows of a batch: a file's first ones, or golden ones over and over.
pub const BATCH_ROWS: usize = 10_000;

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// A file of rows; by default the golden rows of the bloc.
    pub rows: Option<PathBuf>,
    /// The file's format; by default what its name ends in.
    pub format: Option<Format>,
    /// Time for all measurements together.
    pub duration: Duration,
    /// Threads; by default the budget that [`CpuBudget::read`] explains.
    pub threads: Option<usize>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct BenchReport {
    /// Different rows that were answered.
    pub rows: usize,
    /// Threads at most.
    pub threads: usize,
    /// The measurements.
    pub measured: Vec<Measured>,
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was called.
    pub call: Call,
    /// Threads that worked.
    pub threads: usize,
    /// Rows that each call answered.
    pub rows: usize,
    /// How long calls took.
    pub times: Times,
}

/// A way to have rows answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Engine::run_into`] for [`BATCH_ROWS`] rows in columns of their types.
    Batch,
    /// A network's golden tensors.
    Golden,
    /// [`Engine::run_json`] for a body of one row.
    Json,
    /// [`Engine::run_into`] for one row in columns of their types.
    Row,
}

impl Call {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Call::Batch => "batch",
            Call::Golden => "golden",
            Call::Json => "json",
            Call::Row => "row",
        }
    }
}

impl Measured {
    /// Rows a second.
    pub fn rows_per_second(&self) -> f64 {
        self.times.per_second() * self.rows as f64
    }
}

/// Measures the bloc at `path`.
///
/// # Errors
/// As [`Engine::load`]; of a file of rows as [`crate::score::Scoring::run`]; [`crate::ErrorKind::InvalidArgument`] for a file
/// without rows, or rows for a model that takes tensors.
pub fn run(path: &Path, options: &BenchOptions) -> Result<BenchReport> {
    let threads = options.threads.unwrap_or_else(|| CpuBudget::read(None).threads);
    let load = |threads| Engine::load(path, &LoadOptions::default().threads(threads));
    let one = load(1)?;
    let all = if threads > 1 { Some(load(threads)?) } else { None };
    #[cfg(feature = "onnx")]
    if let Some(network) = one.model().network() {
        return of_network(&one, all.as_ref(), network, threads, options);
    }
    let sample = match &options.rows {
        Some(rows) => Sample::of_file(&one, rows, options.format)?,
        None => Sample::of_golden_rows(&one)?,
    };
    let bodies = sample.bodies(one.schema());
    let n_measurements: u32 = if all.is_some() { 5 } else { 3 };
    let duration = options.duration / n_measurements;
    let mut measured = Vec::new();
    let mut batch = |engine: &Engine, threads: usize| {
        let columns = sample.columns(0..sample.n_rows());
        let input = crate::Input::new(engine.schema(), sample.n_rows(), columns)?;
        let mut out = vec![0.0; sample.n_rows() * engine.model().n_outputs()];
        let times = one_by_one(duration, |_| engine.run_into(&input, &mut out).map(drop))?;
        measured.push(Measured { call: Call::Batch, threads, rows: sample.n_rows(), times });
        Ok::<_, Error>(())
    };
    batch(&one, 1)?;
    if let Some(all) = &all {
        batch(all, threads)?;
    }
    let mut single = |call: Call, threads: usize| {
        let times = at_once(threads, duration, |number| {
            let row = number % sample.n_different();
            match call {
                Call::Json => one.run_json(&bodies[row]).map(drop),
                _ => {
                    let input = crate::Input::new(one.schema(), 1, sample.columns(row..row + 1))?;
                    one.run(&input).map(drop)
                }
            }
        })?;
        measured.push(Measured { call, threads, rows: 1, times });
        Ok::<_, Error>(())
    };
    single(Call::Row, 1)?;
    single(Call::Json, 1)?;
    if all.is_some() {
        single(Call::Json, threads)?;
    }
    Ok(BenchReport { rows: sample.n_different(), threads, measured })
}

#[cfg(feature = "onnx")]
fn of_network(
    one: &Engine,
    all: Option<&Engine>,
    network: &crate::model::graph::Network,
    threads: usize,
    options: &BenchOptions,
) -> Result<BenchReport> {
    if options.rows.is_some() {
        let message = "the model is a network, whose inputs are no tables; without a file of rows its golden tensors \
                       are measured";
        return Err(Error::new(crate::ErrorKind::InvalidArgument, message));
    }
    let cases = crate::golden::inputs(one, network)?;
    let duration = options.duration / if all.is_some() { 2 } else { 1 };
    let (mut measured, mut rows) = (Vec::new(), 0);
    for (engine, threads) in [(Some(one), 1), (all, threads)] {
        let (Some(engine), Some(network)) = (engine, engine.and_then(|engine| engine.model().network()))
        else {
            continue;
        };
        rows = 0;
        for case in &cases {
            rows += engine.run_golden(network, named(case))?.n_rows;
        }
        let times = one_by_one(duration, |_| {
            for case in &cases {
                engine.run_golden(network, named(case))?;
            }
            Ok(())
        })?;
        measured.push(Measured { call: Call::Golden, threads, rows, times });
    }
    Ok(BenchReport { rows, threads, measured })
}

#[cfg(feature = "onnx")]
fn named(case: &[(String, crate::Tensor)]) -> Vec<(&str, crate::Tensor)> {
    case.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect()
}
