//! The file of a state: found, checked, made and mended.

use super::LOCKS;
use super::layout::{Layout, MAGIC, Span, VERSION, check};
use crate::error::{Error, ErrorKind, Result};
use crate::mapped::{allocate, lock_byte, remote_file_system, unlock_byte, user};
use crate::reference::Reference;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The byte that is locked while a file is made.
const MAKING: u64 = LOCKS - 1;
const PATIENCE: Duration = Duration::from_secs(10);
const DOING: &str = "opening the monitor's state";

/// The file for a bloc in `folder`, made where there is none; and what was wrong with it and mended.
pub(super) fn open(folder: &Path, digest: &str, layout: &Layout) -> Result<(File, PathBuf, Option<String>)> {
    let io = |error: io::Error| Error::io(folder, DOING, &error);
    let folder = std::path::absolute(folder).map_err(io)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io)?;
    if let Some(system) = remote_file_system(&folder).map_err(io)? {
        let message = format!(
            "{DOING}: {} is on a file system of kind {system}, whose mappings processes do not share; expected a \
             local folder, such as one of /dev/shm or an emptyDir",
            folder.display()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let path = folder.join(name(digest, layout));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK)
        .open(&path)
        .map_err(|error| Error::io(&path, DOING, &error))?;
    check_owner(&file, &path)?;
    let warning = alone(&file, &path, || prepare(&file, &path, layout))?;
    Ok((file, path, warning))
}

/// The file at `path`, or of the bloc in the folder at `path`, and what its header says.
pub(super) fn attach(path: &Path, digest: &str, reference: &Reference) -> Result<(File, Layout)> {
    let found = if path.is_dir() { newest_in(path, digest)? } else { path.to_owned() };
    let io = |error: io::Error| Error::io(&found, "reading the monitor's state", &error);
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&found).map_err(io)?;
    check_owner(&file, &found)?;
    let header = header(&file).map_err(io)?;
    let corrupt =
        |what: &str| Error::corrupt(format!("reading the monitor's state: {}: {what}", found.display()));
    let Some(header) = header.filter(|header| header[0] == MAGIC) else {
        return Err(corrupt("it is no state of a monitor; expected a file that `state_dir` has made"));
    };
    check_version(&header, &found)?;
    let span = if header[8] == 1 { Span::Rows(header[9]) } else { Span::Seconds(header[9]) };
    let sizes = [header[6], header[7]].map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if check(&header[..11]) != header[11] || sizes[1] > 1000 || sizes[0] > 256 {
        return Err(corrupt(
            "its header is damaged; the next process that loads with its folder makes it anew",
        ));
    }
    let layout = Layout::new(digest, reference, Some(sizes[0]), sizes[1], span);
    if layout.header() != header {
        return Err(corrupt("it is the state of another bloc"));
    }
    if file.metadata().map_err(io)?.len() < layout.n_bytes() {
        return Err(corrupt("it is shorter than its header says"));
    }
    Ok((file, layout))
}

/// What distinguishes states in a folder: the bloc, and how it is counted.
fn name(digest: &str, layout: &Layout) -> String {
    let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
    let sizes = check(&layout.header()[6..11]);
    format!("{}-{:08x}.state", digest.get(..16).unwrap_or(digest), sizes as u32)
}

fn newest_in(folder: &Path, digest: &str) -> Result<PathBuf> {
    let io = |error: io::Error| Error::io(folder, "reading the monitor's state", &error);
    let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
    let prefix = format!("{}-", digest.get(..16).unwrap_or(digest));
    let mut newest = None;
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(&prefix) && name.to_string_lossy().ends_with(".state") {
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).map_err(io)?;
            newest = newest.max(Some((changed, entry.path())));
        }
    }
    let missing = || {
        let message = format!(
            "reading the monitor's state: {} holds no state of this bloc; expected a file {prefix}*.state, which a \
             process that loads it with this `state_dir` makes",
            folder.display()
        );
        Error::new(ErrorKind::NotFound, message)
    };
    newest.map(|(_, path)| path).ok_or_else(missing)
}

fn check_owner(file: &File, path: &Path) -> Result<()> {
    let metadata = file.metadata().map_err(|error| Error::io(path, DOING, &error))?;
    let refused = |what: String| {
        let message = format!(
            "{DOING}: {} {what}; expected a file that this user alone may read and write. Give each user a folder of \
             its own",
            path.display()
        );
        Err(Error::new(ErrorKind::PermissionDenied, message))
    };
    if !metadata.is_file() {
        return refused("is no ordinary file".to_owned());
    }
    if metadata.uid() != user() {
        return refused(format!("belongs to user {}, and this one is {}", metadata.uid(), user()));
    }
    if metadata.mode() & 0o077 != 0 {
        return refused(format!("has the mode {:03o}", metadata.mode() & 0o777));
    }
    Ok(())
}

/// Does something while no other process does the same with the file.
fn alone<T>(file: &File, path: &Path, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let is_locked = loop {
        match lock_byte(file, MAKING) {
            Ok(()) => break true,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => break false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(Error::io(path, DOING, &error)),
        }
    };
    let done = act();
    if is_locked {
        unlock_byte(file, MAKING).map_err(|error| Error::io(path, DOING, &error))?;
    }
    done
}

fn prepare(file: &File, path: &Path, layout: &Layout) -> Result<Option<String>> {
    let io = |error: io::Error| Error::io(path, DOING, &error);
    let len = file.metadata().map_err(io)?.len();
    let found = header(file).map_err(io)?;
    let wanted = layout.header();
    let is_whole = len >= layout.n_bytes();
    let what = match found {
        Some(header) if header == wanted && is_whole => return Ok(None),
        Some(header) => {
            check_version(&header, path)?;
            if is_whole { "its header is damaged" } else { "it was cut short" }
        }
        None => "it was cut short",
    };
    allocate(file, layout.n_bytes()).map_err(|error| {
        let message = format!(
            "{DOING} {}: it needs {} bytes: {error}. Free some, or use a folder of another file system",
            path.display(),
            layout.n_bytes()
        );
        Error::new(ErrorKind::Io, message)
    })?;
    if len > 0 {
        let zeros = vec![0; 1 << 20];
        for start in (0..layout.n_bytes()).step_by(zeros.len()) {
            let n = (layout.n_bytes() - start).min(zeros.len() as u64) as usize;
            file.write_all_at(&zeros[..n], start).map_err(io)?;
        }
    }
    let bytes: Vec<u8> = wanted.iter().flat_map(|word| word.to_le_bytes()).collect();
    file.write_all_at(&bytes, 0).map_err(io)?;
    Ok((len > 0).then(|| format!("{}: {what}, so that counting began anew", path.display())))
}

fn check_version(header: &[u64; 12], path: &Path) -> Result<()> {
    if header[0] == MAGIC && header[1] > VERSION && check(&header[..11]) == header[11] {
        let message = format!(
            "{DOING}: {} has layout {}; this library reads {VERSION}. Use another folder for the older library",
            path.display(),
            header[1]
        );
        return Err(Error::new(ErrorKind::VersionTooNew, message));
    }
    Ok(())
}

/// The header's words, or `None` of a shorter file.
fn header(file: &File) -> io::Result<Option<[u64; 12]>> {
    let mut bytes = [0; 96];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut words = [0; 12];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    Ok(Some(words))
}
