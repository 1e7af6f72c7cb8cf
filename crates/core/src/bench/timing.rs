//! How long calls take, one after another.

use crate::error::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// Share of the time that calls run before they are measured.
const WARMING: u32 = 10;
/// Calls of a thread whose times are kept at most; further ones take the places of earlier ones, in turn.
const MOST_TIMES: usize = 1 << 20;

/// How long calls took.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// Calls.
    pub n_calls: usize,
    /// Wall time of them all, which threads share.
    pub elapsed: Duration,
    /// Nanoseconds of each, ascending.
    sorted: Vec<u64>,
}

impl Times {
    /// Calls a second, of all threads.
    pub fn per_second(&self) -> f64 {
        self.n_calls as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The time that this share of the calls took at most.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        let place = ((self.sorted.len() as f64 * share).ceil() as usize).saturating_sub(1).min(last);
        Duration::from_nanos(self.sorted.get(place).copied().unwrap_or_default())
    }
}

/// Makes calls for about `duration`, at least one. `call` is told their number.
pub(super) fn one_by_one(duration: Duration, mut call: impl FnMut(usize) -> Result<()>) -> Result<Times> {
    let mut number = 0;
    let warm = Instant::now();
    while number == 0 || warm.elapsed() < duration / WARMING {
        call(number)?;
        number += 1;
    }
    let (mut times, mut n_calls) = (Vec::new(), 0);
    let begun = Instant::now();
    let mut before = begun;
    loop {
        call(number)?;
        number += 1;
        let now = Instant::now();
        let time = u64::try_from((now - before).as_nanos()).unwrap_or(u64::MAX);
        match times.get_mut(n_calls % MOST_TIMES) {
            Some(place) => *place = time,
            None => times.push(time),
        }
        n_calls += 1;
        before = now;
        if now - begun >= duration {
            break;
        }
    }
    times.sort_unstable();
    Ok(Times { n_calls, elapsed: before - begun, sorted: times })
}

/// The same on several threads at once, whose calls have different numbers at first.
pub(super) fn at_once(
    threads: usize,
    duration: Duration,
    call: impl Fn(usize) -> Result<()> + Sync,
) -> Result<Times> {
    const APART: usize = 7919;
    let run = |thread: usize| one_by_one(duration, |number| call(number + thread * APART));
    let all: Vec<Result<Times>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let mut all = vec![run(0)];
        all.extend(others.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a thread panicked")))
        }));
        all
    });
    let mut whole = Times { n_calls: 0, elapsed: Duration::ZERO, sorted: Vec::new() };
    for times in all {
        let times = times?;
        whole.n_calls += times.n_calls;
        whole.elapsed = whole.elapsed.max(times.elapsed);
        whole.sorted.extend(times.sorted);
    }
    whole.sorted.sort_unstable();
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let times =
            |sorted: Vec<u64>| Times { n_calls: sorted.len(), elapsed: Duration::from_secs(2), sorted };
        let thousand = times((1..=1000).collect());
        for (share, expected) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000), (0.0, 1)] {
            assert_eq!(thousand.quantile(share), Duration::from_nanos(expected), "{share}");
        }
        assert_eq!(thousand.per_second(), 500.0);
        assert_eq!(times(vec![7]).quantile(0.999), Duration::from_nanos(7));
    }

    #[test]
    fn all_calls_are_counted_and_the_first_failure_is_told() {
        let called = AtomicUsize::new(0);
        let count = |_| {
            called.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let times = at_once(3, Duration::from_millis(5), count).expect("calls");
        assert!(times.n_calls >= 3 && times.n_calls <= called.load(Ordering::Relaxed) - 3);
        assert!(times.elapsed >= Duration::from_millis(5));
        let one = one_by_one(Duration::ZERO, |_| Ok(())).expect("a call");
        assert_eq!(one.n_calls, 1);
        let refused = at_once(2, Duration::from_millis(1), |number| match number {
            0 => Ok(()),
            _ => Err(Error::new(ErrorKind::Schema, "refused")),
        });
        assert_eq!(refused.expect_err("a failure").kind(), ErrorKind::Schema);
    }
}
