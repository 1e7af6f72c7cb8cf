//! Arrow's C interfaces: structures that come in are taken over, on errors too.

use arrow_array::ffi::from_ffi;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchOptions, StructArray};
use arrow_schema::{ArrowError, DataType, Schema};
use monobloc::{Error, ErrorKind, Result};
use std::sync::Arc;

pub use arrow_array::ffi::{FFI_ArrowArray as ArrowArray, FFI_ArrowSchema as ArrowSchema};
pub use arrow_array::ffi_stream::FFI_ArrowArrayStream as ArrowArrayStream;

/// Moves an array out of the caller's structure, which is released afterwards.
pub fn take_array(array: &mut ArrowArray) -> ArrowArray {
    std::mem::replace(array, ArrowArray::empty())
}

/// The same of a type.
pub fn take_schema(schema: &mut ArrowSchema) -> ArrowSchema {
    std::mem::replace(schema, ArrowSchema::empty())
}

/// The same of a stream.
pub fn take_stream(stream: &mut ArrowArrayStream) -> ArrowArrayStream {
    std::mem::replace(stream, ArrowArrayStream::empty())
}

/// The structs of an array as a batch.
pub fn batch((array, schema): (ArrowArray, ArrowSchema)) -> Result<RecordBatch> {
    for (what, is_released) in [("array", array.is_released()), ("schema", schema.release().is_none())] {
        if is_released {
            return Err(unreadable(&format_args!("the {what} is released; expected one that is not")));
        }
    }
    // SAFETY: the header asks for an array of this type in memory that stays until it is released.
    let data = unsafe { from_ffi(array, &schema) }.map_err(|error| unreadable(&error))?;
    if !matches!(data.data_type(), DataType::Struct(_)) {
        let message = format!("an array of {}; expected structs, a member for each column", data.data_type());
        return Err(Error::new(ErrorKind::Schema, message));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(data.len()));
    let (fields, columns, _) = StructArray::from(data).into_parts();
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    batch.map_err(|error| unreadable(&error))
}

/// The batches of a stream.
pub fn batches(stream: ArrowArrayStream) -> Result<Vec<RecordBatch>> {
    let reader = RecordBatchStreamReader::try_new(stream).map_err(|error| unreadable(&error))?;
    reader.collect::<std::result::Result<_, _>>().map_err(|error| unreadable(&error))
}

/// A stream of batches of one type.
pub fn stream_of(tables: Vec<RecordBatch>) -> Result<ArrowArrayStream> {
    let schema = tables.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let reader = RecordBatchIterator::new(tables.into_iter().map(Ok::<_, ArrowError>), schema);
    Ok(ArrowArrayStream::new(Box::new(reader)))
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Schema, format!("reading rows by Arrow's C interface: {error}"))
}
