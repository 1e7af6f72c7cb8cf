//! What an engine watches, as Python says it and sees it.

use crate::error::raise;
use monobloc::ErrorKind;
use monobloc::monitor::{MonitorOptions, Span};
use pyo3::PyResult;
use std::path::PathBuf;

/// Parts of a window.
const PARTS: usize = 12;

/// The arguments of `load` that say how rows are counted.
#[derive(Clone, Debug)]
pub struct Monitoring {
    pub monitor: bool,
    pub state_dir: Option<PathBuf>,
    pub window_seconds: i64,
    pub window_rows: Option<i64>,
}

impl Monitoring {
    /// The core's options, `None` for no counting. `workers` have a slot each, and the process that they are forked from.
    pub fn options(&self, workers: Option<usize>) -> PyResult<Option<MonitorOptions>> {
        let Monitoring { monitor, state_dir, window_seconds, window_rows } = self;
        let parts = |name: &str, length: i64| {
            let length = u64::try_from(length).ok().filter(|length| *length >= PARTS as u64);
            let message =
                format!("{name} is too short; expected {PARTS} at least, since a window has {PARTS} parts");
            length
                .map(|length| length.div_ceil(PARTS as u64))
                .ok_or_else(|| raise(ErrorKind::InvalidArgument, message))
        };
        let span = match window_rows {
            Some(rows) => Span::Rows(parts("window_rows", *rows)?),
            None => Span::Seconds(parts("window_seconds", *window_seconds)?),
        };
        if !monitor {
            let message = "monitor=False counts nothing that a state_dir could keep";
            return match state_dir {
                Some(_) => Err(raise(ErrorKind::InvalidArgument, message)),
                None => Ok(None),
            };
        }
        let slots = workers.map(|workers| workers + 1);
        Ok(Some(MonitorOptions { state_dir: state_dir.clone(), parts: PARTS, span, slots }))
    }
}
