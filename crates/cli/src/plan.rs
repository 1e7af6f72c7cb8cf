//! `monobloc plan`: the memory that workers will take.

use monobloc::memory::MemoryLimit;
use monobloc::{CpuBudget, Error, ErrorKind, Footprint, Result};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The blocs that each worker serves.
    #[arg(required = true)]
    blocs: Vec<PathBuf>,
    /// Processes that serve them; by default what `WEB_CONCURRENCY` says, else 1.
    #[arg(long)]
    workers: Option<NonZeroUsize>,
    /// Threads of each that predict; by default the budget that `monobloc budget` explains.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Megabytes (10^6 bytes) that a worker takes without blocs: its interpreter and imports. By default what this
    /// command itself takes.
    #[arg(long, value_name = "MB")]
    process_mb: Option<f64>,
    /// The memory limit in megabytes; by default the one that holds here.
    #[arg(long, value_name = "MB")]
    limit_mb: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The text to print.
pub fn run(arguments: &Arguments) -> Result<String> {
    let Arguments { blocs, workers, threads, process_mb, limit_mb, json } = arguments;
    let workers = workers.map_or_else(|| CpuBudget::read(None).workers, NonZeroUsize::get);
    let mut footprint = Footprint::of_blocs(blocs, workers, threads.map(NonZeroUsize::get))?;
    if let Some(megabytes) = process_mb {
        footprint.process_bytes = bytes("--process-mb", *megabytes)?;
    }
    if let Some(megabytes) = limit_mb {
        let bytes = bytes("--limit-mb", *megabytes)?;
        let source = "--limit-mb".to_owned();
        footprint.limit = Some(MemoryLimit { bytes, used_bytes: 0, page_cache_bytes: 0, source });
    }
    if !json {
        return Ok(footprint.to_string());
    }
    let internal = |error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
    serde_json::to_string_pretty(&as_json(&footprint)).map(|text| text + "\n").map_err(internal)
}

fn bytes(option: &str, megabytes: f64) -> Result<u64> {
    if !(0.0..1e12).contains(&megabytes) {
        let message = format!("{option} is {megabytes}; expected megabytes");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok((megabytes * 1e6) as u64)
}

fn as_json(footprint: &Footprint) -> Value {
    let blocs = footprint.blocs.iter().map(|bloc| {
        json!({
            "path": bloc.path.display().to_string(),
            "file_bytes": bloc.file_bytes,
            "shared_bytes": bloc.shared_bytes,
            "private_bytes": bloc.private_bytes,
            "scratch_bytes": bloc.scratch_bytes,
        })
    });
    let limit = footprint.limit.as_ref().map(|limit| {
        json!({
            "bytes": limit.bytes,
            "used_bytes": limit.used_bytes,
            "page_cache_bytes": limit.page_cache_bytes,
            "source": limit.source,
        })
    });
    json!({
        "workers": footprint.workers,
        "threads": footprint.threads,
        "process_bytes": footprint.process_bytes,
        "blocs": blocs.collect::<Vec<_>>(),
        "scratch_bytes": footprint.scratch_bytes(),
        "worker_bytes": footprint.worker_bytes(),
        "private_bytes": footprint.private_bytes(),
        "shared_bytes": footprint.shared_bytes(),
        "total_bytes": footprint.total_bytes(),
        "page_cache_bytes": footprint.page_cache_bytes(),
        "limit": limit,
        "fit": footprint.fit().map(monobloc::footprint::Fit::name),
    })
}
