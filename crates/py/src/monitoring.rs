//! What an engine watches, as Python says it and sees it.

use crate::error::{exception, raise};
use monobloc::ErrorKind;
use monobloc::monitor::{MonitorOptions, Span};
use pyo3::PyResult;
use std::path::PathBuf;

/// The arguments of `load` that say how rows are counted.
#[derive(Clone, Debug)]
pub struct Monitoring {
    pub monitor: bool,
    pub state_dir: Option<PathBuf>,
    pub window_seconds: i64,
    pub window_rows: Option<i64>,
}

impl Monitoring {
    /// The core's options, `None` for no counting.
    pub fn options(&self, workers: Option<usize>) -> PyResult<Option<MonitorOptions>> {
        let Monitoring { monitor, state_dir, window_seconds, window_rows } = self;
        let length = |length: i64| u64::try_from(length).unwrap_or(0);
        let window = match window_rows {
            Some(rows) => Span::Rows(length(*rows)),
            None => Span::Seconds(length(*window_seconds)),
        };
        let mut options = MonitorOptions::of_window(window, workers).map_err(|error| exception(&error))?;
        options.state_dir.clone_from(state_dir);
        if !monitor {
            let message = "monitor=False counts nothing that a state_dir could keep";
            return match state_dir {
                Some(_) => Err(raise(ErrorKind::InvalidArgument, message)),
                None => Ok(None),
            };
        }
        Ok(Some(options))
    }
}
