//! The error of this library: a kind from a numbered catalogue, a message for people, and its cause.

use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::path::Path;

/// `Result` with this library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong: a [kind](ErrorKind), a message that says what was being read, what was found
/// and what was expected, and the underlying cause where there is one.
///
/// ```
/// use monobloc::{Bloc, ErrorKind};
///
/// let error = Bloc::open("Cargo.toml", None).expect_err("no bloc");
/// assert_eq!(error.kind(), ErrorKind::NotABloc);
/// assert!(error.to_string().starts_with("Cargo.toml"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    location: Option<InputLocation>,
}

/// Where in the caller's input a [`ErrorKind::Schema`] or [`ErrorKind::RowsRejected`] error was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLocation {
    /// The name of the field.
    pub field: String,
    /// The row, counted from 0; `None` where the whole column is meant.
    pub row: Option<usize>,
}

impl Error {
    /// An error of `kind` with a message for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), location: None }))
    }

    /// The same error with the place in the caller's input that caused it.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>, row: Option<usize>) -> Self {
        self.0.location = Some(InputLocation { field: field.into(), row });
        self
    }

    /// The same error with `prefix: ` before its message.
    #[must_use]
    pub fn within(mut self, prefix: impl std::fmt::Display) -> Self {
        self.0.message = format!("{prefix}: {}", self.0.message);
        self
    }

    /// The same error with `; suffix` after its message.
    #[must_use]
    pub fn and(mut self, suffix: impl std::fmt::Display) -> Self {
        self.0.message = format!("{}; {suffix}", self.0.message);
        self
    }

    /// The message, for people: what was being read, what was found, and what was expected.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The kind, for branching.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The field and row of the caller's input that the error is about.
    pub fn location(&self) -> Option<&InputLocation> {
        self.0.location.as_ref()
    }

    /// An operating system's error met while doing something to `path`.
    pub(crate) fn io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("{doing} {}: {error}", path.display()))
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Corrupt, message)
    }
}

/// Runs `call` and turns a panic in it into an [`ErrorKind::Internal`] error: for the faces, which no
/// panic may leave.
///
/// # Errors
/// What `call` gives, or [`ErrorKind::Internal`] with the panic's message.
pub fn guard<R>(call: impl FnOnce() -> Result<R>) -> Result<R> {
    // Engines are immutable and scratch is overwritten at each use, so nothing is seen half changed.
    std::panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = format!("a fault of monobloc's own, please report it: {}", text(&*panic));
        Err(Error::new(ErrorKind::Internal, message))
    })
}

thread_local! {
    /// Whether a panic on this thread would be a foreign format's.
    static IS_FOREIGN: Cell<bool> = const { Cell::new(false) };
}

/// Runs a reader of a foreign format, and gives the message of a panic in it as an error.
pub(crate) fn caught<R>(call: impl FnOnce() -> R) -> std::result::Result<R, String> {
    let outer = IS_FOREIGN.replace(true);
    let result = std::panic::catch_unwind(AssertUnwindSafe(call));
    IS_FOREIGN.set(outer);
    result.map_err(|panic| text(&*panic).to_owned())
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// Keeps panics in readers of foreign formats and graphs, which become errors, from being told on standard error; of others the
/// hook that is there now tells. For programs and faces that own the process's panic hook, once.
pub fn hush_foreign_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IS_FOREIGN.get() {
            hook(panic);
        }
    }));
}

impl ErrorKind {
    /// The HTTP status that tells a client what went wrong: 4xx where it is the request, 503 where it is the bloc.
    pub const fn http_status(self) -> u16 {
        match self {
            ErrorKind::InvalidArgument | ErrorKind::MalformedRequest => 400,
            ErrorKind::TooLarge => 413,
            ErrorKind::RowsRejected | ErrorKind::Schema => 422,
            ErrorKind::Internal => 500,
            _ => 503,
        }
    }
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $kind:ident = $number:literal, $code:literal;)+) => {
        /// The numbered catalogue of errors. A number is never used again for something else.
        ///
        /// ```
        /// use monobloc::ErrorKind;
        ///
        /// let kind = ErrorKind::MalformedRequest;
        /// assert_eq!((kind.number(), kind.code(), kind.http_status()), (13, "malformed_request", 400));
        /// assert!(ErrorKind::ALL.contains(&kind));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ErrorKind {
            /// Every kind, in alphabetical order.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind,)+];

            /// The kind's number, the same in every language.
            pub const fn number(self) -> u32 {
                match self { $(ErrorKind::$kind => $number,)+ }
            }

            /// The kind's name in `snake_case`, the same in every language.
            pub const fn code(self) -> &'static str {
                match self { $(ErrorKind::$kind => $code,)+ }
            }

            /// The kind's name in `CamelCase`.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorKind::$kind => stringify!($kind),)+ }
            }

            /// What the kind means and what to do about it.
            pub const fn description(self) -> &'static str {
                match self { $(ErrorKind::$kind => concat!($($doc),+),)+ }
            }
        }
    };
}

catalogue! {
    /// The file is not what its manifest says: truncated, altered or malformed. Copy or pack it again.
    Corrupt = 1, "corrupt";
    /// The bloc's digest is not the pinned one. Deploy the bloc that the digest belongs to.
    DigestMismatch = 2, "digest_mismatch";
    /// The engine's answers on the golden rows differ from the source model's. Do not deploy this bloc.
    GoldenMismatch = 3, "golden_mismatch";
    /// A fault of this library's own. Please report it.
    Internal = 4, "internal";
    /// An argument of a call is not usable. The message says which values are.
    InvalidArgument = 5, "invalid_argument";
    /// The operating system refused to read or write.
    Io = 6, "io";
    /// The request body, or a file of rows, is not of a form that is taken. The message says where.
    MalformedRequest = 13, "malformed_request";
    /// The path leads to something that is no bloc: a directory, a device, another kind of file.
    NotABloc = 7, "not_a_bloc";
    /// There is no file at the path.
    NotFound = 8, "not_found";
    /// Loading would take more private memory than the control group or the machine has left. The message has the
    /// numbers. Raise the limit, or pack the network for this processor, so that its panels are mapped.
    OutOfMemory = 16, "out_of_memory";
    /// The file may not be read or written by this user.
    PermissionDenied = 9, "permission_denied";
    /// Rows have no answer, and the call has no place to say so for each. The message names the first of them, with
    /// field and reason.
    RowsRejected = 15, "rows_rejected";
    /// The input does not fit the model's schema. The message names the field and the row.
    Schema = 10, "schema";
    /// The request body has more bytes or values than are taken. Send it in parts.
    TooLarge = 14, "too_large";
    /// The model, option or section is not one that this version can run.
    Unsupported = 11, "unsupported";
    /// The bloc was written by a newer version in a format that this version can't read. Upgrade.
    VersionTooNew = 12, "version_too_new";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn panics_become_errors() {
        assert_eq!(guard(|| Ok(1)).ok(), Some(1));
        let error = guard::<()>(|| panic!("row {} of {}", 3, 2)).expect_err("a panic");
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.to_string().ends_with("row 3 of 2"), "{error}");
    }

    #[test]
    fn catalogue_is_alphabetical_and_unique() {
        let names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert!(names.is_sorted());
        let numbers: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.number()).collect();
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!((numbers.len(), codes.len()), (names.len(), names.len()));
        assert!(!numbers.contains(&0), "0 means success in the C face");
    }
}
