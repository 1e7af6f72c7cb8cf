//! Values of which each process has its own: a forked child makes one anew, since threads and locks of its parent's may
//! be gone or held for ever.
#![expect(unsafe_code, reason = "found without a lock that a fork could leave held")]

use crate::mapped::generation;
#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering};
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value of this process, and those of the processes that it was forked from.
pub(crate) struct PerProcess<T> {
    newest: AtomicPtr<Owned<T>>,
    owns: PhantomData<T>,
}

struct Owned<T> {
    process: u64,
    value: T,
    of_ancestor: *mut Owned<T>,
}

impl<T: Send + Sync> PerProcess<T> {
    /// No process has a value yet.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        PerProcess { newest: AtomicPtr::new(std::ptr::null_mut()), owns: PhantomData }
    }

    /// The model checker's pointers are made at run time.
    #[cfg(loom)]
    pub fn new() -> Self {
        PerProcess { newest: AtomicPtr::new(std::ptr::null_mut()), owns: PhantomData }
    }

    /// The value of this process, if it has one.
    pub fn get(&self) -> Option<&T> {
        let owned = self.newest()?;
        (owned.process == generation()).then_some(&owned.value)
    }

    /// The value of the process that this one was forked from, if this one has none yet.
    #[cfg(any(test, feature = "onnx"))]
    pub fn of_ancestor(&self) -> Option<&T> {
        let owned = self.newest()?;
        (owned.process != generation()).then_some(&owned.value)
    }

    /// The value of this process. Of values that several threads make at once one is kept.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let of_ancestor = self.newest.load(Ordering::Acquire);
        // SAFETY: as in `newest`.
        if let Some(newest) = unsafe { of_ancestor.as_ref() }
            && newest.process == generation()
        {
            return Ok(&newest.value);
        }
        let own = Box::into_raw(Box::new(Owned { process: generation(), value: make()?, of_ancestor }));
        let published =
            match self.newest.compare_exchange(of_ancestor, own, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => own,
                Err(faster) => {
                    // SAFETY: it was not published, so this is its only owner.
                    drop(unsafe { Box::from_raw(own) });
                    faster
                }
            };
        // SAFETY: what is published is only freed with `self`.
        Ok(unsafe { &(*published).value })
    }

    fn newest(&self) -> Option<&Owned<T>> {
        // SAFETY: the pointer is null or came from `Box::into_raw`, and is only freed with `self`.
        unsafe { self.newest.load(Ordering::Acquire).as_ref() }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let mut newest = self.newest.load(Ordering::Acquire);
        while !newest.is_null() {
            // SAFETY: each came from `Box::into_raw`, is in one list once, and nobody else has `self`.
            newest = unsafe { Box::from_raw(newest) }.of_ancestor;
        }
    }
}

impl<T: Debug + Send + Sync> Debug for PerProcess<T> {
    fn fmt(&self, into: &mut Formatter<'_>) -> fmt::Result {
        into.debug_tuple("PerProcess").field(&self.get()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn made<T: Send + Sync>(cell: &PerProcess<T>, value: T) -> &T {
        match cell.get_or_make(|| Ok::<_, Infallible>(value)) {
            Ok(value) => value,
        }
    }

    #[test]
    fn all_threads_see_one_value() {
        let (cell, next) = (PerProcess::new(), AtomicUsize::new(0));
        assert!(cell.get().is_none() && cell.of_ancestor().is_none());
        let seen: Vec<usize> = std::thread::scope(|scope| {
            let see = || *made(&cell, next.fetch_add(1, Ordering::Relaxed));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(see)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
        });
        assert!(seen.iter().all(|value| value == &seen[0]) && cell.get() == Some(&seen[0]));
        assert_eq!(cell.get_or_make(|| Err("not asked")), Ok(&seen[0]));
    }

    #[test]
    fn failures_leave_nothing() {
        let cell = PerProcess::<u8>::new();
        assert_eq!(cell.get_or_make(|| Err("on purpose")), Err("on purpose"));
        assert_eq!((cell.get(), *made(&cell, 3)), (None, 3));
    }

    #[test]
    fn values_are_dropped_with_the_cell() {
        let value = Arc::new(());
        let cell = PerProcess::new();
        made(&cell, Arc::clone(&value));
        made(&cell, Arc::clone(&value));
        assert_eq!(Arc::strong_count(&value), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn a_child_makes_its_own() {
        let cell = PerProcess::new();
        made(&cell, 1_u64);
        assert!(crate::mapped::holds_in_child(|| {
            let inherited = cell.get().is_none() && cell.of_ancestor() == Some(&1);
            let own = *made(&cell, 2) == 2 && cell.get() == Some(&2) && cell.of_ancestor().is_none();
            inherited && own
        }));
        assert_eq!(cell.get(), Some(&1));
    }
}
