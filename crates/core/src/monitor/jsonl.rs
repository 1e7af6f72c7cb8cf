//! Events as lines of JSON in a file.

use super::Event;
use crate::error::{Error, Result};
use crate::per_process::PerProcess;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A file to which events are appended, one line each, up to a size. Several processes may append to one file: each
/// locks it for the time of a line (`flock`, which ends with the process), and takes away what another left of a line
/// when it was killed in the middle.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    most_bytes: u64,
    /// A forked child opens the file anew: a lock belongs to all who share an opening.
    file: PerProcess<Mutex<File>>,
}

/// Bytes of a file of events at most: 64 MiB.
pub const MOST_BYTES: u64 = 64 << 20;

/// How often, and after what time, a file is asked for that another process holds: requests wait for this.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_micros(100);

impl JsonLines {
    /// Opens the file at `path`, or makes it, readable by its owner alone.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path, most_bytes: u64) -> Result<JsonLines> {
        let absolute = std::path::absolute(path);
        let path = absolute.map_err(|error| Error::io(path, "opening the file of events", &error))?;
        let lines = JsonLines { path, most_bytes, file: PerProcess::new() };
        lines.own().map_err(|error| Error::io(&lines.path, "opening the file of events", &error))?;
        Ok(lines)
    }

    /// Appends an event, unless the file is full. A disk that does not take it loses it, as does a file that others
    /// hold for 2 ms: answers go on.
    pub fn append(&self, event: &Event) {
        let line = event.to_json() + "\n";
        let _ = self.append_line(line.as_bytes());
    }

    fn append_line(&self, line: &[u8]) -> io::Result<()> {
        let mut file = self.own()?.lock().unwrap_or_else(PoisonError::into_inner);
        lock(&file)?;
        let appended = end_of_lines(&file).and_then(|len| {
            if len.saturating_add(line.len() as u64) <= self.most_bytes {
                file.write_all(line)
            } else {
                Ok(())
            }
        });
        file.unlock()?;
        appended
    }

    fn own(&self) -> io::Result<&Mutex<File>> {
        let open = || OpenOptions::new().append(true).read(true).create(true).mode(0o600).open(&self.path);
        self.file.get_or_make(|| open().map(Mutex::new))
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
    Ok(file.try_lock()?)
}

/// The file's length, after the part of a line at its end, if there is one, was cut off.
fn end_of_lines(file: &File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let mut end = len;
    let mut piece = [0; 512];
    while end > 0 {
        let take = if end == len { 1 } else { end.min(piece.len() as u64) };
        let piece = &mut piece[..take as usize];
        file.read_exact_at(piece, end - take)?;
        if let Some(newline) = piece.iter().rposition(|&byte| byte == b'\n') {
            end = end - take + newline as u64 + 1;
            break;
        }
        end -= take;
    }
    if end < len {
        file.set_len(end)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn lines(most_bytes: u64) -> (TempDir, JsonLines) {
        let folder = TempDir::new().expect("a folder");
        let lines = JsonLines::open(&folder.path().join("events.jsonl"), most_bytes).expect("a file");
        (folder, lines)
    }

    fn text(lines: &JsonLines) -> String {
        std::fs::read_to_string(&lines.path).expect("readable")
    }

    #[test]
    fn what_is_left_of_a_line_is_taken_away() {
        for rest in [0, 1, 511, 512, 513, 5000] {
            let (_folder, lines) = lines(MOST_BYTES);
            std::fs::write(&lines.path, format!("{{\"a\":1}}\n{}", "x".repeat(rest))).expect("written");
            lines.append_line(b"{}\n").expect("appended");
            assert_eq!(text(&lines), "{\"a\":1}\n{}\n", "after {rest} bytes of a line");
            std::fs::write(&lines.path, "x".repeat(rest)).expect("written");
            lines.append_line(b"{}\n").expect("appended");
            assert_eq!(text(&lines), "{}\n", "after {rest} bytes of the first line");
        }
    }

    #[test]
    fn a_file_grows_to_its_bound() {
        let (_folder, lines) = lines(10);
        (0..5).for_each(|_| lines.append_line(b"{ }\n").expect("appended"));
        assert_eq!(text(&lines), "{ }\n{ }\n");
    }

    #[test]
    fn a_file_that_others_hold_loses_the_event() {
        let (_folder, lines) = lines(MOST_BYTES);
        let other = OpenOptions::new().append(true).open(&lines.path).expect("the file");
        other.lock().expect("locked");
        assert!(lines.append_line(b"{}\n").is_err());
        other.unlock().expect("unlocked");
        lines.append_line(b"{}\n").expect("appended");
        assert_eq!(text(&lines), "{}\n");
    }

    #[test]
    fn lines_of_many_threads_stay_whole() {
        let (_folder, lines) = lines(MOST_BYTES);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| lines.append_line(b"{\"b\":2}\n").expect("appended")));
            }
        });
        assert_eq!(text(&lines), "{\"b\":2}\n".repeat(400));
    }
}
