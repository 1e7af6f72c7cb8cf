//! Arrow's IPC format as a stream: its messages, read one after another.

use super::compression::{check_expansion, compressed_places};
use crate::arrow::body::{MAGIC, first_message};
use crate::error::{Error, ErrorKind, Result, caught};
use crate::score::unread;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::SchemaRef;
use std::io::Read;
use std::sync::Arc;

const CONTINUATION: [u8; 4] = [0xFF; 4];
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
/// Bytes of a message's description at most: those of a schema with a hundred thousand columns.
const MOST_DESCRIPTION: usize = 64 << 20;
/// Bytes that are reserved before they were read.
const RESERVED: usize = 16 << 20;

/// Reads messages.
pub(super) struct Messages<'a> {
    input: Box<dyn Read + Send + 'a>,
    decoder: StreamDecoder,
    /// Bytes that were read.
    read: u64,
    /// The beginning of the first message, which was read on the way to it.
    begun: Vec<u8>,
    /// Whether the mark of the end was read, or none follows.
    has_ended: bool,
    /// What the decoder has not looked at yet. It finishes a message without a body with the one after.
    buffer: Buffer,
}

impl<'a> Messages<'a> {
    /// Reads up to the schema.
    pub fn begin(input: Box<dyn Read + Send + 'a>) -> Result<(Self, SchemaRef)> {
        let mut messages = Messages {
            input,
            decoder: StreamDecoder::new(),
            read: 0,
            begun: Vec::new(),
            has_ended: false,
            buffer: Buffer::from(&[]),
        };
        messages.begun = messages.up_to(8)?;
        let other = [
            (&b"PAR1"[..], "Parquet does; expected Arrow's IPC format"),
            (b"FEA1", "Feather's first version does; expected Arrow's IPC format, which is its second"),
            (
                MAGIC,
                "a file of Arrow's does, whose end says what lies where; expected a stream, or the path of the file",
            ),
        ];
        if let Some((_, expected)) = other.iter().find(|(magic, _)| messages.begun.starts_with(magic)) {
            return Err(malformed(format!("it begins as {expected}")));
        }
        let place = messages.place();
        messages.buffer = messages.message().map_err(|error| at(place, error))?;
        let none = || malformed("it has no schema; expected a stream or file of Arrow's IPC format");
        let (message, _) = first_message(&messages.buffer).ok_or_else(none)?;
        let schema = message.header_as_schema().ok_or_else(none)?;
        let schema = caught(|| try_fb_to_schema(schema)).map_err(|panic| at(place, malformed(panic)))?;
        let schema = schema.map_err(|error| at(place, malformed(error.to_string())))?;
        Ok((messages, Arc::new(schema)))
    }

    /// Bytes of the input that messages took.
    pub fn place(&self) -> u64 {
        self.read - self.begun.len() as u64
    }

    /// The next batch; `None` when there is none.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut place = self.place();
        loop {
            if self.buffer.is_empty() {
                if self.has_ended {
                    return Ok(None);
                }
                place = self.place();
                self.buffer = self.message().map_err(|error| at(place, error))?;
            }
            // The format's reader may panic on what no writer writes.
            let decoded = caught(|| self.decoder.decode(&mut self.buffer));
            let decoded = decoded.map_err(|panic| at(place, malformed(panic)))?;
            if let Some(batch) = decoded.map_err(|error| at(place, malformed(error.to_string())))? {
                return Ok(Some(batch));
            }
        }
    }

    /// The next message with all that belongs to it; the mark of the end behind the last one.
    fn message(&mut self) -> Result<Buffer> {
        let mut bytes = self.up_to(4)?;
        if bytes.is_empty() {
            self.has_ended = true;
            return Ok(Buffer::from(END));
        }
        if bytes == CONTINUATION {
            bytes.extend(self.up_to(4)?);
        }
        let Some(length) = bytes.last_chunk::<4>().filter(|_| bytes.len() % 4 == 0) else {
            return Err(ended());
        };
        let length = u32::from_le_bytes(*length) as usize;
        if bytes.last_chunk() == Some(&CONTINUATION) {
            return Err(ended());
        }
        if length == 0 {
            // What follows belongs to no message.
            self.has_ended = true;
            return Ok(Buffer::from(END));
        }
        if length > MOST_DESCRIPTION {
            let message = format!(
                "a description of {length} bytes; expected at most {MOST_DESCRIPTION}, as writers write it"
            );
            return Err(malformed(message));
        }
        let start = bytes.len();
        self.append(&mut bytes, length)?;
        let message = root_as_message(&bytes[start..]).map_err(|error| malformed(error.to_string()))?;
        let body = usize::try_from(message.bodyLength());
        let body = body.map_err(|_| malformed(format!("a body of {} bytes", message.bodyLength())))?;
        let places = compressed_places(&message)?;
        let body_start = bytes.len();
        self.append(&mut bytes, body)?;
        check_expansion(&places, &bytes[body_start..])?;
        Ok(bytes.into())
    }

    /// So many bytes, or those that are left.
    fn up_to(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(&mut bytes, length)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<()> {
        bytes.reserve(length.min(RESERVED));
        match self.take(bytes, length)? == length {
            true => Ok(()),
            false => Err(ended()),
        }
    }

    /// Appends so many bytes, or those that are left.
    fn take(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<usize> {
        let begun = length.min(self.begun.len());
        bytes.extend(self.begun.drain(..begun));
        let wanted = (length - begun) as u64;
        let read = self.input.by_ref().take(wanted).read_to_end(bytes).map_err(|error| unread(&error))?;
        self.read += read as u64;
        Ok(begun + read)
    }
}

/// An error of the message at a place, unless reading itself failed.
pub(super) fn at(place: u64, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Io => error,
        _ => error.within(format_args!("the message at byte {place}")),
    }
}

fn ended() -> Error {
    malformed("the input ends within it; expected all of a stream or file of Arrow's IPC format")
}

pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedRequest, message)
}
