//! Record batches in bodies of bytes: Arrow's IPC format, as a stream or a file.

use crate::error::{self, Error, ErrorKind, caught};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow_ipc::{Block, root_as_footer};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;

const MAGIC: &[u8] = b"ARROW1";
/// Bytes of a file's end: the length of its footer, and the magic.
const TRAILER: usize = 10;

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
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut buffer)? {
        batches.push(batch);
    }
    decoder.finish()?;
    let schema = decoder.schema().ok_or_else(|| ArrowError::IpcError("no schema".to_owned()))?;
    Ok((schema, batches))
}

fn of_file(buffer: Buffer) -> Read {
    let invalid = |what: &str| ArrowError::ParseError(what.to_owned());
    let trailer = buffer.last_chunk::<TRAILER>().ok_or_else(|| invalid("no footer"))?;
    let end = buffer.len() - TRAILER;
    let start = end.checked_sub(read_footer_length(*trailer)?).ok_or_else(|| invalid("no footer"))?;
    let footer = root_as_footer(&buffer[start..end]).map_err(|error| invalid(&error.to_string()))?;
    let schema = footer.schema().ok_or_else(|| invalid("no schema"))?;
    let schema: SchemaRef = Arc::new(try_fb_to_schema(schema)?);
    let block = |block: &Block| {
        let [offset, head, body] =
            [block.offset(), block.metaDataLength().into(), block.bodyLength()].map(usize::try_from);
        let whole = offset.ok().zip(head.ok().zip(body.ok()).and_then(|(head, body)| head.checked_add(body)));
        let inside =
            whole.filter(|(offset, len)| offset.checked_add(*len).is_some_and(|end| end <= buffer.len()));
        let (offset, len) = inside.ok_or_else(|| invalid("a block beyond the end"))?;
        Ok::<_, ArrowError>(buffer.slice_with_length(offset, len))
    };
    let mut decoder = FileDecoder::new(Arc::clone(&schema), footer.version());
    for one in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(one, &block(one)?)?;
    }
    let mut batches = Vec::new();
    for one in footer.recordBatches().iter().flatten() {
        batches.extend(decoder.read_record_batch(one, &block(one)?)?);
    }
    Ok((schema, batches))
}
