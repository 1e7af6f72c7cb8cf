//! The threads that batches run on: bounded whatever the number of callers, named, made when first needed, and made
//! anew in a forked child. Never rayon's global pool.

mod turns;

use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::per_process::PerProcess;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use turns::Turns;

/// Threads of a crew at most.
pub const MOST_THREADS: usize = 256;

/// How long a crew's threads sleep while other crews work before they are ended.
const IDLE: Duration = Duration::from_secs(10);

/// The crews by number of threads. None is ever freed: a forked child can't join its parent's threads.
static CREWS: [PerProcess<Crew>; MOST_THREADS + 1] = [const { PerProcess::new() }; _];

/// How a batch is shared: among how many threads, and in how many shares, if the work can be cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    pub threads: usize,
    pub shares: usize,
}

/// Runs `work` on the crew of `threads` threads, which every batch that wants as many shares. A crew of one takes
/// turns on its callers' own threads.
///
/// # Errors
/// [`ErrorKind::Io`] where threads can't be started.
pub fn run<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    let crew = Crew::of(threads.clamp(1, MOST_THREADS));
    if crew.threads == 1 {
        let _turn = crew.turns.take();
        return Ok(work());
    }
    Ok(crew.started()?.install(work))
}

/// Threads that work together, or turns for one.
struct Crew {
    threads: usize,
    turns: Turns,
    started: Mutex<Option<Started>>,
}

struct Started {
    pool: Arc<ThreadPool>,
    last_used: Instant,
    /// When this crew last looked for others that are idle.
    last_looked: Instant,
}

impl Crew {
    fn of(threads: usize) -> &'static Crew {
        let make =
            || Ok::<_, Infallible>(Crew { threads, turns: Turns::default(), started: Mutex::default() });
        match CREWS[threads].get_or_make(make) {
            Ok(crew) => crew,
        }
    }

    /// The crew's threads, started where they are not.
    fn started(&self) -> Result<Arc<ThreadPool>> {
        let now = Instant::now();
        let mut started = self.lock();
        let mut threads = match started.take() {
            Some(threads) => threads,
            None => Started { pool: Arc::new(start(self.threads)?), last_used: now, last_looked: now },
        };
        let looks = now.saturating_duration_since(threads.last_looked) >= Duration::from_secs(1);
        if looks {
            threads.last_looked = now;
        }
        threads.last_used = now;
        let pool = Arc::clone(&threads.pool);
        *started = Some(threads);
        drop(started);
        if looks {
            end_idle(self, now);
        }
        Ok(pool)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the threads if nobody uses them and nobody did for a while.
    fn end_if_idle(&self, now: Instant) {
        let mut started = self.lock();
        let is_idle = |started: &mut Started| {
            now.saturating_duration_since(started.last_used) >= IDLE
                && Arc::get_mut(&mut started.pool).is_some()
        };
        drop(started.take_if(is_idle));
    }
}

fn start(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("monobloc-{number}"))
        .start_handler(|_| std::mem::forget(DefaultMode::enter()))
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, format!("starting {threads} threads: {error}")))
}

/// Ends the threads of other crews that nobody uses any more, as when a quota has changed.
fn end_idle(working: &Crew, now: Instant) {
    for crew in CREWS.iter().filter_map(PerProcess::get) {
        if crew.threads != working.threads {
            crew.end_if_idle(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How many of `callers` are at work together on the crew of `threads`, at most.
    fn most_at_once(threads: usize, callers: usize) -> usize {
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let done = run(threads, || {
                            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::sleep(Duration::from_micros(50));
                            working.fetch_sub(1, Ordering::SeqCst);
                        });
                        done.expect("threads");
                    }
                });
            }
        });
        most.into_inner()
    }

    #[test]
    fn as_many_work_as_there_are_threads_whatever_the_number_of_callers() {
        assert_eq!(most_at_once(1, 8), 1);
        assert_eq!(most_at_once(2, 8), 2);
        assert_eq!(most_at_once(3, 8), 3);
    }

    #[test]
    fn one_works_on_its_callers_thread() {
        let own = std::thread::current().id();
        assert_eq!(run(1, || std::thread::current().id()).expect("a turn"), own);
        assert_ne!(run(2, || std::thread::current().id()).expect("threads"), own);
    }

    #[test]
    fn threads_end_when_nobody_uses_them_and_start_again() {
        let crew = Crew::of(5);
        let pool = crew.started().expect("threads");
        let later = Instant::now() + 2 * IDLE;
        crew.end_if_idle(later);
        assert!(crew.lock().is_some(), "somebody holds them");
        drop(pool);
        crew.end_if_idle(Instant::now());
        assert!(crew.lock().is_some(), "just used");
        end_idle(Crew::of(6), later);
        assert!(crew.lock().is_none());
        assert_eq!(run(5, rayon::current_num_threads).expect("threads"), 5);
    }

    #[test]
    fn a_panic_ends_its_turn() {
        let panics = std::panic::catch_unwind(|| run(1, || panic!("on purpose")));
        assert!(panics.is_err());
        assert_eq!(run(1, || 7).expect("a turn"), 7);
    }
}
