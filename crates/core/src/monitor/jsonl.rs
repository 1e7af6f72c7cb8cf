//! Events as lines of JSON in a file.

use super::Event;
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file to which events are appended, one line each, up to a size. Several processes may append to one file: a line
/// is written at once.
#[derive(Debug)]
pub struct JsonLines {
    file: File,
    most_bytes: u64,
}

/// Bytes of a file of events at most: 64 MiB.
pub const MOST_BYTES: u64 = 64 << 20;

impl JsonLines {
    /// Opens the file at `path`, or makes it, readable by its owner alone.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path, most_bytes: u64) -> Result<JsonLines> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| Error::io(path, "opening the file of events", &error))?;
        Ok(JsonLines { file, most_bytes })
    }

    /// Appends an event, unless the file is full. A disk that does not take it loses it: answers go on.
    pub fn append(&self, event: &Event) {
        let line = event.to_json() + "\n";
        let len = self.file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        if len.saturating_add(line.len() as u64) <= self.most_bytes {
            let _ = (&self.file).write_all(line.as_bytes());
        }
    }
}
