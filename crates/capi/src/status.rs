//! What a call gives back: a number to branch on, and an error to read. The only place where a panic is caught.

use crate::handle::{Out, handle};
use crate::text::monobloc_str;
use monobloc::{Error, ErrorKind, Result};

/// What became of a call: 0, or the number of the kind of error. Numbers are the same in every language, and are never
/// used again for something else; later versions may give further ones.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_status {
    /// All is well.
    MONOBLOC_OK = 0,
    /// The file is not what its manifest says: truncated, altered or malformed. Copy or pack it again.
    MONOBLOC_CORRUPT = 1,
    /// The bloc's digest is not the pinned one. Deploy the bloc that the digest belongs to.
    MONOBLOC_DIGEST_MISMATCH = 2,
    /// The engine's answers on the golden rows differ from the source model's. Do not deploy this bloc.
    MONOBLOC_GOLDEN_MISMATCH = 3,
    /// A fault of this library's own. Please report it.
    MONOBLOC_INTERNAL = 4,
    /// An argument of a call is not usable. The message says which values are.
    MONOBLOC_INVALID_ARGUMENT = 5,
    /// The operating system refused to read or write.
    MONOBLOC_IO = 6,
    /// The path leads to something that is no bloc: a directory, a device, another kind of file.
    MONOBLOC_NOT_A_BLOC = 7,
    /// There is no file at the path.
    MONOBLOC_NOT_FOUND = 8,
    /// The file may not be read or written by this user.
    MONOBLOC_PERMISSION_DENIED = 9,
    /// The input does not fit the model's schema. The message names the field and the row.
    MONOBLOC_SCHEMA = 10,
    /// The model, option or section is not one that this version can run.
    MONOBLOC_UNSUPPORTED = 11,
    /// The bloc was written by a newer version in a format that this version can't read. Upgrade.
    MONOBLOC_VERSION_TOO_NEW = 12,
    /// The request body, or a file of rows, is not of a form that is taken. The message says where.
    MONOBLOC_MALFORMED_REQUEST = 13,
    /// The request body has more bytes or values than are taken. Send it in parts.
    MONOBLOC_TOO_LARGE = 14,
    /// Rows have no answer, and the call has no place to say so for each. The message names the first of them, with
    /// field and reason.
    MONOBLOC_ROWS_REJECTED = 15,
    /// Loading would take more private memory than the control group or the machine has left. The message has the
    /// numbers. Raise the limit, or pack the network for this processor, so that its panels are mapped.
    MONOBLOC_OUT_OF_MEMORY = 16,
}

impl monobloc_status {
    /// Every one, by its number.
    ///
    /// cbindgen:ignore
    pub const ALL: [monobloc_status; 17] = [
        monobloc_status::MONOBLOC_OK,
        monobloc_status::MONOBLOC_CORRUPT,
        monobloc_status::MONOBLOC_DIGEST_MISMATCH,
        monobloc_status::MONOBLOC_GOLDEN_MISMATCH,
        monobloc_status::MONOBLOC_INTERNAL,
        monobloc_status::MONOBLOC_INVALID_ARGUMENT,
        monobloc_status::MONOBLOC_IO,
        monobloc_status::MONOBLOC_NOT_A_BLOC,
        monobloc_status::MONOBLOC_NOT_FOUND,
        monobloc_status::MONOBLOC_PERMISSION_DENIED,
        monobloc_status::MONOBLOC_SCHEMA,
        monobloc_status::MONOBLOC_UNSUPPORTED,
        monobloc_status::MONOBLOC_VERSION_TOO_NEW,
        monobloc_status::MONOBLOC_MALFORMED_REQUEST,
        monobloc_status::MONOBLOC_TOO_LARGE,
        monobloc_status::MONOBLOC_ROWS_REJECTED,
        monobloc_status::MONOBLOC_OUT_OF_MEMORY,
    ];
}

impl From<ErrorKind> for monobloc_status {
    fn from(kind: ErrorKind) -> Self {
        let status = Self::ALL.get(kind.number() as usize).copied();
        status.unwrap_or(monobloc_status::MONOBLOC_INTERNAL)
    }
}

/// An error: what went wrong, and in which field and row of the caller's rows. The caller frees it with
/// `monobloc_error_free`. Any threads may read it at once.
pub struct monobloc_error(Error);

/// Runs a call that may fail. Its error, which a panic in it is too, goes to `out_error` where the caller wants it;
/// otherwise NULL does.
pub fn guard(out_error: Out<'_, *mut monobloc_error>, call: impl FnOnce() -> Result<()>) -> monobloc_status {
    let result = monobloc::error::guard(call);
    let status = result.as_ref().map_or_else(|error| error.kind().into(), |()| monobloc_status::MONOBLOC_OK);
    if let Some(place) = out_error.optional() {
        place.write(result.map_or_else(|error| handle(monobloc_error(error)), |()| std::ptr::null_mut()));
    }
    status
}

/// Runs a call that can't fail but by a panic, which gives `otherwise`.
pub fn total<R>(otherwise: R, call: impl FnOnce() -> R) -> R {
    monobloc::error::guard(|| Ok(call())).unwrap_or(otherwise)
}

/// The status that came with the error; `MONOBLOC_OK` of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_status(error: Option<&monobloc_error>) -> monobloc_status {
    error.map_or(monobloc_status::MONOBLOC_OK, |error| error.0.kind().into())
}

/// The name of the kind of error in `snake_case`, as in `"not_found"`; no text of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_code(error: Option<&monobloc_error>) -> monobloc_str {
    error.map(|error| error.0.kind().code()).into()
}

/// What was read, where, what was found, what was expected and what to do, for people; no text of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_message(error: Option<&monobloc_error>) -> monobloc_str {
    error.map(|error| error.0.message()).into()
}

/// The field of the caller's rows that the error is about; no text where it is about none.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_field(error: Option<&monobloc_error>) -> monobloc_str {
    error.and_then(|error| error.0.location()).map(|location| location.field.as_str()).into()
}

/// The row that the error is about, counted from 0; `SIZE_MAX` where it is about none.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_row(error: Option<&monobloc_error>) -> usize {
    error.and_then(|error| error.0.location()).and_then(|location| location.row).unwrap_or(usize::MAX)
}

/// The HTTP status that tells a client what went wrong: 4xx where it is the request, 503 where it is the bloc; 200 of
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_http_status(error: Option<&monobloc_error>) -> u16 {
    error.map_or(200, |error| error.0.kind().http_status())
}

/// Frees an error; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_error_free(error: Option<Box<monobloc_error>>) {
    drop(error);
}
