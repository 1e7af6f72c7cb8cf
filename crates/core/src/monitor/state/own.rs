//! Which slot is this process's.

use super::layout::{Layout, slot, window};
use super::{LOCKS, State};
use crate::mapped::{generation, lock_byte, opened_anew};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

/// A process's slot, and the lock on it.
#[derive(Debug)]
pub(super) struct Own {
    pub slot: usize,
    #[expect(dead_code, reason = "holds the lock")]
    file: Option<File>,
}

/// What [`window::SPAN`] is while a part is cleared.
pub(super) const BUSY: u64 = u64::MAX;

impl Own {
    /// Takes the first slot that no process has. Where there is none, or none can be locked, it shares one.
    pub fn take(state: &State) -> Own {
        let n_slots = state.layout.n_slots;
        let file = state.file.as_ref().and_then(|file| opened_anew(file).ok());
        let locked = |file: &File| (0..n_slots).find(|&slot| lock_byte(file, LOCKS + slot as u64).is_ok());
        let Some(number) = file.as_ref().and_then(locked) else {
            let slot = (generation() as usize).wrapping_mul(0x9e37_79b9) % n_slots;
            return Own { slot, file: None };
        };
        let words = &state.shared.words()[state.layout.slot(number)];
        // Who had it before is gone, with the calls that it was in.
        words[slot::IN_FLIGHT].store(0, Ordering::Relaxed);
        for part in 0..=state.layout.n_parts as u64 {
            let span = &words[state.layout.part(part)][window::SPAN];
            let _ = span.compare_exchange(BUSY, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        Own { slot: number, file }
    }
}

/// The lock on a slot that no process has.
pub(super) fn lock(state: &State, slot: usize) -> Option<File> {
    let file = opened_anew(state.file.as_ref()?).ok()?;
    lock_byte(&file, LOCKS + slot as u64).is_ok().then_some(file)
}

/// The part of a slot that holds a span, cleared if it held another one; `None` while another thread clears it.
#[inline]
pub(super) fn part<'a>(layout: &Layout, words: &'a [AtomicU64], now: u64) -> Option<&'a [AtomicU64]> {
    let part = &words[layout.part(now)];
    if part[window::SPAN].load(Ordering::Acquire) == now { Some(part) } else { clear(part, now) }
}

#[cold]
fn clear(part: &[AtomicU64], now: u64) -> Option<&[AtomicU64]> {
    const PATIENCE: u32 = 100_000;
    let (span, rest) = part.split_first()?;
    for _ in 0..PATIENCE {
        match span.load(Ordering::Acquire) {
            found if found == now => return Some(part),
            BUSY => std::hint::spin_loop(),
            found => {
                if span.compare_exchange(found, BUSY, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    rest.iter().for_each(|word| word.store(0, Ordering::Relaxed));
                    span.store(now, Ordering::Release);
                    return Some(part);
                }
            }
        }
    }
    // Whoever was to clear it died with a slot that others share.
    span.store(0, Ordering::Release);
    None
}
