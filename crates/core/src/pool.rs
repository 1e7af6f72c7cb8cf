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

/// How long threads sleep while others work before they are ended.
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

/// Does `work` on the caller's thread if a turn is free, and at the same time on helpers as far as more are; else on a
/// thread of the crew's when its turn comes, which goes on from work to work without sleeping in between. Each call of
/// `work` takes shares of the whole until none are left.
///
/// # Errors
/// [`ErrorKind::Io`] where threads can't be started.
pub fn run(Shares { threads, worth }: Shares, work: impl Fn() + Sync) -> Result<()> {
    let crew = Crew::of(threads.clamp(1, MOST_THREADS));
    let mut helpers = crew.turns.take_free(worth.max(1));
    let Some(turn) = helpers.next() else { return crew.wait(&work) };
    if helpers.len() == 0 {
        work();
        return Ok(());
    }
    crew.threads_of(Role::Help)?.in_place_scope(|scope| {
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

/// As [`run`], for work that can't be shared.
///
/// # Errors
/// As [`run`].
#[cfg(feature = "onnx")]
pub fn run_whole<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    let crew = Crew::of(threads.clamp(1, MOST_THREADS));
    match crew.turns.take_free(1).next() {
        Some(_turn) => Ok(work()),
        None => crew.wait(work),
    }
}

/// Turns for threads that work together, and the threads.
struct Crew {
    size: usize,
    turns: Turns,
    /// By role: where one role's are used, the other's sleep.
    threads: [Mutex<Option<Started>>; 2],
}

/// What threads of a crew do.
#[derive(Clone, Copy)]
enum Role {
    /// Share the work of callers, one less than the crew's size: a caller works too. With one thread more the kernel was
    /// seen to wake the one that had run on the caller's processor.
    Help,
    /// Do the work of callers who wait.
    Serve,
}

struct Started {
    pool: Arc<ThreadPool>,
    last_used: Instant,
    /// When this crew last looked for others that are idle.
    last_looked: Instant,
}

impl Crew {
    fn of(size: usize) -> &'static Crew {
        let make =
            || Ok::<_, Infallible>(Crew { size, turns: Turns::new(size), threads: Default::default() });
        match CREWS[size].get_or_make(make) {
            Ok(crew) => crew,
        }
    }

    /// Does `work` on a thread of the crew's when its turn comes.
    fn wait<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        let asked = self.turns.ask();
        Ok(self.threads_of(Role::Serve)?.install(|| {
            let _turn = asked.wait();
            work()
        }))
    }

    /// The crew's threads for a role, started where they are not.
    fn threads_of(&self, role: Role) -> Result<Arc<ThreadPool>> {
        let now = Instant::now();
        let (place, count) = match role {
            Role::Help => (&self.threads[0], self.size - 1),
            Role::Serve => (&self.threads[1], self.size),
        };
        let mut started = lock(place);
        let mut threads = match started.take() {
            Some(threads) => threads,
            None => Started { pool: Arc::new(start(count)?), last_used: now, last_looked: now },
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
            end_idle(now);
        }
        Ok(pool)
    }

    /// Ends the threads that nobody uses and that nobody did for a while.
    fn end_idle(&self, now: Instant) {
        for place in &self.threads {
            let is_idle = |threads: &mut Started| {
                now.saturating_duration_since(threads.last_used) >= IDLE
                    && Arc::get_mut(&mut threads.pool).is_some()
            };
            drop(lock(place).take_if(is_idle));
        }
    }
}

fn lock(place: &Mutex<Option<Started>>) -> MutexGuard<'_, Option<Started>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("monobloc-{number}"))
        .start_handler(|_| std::mem::forget(DefaultMode::enter()))
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, format!("starting {threads} threads: {error}")))
}

/// Ends the threads that nobody uses any more, as when a quota has changed or many callers have become one.
fn end_idle(now: Instant) {
    CREWS.iter().filter_map(PerProcess::get).for_each(|crew| crew.end_idle(now));
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
        let is_started = |role: Role| lock(&crew.threads[role as usize]).is_some();
        let pool = crew.threads_of(Role::Help).expect("threads");
        let later = Instant::now() + 2 * IDLE;
        end_idle(later);
        assert!(is_started(Role::Help), "somebody holds them");
        drop(pool);
        end_idle(Instant::now());
        assert!(is_started(Role::Help) && !is_started(Role::Serve), "just used");
        end_idle(later);
        assert!(!is_started(Role::Help));
        let count = |role| crew.threads_of(role).expect("threads").current_num_threads();
        assert_eq!((count(Role::Help), count(Role::Serve)), (4, 5));
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
