//! What is counted of the rows that a model answers, by all processes that serve it: whole numbers in memory that they
//! share.
//!
//! Each process has a slot to itself and adds to it, so that processes do not wait for each other's cache lines. A slot
//! belongs to who has locked its byte of the file; the lock ends with the process, also with SIGKILL, and the next
//! process takes the slot with all that it counted. Each addition is one atomic instruction: a kill at any moment
//! leaves whole numbers, and loses at most the rows in flight.

mod count;
mod file;
pub(super) mod layout;
mod own;
mod read;

pub(crate) use count::Answered;
pub(super) use count::{Counter, OutputPlace};
pub use layout::{BUCKETS, Span};
pub use read::{Counted, Snapshot, Totals};

use crate::error::{Error, Result};
use crate::mapped::{Shared, nameless};
use crate::per_process::PerProcess;
use crate::reference::Reference;
use layout::Layout;
use own::Own;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How an engine watches the rows that it answers. Each setter is called as the field that it sets.
///
/// ```
/// use monobloc::monitor::{MonitorOptions, Span};
/// use monobloc::{Engine, LoadOptions};
///
/// let monitor = MonitorOptions::default().parts(6).span(Span::Rows(1_000));
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default().monitor(monitor))?;
/// assert!(engine.snapshot().is_some());
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MonitorOptions {
    /// The folder of the file in which processes that were not forked from one another count together: on a local file
    /// system, for this user alone. By default processes share what they count with those that are forked from them
    /// after loading, and with no others.
    pub state_dir: Option<PathBuf>,
    /// Parts of a window; the oldest is left out when a new one begins.
    pub parts: usize,
    /// What each part spans.
    pub span: Span,
    /// How many processes are to have a slot of their own; by default 16.
    pub slots: Option<usize>,
}

impl Default for MonitorOptions {
    /// An hour, in twelve parts of five minutes.
    fn default() -> Self {
        MonitorOptions { state_dir: None, parts: 12, span: Span::Seconds(300), slots: None }
    }
}

impl MonitorOptions {
    /// A window of so many seconds or rows, in twelve parts, for `workers` processes where their number is known.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for a window that is shorter than its parts are many.
    pub fn of_window(window: Span, workers: Option<usize>) -> Result<MonitorOptions> {
        let parts = MonitorOptions::default().parts;
        let part = |name: &str, length: u64| {
            let message =
                format!("{name} is too short; expected {parts} at least, since a window has {parts} parts");
            let long_enough = length >= parts as u64;
            long_enough
                .then(|| length.div_ceil(parts as u64))
                .ok_or_else(|| Error::new(crate::error::ErrorKind::InvalidArgument, message))
        };
        let span = match window {
            Span::Rows(rows) => Span::Rows(part("window_rows", rows)?),
            Span::Seconds(seconds) => Span::Seconds(part("window_seconds", seconds)?),
        };
        // The process that workers are forked from has a slot, too.
        let slots = workers.map(|workers| workers + 1);
        Ok(MonitorOptions { span, slots, ..MonitorOptions::default() })
    }

    /// The folder of the file in which processes that were not forked from one another count together.
    #[must_use]
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(folder.into());
        self
    }

    /// Parts of a window, from 1 to 1,000.
    #[must_use]
    pub fn parts(mut self, parts: usize) -> Self {
        self.parts = parts;
        self
    }

    /// What each part spans.
    #[must_use]
    pub fn span(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// How many processes are to have a slot of their own, at least 1.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = Some(slots);
        self
    }
}

/// The counters of all processes.
#[derive(Debug)]
pub(super) struct State {
    layout: Layout,
    shared: Shared,
    /// `None` where the system has no memory that processes share by name.
    file: Option<File>,
    path: Option<PathBuf>,
    own: PerProcess<Own>,
}

/// Bytes by which locks lie behind the state.
const LOCKS: u64 = 1 << 40;

impl State {
    /// The state for a bloc with this digest and reference; and what was found wrong with its file and mended.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for an empty window and a folder on a remote file system;
    /// [`crate::ErrorKind::PermissionDenied`] for a file of another user, or that others may read or write;
    /// [`crate::ErrorKind::VersionTooNew`]; [`crate::ErrorKind::Io`].
    pub fn open(
        digest: &str,
        reference: &Reference,
        options: &MonitorOptions,
    ) -> Result<(State, Option<String>)> {
        let MonitorOptions { state_dir, parts, span, slots } = options;
        let (Span::Rows(length) | Span::Seconds(length)) = *span;
        if *parts == 0 || *parts > 1000 || length == 0 || length > u64::from(u32::MAX) || *slots == Some(0) {
            let message = format!(
                "monitoring in {parts} parts of {span:?} for {slots:?} processes; expected 1 to 1000 parts, each of \
                 a second or a row at least, and a process"
            );
            return Err(Error::new(crate::error::ErrorKind::InvalidArgument, message));
        }
        let layout = Layout::new(digest, reference, *slots, *parts, *span);
        let (file, path, warning) = match state_dir {
            Some(folder) => {
                let (file, path, warning) = file::open(folder, digest, &layout)?;
                (Some(file), Some(path), warning)
            }
            None => (nameless(layout.n_bytes()).ok(), None, None),
        };
        let shared = match &file {
            Some(file) => Shared::of_file(file, layout.n_words()),
            None => Shared::private(layout.n_words()),
        };
        let shared = shared.map_err(|error| {
            let place = path.as_deref().unwrap_or(Path::new("memory"));
            Error::io(place, "mapping the monitor's state", &error)
        })?;
        if path.is_none() {
            layout
                .header()
                .iter()
                .zip(shared.words())
                .for_each(|(word, to)| to.store(*word, Ordering::Relaxed));
        }
        Ok((State { layout, shared, file, path, own: PerProcess::new() }, warning))
    }

    /// The state that others keep in a file, to be read.
    ///
    /// # Errors
    /// As [`State::open`]; [`crate::ErrorKind::Corrupt`] for a file that is none of this bloc's.
    pub fn attach(path: &Path, digest: &str, reference: &Reference) -> Result<State> {
        let (file, layout) = file::attach(path, digest, reference)?;
        let shared = Shared::of_file(&file, layout.n_words())
            .map_err(|error| Error::io(path, "mapping the monitor's state", &error))?;
        let path = Some(path.to_owned());
        Ok(State { layout, shared, file: Some(file), path, own: PerProcess::new() })
    }

    /// The file, if it has a name.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether forked processes count in it, too.
    pub fn is_shared(&self) -> bool {
        self.file.is_some()
    }

    /// The words of this process's slot.
    #[inline]
    pub fn own(&self) -> &[AtomicU64] {
        let own = self.own.get_or_make(|| Ok::<_, std::convert::Infallible>(Own::take(self)));
        let slot = own.map_or(0, |own| own.slot);
        &self.shared.words()[self.layout.slot(slot)]
    }

    fn slots(&self) -> impl Iterator<Item = &[AtomicU64]> {
        (0..self.layout.n_slots).map(|slot| &self.shared.words()[self.layout.slot(slot)])
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests;
