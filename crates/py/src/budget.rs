//! `monobloc.cpu_budget`.

use crate::error::raise;
use monobloc::ErrorKind;
use pyo3::prelude::*;

/// How many threads the batches of this process take, and why. `str()` tells it, source by source.
#[pyclass(frozen, module = "monobloc")]
pub struct CpuBudget {
    /// Threads that batches of this process take together, at least 1.
    #[pyo3(get)]
    threads: usize,
    /// The tightest CPU quota, in CPUs, before it is rounded; `None` without one.
    #[pyo3(get)]
    quota: Option<f64>,
    /// The number of processes that share the CPUs.
    #[pyo3(get)]
    workers: usize,
    /// What was read, and what it allows.
    #[pyo3(get)]
    sources: Vec<CpuSource>,
    text: String,
}

/// A file or variable that was read for a budget.
#[pyclass(frozen, get_all, from_py_object, module = "monobloc")]
#[derive(Clone)]
pub struct CpuSource {
    /// The path, the path and the line's name, or the variable.
    name: String,
    /// What it says.
    value: String,
    /// What that means.
    meaning: String,
    /// The CPUs that it allows; `None` where it allows any number, or speaks of something else.
    cpus: Option<f64>,
}

/// How many threads batches take by default, and why: quotas of control groups, cpusets, affinity and variables, file
/// by file. `workers` is the number of processes that share the CPUs; by default `WEB_CONCURRENCY` says it. The rules
/// are in `docs/containers.md`.
///
/// >>> monobloc.cpu_budget(workers=4).threads >= 1
/// True
#[pyfunction]
#[pyo3(signature = (workers=None))]
pub fn cpu_budget(workers: Option<i64>) -> PyResult<CpuBudget> {
    let workers = workers.map(|workers| positive("workers", workers)).transpose()?;
    let budget = monobloc::CpuBudget::read(workers);
    let text = budget.to_string();
    let sources = budget.sources.into_iter().map(|source| CpuSource {
        name: source.name,
        value: source.value,
        meaning: source.meaning,
        cpus: source.cpus,
    });
    let sources = sources.collect();
    Ok(CpuBudget { threads: budget.threads, quota: budget.quota, workers: budget.workers, sources, text })
}

/// A count of at least 1.
pub fn positive(name: &str, count: i64) -> PyResult<usize> {
    usize::try_from(count)
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| raise(ErrorKind::InvalidArgument, format!("{name} is {count}; expected at least 1")))
}

#[pymethods]
impl CpuBudget {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        let quota = self.quota.map_or_else(|| "None".to_owned(), |quota| quota.to_string());
        format!("CpuBudget(threads={}, quota={quota}, workers={})", self.threads, self.workers)
    }
}

#[pymethods]
impl CpuSource {
    fn __repr__(&self) -> String {
        format!("CpuSource({:?}, {:?}, {:?})", self.name, self.value, self.meaning)
    }
}
