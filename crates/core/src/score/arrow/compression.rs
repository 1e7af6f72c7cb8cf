//! Compressed buffers, and how much memory they ask for.

use super::messages::malformed;
use crate::arrow::body::compressed;
use crate::error::{Error, ErrorKind, Result};
use arrow_ipc::{CompressionType, Message};

/// What a byte of LZ4 may become at most.
const MOST_EXPANSION: u64 = 256;

/// Where the body of a message has compressed buffers, and their lengths.
pub(super) fn compressed_places(message: &Message<'_>) -> Result<Vec<(usize, usize)>> {
    let Some((batch, codec)) = compressed(message) else { return Ok(Vec::new()) };
    if codec != CompressionType::LZ4_FRAME {
        let name = codec.variant_name().unwrap_or("an unknown codec");
        let message = format!("its buffers are compressed with {name}; expected LZ4 or none");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let place = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    let buffers = batch.buffers().into_iter().flatten();
    Ok(buffers.map(|buffer| (place(buffer.offset()), place(buffer.length()))).collect())
}

/// Memory is reserved for what a buffer says that it becomes.
pub(super) fn check_expansion(places: &[(usize, usize)], body: &[u8]) -> Result<()> {
    for &(offset, length) in places {
        let buffer = body.get(offset..).and_then(|rest| rest.get(..length)).unwrap_or_default();
        let Some((length, data)) = buffer.split_first_chunk::<8>() else { continue };
        let most = (data.len() as u64).saturating_mul(MOST_EXPANSION);
        if let Ok(length) = u64::try_from(i64::from_le_bytes(*length))
            && length > most
        {
            let message = format!("a buffer of {} bytes that says it becomes {length}", data.len());
            return Err(malformed(message));
        }
    }
    Ok(())
}
