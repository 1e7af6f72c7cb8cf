//! Where answers go: a file that is there whole or not at all, a device or pipe, or standard output.

use super::Place;
use super::turns::Stop;
use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A place that is being written to.
#[derive(Debug)]
pub(super) struct Output {
    name: String,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A device or a pipe.
    Device(File),
    /// A file beside the one that it will become.
    New(NamedTempFile, PathBuf),
    Standard(io::Stdout),
}

impl Output {
    /// Begins to write to a place.
    pub fn begin(place: &Place) -> Result<Output> {
        let path = match place {
            Place::Standard => {
                return Ok(Output { name: "standard output".to_owned(), to: To::Standard(io::stdout()) });
            }
            Place::File(path) => path,
        };
        let name = path.display().to_string();
        let refuse = |what: &str| Err(Error::new(ErrorKind::InvalidArgument, format!("{name} {what}")));
        if path.is_dir() {
            return refuse("is a directory; expected a path for the answers");
        }
        if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return refuse("is no path for a file");
        }
        // What a link leads to is replaced, not the link.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let there = std::fs::metadata(&path).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = OpenOptions::new().write(true).open(&path);
            let file = file.map_err(|error| Error::io(&path, "opening", &error))?;
            return Ok(Output { name, to: To::Device(file) });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = there.map_or(0o666, |there| there.permissions().mode() & 0o777);
        let temporary = tempfile::Builder::new()
            .prefix(".monobloc-")
            .suffix(".tmp")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map_err(|error| Error::io(folder, "creating a temporary file in", &error))?;
        Ok(Output { name, to: To::New(temporary, path) })
    }

    /// Writes all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), Stop> {
        let written = match &mut self.to {
            To::Device(file) => file.write_all(bytes),
            To::New(temporary, _) => temporary.as_file_mut().write_all(bytes),
            To::Standard(stdout) => stdout.write_all(bytes).and_then(|()| stdout.flush()),
        };
        written.map_err(|error| self.stopped(&error))
    }

    fn stopped(&self, error: &io::Error) -> Stop {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::Closed,
            _ => Stop::Failed(Error::new(ErrorKind::Io, format!("writing {}: {error}", self.name))),
        }
    }

    /// Ends writing: a file is durable and at its place, replacing what was there.
    pub fn end(self) -> Result<()> {
        let To::New(temporary, path) = self.to else { return Ok(()) };
        temporary.as_file().sync_all().map_err(|error| Error::io(&path, "writing", &error))?;
        temporary.persist(&path).map_err(|error| Error::io(&path, "writing", &error.error))?;
        Ok(())
    }
}
