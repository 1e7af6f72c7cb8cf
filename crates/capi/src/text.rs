//! Texts and bytes that the library gives.

use crate::handle::handle;
use std::ffi::c_char;

/// A text in UTF-8 that lies in memory of whoever gives it. It does not end with a zero byte: print it with
/// `"%.*s", (int)text.len, text.data`. No text is `{NULL, 0}`.
///
/// What the library gives is valid until the handle that it was asked of is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_str {
    /// The first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

impl monobloc_str {
    /// No text.
    pub const NONE: monobloc_str = monobloc_str { data: std::ptr::null(), len: 0 };
}

impl From<&str> for monobloc_str {
    fn from(text: &str) -> Self {
        monobloc_str { data: text.as_ptr().cast(), len: text.len() }
    }
}

impl From<Option<&str>> for monobloc_str {
    fn from(text: Option<&str>) -> Self {
        text.map_or(monobloc_str::NONE, Self::from)
    }
}

/// Bytes that the library made for the caller, who frees them with `monobloc_bytes_free`. After the last one lies a zero
/// byte, so that text is a text of C's, too. Any threads may read them at once.
pub struct monobloc_bytes(Vec<u8>);

impl monobloc_bytes {
    /// A handle of such bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> *mut monobloc_bytes {
        let mut bytes = bytes.into();
        bytes.push(0);
        handle(monobloc_bytes(bytes))
    }
}

/// The first byte; NULL of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bytes_data(bytes: Option<&monobloc_bytes>) -> *const c_char {
    bytes.map_or(std::ptr::null(), |bytes| bytes.0.as_ptr().cast())
}

/// The number of bytes, without the zero byte after them; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bytes_len(bytes: Option<&monobloc_bytes>) -> usize {
    bytes.map_or(0, |bytes| bytes.0.len() - 1)
}

/// Frees bytes; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bytes_free(bytes: Option<Box<monobloc_bytes>>) {
    drop(bytes);
}
