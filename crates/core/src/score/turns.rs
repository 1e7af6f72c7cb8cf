//! Work on parts of a whole, done by several threads and written in the order of the parts.

use crate::error::{Result, guard};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How work ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Who reads the output has gone.
    Closed,
    Failed(crate::Error),
}

impl From<crate::Error> for Stop {
    fn from(error: crate::Error) -> Self {
        Stop::Failed(error)
    }
}

struct Writing<W> {
    /// The number of the part to be written.
    turn: u64,
    write: W,
    stop: Option<Stop>,
}

/// Takes parts from `next`, does `work` on them on `threads` threads, each with memory of its own, and calls `write` for
/// each in order. The first part that fails, in order, ends all. Once `next` has given none, or failed, it is not asked
/// again.
pub(super) fn in_order<M: Default, N, W>(
    threads: usize,
    next: N,
    work: impl Fn(&mut M) -> Result<()> + Sync,
    write: W,
) -> std::result::Result<(), Stop>
where
    N: FnMut(&mut M) -> Result<bool> + Send,
    W: FnMut(&mut M) -> std::result::Result<(), Stop> + Send,
{
    let reading = Mutex::new((0_u64, Some(next)));
    let writing = Mutex::new(Writing { turn: 0, write, stop: None });
    let turned = Condvar::new();
    let worker = || {
        let mut memory = M::default();
        loop {
            let (number, read) = {
                let mut reading = locked(&reading);
                let (number, next) = &mut *reading;
                let Some(ask) = next else { return };
                let taken = *number;
                *number += 1;
                let read = guard(|| ask(&mut memory));
                if !matches!(read, Ok(true)) {
                    *next = None;
                }
                (taken, read)
            };
            let worked = match read {
                Ok(false) => return,
                Ok(true) => guard(|| work(&mut memory)),
                Err(error) => Err(error),
            };
            let waits = |writing: &mut Writing<W>| writing.turn != number && writing.stop.is_none();
            let mut writing =
                turned.wait_while(locked(&writing), waits).unwrap_or_else(PoisonError::into_inner);
            if writing.stop.is_some() {
                return;
            }
            let written = worked.map_err(Stop::Failed).and_then(|()| {
                guard(|| Ok((writing.write)(&mut memory))).unwrap_or_else(|panic| Err(Stop::Failed(panic)))
            });
            writing.turn += 1;
            writing.stop = written.err();
            turned.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for number in 1..threads {
            let name = format!("monobloc-score-{number}");
            // With fewer threads than asked for the work takes longer.
            let _ = std::thread::Builder::new().name(name).spawn_scoped(scope, worker);
        }
        worker();
    });
    let writing = writing.into_inner().unwrap_or_else(PoisonError::into_inner);
    writing.stop.map_or(Ok(()), Err)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, ErrorKind};

    fn squares(threads: usize, n: u64, fails_at: u64) -> (Vec<u64>, std::result::Result<(), Stop>) {
        let (mut given, mut written) = (0, Vec::new());
        let next = |number: &mut u64| {
            *number = given;
            given += 1;
            Ok(*number < n)
        };
        let work = |number: &mut u64| {
            // Later parts are done sooner.
            std::hint::black_box(
                (0..(n.saturating_sub(*number)) * 100).fold(0, std::hint::black_box(u64::wrapping_add)),
            );
            *number *= *number;
            match fails_at <= *number {
                true => Err(Error::new(ErrorKind::Io, number.to_string())),
                false => Ok(()),
            }
        };
        let write = |square: &mut u64| {
            written.push(*square);
            Ok(())
        };
        let ended = in_order(threads, next, work, write);
        (written, ended)
    }

    #[test]
    fn parts_are_written_in_order_and_the_first_failure_is_told() {
        for threads in [1, 2, 7] {
            let (written, ended) = squares(threads, 200, u64::MAX);
            assert!(ended.is_ok());
            assert_eq!(written, (0..200).map(|number| number * number).collect::<Vec<_>>());
            let (written, ended) = squares(threads, 200, 2_500);
            assert!(matches!(ended, Err(Stop::Failed(error)) if error.to_string() == "2500"));
            assert_eq!(written.len(), 50);
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let write = |_: &mut ()| -> std::result::Result<(), Stop> { Ok(()) };
        let ended = in_order(3, |()| Ok(true), |()| panic!("in work"), write);
        assert!(matches!(ended, Err(Stop::Failed(error)) if error.kind() == ErrorKind::Internal));
        let write = |_: &mut ()| -> std::result::Result<(), Stop> { panic!("in write") };
        let ended = in_order(3, |()| Ok(true), |()| Ok(()), write);
        assert!(matches!(ended, Err(Stop::Failed(error)) if error.kind() == ErrorKind::Internal));
    }

    /// A reader may give anything after its end.
    #[test]
    fn nothing_is_read_after_the_end() {
        for fails in [false, true] {
            let mut n_asked = 0;
            let next = |(): &mut ()| {
                n_asked += 1;
                match n_asked {
                    5 if fails => Err(Error::new(ErrorKind::Io, "the end")),
                    5 => Ok(false),
                    _ => Ok(true),
                }
            };
            let ended = in_order(4, next, |()| Ok(()), |()| Ok(()));
            assert_eq!((ended.is_err(), n_asked), (fails, 5));
        }
    }
}
