//! Record batches in bodies of bytes: Arrow's IPC format, as a stream or a file.

use crate::error::{self, Error, ErrorKind, caught};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow_ipc::{Block, CompressionType, Message, MetadataVersion, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;

pub(crate) const MAGIC: &[u8] = b"ARROW1";
/// Bytes of a file's end: the length of its footer, and the magic.
pub(crate) const TRAILER: usize = 10;

/// The batches of a body: at least one, which may have no rows. All it holds is validated.
///
/// # Errors
/// [`ErrorKind::MalformedRequest`].
pub(crate) fn batches(body: &[u8]) -> error::Result<Vec<RecordBatch>> {
    // One copy, aligned, in which all arrays then lie.
    let buffer = Buffer::from(body);
    let read = || {
        let read = if body.starts_with(MAGIC) { of_file } else { of_stream };
        let (schema, mut batches) = read(buffer)?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok::<_, ArrowError>(batches)
    };
    let malformed = |found: &dyn std::fmt::Display| {
        let message = format!("the request body is no Arrow IPC stream or file that is taken: {found}");
        Error::new(ErrorKind::MalformedRequest, message)
    };
    // The format's reader may panic on what no writer writes.
    caught(read).map_err(|panic| malformed(&panic))?.map_err(|error| malformed(&error))
}

type Read = Result<(SchemaRef, Vec<RecordBatch>), ArrowError>;

fn of_stream(mut buffer: Buffer) -> Read {
    let mut decoder = StreamDecoder::new();
    let mut rest = buffer.as_slice();
    while let Some((message, after)) = first_message(rest) {
        refuse_compressed(&message)?;
        let body = usize::try_from(message.bodyLength()).unwrap_or(usize::MAX);
        rest = after.get(body..).unwrap_or_default();
    }
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut buffer)? {
        batches.push(batch);
    }
    decoder.finish()?;
    let schema = decoder.schema().ok_or_else(|| ArrowError::IpcError("no schema".to_owned()))?;
    Ok((schema, batches))
}

fn of_file(buffer: Buffer) -> Read {
    let trailer = buffer.last_chunk::<TRAILER>().ok_or_else(|| invalid("no footer"))?;
    let end = buffer.len() - TRAILER;
    let start = end.checked_sub(read_footer_length(*trailer)?).ok_or_else(|| invalid("no footer"))?;
    let footer = Footer::read(&buffer[start..end])?;
    let block = |block: &Block| {
        let (offset, len) = place(block, buffer.len())?;
        if let Some(message) = block_message(&buffer[offset..offset + len]) {
            refuse_compressed(&message)?;
        }
        Ok::<_, ArrowError>(buffer.slice_with_length(offset, len))
    };
    let mut decoder = FileDecoder::new(Arc::clone(&footer.schema), footer.version);
    for one in &footer.dictionaries {
        decoder.read_dictionary(one, &block(one)?)?;
    }
    let mut batches = Vec::new();
    for one in &footer.batches {
        batches.extend(decoder.read_record_batch(one, &block(one)?)?);
    }
    Ok((footer.schema, batches))
}

/// What the end of a file says that lies in it.
pub(crate) struct Footer {
    pub schema: SchemaRef,
    pub version: MetadataVersion,
    pub dictionaries: Vec<Block>,
    pub batches: Vec<Block>,
}

impl Footer {
    pub(crate) fn read(bytes: &[u8]) -> Result<Footer, ArrowError> {
        let footer = root_as_footer(bytes).map_err(|error| invalid(&error.to_string()))?;
        let schema = footer.schema().ok_or_else(|| invalid("no schema"))?;
        Ok(Footer {
            schema: Arc::new(try_fb_to_schema(schema)?),
            version: footer.version(),
            dictionaries: footer.dictionaries().iter().flatten().copied().collect(),
            batches: footer.recordBatches().iter().flatten().copied().collect(),
        })
    }
}

/// The place and the length of a block within so many bytes.
pub(crate) fn place(block: &Block, end: usize) -> Result<(usize, usize), ArrowError> {
    let [offset, head, body] =
        [block.offset(), block.metaDataLength().into(), block.bodyLength()].map(usize::try_from);
    let whole = offset.ok().zip(head.ok().zip(body.ok()).and_then(|(head, body)| head.checked_add(body)));
    let inside = whole.filter(|(offset, len)| offset.checked_add(*len).is_some_and(|last| last <= end));
    inside.ok_or_else(|| invalid("a block beyond the end"))
}

fn invalid(what: &str) -> ArrowError {
    ArrowError::ParseError(what.to_owned())
}

/// The message of a stream that bytes begin with, and what follows its description; `None` for anything else, which a
/// decoder finds out about.
pub(crate) fn first_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let bytes = bytes.strip_prefix(&[0xFF; 4]).unwrap_or(bytes);
    let (length, bytes) = bytes.split_first_chunk::<4>()?;
    let (description, rest) = bytes.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((root_as_message(description).ok()?, rest))
}

/// The message of a file's block. Its decoder does not look at the length of the description.
pub(crate) fn block_message(bytes: &[u8]) -> Option<Message<'_>> {
    let bytes = bytes.strip_prefix(&[0xFF; 4]).unwrap_or(bytes);
    root_as_message(bytes.get(4..)?).ok()
}

/// A body's size bounds the memory that it takes only where its buffers are as they are.
fn refuse_compressed(message: &Message<'_>) -> Result<(), ArrowError> {
    match compressed(message) {
        Some(_) => Err(ArrowError::InvalidArgumentError("its buffers are compressed".to_owned())),
        None => Ok(()),
    }
}

/// What a message says of its buffers, where they are compressed.
pub(crate) fn compressed<'a>(message: &Message<'a>) -> Option<(arrow_ipc::RecordBatch<'a>, CompressionType)> {
    let dictionary = || message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let batch = message.header_as_record_batch().or_else(dictionary)?;
    Some((batch, batch.compression()?.codec()))
}
