//! How to load an engine.

use crate::handle::{Growing, Text, Userdata, invalid};
use crate::text::monobloc_str;
use monobloc::monitor::{Event, EventOptions, MonitorOptions, Span};
use monobloc::{LoadOptions, Result, Verify};
use std::path::PathBuf;

/// Is called with a row unlike the reference, as one line of JSON that `docs/sanity.md` describes, on the thread that
/// answered the row, after it was answered. Several threads may call it at once. It may make calls of this library's; it
/// must not throw, nor jump out of the call. The text is valid during the call.
pub type monobloc_on_event = Option<extern "C" fn(userdata: Userdata, json: monobloc_str)>;

/// How to load an engine. Zero stands for the default of each member:
/// `monobloc_load_options options = {.size = sizeof options};`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_load_options {
    /// `sizeof(monobloc_load_options)`.
    pub size: usize,
    /// The digest that the bloc must have: `sha256:` and 64 hexadecimal digits. By default any.
    pub digest: Text,
    /// Threads that batches take together, 256 at most; 1 keeps each on its caller's thread. By default the CPU budget,
    /// followed as it changes.
    pub threads: usize,
    /// Processes that share the CPUs. By default what the variable `WEB_CONCURRENCY` says, or one.
    pub workers: usize,
    /// Bytes of a request body at most; by default 64 MiB.
    pub max_body_bytes: usize,
    /// Whether to read every byte of the file and compare its digest. By default the structure is proven alone, in time
    /// independent of the size.
    pub verify_full: bool,
    /// Whether to count nothing. By default rows and outputs are counted, for metrics and drift.
    pub no_monitor: bool,
    /// The folder of the file in which processes that were not forked from one another count together. By default they
    /// share what they count with those that are forked from them after loading.
    pub state_dir: Text,
    /// Seconds of the window that drift is looked for in, by default 3,600, in twelve parts.
    pub window_seconds: u64,
    /// Rows of a window that is one of rows instead, in twelve parts.
    pub window_rows: u64,
    /// Is called with rows unlike the reference. By default nobody is.
    pub on_event: monobloc_on_event,
    /// What `on_event` is called with.
    pub event_userdata: Userdata,
    /// The share of such rows that are told, up to 1, which is the default.
    pub event_sample: f64,
    /// Events that are told in a second at most, by default 10.
    pub events_per_second: u32,
}

// SAFETY: it begins with its size; zeros are NULL, false, 0 and no function.
unsafe impl Growing for monobloc_load_options {
    const NAME: &'static str = "monobloc_load_options";
}

/// What the core calls these options; none are its defaults.
pub fn read(options: Option<monobloc_load_options>) -> Result<LoadOptions> {
    let mut read = LoadOptions::default();
    let Some(options) = options else { return Ok(read) };
    let some = |count: usize| Some(count).filter(|&count| count > 0);
    read.digest = options.digest.optional("options.digest")?.map(str::to_owned);
    read.threads = some(options.threads);
    read.workers = some(options.workers);
    read.max_body_bytes = some(options.max_body_bytes);
    read.verify = if options.verify_full { Verify::Full } else { Verify::Structure };
    read.monitor = if options.no_monitor { None } else { Some(monitor(&options)?) };
    read.events = events(&options)?;
    Ok(read)
}

fn monitor(options: &monobloc_load_options) -> Result<MonitorOptions> {
    let window = match (options.window_seconds, options.window_rows) {
        (0, 0) => Span::Seconds(3600),
        (seconds, 0) => Span::Seconds(seconds),
        (0, rows) => Span::Rows(rows),
        (seconds, rows) => {
            let message = format!(
                "options.window_seconds is {seconds} and options.window_rows is {rows}; expected one of them"
            );
            return Err(invalid(message));
        }
    };
    let workers = Some(options.workers).filter(|&workers| workers > 0);
    let mut monitor = MonitorOptions::of_window(window, workers)?;
    monitor.state_dir = options.state_dir.optional("options.state_dir")?.map(PathBuf::from);
    Ok(monitor)
}

fn events(options: &monobloc_load_options) -> Result<Option<EventOptions>> {
    let Some(on_event) = options.on_event else { return Ok(None) };
    let sample = options.event_sample;
    if !(0.0..=1.0).contains(&sample) {
        return Err(invalid(format!("options.event_sample is {sample}; expected a share from 0 to 1")));
    }
    let userdata = options.event_userdata;
    let sink = move |event: &Event| {
        let json = event.to_json();
        on_event(userdata, json.as_str().into());
    };
    let mut events = EventOptions::new(sink);
    if sample > 0.0 {
        events.sample = sample;
    }
    if options.events_per_second > 0 {
        events.per_second = options.events_per_second;
    }
    Ok(Some(events))
}
