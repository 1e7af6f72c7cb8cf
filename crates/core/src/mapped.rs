//! The only place that maps memory, in three ways: read-only views of a file, which keep their owner alive,
//! a file's pages laid over an allocation of ours, and memory that processes write together.
//!
//! Another process may overwrite a mapped file at any time, so no reference to plain data over a view is
//! ever made: it hands out atomics, each load of which gives some value and nothing worse. An overlay
//! serves code that reads plain numbers; only types of which any bits are a value may lie under it.
#![expect(unsafe_code, reason = "memory maps, and views of them as atomics")]

mod generation;
#[cfg(feature = "onnx")]
mod overlay;
mod shared;

pub use generation::generation;
#[cfg(all(test, target_os = "linux", not(miri)))]
pub use generation::holds_in_child;
#[cfg(feature = "onnx")]
pub use overlay::Overlaid;
pub use shared::{Shared, allocate, lock_byte, nameless, opened_anew, remote_file_system, unlock_byte, user};

use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The size of a page of this machine's memory, in bytes.
pub fn page_size() -> usize {
    // SAFETY: sysconf reads a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(65_536)
}

/// A range of bytes of a mapped file, or of memory. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct View {
    owner: Arc<Owner>,
    start: usize,
    len: usize,
}

#[derive(Debug)]
enum Owner {
    File(memmap2::Mmap),
    Memory(Box<[AtomicU64]>),
}

impl View {
    /// Maps `file` read-only, from its beginning to its present end.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn of_file(file: &File) -> std::io::Result<View> {
        // SAFETY: memmap2 asks that the file is not changed while references to its bytes exist. None
        // ever do: the mapping is only read through `words` and `bytes`, as atomics.
        let map = unsafe { memmap2::Mmap::map(file)? };
        let len = map.len();
        Ok(View { owner: Arc::new(Owner::File(map)), start: 0, len })
    }

    /// A copy of `bytes` in memory, aligned like a mapped section.
    pub fn of_bytes(bytes: &[u8]) -> View {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            AtomicU64::new(u64::from_le_bytes(word))
        });
        let owner = Arc::new(Owner::Memory(words.collect()));
        View { owner, start: 0, len: bytes.len() }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset`, or `None` where the view ends before.
    pub fn slice(&self, offset: u64, len: u64) -> Option<View> {
        let (offset, len) = (usize::try_from(offset).ok()?, usize::try_from(len).ok()?);
        let end = offset.checked_add(len)?;
        let start = self.start.checked_add(offset)?;
        (end <= self.len).then(|| View { owner: Arc::clone(&self.owner), start, len })
    }

    /// The view as whole little-endian words, or `None` where it does not begin on a word.
    pub fn words(&self) -> Option<Words> {
        let address = self.base().wrapping_add(self.start);
        address.cast::<AtomicU64>().is_aligned().then(|| Words {
            first: address.cast(),
            len: self.len / 8,
            owner: Arc::clone(&self.owner),
        })
    }

    /// A private copy of `N` bytes from `offset`.
    pub fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let bytes = self.bytes().get(offset..offset.checked_add(N)?)?;
        Some(std::array::from_fn(|i| bytes[i].load(Ordering::Relaxed)))
    }

    /// The bytes, each of which may change at any time.
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: constructors keep `start..start + len` inside the owner's bytes, and `AtomicU8` has
        // the layout of `u8`.
        unsafe { std::slice::from_raw_parts(self.base().wrapping_add(self.start).cast(), self.len) }
    }

    fn base(&self) -> *const u8 {
        match &*self.owner {
            Owner::File(map) => map.as_ptr(),
            Owner::Memory(words) => words.as_ptr().cast(),
        }
    }
}

/// A view as 64-bit words, each of which may change at any time. Derefs to a slice.
#[derive(Clone, Debug)]
pub struct Words {
    first: *const AtomicU64,
    len: usize,
    #[expect(dead_code, reason = "keeps the words alive")]
    owner: Arc<Owner>,
}

// SAFETY: the words are only reached as shared atomics, and the owner is `Send` and `Sync`.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// Asks the processor to have word `index` at hand soon. Any index is fine.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        let place = self.first.wrapping_add(index);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a prefetch reads nothing and never faults, whatever the address.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let _ = place;
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `View::words` checked the alignment and that `len` words lie inside the owner, which
        // lives as long as `self` and never moves its bytes.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stay_inside() {
        let view = View::of_bytes(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(view.slice(8, 1).and_then(|tail| tail.read::<1>(0)), Some([9]));
        assert!(view.slice(8, 2).is_none());
        assert!(view.slice(u64::MAX, 2).is_none());
        assert!(view.slice(1, 8).is_some_and(|odd| odd.words().is_none()));
        assert_eq!(view.words().map(|words| words.len()), Some(1));
    }
}
