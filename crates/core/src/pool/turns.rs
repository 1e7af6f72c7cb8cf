//! Turns to work, of which there are so many at a time, in the order of asking.

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// Hands out turns. Only ever used in the process that made it.
#[derive(Debug)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug)]
struct Queue {
    /// The number of the next one to ask.
    asked: u64,
    /// The number of the one who is next to be served.
    served: u64,
    /// How many turns nobody has.
    free: usize,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// As many turns at a time as `count`.
    pub fn new(count: usize) -> Turns {
        Turns { queue: Mutex::new(Queue { asked: 0, served: 0, free: count }), changed: Condvar::new() }
    }

    /// Waits for a turn.
    pub fn take(&self) -> Turn<'_> {
        let mut queue = self.lock();
        let own = queue.asked;
        queue.asked += 1;
        while queue.served != own || queue.free == 0 {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.served += 1;
        queue.free -= 1;
        if queue.free > 0 && queue.served != queue.asked {
            self.changed.notify_all();
        }
        Turn(self)
    }

    /// Turns for helpers, `most` at most: what is left when nobody waits.
    pub fn take_free(&self, most: usize) -> Vec<Turn<'_>> {
        let mut queue = self.lock();
        if queue.served != queue.asked {
            return Vec::new();
        }
        let count = most.min(queue.free);
        queue.free -= count;
        drop(queue);
        (0..count).map(|_| Turn(self)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.free += 1;
        if queue.served != queue.asked {
            self.0.changed.notify_all();
        }
    }
}
