//! Turns for work that only one thread does at a time, in the order of asking.

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// Hands out turns. Only ever used in the process that made it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    next: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// The number of the next one to ask.
    asked: u64,
    /// The number of the one whose turn it is.
    served: u64,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for a turn.
    pub fn take(&self) -> Turn<'_> {
        let mut queue = self.lock();
        let own = queue.asked;
        queue.asked += 1;
        while queue.served != own {
            queue = self.next.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.served += 1;
        if queue.served != queue.asked {
            self.0.next.notify_all();
        }
    }
}
