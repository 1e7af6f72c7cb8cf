//! Arrow's C interfaces: arrays that other libraries export, without a copy.
#![expect(unsafe_code, reason = "takes structures of the C data interface out of their capsules")]

use crate::error::{exception, raise};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayReader, RecordBatch, RecordBatchIterator, RecordBatchOptions, StructArray};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Schema};
use monobloc::arrow::ArrowColumn;
use monobloc::error::guard;
use monobloc::schema::Null;
use monobloc::{Error, ErrorKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::CStr;
use std::sync::Arc;

const ARRAY: &CStr = c"arrow_array";
const SCHEMA: &CStr = c"arrow_schema";
const STREAM: &CStr = c"arrow_array_stream";

/// Whether `value` exports rows or values by Arrow's C interfaces.
pub fn is_exporter(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    Ok(value.hasattr(intern!(py, "__arrow_c_stream__"))?
        || value.hasattr(intern!(py, "__arrow_c_array__"))?)
}

/// The batches of a table that `table` exports: at least one, which may have no rows. `None` where it exports
/// something else than a table.
pub fn batches(table: &Bound<'_, PyAny>) -> PyResult<Option<Vec<RecordBatch>>> {
    let stream = match stream(table)? {
        Some(stream) => stream,
        None => {
            let data = array(table)?;
            return read(|| batch(&data).map(|batch| batch.map(|batch| vec![batch])));
        }
    };
    read(|| {
        let reader = ArrayStreamReader::try_new(stream)?;
        let DataType::Struct(fields) = reader.field().data_type() else { return Ok(None) };
        let schema = Arc::new(Schema::new(fields.clone()));
        let batches = reader.map(|array| batch(&array?.to_data())).collect::<Result<Option<Vec<_>>, _>>()?;
        let some =
            |batches: Vec<_>| if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches };
        Ok(batches.map(some))
    })
}

/// The structs of `data` as a batch.
fn batch(data: &ArrayData) -> Result<Option<RecordBatch>, ArrowError> {
    if !matches!(data.data_type(), DataType::Struct(_)) {
        return Ok(None);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(data.len()));
    let (fields, columns, _) = StructArray::from(data.clone()).into_parts();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map(Some)
}

/// The values that `column` exports as one array; `None` where it exports none, or several.
pub fn column(column: &Bound<'_, PyAny>, null: Null) -> PyResult<Option<ArrowColumn>> {
    let py = column.py();
    let data = if let Some(stream) = stream(column)? {
        let mut arrays = read(|| ArrayStreamReader::try_new(stream)?.collect::<Result<Vec<_>, _>>())?;
        match (arrays.pop(), arrays.is_empty()) {
            (Some(only), true) => only.to_data(),
            _ => return Ok(None),
        }
    } else if column.hasattr(intern!(py, "__arrow_c_array__"))? {
        array(column)?
    } else {
        return Ok(None);
    };
    guard(|| ArrowColumn::new("", data, null)).map(Some).map_err(|error| exception(&error))
}

/// A capsule with a stream of one batch.
pub fn export_stream(py: Python<'_>, batch: RecordBatch) -> PyResult<Bound<'_, PyCapsule>> {
    let schema = batch.schema();
    let reader = RecordBatchIterator::new([Ok(batch)], schema);
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

/// Capsules with the type of a batch and the batch as an array of structs.
pub fn export_array(
    py: Python<'_>,
    batch: RecordBatch,
) -> PyResult<(Bound<'_, PyCapsule>, Bound<'_, PyCapsule>)> {
    let data = StructArray::from(batch).into_data();
    let schema = read(|| FFI_ArrowSchema::try_from(data.data_type()))?;
    let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
    Ok((schema, PyCapsule::new_with_value(py, FFI_ArrowArray::new(&data), ARRAY)?))
}

/// The stream that `value` exports, moved out of its capsule.
fn stream(value: &Bound<'_, PyAny>) -> PyResult<Option<FFI_ArrowArrayStream>> {
    let Some(method) = value.getattr_opt(intern!(value.py(), "__arrow_c_stream__"))? else { return Ok(None) };
    let capsule = method.call0()?.cast_into::<PyCapsule>()?;
    let place = capsule.pointer_checked(Some(STREAM))?;
    // SAFETY: a capsule of this name holds such a structure; moving it out leaves a released one behind, as the C
    // stream interface wants, and the capsule is not used again.
    Ok(Some(unsafe { FFI_ArrowArrayStream::from_raw(place.as_ptr().cast()) }))
}

/// The array that `value` exports, moved out of its capsules.
fn array(value: &Bound<'_, PyAny>) -> PyResult<ArrayData> {
    let pair = value.call_method0(intern!(value.py(), "__arrow_c_array__"))?.cast_into::<PyTuple>()?;
    let capsule = |at: usize| pair.get_item(at)?.cast_into::<PyCapsule>().map_err(PyErr::from);
    let (schema, array) = (capsule(0)?, capsule(1)?);
    let schema = schema.pointer_checked(Some(SCHEMA))?;
    let array = array.pointer_checked(Some(ARRAY))?;
    // SAFETY: as above.
    let schema = unsafe { FFI_ArrowSchema::from_raw(schema.as_ptr().cast()) };
    // SAFETY: as above.
    let array = unsafe { FFI_ArrowArray::from_raw(array.as_ptr().cast()) };
    // SAFETY: the exporter promises that both describe its memory, which it keeps until the array is released.
    read(|| unsafe { from_ffi(array, &schema) })
}

/// Reads what an exporter gives; its faults, panics among them, are faults of the rows.
fn read<R>(call: impl FnOnce() -> Result<R, ArrowError>) -> PyResult<R> {
    let failed = |error: &dyn std::fmt::Display| {
        raise(ErrorKind::Schema, format!("reading rows by Arrow's C interface: {error}"))
    };
    guard(|| Ok(call())).map_err(|error: Error| failed(&error))?.map_err(|error| failed(&error))
}
