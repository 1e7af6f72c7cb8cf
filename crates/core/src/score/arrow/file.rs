//! Arrow's IPC format as a file: batches where its end says that they lie.

use super::compression::{check_expansion, compressed_places};
use super::messages::{at, malformed};
use crate::arrow::body::{Footer, TRAILER, block_message, place};
use crate::error::{Error, ErrorKind, Result, caught};
use crate::score::unread;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::Block;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_schema::{ArrowError, SchemaRef};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// The batches of a file.
pub(super) struct FileBatches {
    file: File,
    length: usize,
    decoder: FileDecoder,
    batches: std::vec::IntoIter<Block>,
    /// Where the last batch ends.
    place: u64,
}

impl FileBatches {
    /// Reads the end of a file, and its dictionaries.
    pub fn begin(mut file: File) -> Result<(Self, SchemaRef)> {
        let length = file.seek(SeekFrom::End(0)).map_err(|error| unread(&error))?;
        let length =
            usize::try_from(length).map_err(|_| malformed("a file of more bytes than memory has"))?;
        let whole = |what: ArrowError| {
            malformed(format!(
                "its end is none of an Arrow file: {what}; expected all of a file as a writer closed it"
            ))
        };
        let short = || whole(ArrowError::ParseError("no footer".to_owned()));
        let end = length.checked_sub(TRAILER).ok_or_else(short)?;
        let trailer = bytes_at(&mut file, end, TRAILER)?;
        let trailer = trailer.first_chunk::<TRAILER>().ok_or_else(short)?;
        let start = end.checked_sub(read_footer_length(*trailer).map_err(whole)?).ok_or_else(short)?;
        let footer = bytes_at(&mut file, start, end - start)?;
        let footer = caught(|| Footer::read(&footer)).map_err(malformed)?.map_err(whole)?;
        let decoder = FileDecoder::new(Arc::clone(&footer.schema), footer.version);
        let batches = footer.batches.into_iter();
        let mut batches = FileBatches { file, length, decoder, batches, place: 0 };
        for block in &footer.dictionaries {
            batches.decode(block, |decoder, bytes| decoder.read_dictionary(block, bytes))?;
        }
        Ok((batches, footer.schema))
    }

    /// The next batch; `None` when there is none.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let Some(block) = self.batches.next() else { return Ok(None) };
        self.decode(&block, |decoder, bytes| decoder.read_record_batch(&block, bytes))
    }

    /// Where the last batch ends.
    pub fn place(&self) -> u64 {
        self.place
    }

    fn decode<T>(
        &mut self,
        block: &Block,
        decode: impl FnOnce(&mut FileDecoder, &Buffer) -> std::result::Result<T, ArrowError>,
    ) -> Result<T> {
        let begin = u64::try_from(block.offset()).unwrap_or_default();
        let wrong = |error: ArrowError| at(begin, malformed(error.to_string()));
        let (offset, length) = place(block, self.length).map_err(wrong)?;
        let bytes = bytes_at(&mut self.file, offset, length)?;
        self.place = (offset + length) as u64;
        if let Some(message) = block_message(&bytes) {
            let places = compressed_places(&message).map_err(|error| at(begin, error))?;
            let body = usize::try_from(block.metaDataLength()).unwrap_or_default();
            check_expansion(&places, bytes.get(body..).unwrap_or_default())
                .map_err(|error| at(begin, error))?;
        }
        // The format's reader may panic on what no writer writes.
        let decoded = caught(|| decode(&mut self.decoder, &bytes));
        decoded.map_err(|panic| at(begin, malformed(panic)))?.map_err(wrong)
    }
}

/// So many bytes from a place within a file.
fn bytes_at(file: &mut File, offset: usize, length: usize) -> Result<Buffer> {
    file.seek(SeekFrom::Start(offset as u64)).map_err(|error| unread(&error))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::Io, "reading: the file became shorter meanwhile")
        }
        _ => unread(&error),
    })?;
    Ok(bytes.into())
}
