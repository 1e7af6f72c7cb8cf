//! The core's own synchronisation, in every order in which threads can meet.
#![cfg(all(loom, test))]
#![deny(unsafe_code)]

#[path = "../../crates/core/src/per_process.rs"]
mod per_process;
#[path = "../../crates/core/src/pool/turns.rs"]
mod turns;

/// One process.
mod mapped {
    pub fn generation() -> u64 {
        1
    }
}

mod tests {
    use crate::per_process::PerProcess;
    use crate::turns::Turns;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;
    use std::convert::Infallible;

    #[test]
    fn one_works_at_a_time() {
        loom::model(|| {
            let shared = Arc::new((Turns::new(1), UnsafeCell::new(0)));
            let work = |(turns, place): &(Turns, UnsafeCell<usize>)| {
                let _turn = turns.take_free(1).next().unwrap_or_else(|| turns.ask().wait());
                // loom fails where two threads are in here.
                place.with_mut(|_| thread::yield_now());
            };
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || work(&shared))
                })
                .collect();
            work(&shared);
            threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
            assert_eq!(shared.0.take_free(9).len(), 1);
        });
    }

    #[test]
    fn callers_and_helpers_share_the_turns() {
        loom::model(|| {
            let turns = Arc::new(Turns::new(2));
            let working = Arc::new(AtomicUsize::new(0));
            let work = |turns: &Turns, working: &AtomicUsize| {
                let mut own: Vec<_> = turns.take_free(2).collect();
                if own.is_empty() {
                    own.push(turns.ask().wait());
                }
                assert!(working.fetch_add(own.len(), Ordering::SeqCst) + own.len() <= 2);
                working.fetch_sub(own.len(), Ordering::SeqCst);
            };
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (turns, working) = (Arc::clone(&turns), Arc::clone(&working));
                    thread::spawn(move || work(&turns, &working))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
            let asked = turns.ask();
            assert_eq!(turns.take_free(9).len(), 0, "not before who has asked");
            drop(asked);
            assert_eq!(turns.take_free(9).len(), 2);
        });
    }

    /// Counts how many of it are alive.
    struct Counted(Arc<AtomicUsize>, usize);

    impl Counted {
        fn new(alive: &Arc<AtomicUsize>, number: usize) -> Counted {
            alive.fetch_add(1, Ordering::SeqCst);
            Counted(Arc::clone(alive), number)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn of_values_that_threads_make_at_once_all_see_one() {
        loom::model(|| {
            let alive = Arc::new(AtomicUsize::new(0));
            let cell = Arc::new(PerProcess::new());
            let see = |cell: &PerProcess<Counted>, alive: &Arc<AtomicUsize>, number| {
                let make = || Ok::<_, Infallible>(Counted::new(alive, number));
                match cell.get_or_make(make) {
                    Ok(value) => value.1,
                }
            };
            let threads: Vec<_> = (0..2)
                .map(|number| {
                    let (cell, alive) = (Arc::clone(&cell), Arc::clone(&alive));
                    thread::spawn(move || see(&cell, &alive, number))
                })
                .collect();
            let seen: Vec<usize> =
                threads.into_iter().map(|thread| thread.join().expect("a thread")).collect();
            assert_eq!(seen[0], seen[1]);
            assert_eq!(cell.get().map(|value| value.1), Some(seen[0]));
            assert!(cell.of_ancestor().is_none());
            assert_eq!(alive.load(Ordering::SeqCst), 1);
            drop(cell);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        });
    }
}
