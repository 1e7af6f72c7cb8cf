//! `monobloc budget`: how many threads batches take, and why.

use monobloc::{CpuBudget, Error, ErrorKind, Result};
use serde_json::json;

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// Processes that share the CPUs; by default what `WEB_CONCURRENCY` says, else 1.
    #[arg(long)]
    workers: Option<std::num::NonZeroUsize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The text to print.
pub fn run(arguments: &Arguments) -> Result<String> {
    let budget = CpuBudget::read(arguments.workers.map(std::num::NonZeroUsize::get));
    if !arguments.json {
        return Ok(budget.to_string());
    }
    let source = |source: &monobloc::budget::Source| {
        json!({
            "name": source.name,
            "value": source.value,
            "meaning": source.meaning,
            "cpus": source.cpus,
        })
    };
    let shown = json!({
        "threads": budget.threads,
        "quota": budget.quota,
        "workers": budget.workers,
        "sources": budget.sources.iter().map(source).collect::<Vec<_>>(),
    });
    let internal = |error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
    serde_json::to_string_pretty(&shown).map(|text| text + "\n").map_err(internal)
}
