//! One exception class per kind of error, all derived from `MonoblocError`.

use monobloc::{Error, ErrorKind};
use pyo3::exceptions::{
    PyException, PyFileNotFoundError, PyMemoryError, PyOSError, PyPermissionError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use std::collections::HashMap;

static CLASSES: PyOnceLock<HashMap<u32, Py<PyType>>> = PyOnceLock::new();

/// Makes the classes and adds them to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let base =
        class(py, "MonoblocError", &[py.get_type::<PyException>()], "Base of every error of monobloc.")?;
    module.add("MonoblocError", &base)?;
    let mut classes = HashMap::new();
    for kind in ErrorKind::ALL {
        let mut bases = vec![base.clone()];
        bases.extend(builtin(py, *kind));
        let name = class_name(*kind);
        let made = class(py, &name, &bases, kind.description().trim())?;
        made.setattr("code", kind.code())?;
        made.setattr("number", kind.number())?;
        made.setattr("http_status", kind.http_status())?;
        if matches!(kind, ErrorKind::RowsRejected | ErrorKind::Schema) {
            // What is wrong with the input as a whole has no place in it.
            made.setattr("field", py.None())?;
            made.setattr("row", py.None())?;
        }
        module.add(name.as_str(), &made)?;
        classes.insert(kind.number(), made.unbind());
    }
    // A second registration (a sub-interpreter) keeps the first one's classes.
    let _ = CLASSES.set(py, classes);
    Ok(())
}

/// The Python exception for an error of the core.
pub fn exception(error: &Error) -> PyErr {
    Python::attach(|py| {
        let class = CLASSES.get(py).and_then(|classes| classes.get(&error.kind().number()));
        let Some(class) = class else { return PyErr::new::<PyException, _>(error.to_string()) };
        let value = match class.bind(py).call1((error.to_string(),)) {
            Ok(value) => value,
            Err(failure) => return failure,
        };
        if let Some(location) = error.location() {
            let placed =
                value.setattr("field", &location.field).and_then(|()| value.setattr("row", location.row));
            if let Err(failure) = placed {
                return failure;
            }
        }
        PyErr::from_value(value)
    })
}

/// An exception of `kind`.
pub fn raise(kind: ErrorKind, message: impl Into<String>) -> PyErr {
    exception(&Error::new(kind, message))
}

/// The kind of an exception of this module's; `None` of others.
pub fn kind_of(py: Python<'_>, error: &PyErr) -> Option<ErrorKind> {
    let number: u32 = error.value(py).getattr("number").and_then(|number| number.extract()).ok()?;
    ErrorKind::ALL.iter().copied().find(|kind| kind.number() == number)
}

/// What Python calls a kind: what happened to rows is no error of the program.
fn class_name(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::RowsRejected => kind.name().to_owned(),
        _ => format!("{}Error", kind.name()),
    }
}

/// The built-in class that a kind also is, so that code which knows nothing of monobloc can catch it.
fn builtin(py: Python<'_>, kind: ErrorKind) -> Option<Bound<'_, PyType>> {
    match kind {
        ErrorKind::InvalidArgument
        | ErrorKind::MalformedRequest
        | ErrorKind::RowsRejected
        | ErrorKind::Schema
        | ErrorKind::TooLarge => Some(py.get_type::<PyValueError>()),
        ErrorKind::Io => Some(py.get_type::<PyOSError>()),
        ErrorKind::NotFound => Some(py.get_type::<PyFileNotFoundError>()),
        ErrorKind::OutOfMemory => Some(py.get_type::<PyMemoryError>()),
        ErrorKind::PermissionDenied => Some(py.get_type::<PyPermissionError>()),
        _ => None,
    }
}

fn class<'py>(
    py: Python<'py>,
    name: &str,
    bases: &[Bound<'py, PyType>],
    doc: &str,
) -> PyResult<Bound<'py, PyType>> {
    let body = PyDict::new(py);
    body.set_item("__doc__", doc)?;
    body.set_item("__module__", "monobloc")?;
    let bases = PyTuple::new(py, bases)?;
    Ok(py.get_type::<PyType>().call1((name, bases, body))?.cast_into()?)
}
