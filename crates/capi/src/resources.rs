//! How many threads and how much memory there are, told before processes are started.

use crate::handle::{Growing, Numbers, Out, OutSized, invalid};
use crate::status::{guard, monobloc_error, monobloc_status};
use crate::text::monobloc_bytes;
use monobloc::{CpuBudget, Footprint};
use std::path::PathBuf;

/// How many threads the batches of this process take.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_cpu_budget {
    /// `sizeof(monobloc_cpu_budget)`.
    pub size: usize,
    /// Threads that batches take together, at least 1.
    pub threads: usize,
    /// Processes that share the CPUs.
    pub workers: usize,
    /// The tightest CPU quota, in CPUs; 0 without one.
    pub quota: f64,
}

// SAFETY: it begins with its size; zeros are 0.
unsafe impl Growing for monobloc_cpu_budget {
    const NAME: &'static str = "monobloc_cpu_budget";
}

/// Writes the budget as of now to `*out_budget`, whose size is set; and where `out_explanation` is not NULL why it is so,
/// source by source, to `*out_explanation`. `workers` is the number of processes that share the CPUs, or 0 for what the
/// variable `WEB_CONCURRENCY` says.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_cpu_budget_read(
    workers: usize,
    mut out_budget: OutSized<monobloc_cpu_budget>,
    out_explanation: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let budget = CpuBudget::read(Some(workers).filter(|&workers| workers > 0));
        let value = monobloc_cpu_budget {
            size: 0,
            threads: budget.threads,
            workers: budget.workers,
            quota: budget.quota.unwrap_or(0.0),
        };
        out_budget.give("out_budget", value)?;
        if let Some(place) = out_explanation.optional() {
            place.write(monobloc_bytes::new(budget.to_string()));
        }
        Ok(())
    })
}

/// The memory of processes that serve blocs, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_footprint {
    /// `sizeof(monobloc_footprint)`.
    pub size: usize,
    /// The number of processes.
    pub workers: usize,
    /// Threads of each that predict.
    pub threads: usize,
    /// What lies in memory once, for all of them.
    pub shared_bytes: u64,
    /// Private memory of one process.
    pub worker_bytes: u64,
    /// All of it: what is shared, and the private memory of all processes.
    pub total_bytes: u64,
    /// The limit that holds here; 0 where nothing tells.
    pub limit_bytes: u64,
}

// SAFETY: it begins with its size; zeros are 0.
unsafe impl Growing for monobloc_footprint {
    const NAME: &'static str = "monobloc_footprint";
}

/// Writes the memory that `workers` processes (at least 1) will take which each serve the blocs at `n_paths` paths to
/// `*out_footprint`, whose size is set; and where `out_table` is not NULL the same as a table, to `*out_table`. `paths` is
/// an array of texts that end with a zero byte; `threads` are those of each process that predict, or 0 for the CPU
/// budget. Each bloc is loaded for a moment, which costs little.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_footprint_of(
    paths: Numbers,
    n_paths: usize,
    workers: usize,
    threads: usize,
    mut out_footprint: OutSized<monobloc_footprint>,
    out_table: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let path = |at: usize| {
            let stride = size_of::<*const u8>().cast_signed();
            let path = paths.text(true, stride, at, "paths")?.and_then(|path| std::str::from_utf8(path).ok());
            path.map(PathBuf::from).ok_or_else(|| invalid(format!("path number {at} is NULL or not UTF-8")))
        };
        let paths = (0..n_paths).map(path).collect::<monobloc::Result<Vec<_>>>()?;
        let threads = Some(threads).filter(|&threads| threads > 0);
        let footprint = Footprint::of_blocs(&paths, workers, threads)?;
        let value = monobloc_footprint {
            size: 0,
            workers: footprint.workers,
            threads: footprint.threads,
            shared_bytes: footprint.shared_bytes(),
            worker_bytes: footprint.worker_bytes(),
            total_bytes: footprint.total_bytes(),
            limit_bytes: footprint.limit.as_ref().map_or(0, |limit| limit.bytes),
        };
        out_footprint.give("out_footprint", value)?;
        if let Some(place) = out_table.optional() {
            place.write(monobloc_bytes::new(footprint.to_string()));
        }
        Ok(())
    })
}
