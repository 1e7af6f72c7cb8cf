//! Blocs that are not loaded: what they are, and whether they are whole.

use crate::handle::{Out, Text, given, handle};
use crate::ipc;
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::text::monobloc_str;
use monobloc::Bloc;
use std::path::Path;

/// A bloc that is open: its container is proven, its model is not loaded. Any threads may use it at once; the caller
/// frees it with `monobloc_bloc_free`.
pub struct monobloc_bloc(Bloc);

/// Opens the bloc at `path`, in time independent of its size. `digest` may be NULL; otherwise any other bloc is refused.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_open(
    path: Text,
    digest: Text,
    out_bloc: Out<'_, *mut monobloc_bloc>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let out_bloc = out_bloc.place("out_bloc")?;
        let bloc = Bloc::open(Path::new(path.get("path")?), digest.optional("digest")?)?;
        out_bloc.write(handle(monobloc_bloc(bloc)));
        Ok(())
    })
}

/// The bloc's digest; no text of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_digest(bloc: Option<&monobloc_bloc>) -> monobloc_str {
    bloc.map(|bloc| bloc.0.digest()).into()
}

/// The bloc's manifest, as JSON; no text of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_manifest_json(bloc: Option<&monobloc_bloc>) -> monobloc_str {
    bloc.map(|bloc| bloc.0.manifest_json()).into()
}

/// The file's size; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_size_bytes(bloc: Option<&monobloc_bloc>) -> u64 {
    bloc.map_or(0, |bloc| bloc.0.size_bytes())
}

/// Reads every byte and compares it with its digest.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_verify(
    bloc: Option<&monobloc_bloc>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || given(bloc, "bloc")?.0.verify())
}

/// Loads the bloc again and answers its golden rows, which must have the source model's answers;
/// `MONOBLOC_GOLDEN_MISMATCH` otherwise. `MONOBLOC_UNSUPPORTED` in a library without Arrow's IPC format
/// (`monobloc_has_ipc`).
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_replay_golden(
    bloc: Option<&monobloc_bloc>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || ipc::replay_golden(&given(bloc, "bloc")?.0))
}

/// Frees a bloc; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_bloc_free(bloc: Option<Box<monobloc_bloc>>) {
    total((), || drop(bloc));
}
