//! How long rows take: learnt while they are answered, so that only batches worth it are shared among threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Rows from which on a call's time is that of many.
const MANY: usize = 64;

/// Calls of few rows of which one is timed; asking for the time would cost the smallest of them a percent.
const SAMPLED: u64 = 16;

/// Nanoseconds of a row before any was timed.
const UNKNOWN: u64 = 1_000;

/// The time of a row, alone and among many. Relaxed: it steers where work is done and never what comes out.
#[derive(Debug)]
pub(crate) struct Pace {
    alone: AtomicU64,
    among_many: AtomicU64,
    calls: AtomicU64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { alone: AtomicU64::new(UNKNOWN), among_many: AtomicU64::new(UNKNOWN), calls: AtomicU64::new(0) }
    }
}

impl Pace {
    /// How long `n_rows` are expected to take on one thread.
    pub fn expected(&self, n_rows: usize) -> Duration {
        let of_row = if n_rows < MANY { &self.alone } else { &self.among_many };
        Duration::from_nanos(of_row.load(Ordering::Relaxed).saturating_mul(n_rows as u64))
    }

    /// Does `work` on `n_rows` on this thread, and mostly learns from it.
    pub fn timed<R>(&self, n_rows: usize, work: impl FnOnce() -> R) -> R {
        if n_rows == 0 || n_rows < MANY && !self.is_sampled() {
            return work();
        }
        let begun = Instant::now();
        let result = work();
        self.learn(n_rows, begun.elapsed());
        result
    }

    /// Callers on other threads may make a call count twice or not at all, so that no line of the cache is fought for.
    fn is_sampled(&self) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        self.calls.store(calls.wrapping_add(1), Ordering::Relaxed);
        calls.is_multiple_of(SAMPLED)
    }

    /// Shorter times count more, since other work on the machine only ever makes them longer.
    fn learn(&self, n_rows: usize, elapsed: Duration) {
        let of_row = if n_rows < MANY { &self.alone } else { &self.among_many };
        let known = of_row.load(Ordering::Relaxed);
        let seen = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX) / n_rows as u64;
        let now = if seen < known { known - (known - seen).div_ceil(2) } else { known + (seen - known) / 8 };
        of_row.store(now.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_what_rows_take() {
        let pace = Pace::default();
        assert_eq!(pace.expected(100), Duration::from_micros(100));
        (0..40).for_each(|_| pace.learn(1000, Duration::from_millis(20)));
        let many = pace.expected(1000);
        assert!((Duration::from_millis(19)..=Duration::from_millis(20)).contains(&many), "{many:?}");
        assert_eq!(pace.expected(1), Duration::from_micros(1), "single rows are another matter");
        pace.learn(1000, Duration::from_secs(1));
        assert!(pace.expected(1000) < Duration::from_millis(200), "one disturbance is not believed");
        (0..12).for_each(|_| pace.learn(1000, Duration::from_micros(100)));
        assert!(pace.expected(1000) <= Duration::from_micros(200));
    }

    #[test]
    fn learns_from_one_of_the_small_calls() {
        let pace = Pace::default();
        for _ in 0..100 * SAMPLED {
            pace.timed(1, || std::thread::sleep(Duration::from_micros(20)));
        }
        assert!(pace.expected(1) >= Duration::from_micros(20), "{:?}", pace.expected(1));
    }
}
