//! Input of any size in blocks of whole records, whose memory is used again.

use super::unread;
use crate::error::{Error, ErrorKind, Result};
use std::io::Read;

/// Bytes that are read at a time: some thousand rows, which stay in a core's cache while they are answered.
const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of a record at most.
const MOST_BYTES: usize = 16 << 20;

/// Whole records.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub bytes: Vec<u8>,
    /// The line that the first byte lies in, counted from 1.
    pub line: u64,
    /// The place of the first byte in all of the input.
    pub offset: u64,
}

impl Block {
    /// The line of the byte at `at`.
    pub fn line_of(bytes: &[u8], first_line: u64, at: usize) -> u64 {
        first_line + line_ends(bytes.get(..at).unwrap_or(bytes))
    }
}

/// Reads blocks.
pub(super) struct Blocks<'a> {
    input: Box<dyn Read + Send + 'a>,
    /// What was read beyond the last block.
    rest: Vec<u8>,
    line: u64,
    offset: u64,
    has_ended: bool,
}

impl<'a> Blocks<'a> {
    /// The blocks of `input`, behind a byte order mark.
    pub fn new(input: Box<dyn Read + Send + 'a>) -> Result<Self> {
        let mut blocks = Blocks { input, rest: Vec::new(), line: 1, offset: 0, has_ended: false };
        blocks.read_up_to(BLOCK_BYTES)?;
        for (mark, encoding) in [
            (&[0xFF_u8, 0xFE][..], "UTF-16"),
            (&[0xFE, 0xFF], "UTF-16"),
            (b"\x1F\x8B", "gzip"),
            (b"ARROW1", "Arrow"),
            (b"PAR1", "Parquet"),
        ] {
            if blocks.rest.starts_with(mark) {
                let message = format!("it begins as {encoding} does; expected text in UTF-8");
                return Err(Error::new(ErrorKind::MalformedRequest, message));
            }
        }
        if blocks.rest.starts_with(b"\xEF\xBB\xBF") {
            blocks.rest.drain(..3);
            blocks.offset = 3;
        }
        Ok(blocks)
    }

    /// Reads until `rest` has this many bytes, or all has been read.
    fn read_up_to(&mut self, wanted: usize) -> Result<()> {
        let missing = wanted.saturating_sub(self.rest.len());
        if missing > 0 && !self.has_ended {
            let read = (&mut self.input).take(missing as u64).read_to_end(&mut self.rest);
            self.has_ended = read.map_err(|error| unread(&error))? < missing;
        }
        Ok(())
    }

    /// Reads the next block, which ends where `end_of` says that the last whole record of some bytes ends. It is told
    /// whether these are all that is left, of which it takes some. `false` when there is none.
    pub fn next(&mut self, block: &mut Block, end_of: impl Fn(&[u8], bool) -> Option<usize>) -> Result<bool> {
        let mut wanted = BLOCK_BYTES;
        let end = loop {
            self.read_up_to(wanted)?;
            if let Some(end) = end_of(&self.rest, self.has_ended) {
                break end;
            }
            if self.has_ended {
                break self.rest.len();
            }
            if wanted >= MOST_BYTES {
                let message = format!(
                    "line {}: a record of more than {MOST_BYTES} bytes; expected an end of the line, or the end of a \
                     quoted field",
                    self.line
                );
                return Err(Error::new(ErrorKind::MalformedRequest, message));
            }
            wanted *= 2;
        };
        block.bytes.clear();
        std::mem::swap(&mut block.bytes, &mut self.rest);
        self.rest.extend_from_slice(&block.bytes[end..]);
        block.bytes.truncate(end);
        (block.line, block.offset) = (self.line, self.offset);
        self.line += line_ends(&block.bytes);
        self.offset += end as u64;
        Ok(end > 0)
    }

    /// Gives the end of the last block back, from byte `from` on.
    pub fn give_back(&mut self, block: &Block, from: usize) {
        let (taken, given) = block.bytes.split_at(from);
        self.rest.splice(..0, given.iter().copied());
        self.line = block.line + line_ends(taken);
        self.offset = block.offset + taken.len() as u64;
    }
}

/// A block's bytes as text.
pub(super) fn text_of(bytes: Vec<u8>, first_line: u64) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = Block::line_of(error.as_bytes(), first_line, at);
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let message = format!("line {line}: the byte 0x{byte:02X} is not UTF-8; expected text in UTF-8");
        Error::new(ErrorKind::MalformedRequest, message)
    })
}

/// The ends of lines in `bytes`: `\n`, `\r\n`, or `\r` where nothing else ends lines.
fn line_ends(bytes: &[u8]) -> u64 {
    let count = |end: u8| bytes.iter().filter(|&&byte| byte == end).count();
    count(b'\n').max(count(b'\r')) as u64
}
