//! Turns to work, of which there are so many at a time.

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// Hands out turns. Only ever used in the process that made it.
#[derive(Debug)]
pub(super) struct Turns {
    counts: Mutex<Counts>,
    freed: Condvar,
}

#[derive(Debug)]
struct Counts {
    /// Turns that nobody has.
    free: usize,
    /// How many have asked for a turn and not had it.
    asked: usize,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

/// Turns that were taken together; those that nobody took from it end when this is dropped.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    turns: &'a Turns,
    count: usize,
}

/// A turn that was asked for. While one is, nobody who comes later takes a free one.
#[derive(Debug)]
pub(super) struct Asked<'a>(&'a Turns);

impl Turns {
    /// As many turns at a time as `count`.
    pub fn new(count: usize) -> Turns {
        Turns { counts: Mutex::new(Counts { free: count, asked: 0 }), freed: Condvar::new() }
    }

    /// Turns that are free while nobody has asked for one, `most` at most.
    pub fn take_free(&self, most: usize) -> Taken<'_> {
        let mut counts = self.lock();
        let count = if counts.asked == 0 { most.min(counts.free) } else { 0 };
        counts.free -= count;
        Taken { turns: self, count }
    }

    /// Asks for a turn.
    pub fn ask(&self) -> Asked<'_> {
        self.lock().asked += 1;
        Asked(self)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Iterator for Taken<'a> {
    type Item = Turn<'a>;

    fn next(&mut self) -> Option<Turn<'a>> {
        self.count = self.count.checked_sub(1)?;
        Some(Turn(self.turns))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Taken<'_> {}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<'a> Asked<'a> {
    /// Waits until a turn is free.
    pub fn wait(self) -> Turn<'a> {
        let mut counts = self.0.lock();
        while counts.free == 0 {
            counts = self.0.freed.wait(counts).unwrap_or_else(PoisonError::into_inner);
        }
        counts.free -= 1;
        drop(counts);
        Turn(self.0)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.lock().asked -= 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut counts = self.0.lock();
        counts.free += 1;
        if counts.asked > 0 {
            self.0.freed.notify_one();
        }
    }
}
