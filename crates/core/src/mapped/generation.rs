//! Which process this is: a number that a forked child does not share with any process that it descends from.
//!
//! Process ids don't tell: they are used again, and begin anew in a namespace of their own. A page that the kernel
//! wipes in a child does, at the cost of one load.
#![expect(unsafe_code, reason = "a page that a fork wipes")]

#[cfg(all(target_os = "linux", not(miri)))]
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The number of this process.
#[cfg(all(target_os = "linux", not(miri)))]
pub fn generation() -> u64 {
    static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());
    // A child has its parent's count, so it goes on after all numbers that its memory knows.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        let Some(fresh) = wiped_page() else { return u64::from(std::process::id()) << 32 };
        page = match PAGE.compare_exchange(page, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(published) => {
                // SAFETY: the page was not published, so nobody else knows it.
                unsafe { libc::munmap(fresh.cast(), super::page_size()) };
                published
            }
        };
    }
    // SAFETY: a published page is never unmapped, and all its bytes are at all times a number.
    let number = unsafe { &*page };
    match number.load(Ordering::Acquire) {
        0 => {
            let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
            number
                .compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire)
                .map_or_else(|own| own, |_| fresh)
        }
        own => own,
    }
}

/// A page of zeros that is one of zeros again in a forked child, from Linux 4.14 on.
#[cfg(all(target_os = "linux", not(miri)))]
fn wiped_page() -> Option<*mut AtomicU64> {
    let len = super::page_size();
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at a place that the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page is ours alone.
    if unsafe { libc::madvise(page, len, libc::MADV_WIPEONFORK) } == 0 {
        return Some(page.cast());
    }
    // SAFETY: as above.
    unsafe { libc::munmap(page, len) };
    None
}

/// The number of this process, which is its id where the kernel wipes no pages.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub fn generation() -> u64 {
    u64::from(std::process::id()) << 32
}

/// Whether `check` holds in a forked child. It takes no lock that another thread may hold.
#[cfg(all(test, target_os = "linux", not(miri)))]
pub fn holds_in_child(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the caller promises what the child may do.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let failed = i32::from(!check());
        // SAFETY: ends the child at once, without anything of the parent's.
        unsafe { libc::_exit(failed) }
    }
    let mut status = 1;
    // SAFETY: `status` is a place for the result.
    let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
    ended == child && status == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_on_every_thread() {
        let own = generation();
        let others: Vec<_> = (0..4).map(|_| std::thread::spawn(generation)).collect();
        assert!(others.into_iter().all(|other| other.join().expect("a thread") == own));
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn children_and_grandchildren_have_their_own() {
        let own = generation();
        assert!(holds_in_child(|| {
            let childs = generation();
            let differs = holds_in_child(|| ![own, childs].contains(&generation()));
            childs != own && childs == generation() && differs
        }));
        assert_eq!(generation(), own);
    }
}
