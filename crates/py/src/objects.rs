//! NumPy arrays of Python objects, read through their pointers.
#![expect(unsafe_code, reason = "reads the pointers of arrays of objects")]

use crate::cells::CellBuffer;
use monobloc::Strided;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, ffi};

/// A borrowed array of objects in one dimension.
pub struct Objects(PyUntypedBuffer);

impl Objects {
    /// Borrows `array`; `None` where it holds something else, and on interpreters without a global lock, where another
    /// thread may change it while it is read.
    pub fn borrow(array: &Bound<'_, PyAny>) -> Option<Objects> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let buffer = PyUntypedBuffer::get(array).ok()?;
        let is_taken = buffer.format().to_bytes() == b"O"
            && buffer.dimensions() == 1
            && buffer.item_size() == size_of::<*mut PyObject>();
        is_taken.then_some(Objects(buffer))
    }

    /// Appends values `start..start + len` to `into`.
    pub fn read(&self, py: Python<'_>, start: usize, len: usize, into: &mut CellBuffer) -> PyResult<()> {
        let (shape, strides) = (self.0.shape(), self.0.strides());
        let first = self.0.buf_ptr().cast::<u8>().cast_const();
        // SAFETY: the exporter promises that shape and strides stay inside its memory, which it keeps while the
        // buffer is held.
        let addresses: Strided<'_, u64> =
            unsafe { Strided::from_raw_parts(first, strides[0], shape[0]) }.range(start, len);
        into.reserve(len);
        for row in 0..len {
            let address = addresses.at(row) as *mut PyObject;
            if address.is_null() {
                into.push_none();
                continue;
            }
            // SAFETY: an array of objects holds pointers to living ones, and no thread changes it while this one
            // holds the interpreter: nothing below lets go of it before the value was read, or was made our own.
            let value = unsafe { Borrowed::from_ptr(py, address) };
            if let Ok(text) = value.cast_exact::<PyString>()
                && let Some(text) = utf8(&text)
            {
                into.push_str(text);
            } else {
                into.push(&value.to_owned())?;
            }
        }
        Ok(())
    }
}

/// The text, where UTF-8 can hold it: what `PyString::to_str` gives, without an exception where it can't.
#[inline]
fn utf8<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a str> {
    let mut len = 0;
    // SAFETY: it is text.
    let bytes = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut len) };
    if bytes.is_null() {
        drop(PyErr::take(text.py()));
        return None;
    }
    // SAFETY: these are the bytes of the text's own copy of itself, which lives as long as it does.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len.unsigned_abs()) };
    // SAFETY: Python promises UTF-8.
    Some(unsafe { std::str::from_utf8_unchecked(bytes) })
}

const _: () = assert!(size_of::<*mut ffi::PyObject>() == size_of::<u64>());
