//! A file's pages laid over an allocation of ours, for values that insist on owning their memory.
//!
//! Whole pages of the allocation show the file, read-only, so processes share them; the rest of the last
//! page is copied. Before the allocation goes back to its allocator, the pages are made ordinary again,
//! which no allocator can tell from pages that it never lent. A value that outlives its guard, or whose
//! pages can't be made ordinary, is never freed.
#![expect(unsafe_code, reason = "mappings at fixed addresses inside allocations of ours")]

use super::page_size;
use std::any::Any;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

/// Values that outlived their guards, kept reachable.
static KEPT: Mutex<Vec<Arc<dyn Any + Send + Sync>>> = Mutex::new(Vec::new());

/// A shared value whose bytes are a file's.
#[derive(Debug)]
pub struct Overlaid<T: Any + Send + Sync> {
    value: Option<Arc<T>>,
    pages: Pages,
}

/// Whole pages of an allocation.
#[derive(Clone, Copy, Debug)]
struct Pages {
    address: usize,
    len: usize,
}

impl<T: Any + Send + Sync> Overlaid<T> {
    /// Lays `file` from `offset` over the `len` bytes at `address` inside `value`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `address` or `offset` is not at a page's beginning or the file
    /// ends before; what the operating system says. The value is then dropped as it was.
    ///
    /// # Safety
    /// The `len` bytes at `address` must be one allocation that `value` owns and that neither moves nor is
    /// written for as long as `value` lives. Every bit pattern must be valid for what `value` holds there,
    /// since another process may change the file.
    pub unsafe fn lay(value: T, address: *mut u8, len: usize, file: &File, offset: u64) -> Result<Self> {
        let page = page_size();
        let whole = len / page * page;
        let invalid = |what: &str| Error::new(ErrorKind::InvalidInput, what.to_owned());
        if !address.addr().is_multiple_of(page) || !offset.is_multiple_of(page as u64) {
            return Err(invalid("not at the beginning of a page"));
        }
        if offset.checked_add(len as u64).is_none_or(|end| file.metadata().is_ok_and(|file| file.len() < end))
        {
            return Err(invalid("the file ends before"));
        }
        // SAFETY: the caller promises that these bytes are the value's own.
        let tail = unsafe { std::slice::from_raw_parts_mut(address.wrapping_add(whole), len - whole) };
        file.read_exact_at(tail, offset + whole as u64)?;
        let pages = Pages { address: address.addr(), len: whole };
        // SAFETY: whole pages inside the allocation, which the caller promises is the value's own.
        unsafe { pages.show(file, offset)? };
        Ok(Overlaid { value: Some(Arc::new(value)), pages })
    }

    /// The value. Clones of it keep it alive beyond the guard, and then for ever.
    pub fn value(&self) -> &Arc<T> {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only dropping takes the value"),
        }
    }

    /// Bytes that are the file's and shared with other processes.
    pub fn shared_bytes(&self) -> usize {
        self.pages.len
    }
}

impl<T: Any + Send + Sync> Drop for Overlaid<T> {
    fn drop(&mut self) {
        let Some(mut value) = self.value.take() else { return };
        let last = Arc::get_mut(&mut value).is_some();
        // SAFETY: nobody else has the value, so nobody reads the pages, and they are inside its allocation.
        let restored = last && unsafe { self.pages.restore() }.is_ok();
        if !restored {
            match KEPT.try_lock() {
                Ok(mut kept) => kept.push(value),
                Err(_) => std::mem::forget(value),
            }
        }
    }
}

impl Pages {
    /// Makes the pages show `file` from `offset`, read-only: on a writable private mapping `mlock` would
    /// copy them all.
    ///
    /// # Safety
    /// The pages must be the caller's own, and unread meanwhile.
    unsafe fn show(self, file: &File, offset: u64) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "beyond what this system can map"))?;
        let map = |address: *mut libc::c_void, flags: libc::c_int| {
            // SAFETY: at an address of the kernel's choice, or over pages that are the caller's own.
            unsafe {
                libc::mmap(
                    address,
                    self.len,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | flags,
                    file.as_raw_fd(),
                    offset,
                )
            }
        };
        // A mapping that fails at a fixed address leaves a hole in the allocation, so it is tried elsewhere.
        let trial = map(std::ptr::null_mut(), 0);
        if trial == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        // SAFETY: made above, and nobody else knows it.
        unsafe { libc::munmap(trial, self.len) };
        if map(self.start(), libc::MAP_FIXED) == libc::MAP_FAILED {
            let error = Error::last_os_error();
            // SAFETY: as the caller's promise.
            if unsafe { self.restore() }.is_err() {
                std::process::abort();
            }
            return Err(error);
        }
        Ok(())
    }

    /// Makes the pages ordinary memory again: anonymous, writable, zero. Without `MAP_NORESERVE`, so that
    /// the kernel merges them with their neighbours.
    ///
    /// # Safety
    /// The pages must be the caller's own, and unread from now on.
    unsafe fn restore(self) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let flags = libc::MAP_FIXED | libc::MAP_ANONYMOUS | libc::MAP_PRIVATE;
        // SAFETY: over pages that are the caller's own.
        let made =
            unsafe { libc::mmap(self.start(), self.len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if made == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok(()) }
    }

    fn start(self) -> *mut libc::c_void {
        std::ptr::with_exposed_provenance_mut(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::Layout;
    use std::io::Write;

    /// An allocation as tract's tensors have: raw, of a fixed layout, freed when dropped.
    #[derive(Debug)]
    struct Raw(*mut u8, Layout);

    // SAFETY: the allocation is the value's own and only read.
    unsafe impl Send for Raw {}
    // SAFETY: as above.
    unsafe impl Sync for Raw {}

    impl Raw {
        fn new(len: usize) -> Raw {
            let layout = Layout::from_size_align(len, page_size()).expect("a layout");
            // SAFETY: the layout is not empty.
            Raw(unsafe { std::alloc::alloc(layout) }, layout)
        }

        fn bytes(&self) -> &[u8] {
            // SAFETY: allocated with this length, and filled by the overlay before any read.
            unsafe { std::slice::from_raw_parts(self.0, self.1.size()) }
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            // SAFETY: allocated with this layout.
            unsafe { std::alloc::dealloc(self.0, self.1) };
        }
    }

    fn file(len: usize) -> (File, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        (file, bytes)
    }

    fn lay(len: usize, file: &File, offset: u64) -> Result<Overlaid<Raw>> {
        let raw = Raw::new(len);
        let address = raw.0;
        // SAFETY: the whole allocation of `raw`, which never moves or writes it; bytes of any value.
        unsafe { Overlaid::lay(raw, address, len, file, offset) }
    }

    #[test]
    fn shows_the_file_and_gives_the_pages_back() {
        let page = page_size();
        let (file, bytes) = file(page * 9 + 100);
        let mut others: Vec<Vec<u8>> = Vec::new();
        for round in 0..1000 {
            let len = page * (1 + round % 7) + round % page;
            let laid = lay(len, &file, page as u64).expect("laid");
            assert_eq!(laid.value().bytes(), &bytes[page..page + len]);
            assert_eq!(laid.shared_bytes(), len / page * page);
            others.push(vec![round as u8; page * 3 + round]);
            if others.len() > 8 {
                others.remove(round % 8);
            }
            drop(laid);
            let mut fresh = vec![0_u8; len];
            fresh.fill(round as u8);
            assert!(fresh.iter().all(|&byte| byte == round as u8));
        }
    }

    #[test]
    fn outliving_values_are_kept_for_ever() {
        let page = page_size();
        let (file, bytes) = file(page * 4);
        let laid = lay(page * 2, &file, 0).expect("laid");
        let survivor = Arc::clone(laid.value());
        drop(laid);
        drop(file);
        assert_eq!(survivor.bytes(), &bytes[..page * 2]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let page = page_size();
        let (file, _) = file(page * 2);
        for (len, offset) in
            [(page, 7), (page * 3, 0), (page, page as u64 * 2), (page, u64::MAX / page as u64 * page as u64)]
        {
            let refused = lay(len, &file, offset).expect_err("no such bytes");
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        }
    }
}
