//! The bytes of a member to be written: from memory, or from files that need not fit into it.

use crate::error::{Error, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A member's bytes, piece after piece.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pieces: Vec<Piece>,
    len: u64,
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    File { source: Arc<SourceFile>, offset: u64, len: u64 },
    Zeros(u64),
}

/// An open file that bytes are read from, with its path for messages.
#[derive(Debug)]
pub struct SourceFile {
    /// The file.
    pub file: File,
    /// Where it was opened.
    pub path: PathBuf,
}

const STEP: usize = 1 << 20;

impl Body {
    /// All bytes of the file at `path`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn of_file(path: &Path) -> Result<Body> {
        let file = File::open(path).map_err(|error| Error::io(path, "opening", &error))?;
        let len = file.metadata().map_err(|error| Error::io(path, "reading", &error))?.len();
        let mut body = Body::default();
        body.push_file(&Arc::new(SourceFile { file, path: path.to_owned() }), 0, len);
        Ok(body)
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.len += bytes.len() as u64;
        self.pieces.push(Piece::Bytes(bytes));
    }

    /// Appends `len` bytes of a file from `offset`.
    pub fn push_file(&mut self, source: &Arc<SourceFile>, offset: u64, len: u64) {
        self.len += len;
        self.pieces.push(Piece::File { source: Arc::clone(source), offset, len });
    }

    /// Appends zeros up to the next multiple of `alignment` and gives the length then.
    pub fn align(&mut self, alignment: u64) -> u64 {
        let aligned = self.len.next_multiple_of(alignment);
        if aligned > self.len {
            self.pieces.push(Piece::Zeros(aligned - self.len));
            self.len = aligned;
        }
        aligned
    }

    /// Gives all bytes to `each` in order, a bounded number at a time.
    ///
    /// # Errors
    /// What `each` says, and what the operating system says of a file.
    pub fn read(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => each(bytes)?,
                Piece::File { source, offset, len } => {
                    buffer.resize(STEP, 0);
                    for at in (0..*len).step_by(STEP) {
                        let part = &mut buffer[..(len - at).min(STEP as u64) as usize];
                        source
                            .file
                            .read_exact_at(part, offset + at)
                            .map_err(|error| Error::io(&source.path, "reading", &error))?;
                        each(part)?;
                    }
                }
                Piece::Zeros(len) => {
                    let zeros = [0; 4096];
                    for at in (0..*len).step_by(zeros.len()) {
                        each(&zeros[..(len - at).min(zeros.len() as u64) as usize])?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        let mut body = Body::default();
        body.push(bytes);
        body
    }
}
