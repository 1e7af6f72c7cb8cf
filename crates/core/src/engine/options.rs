//! How to load an engine.

use crate::monitor::{EventOptions, MonitorOptions};

/// How to load an engine. Each setter is called as the field that it sets.
///
/// By default the structure is proven, the budget kept, and an hour of rows counted.
///
/// ```
/// use monobloc::{Engine, LoadOptions, Verify};
///
/// let options = LoadOptions::default().verify(Verify::Full).threads(2).max_body_bytes(1 << 20);
/// let engine = Engine::load("tests/data/sample.bloc", &options)?;
/// assert_eq!((engine.threads(), engine.max_body_bytes()), (2, 1 << 20));
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadOptions {
    /// The digest that the bloc must have: `sha256:` and 64 hexadecimal digits. By default any.
    pub digest: Option<String>,
    /// Where rows unlike the reference are told of; by default nowhere.
    pub events: Option<EventOptions>,
    /// Bytes of a request body at most, JSON's or Arrow's; by default [`crate::request::MAX_BODY_BYTES`].
    pub max_body_bytes: Option<usize>,
    /// How rows and outputs are counted, or `None` for no counting.
    pub monitor: Option<MonitorOptions>,
    /// Threads that batches take together, 256 at most; 1 keeps each on its caller's thread, however many callers there are. By
    /// default the budget that [`CpuBudget::read`](crate::CpuBudget::read) explains, followed as it changes.
    pub threads: Option<usize>,
    /// How much of the file to read.
    pub verify: Verify,
    /// How many processes share the CPUs; by default what `WEB_CONCURRENCY` says.
    pub workers: Option<usize>,
}

impl Default for LoadOptions {
    /// The structure is proven, the budget kept, and an hour of rows counted.
    fn default() -> Self {
        LoadOptions {
            digest: None,
            events: None,
            max_body_bytes: None,
            monitor: Some(MonitorOptions::default()),
            threads: None,
            verify: Verify::default(),
            workers: None,
        }
    }
}

impl LoadOptions {
    /// The digest that the bloc must have: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// Where rows unlike the reference are told of.
    #[must_use]
    pub fn events(mut self, events: EventOptions) -> Self {
        self.events = Some(events);
        self
    }

    /// Bytes of a request body at most, JSON's or Arrow's.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    /// How rows and outputs are counted.
    #[must_use]
    pub fn monitor(mut self, monitor: MonitorOptions) -> Self {
        self.monitor = Some(monitor);
        self
    }

    /// Rows and outputs are not counted: the engine has no metrics, and tells of no drift.
    #[must_use]
    pub fn without_monitor(mut self) -> Self {
        self.monitor = None;
        self
    }

    /// Threads that batches take together, from 1 to 256; 1 keeps each on its caller's thread.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How much of the file to read.
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// How many processes share the CPUs, at least 1.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }
}

/// How much of a bloc loading reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Every byte, against its digest.
    Full,
    /// The structure, in time independent of the size.
    #[default]
    Structure,
}
