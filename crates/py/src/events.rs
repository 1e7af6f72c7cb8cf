//! Events to a Python function and to a file.

use crate::error::{exception, raise};
use monobloc::ErrorKind;
use monobloc::monitor::{Event, EventOptions, JsonLines, MOST_BYTES};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Where an engine's events go.
pub struct Listeners {
    pub on_event: Option<Py<PyAny>>,
    pub log: Option<PathBuf>,
    pub event_sample: f64,
    pub events_per_second: u32,
}

impl Listeners {
    /// For the core; `None` where nobody listens.
    pub fn options(&self) -> PyResult<Option<EventOptions>> {
        let Listeners { on_event, log, event_sample, events_per_second } = self;
        if !(0.0..=1.0).contains(event_sample) {
            let message = format!("event_sample is {event_sample}; expected a share from 0 to 1");
            return Err(raise(ErrorKind::InvalidArgument, message));
        }
        let file = log.as_deref().map(|path| JsonLines::open(path, MOST_BYTES));
        let file = file.transpose().map_err(|error| exception(&error))?;
        let function = Python::attach(|py| on_event.as_ref().map(|function| function.clone_ref(py)));
        if file.is_none() && function.is_none() {
            return Ok(None);
        }
        let options = EventOptions::new(move |event| {
            if let Some(file) = &file {
                file.append(event);
            }
            if let Some(function) = &function {
                call(function, event);
            }
        });
        Ok(Some(options.sample(*event_sample).per_second(*events_per_second)))
    }
}

/// Calls the function with the event as a dict. What it raises is no concern of the row's: it goes to
/// `sys.unraisablehook`.
fn call(function: &Py<PyAny>, event: &Event) {
    Python::attach(|py| {
        let loads = || py.import("json")?.call_method1("loads", (event.to_json(),));
        if let Err(error) = loads().and_then(|event| function.bind(py).call1((event,))) {
            error.write_unraisable(py, Some(function.bind(py)));
        }
    });
}
