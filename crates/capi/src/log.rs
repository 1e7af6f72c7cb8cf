//! What the library has to say besides its errors.

use crate::handle::Userdata;
use crate::status::total;
use crate::text::monobloc_str;
use monobloc::Engine;
use std::sync::{Once, PoisonError, RwLock};

/// How much a message matters.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_log_level {
    /// A fault of this library's own, which its call gives as `MONOBLOC_INTERNAL`; with its place in the code.
    MONOBLOC_LOG_ERROR = 1,
    /// What will slow predictions down, or changes their last bits.
    MONOBLOC_LOG_WARNING = 2,
    /// What was loaded, and how long it took.
    MONOBLOC_LOG_INFO = 3,
}

/// Is called with a message and a `monobloc_log_level`, on any thread. It must not throw, nor jump out of the call. The
/// text is valid during the call.
pub type monobloc_on_log = Option<extern "C" fn(userdata: Userdata, level: u32, message: monobloc_str)>;

#[derive(Clone, Copy)]
struct Log {
    on_log: extern "C" fn(userdata: Userdata, level: u32, message: monobloc_str),
    userdata: Userdata,
}

static LOG: RwLock<Option<Log>> = RwLock::new(None);
static HOOK: Once = Once::new();

/// Has `on_log` called with messages from now on, in this process; NULL ends it, and faults are told on standard error
/// again. Calls that are under way may still call what was there before.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_set_log(on_log: monobloc_on_log, userdata: Userdata) {
    total((), || {
        *LOG.write().unwrap_or_else(PoisonError::into_inner) = on_log.map(|on_log| Log { on_log, userdata });
        HOOK.call_once(hook_panics);
    });
}

fn hook_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !tell(monobloc_log_level::MONOBLOC_LOG_ERROR, &panic.to_string()) {
            hook(panic);
        }
    }));
    monobloc::error::hush_foreign_panics();
}

/// Whether somebody was there to be told.
fn tell(level: monobloc_log_level, message: &str) -> bool {
    let log = *LOG.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(Log { on_log, userdata }) = log {
        on_log(userdata, level as u32, message.into());
    }
    log.is_some()
}

/// Tells what was loaded, and what loading found.
pub fn loaded(engine: &Engine) {
    let report = engine.load_report();
    let (path, digest) = (engine.bloc().path().display(), engine.bloc().digest());
    let message = format!("loaded {path} ({digest}) in {:.6} s", report.duration.as_secs_f64());
    if !tell(monobloc_log_level::MONOBLOC_LOG_INFO, &message) {
        return;
    }
    for name in &report.kernel_variables {
        let message = format!("{name} is set: it changes the kernels that networks run on");
        tell(monobloc_log_level::MONOBLOC_LOG_WARNING, &message);
    }
    for warning in &report.warnings {
        tell(monobloc_log_level::MONOBLOC_LOG_WARNING, warning);
    }
}
