//! Loading on a thread of its own, while the caller does something else.

use super::{Engine, LoadOptions};
use crate::error::{Error, ErrorKind, Result, guard};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// An engine that is being loaded. Dropped, it lets the loading end by itself and what it loaded go.
///
/// `Send` and `Sync`. The thread does not survive a fork: in a forked child the loading never ends.
pub struct Loading {
    thread: JoinHandle<Result<Engine>>,
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    is_ended: Mutex<bool>,
    condition: Condvar,
}

impl Engine {
    /// Begins to load the bloc at `path` on a thread of its own, which ends with the loading.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the system has no thread to give. What is wrong with the bloc is told by
    /// [`Loading::wait`].
    pub fn load_in_background(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Loading> {
        let (path, options) = (path.as_ref().to_owned(), options.clone());
        let ended = Arc::new(Ended::default());
        let there = Arc::clone(&ended);
        let load = move || {
            let loaded = guard(|| Engine::load(path, &options));
            there.set();
            loaded
        };
        let thread = Builder::new().name("monobloc-load".to_owned()).spawn(load);
        let thread = thread
            .map_err(|error| Error::new(ErrorKind::Io, format!("starting a thread that loads: {error}")))?;
        Ok(Loading { thread, ended })
    }
}

impl Ended {
    fn set(&self) {
        *self.is_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }

    fn wait(&self, most: Duration) -> bool {
        let is_ended = self.is_ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.condition.wait_timeout_while(is_ended, most, |is_ended| !*is_ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Loading {
    /// Whether loading has ended, so that [`Loading::wait`] does not wait.
    pub fn is_ended(&self) -> bool {
        self.wait_for(Duration::ZERO)
    }

    /// Waits until loading has ended, but no longer than `most`; whether it has.
    pub fn wait_for(&self, most: Duration) -> bool {
        self.ended.wait(most)
    }

    /// Waits until loading has ended, and gives what [`Engine::load`] gives.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn wait(self) -> Result<Engine> {
        self.thread.join().unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "the thread that loads ended without a result"))
        })
    }
}

impl fmt::Debug for Loading {
    fn fmt(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.debug_struct("Loading").field("is_ended", &self.is_ended()).finish()
    }
}
