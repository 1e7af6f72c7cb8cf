//! The worker threads of this process: bounded, named, made when first needed, and made anew in a
//! forked child. Never rayon's global pool.
#![expect(unsafe_code, reason = "one pool per process, swapped without a lock that a fork could leave held")]

use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicPtr, Ordering};

/// The pool of this process with at least `threads` threads.
///
/// A pool is never freed: a forked child can't join its parent's threads, and other callers may still
/// be using a smaller pool. At most one is made per process and larger size.
pub fn pool(threads: usize) -> Result<&'static ThreadPool> {
    static CURRENT: AtomicPtr<Owned> = AtomicPtr::new(std::ptr::null_mut());
    loop {
        let current = CURRENT.load(Ordering::Acquire);
        // SAFETY: the pointer is null or came from `Box::into_raw` below and is never freed.
        let owned: Option<&'static Owned> = unsafe { current.as_ref() };
        if let Some(owned) = owned.filter(|owned| owned.serves(threads)) {
            return Ok(&owned.pool);
        }
        let fresh = Box::into_raw(Box::new(Owned::start(threads, owned)?));
        match CURRENT.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: `fresh` is published and never freed.
            Ok(_) => return Ok(unsafe { &(*fresh).pool }),
            // SAFETY: `fresh` was not published, so this is its only owner.
            Err(_) => drop(unsafe { Box::from_raw(fresh) }),
        }
    }
}

struct Owned {
    process: u32,
    pool: ThreadPool,
    #[expect(dead_code, reason = "keeps what others may still use reachable")]
    superseded: Option<&'static Owned>,
}

impl Owned {
    fn start(threads: usize, superseded: Option<&'static Owned>) -> Result<Owned> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("monobloc-{number}"))
            .start_handler(|_| std::mem::forget(DefaultMode::enter()))
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, format!("starting {threads} threads: {error}")))?;
        Ok(Owned { process: std::process::id(), pool, superseded })
    }

    fn serves(&self, threads: usize) -> bool {
        self.process == std::process::id() && self.pool.current_num_threads() >= threads
    }
}
