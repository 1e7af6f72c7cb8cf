//! Request bodies to response bodies.

use crate::engine::monobloc_engine;
use crate::handle::{Array, Out, given};
use crate::ipc;
use crate::status::{guard, monobloc_error, monobloc_status};
use crate::text::monobloc_bytes;
use monobloc::{Engine, Result};

/// Answers a JSON request body of `len` bytes with a response body, both as `docs/json.md` specifies. A row without an
/// answer is no error: its outputs are null, and its verdict says why.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_json(
    engine: Option<&monobloc_engine>,
    body: Array<u8>,
    len: usize,
    out_response: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || respond(engine, body, len, out_response, Engine::run_json))
}

/// Answers a body of record batches of `len` bytes with another, both in Arrow's IPC format, as `docs/arrow.md`
/// specifies: a stream or a file is taken, a stream is given.
/// `MONOBLOC_UNSUPPORTED` where the library does not know it (`monobloc_has_ipc`).
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_arrow(
    engine: Option<&monobloc_engine>,
    body: Array<u8>,
    len: usize,
    out_response: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || respond(engine, body, len, out_response, ipc::run_arrow))
}

fn respond(
    engine: Option<&monobloc_engine>,
    body: Array<u8>,
    len: usize,
    out_response: Out<'_, *mut monobloc_bytes>,
    run: impl FnOnce(&Engine, &[u8]) -> Result<Vec<u8>>,
) -> Result<()> {
    let engine = given(engine, "engine")?;
    let out_response = out_response.place("out_response")?;
    let response = run(&engine.0.engine, body.slice(len, "body")?)?;
    out_response.write(monobloc_bytes::new(response));
    Ok(())
}
