//! `monobloc.footprint`.

use crate::budget::positive;
use crate::engine::Engine;
use crate::error::{exception, raise};
use monobloc::error::guard;
use monobloc::{CpuBudget, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::path::PathBuf;
use std::sync::Arc;

/// The memory that processes which serve the same blocs will take, in bytes. `str()` gives a table, and says whether it
/// fits into the limit.
#[pyclass(frozen, module = "monobloc")]
pub struct Footprint {
    inner: monobloc::Footprint,
}

/// The memory that a bloc takes.
#[pyclass(frozen, get_all, module = "monobloc")]
pub struct BlocFootprint {
    /// Where it is.
    path: PathBuf,
    /// The file's size: what its pages take in the page cache at most.
    file_bytes: u64,
    /// What predicting reads of the file: in memory once, for all processes.
    shared_bytes: u64,
    /// What an engine keeps for itself.
    private_bytes: u64,
    /// Scratch memory of a thread after a large batch; for a network, of a run of one row.
    scratch_bytes: u64,
}

/// The limit that leaves a process the least memory: a control group's, or what the machine has.
#[pyclass(frozen, get_all, module = "monobloc")]
pub struct MemoryLimit {
    /// The limit.
    bytes: u64,
    /// What is in use of it, by all processes that it holds for.
    used_bytes: u64,
    /// The part of that which is pages of files: the kernel takes them back when memory is short.
    page_cache_bytes: u64,
    /// The file that says so.
    source: String,
}

/// The memory that `workers` processes will take which each serve `blocs`: paths or engines, one or a list. By default
/// `WEB_CONCURRENCY` says how many there are, `threads` of each predict as in the budget, and a process without engines
/// takes `process_bytes` as this one does now. Estimated, in milliseconds, without starting one; `docs/containers.md`
/// says of what. The command is `monobloc plan`.
///
/// >>> monobloc.footprint("credit.bloc", workers=4).fit
/// 'fits'
#[pyfunction]
#[pyo3(signature = (blocs, workers=None, *, threads=None, process_bytes=None))]
pub fn footprint(
    py: Python<'_>,
    blocs: &Bound<'_, PyAny>,
    workers: Option<i64>,
    threads: Option<i64>,
    process_bytes: Option<u64>,
) -> PyResult<Footprint> {
    let workers = workers.map(|workers| positive("workers", workers)).transpose()?;
    let workers = workers.unwrap_or_else(|| CpuBudget::read(None).workers);
    let threads = threads.map(|threads| positive("threads", threads)).transpose()?;
    let items: Vec<Bound<'_, PyAny>> = if let Ok(list) = blocs.cast::<PyList>() {
        list.iter().collect()
    } else if let Ok(tuple) = blocs.cast::<PyTuple>() {
        tuple.iter().collect()
    } else {
        vec![blocs.clone()]
    };
    let loaded = items.iter().filter_map(|item| item.cast::<Engine>().ok());
    let loaded: u64 = loaded.map(|engine| engine.get().inner().private_bytes()).sum();
    let now = || monobloc::memory::private_bytes().map(|bytes| bytes.saturating_sub(loaded));
    let process_bytes = process_bytes.or_else(now);
    let engines = items.iter().map(|item| engine(item, workers)).collect::<PyResult<Vec<_>>>()?;
    let measure =
        || monobloc::Footprint::of_engines(engines.iter().map(|engine| &**engine), workers, threads);
    let inner = py.detach(|| guard(measure)).map_err(|error| exception(&error))?;
    let process_bytes = process_bytes.unwrap_or(inner.process_bytes);
    Ok(Footprint { inner: monobloc::Footprint { process_bytes, ..inner } })
}

fn engine(item: &Bound<'_, PyAny>, workers: usize) -> PyResult<Arc<monobloc::Engine>> {
    if let Ok(engine) = item.cast::<Engine>() {
        return Ok(engine.get().shared());
    }
    let path = item.extract::<PathBuf>().map_err(|_| {
        let message = match item.get_type().name() {
            Ok(found) => format!("a bloc given as {found}; expected a path or an engine"),
            Err(error) => error.to_string(),
        };
        raise(ErrorKind::InvalidArgument, message)
    })?;
    let options = monobloc::LoadOptions::default().workers(workers);
    let engine = item.py().detach(|| guard(|| monobloc::Engine::load(&path, &options)));
    engine.map(Arc::new).map_err(|error| exception(&error))
}

#[pymethods]
impl Footprint {
    /// The number of processes.
    #[getter]
    fn workers(&self) -> usize {
        self.inner.workers
    }

    /// Threads of each that predict.
    #[getter]
    fn threads(&self) -> usize {
        self.inner.threads
    }

    /// Private memory of a process without engines: its interpreter, its imports.
    #[getter]
    fn process_bytes(&self) -> u64 {
        self.inner.process_bytes
    }

    /// The blocs.
    #[getter]
    fn blocs(&self) -> Vec<BlocFootprint> {
        let bloc = |bloc: &monobloc::footprint::BlocFootprint| BlocFootprint {
            path: bloc.path.clone(),
            file_bytes: bloc.file_bytes,
            shared_bytes: bloc.shared_bytes,
            private_bytes: bloc.private_bytes,
            scratch_bytes: bloc.scratch_bytes,
        };
        self.inner.blocs.iter().map(bloc).collect()
    }

    /// Scratch memory of one thread. It is used again by each engine, so that the largest counts.
    #[getter]
    fn scratch_bytes(&self) -> u64 {
        self.inner.scratch_bytes()
    }

    /// Private memory of one process.
    #[getter]
    fn worker_bytes(&self) -> u64 {
        self.inner.worker_bytes()
    }

    /// Private memory of all processes.
    #[getter]
    fn private_bytes(&self) -> u64 {
        self.inner.private_bytes()
    }

    /// What lies in memory once.
    #[getter]
    fn shared_bytes(&self) -> u64 {
        self.inner.shared_bytes()
    }

    /// All of it.
    #[getter]
    fn total_bytes(&self) -> u64 {
        self.inner.total_bytes()
    }

    /// What the blocs' files take in the page cache at most. Their pages are charged to the control group whose process
    /// touches them first.
    #[getter]
    fn page_cache_bytes(&self) -> u64 {
        self.inner.page_cache_bytes()
    }

    /// The limit that holds here now; `None` where nothing tells.
    #[getter]
    fn limit(&self) -> Option<MemoryLimit> {
        let limit = self.inner.limit.clone()?;
        let monobloc::memory::MemoryLimit { bytes, used_bytes, page_cache_bytes, source } = limit;
        Some(MemoryLimit { bytes, used_bytes, page_cache_bytes, source })
    }

    /// `"fits"`; `"reclaims"` where mapped pages will be dropped and read again; `"too_large"` where private memory alone
    /// is more than the limit; `None` without one.
    #[getter]
    fn fit(&self) -> Option<&'static str> {
        self.inner.fit().map(monobloc::footprint::Fit::name)
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        format!(
            "Footprint(workers={}, private_bytes={}, shared_bytes={}, fit={:?})",
            self.inner.workers,
            self.inner.private_bytes(),
            self.inner.shared_bytes(),
            self.fit().unwrap_or("None")
        )
    }
}

#[pymethods]
impl BlocFootprint {
    fn __repr__(&self) -> String {
        let BlocFootprint { path, shared_bytes, private_bytes, scratch_bytes, .. } = self;
        format!(
            "BlocFootprint({:?}, shared_bytes={shared_bytes}, private_bytes={private_bytes}, scratch_bytes={scratch_bytes})",
            path.display().to_string()
        )
    }
}

#[pymethods]
impl MemoryLimit {
    fn __repr__(&self) -> String {
        format!("MemoryLimit(bytes={}, used_bytes={}, source={:?})", self.bytes, self.used_bytes, self.source)
    }
}
