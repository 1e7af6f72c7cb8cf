//! `monobloc.load`.

use crate::budget::positive;
use crate::engine::Engine;
use crate::error::{exception, raise};
use crate::events::Listeners;
use crate::monitoring::Monitoring;
use crate::tasks::{ClassifierEngine, OutlierDetectorEngine};
use monobloc::error::guard;
use monobloc::{ErrorKind, LoadOptions, Verify};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::Arc;

/// Loads a bloc. By default only its structure is proven, in time independent of its size;
/// `verify="full"` reads every byte. `digest` refuses any other bloc. `max_body_bytes` bounds request
/// bodies, JSON's and Arrow's, by default to 64 MiB.
///
/// `threads` is how many threads batches take together; 1 keeps each on its caller's thread, however many
/// callers there are. By default it is the budget that `cpu_budget` explains, followed as it changes, of
/// which `workers` processes have an equal part each.
///
/// Rows unlike the reference are told of: `on_event` is called with a dict for each, and `event_log` is a file to
/// which it is appended as a line of JSON (up to 64 MiB). `event_sample` is the share of them that is told, and
/// `events_per_second` bounds how many. See `docs/sanity.md`.
///
/// Rows and outputs are counted in the reference's bins (`monitor=False` counts nothing): over the last hour, or
/// `window_seconds`, or over each process's last `window_rows` rows. Processes that are forked after loading count
/// together; others do where each loads with the same `state_dir`, a local folder. See `docs/monitoring.md`.
///
/// >>> engine = monobloc.load("credit.bloc")
/// >>> engine.predict_proba(X).shape
/// (1000, 2)
#[pyfunction]
#[pyo3(signature = (
    path,
    *,
    digest=None,
    threads=None,
    workers=None,
    verify="structure",
    max_body_bytes=None,
    on_event=None,
    event_log=None,
    event_sample=1.0,
    events_per_second=10,
    monitor=true,
    state_dir=None,
    window_seconds=3600,
    window_rows=None,
))]
#[expect(clippy::too_many_arguments, reason = "what can be said of an engine, each by its own name")]
pub fn load<'py>(
    py: Python<'py>,
    path: PathBuf,
    digest: Option<String>,
    threads: Option<i64>,
    workers: Option<i64>,
    verify: &str,
    max_body_bytes: Option<usize>,
    on_event: Option<Bound<'py, PyAny>>,
    event_log: Option<PathBuf>,
    event_sample: f64,
    events_per_second: u32,
    monitor: bool,
    state_dir: Option<PathBuf>,
    window_seconds: i64,
    window_rows: Option<i64>,
) -> PyResult<Bound<'py, Engine>> {
    let state_dir = state_dir.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
    let monitoring = Monitoring { monitor, state_dir, window_seconds, window_rows };
    let events =
        Listeners { on_event: on_event.map(Bound::unbind), log: event_log, event_sample, events_per_second };
    let verify = match verify {
        "structure" => Verify::Structure,
        "full" => Verify::Full,
        other => {
            let message = format!("verify is {other:?}; expected \"structure\" or \"full\"");
            return Err(raise(ErrorKind::InvalidArgument, message));
        }
    };
    let workers = workers.map(|workers| positive("workers", workers)).transpose()?;
    let mut options = LoadOptions::default().verify(verify);
    options.digest = digest;
    options.events = events.options()?;
    options.max_body_bytes = max_body_bytes;
    options.monitor = monitoring.options(workers)?;
    options.threads = threads.map(|threads| positive("threads", threads)).transpose()?;
    options.workers = workers;
    let inner =
        py.detach(|| guard(|| monobloc::Engine::load(&path, &options))).map_err(|error| exception(&error))?;
    let seconds = inner.load_report().duration.as_secs_f64();
    let logger = py.import("logging")?.call_method1("getLogger", ("monobloc",))?;
    logger.call_method1("info", ("loaded %s (%s) in %.6f s", &path, inner.bloc().digest(), seconds))?;
    for name in &inner.load_report().kernel_variables {
        logger.call_method1("warning", ("%s is set: it changes the kernels that networks run on", name))?;
    }
    for warning in &inner.load_report().warnings {
        let category = py.get_type::<PyRuntimeWarning>();
        PyErr::warn(py, &category, &CString::new(warning.as_str())?, 1)?;
    }
    let absolute_path = std::path::absolute(&path).unwrap_or(path);
    let engine = Engine { inner: Arc::new(inner), options, events, monitoring, absolute_path };
    if engine.inner.is_classifier() {
        let classifier = PyClassInitializer::from(engine).add_subclass(ClassifierEngine);
        return Ok(Bound::new(py, classifier)?.into_super());
    }
    if engine.inner.model().ensemble().is_some_and(|ensemble| ensemble.offset().is_some()) {
        let detector = PyClassInitializer::from(engine).add_subclass(OutlierDetectorEngine);
        return Ok(Bound::new(py, detector)?.into_super());
    }
    Bound::new(py, engine)
}

/// Loads again what was pickled: the same path, with the same digest.
#[pyfunction]
pub fn _reload<'py>(
    py: Python<'py>,
    path: PathBuf,
    digest: String,
    threads: (Option<i64>, Option<i64>),
    max_body_bytes: Option<usize>,
    events: (Option<Bound<'py, PyAny>>, Option<PathBuf>, f64, u32),
    monitoring: (bool, Option<PathBuf>, i64, Option<i64>),
) -> PyResult<Bound<'py, Engine>> {
    let ((threads, workers), (on_event, log, sample, per_second)) = (threads, events);
    let (monitor, state_dir, seconds, rows) = monitoring;
    let (digest, verify) = (Some(digest), "structure");
    load(
        py,
        path,
        digest,
        threads,
        workers,
        verify,
        max_body_bytes,
        on_event,
        log,
        sample,
        per_second,
        monitor,
        state_dir,
        seconds,
        rows,
    )
}
