//! Memory that processes share and write: a file, or one without a name.
//!
//! It is reached as atomics alone, and never made shorter by us; a file in it is readable and writable by its owner
//! alone. Each byte of a file can be locked by one opening of it at a time, which ends with the last process that has
//! that opening, however it ends.
#![expect(unsafe_code, reason = "memory that processes write together, and system calls on its file")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// Words that processes share.
#[derive(Debug)]
pub struct Shared {
    map: memmap2::MmapRaw,
    n_words: usize,
}

/// File systems that other machines write too, or whose mappings are not shared, by `f_type` (statfs(2)).
const REMOTE: [(u64, &str); 9] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x6573_5546, "fuse"),
    (0x00c3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x7375_7245, "coda"),
    (0x5346_414f, "afs"),
];

impl Shared {
    /// The first `n_words` words of a file that is as long at least.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn of_file(file: &File, n_words: usize) -> io::Result<Shared> {
        let map = memmap2::MmapOptions::new().len(n_words * 8).map_raw(file)?;
        Ok(Shared { map, n_words })
    }

    /// Words of this process alone.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn private(n_words: usize) -> io::Result<Shared> {
        let map = memmap2::MmapOptions::new().len(n_words * 8).map_anon()?.into();
        Ok(Shared { map, n_words })
    }

    /// The words, each of which may change at any time.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping begins on a page, is this long, and lives as long as `self`; any bits are a word, and
        // nobody reaches them but as atomics.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.n_words) }
    }
}

/// A file in memory without a name, which forked processes share.
///
/// # Errors
/// What the operating system says.
#[cfg(target_os = "linux")]
pub fn nameless(len: u64) -> io::Result<File> {
    // SAFETY: the name is a string that ends with a zero.
    let descriptor = unsafe { libc::memfd_create(c"monobloc".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    let file = unsafe { File::from_raw_fd(descriptor) };
    file.set_len(len)?;
    Ok(file)
}

/// A file in memory without a name, which this system does not have.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn nameless(_: u64) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The same file in an opening of its own.
///
/// # Errors
/// What the operating system says, such as where `/proc` is not mounted.
pub fn opened_anew(file: &File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open(path)
}

/// Gives a file `len` bytes of the disk at least, so that writing to its mapping can't find it full.
///
/// # Errors
/// What the operating system says: `StorageFull`.
pub fn allocate(file: &File, len: u64) -> io::Result<()> {
    let len = libc::off_t::try_from(len).map_err(io::Error::other)?;
    // SAFETY: a system call on an open descriptor.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Locks a byte of a file for this opening, unless another one has locked it.
///
/// # Errors
/// What the operating system says; `WouldBlock` where another has it.
#[cfg(target_os = "linux")]
pub fn lock_byte(file: &File, offset: u64) -> io::Result<()> {
    set_lock(file, offset, libc::F_WRLCK)
}

/// Gives a byte that [`lock_byte`] locked free.
///
/// # Errors
/// What the operating system says.
#[cfg(target_os = "linux")]
pub fn unlock_byte(file: &File, offset: u64) -> io::Result<()> {
    set_lock(file, offset, libc::F_UNLCK)
}

#[cfg(target_os = "linux")]
fn set_lock(file: &File, offset: u64, kind: libc::c_int) -> io::Result<()> {
    let start = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: the command takes a pointer to a lock, which it reads.
    let failed = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Locks of openings are Linux's alone.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn lock_byte(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`lock_byte`].
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn unlock_byte(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The name of the file system that a folder is on, if its files can't be shared by mapping them.
///
/// # Errors
/// What the operating system says.
#[cfg(target_os = "linux")]
pub fn remote_file_system(folder: &Path) -> io::Result<Option<&'static str>> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: all its fields are numbers, of which zeros are some.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends with a zero, and a place for the result.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut found) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let kind = found.f_type as u64 & 0xffff_ffff;
    Ok(REMOTE.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name))
}

/// What is not known of other systems.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn remote_file_system(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// The number of the user that this process acts as.
pub fn user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_byte_is_locked_by_one_opening() {
        let file = nameless(64).expect("a file");
        let other = opened_anew(&file).expect("an opening");
        lock_byte(&file, 3).expect("a lock");
        lock_byte(&file, 3).expect("the same opening's");
        assert_eq!(lock_byte(&other, 3).expect_err("locked").kind(), io::ErrorKind::WouldBlock);
        lock_byte(&other, 4).expect("another byte");
        drop(file);
        lock_byte(&other, 3).expect("its opening is gone");
    }

    #[test]
    fn children_write_what_parents_read() {
        let file = nameless(64).expect("a file");
        let shared = Shared::of_file(&file, 8).expect("words");
        assert!(super::super::holds_in_child(|| {
            let own = opened_anew(&file).and_then(|own| lock_byte(&own, 0));
            shared.words()[7].fetch_add(5, Ordering::Relaxed);
            own.is_ok()
        }));
        assert_eq!(shared.words()[7].load(Ordering::Relaxed), 5);
        lock_byte(&file, 0).expect("the child is gone");
    }

    #[test]
    fn allocated_files_have_their_length() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::create_new(folder.path().join("state")).expect("a file");
        allocate(&file, 5000).expect("room");
        assert_eq!(file.metadata().expect("metadata").len(), 5000);
        assert!(allocate(&file, 1 << 60).is_err());
        assert_eq!(remote_file_system(folder.path()).expect("a file system"), None);
    }
}
