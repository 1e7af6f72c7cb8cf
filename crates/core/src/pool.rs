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

/// How work is shared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    /// Threads that work at a time, for all callers who say as many.
    pub threads: usize,
    /// Threads that this work is worth, the caller's own among them.
    pub worth: usize,
}

/// Does `work` on the caller's thread when its turn comes, and at the same time on helpers as far as turns are left.
/// Each call of `work` takes shares of the whole until none are left.
///
/// # Errors
/// [`ErrorKind::Io`] where threads can't be started.
pub fn run(shares: Shares, work: impl Fn() + Sync) -> Result<()> {
    let crew = Crew::of(shares.threads.clamp(1, MOST_THREADS));
    let turn = crew.turns.take();
    let helpers = if shares.worth > 1 { crew.turns.take_free(shares.worth - 1) } else { Vec::new() };
    if helpers.is_empty() {
        work();
        return Ok(());
    }
    crew.helpers()?.in_place_scope(|scope| {
        for helper in helpers {
            scope.spawn(|_| {
                let _turn = helper;
                work();
            });
        }
        work();
        drop(turn);
    });
    Ok(())
}

/// Does `work`, which can't be shared, on the caller's thread when its turn comes.
#[cfg(feature = "onnx")]
pub fn in_turn<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    let _turn = Crew::of(threads.clamp(1, MOST_THREADS)).turns.take();
    work()
}

/// Turns for threads that work together, and all but one of these threads: a caller is one itself.
struct Crew {
    threads: usize,
    turns: Turns,
    helpers: Mutex<Option<Helpers>>,
}

struct Helpers {
    pool: Arc<ThreadPool>,
    last_used: Instant,
    /// When this crew last looked for others that are idle.
    last_looked: Instant,
}

impl Crew {
    fn of(threads: usize) -> &'static Crew {
        let make =
            || Ok::<_, Infallible>(Crew { threads, turns: Turns::new(threads), helpers: Mutex::default() });
        match CREWS[threads].get_or_make(make) {
            Ok(crew) => crew,
        }
    }

    /// The helpers' threads, started where they are not.
    fn helpers(&self) -> Result<Arc<ThreadPool>> {
        let now = Instant::now();
        let mut helpers = self.lock();
        let mut started = match helpers.take() {
            Some(started) => started,
            None => Helpers { pool: Arc::new(start(self.threads - 1)?), last_used: now, last_looked: now },
        };
        let looks = now.saturating_duration_since(started.last_looked) >= Duration::from_secs(1);
        if looks {
            started.last_looked = now;
        }
        started.last_used = now;
        let pool = Arc::clone(&started.pool);
        *helpers = Some(started);
        drop(helpers);
        if looks {
            end_idle(self, now);
        }
        Ok(pool)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Helpers>> {
        self.helpers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the threads if nobody uses them and nobody did for a while.
    fn end_if_idle(&self, now: Instant) {
        let mut helpers = self.lock();
        let is_idle = |started: &mut Helpers| {
            now.saturating_duration_since(started.last_used) >= IDLE
                && Arc::get_mut(&mut started.pool).is_some()
        };
        drop(helpers.take_if(is_idle));
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

    fn shares(threads: usize) -> Shares {
        Shares { threads, worth: threads }
    }

    /// How many threads are at work together for `callers`, at most, and on how many work was done.
    fn most_at_once(threads: usize, callers: usize) -> (usize, usize) {
        let (working, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let ran = run(shares(threads), || {
                            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::sleep(Duration::from_micros(200));
                            working.fetch_sub(1, Ordering::SeqCst);
                            done.fetch_add(1, Ordering::SeqCst);
                        });
                        ran.expect("threads");
                    }
                });
            }
        });
        (most.into_inner(), done.into_inner())
    }

    #[test]
    fn as_many_work_as_there_are_turns_whatever_the_number_of_callers() {
        assert_eq!(most_at_once(1, 8), (1, 8 * 50));
        for threads in 2..4 {
            let (most, done) = most_at_once(threads, 8);
            assert!(most == threads && done >= 8 * 50, "{threads}: {most} at once, {done} in all");
        }
    }

    #[test]
    fn a_single_caller_has_all_helpers() {
        let all = std::sync::Barrier::new(7);
        run(shares(7), || _ = all.wait()).expect("threads");
    }

    #[test]
    fn a_caller_works_on_its_own_thread() {
        let own = std::thread::current().id();
        let seen = Mutex::new(Vec::new());
        for threads in [1, 2] {
            run(shares(threads), || seen.lock().expect("a list").push(std::thread::current().id()))
                .expect("threads");
        }
        let seen = seen.into_inner().expect("a list");
        assert_eq!((seen.len(), seen.iter().filter(|id| **id == own).count()), (3, 2));
    }

    #[test]
    fn threads_end_when_nobody_uses_them_and_start_again() {
        let crew = Crew::of(5);
        let pool = crew.helpers().expect("threads");
        let later = Instant::now() + 2 * IDLE;
        crew.end_if_idle(later);
        assert!(crew.lock().is_some(), "somebody holds them");
        drop(pool);
        crew.end_if_idle(Instant::now());
        assert!(crew.lock().is_some(), "just used");
        end_idle(Crew::of(6), later);
        assert!(crew.lock().is_none());
        assert_eq!(crew.helpers().expect("threads").current_num_threads(), 4);
    }

    #[test]
    fn a_panic_ends_its_turn() {
        for threads in [1, 2] {
            let panics = std::panic::catch_unwind(|| run(shares(threads), || panic!("on purpose")));
            assert!(panics.is_err());
            let done = AtomicUsize::new(0);
            run(shares(threads), || _ = done.fetch_add(1, Ordering::SeqCst)).expect("turns");
            assert_eq!(done.into_inner(), threads);
        }
    }
}
