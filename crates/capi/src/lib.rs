//! The C face: each function converts, calls the core, and converts back.
//!
//! What C sees of it is `include/monobloc.h`, which a test makes of this crate. Only `handle.rs` makes references of
//! pointers.
#![expect(non_camel_case_types, reason = "the names of C")]
#![expect(unsafe_code, reason = "names are exported, and memory of C callers is read and written")]

pub mod answers;
pub mod arrow;
pub mod bloc;
pub mod bodies;
pub mod columns;
pub mod dtype;
pub mod engine;
pub mod handle;
pub mod ipc;
pub mod loading;
pub mod log;
pub mod matrix;
pub mod monitoring;
pub mod options;
pub mod resources;
pub mod row;
pub mod rows;
pub mod schema;
pub mod status;
pub mod tensors;
pub mod text;
pub mod verdicts;

use std::ffi::c_char;

/// The version of the binary interface that this header describes. It grows when something is added; a library can be
/// used by programs that were compiled for its own version or an older one.
pub const MONOBLOC_ABI_VERSION: u32 = 1;

/// The version of the library's binary interface, to be compared with the header's:
/// `if (monobloc_abi_version() < MONOBLOC_ABI_VERSION) …` is a library that is too old.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_abi_version() -> u32 {
    MONOBLOC_ABI_VERSION
}

/// The library's version, a text that ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Whether the library runs networks: a build without the feature `onnx` has the same functions, and refuses them with
/// `MONOBLOC_UNSUPPORTED`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_has_networks() -> bool {
    cfg!(feature = "onnx")
}

/// Whether the library knows Arrow's IPC format: a build without the feature `ipc` has the same functions, and refuses
/// bodies in it (`monobloc_engine_run_arrow`) and golden rows, which are kept in it (`monobloc_bloc_replay_golden`), with
/// `MONOBLOC_UNSUPPORTED`. Arrow arrays and streams need no IPC.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_has_ipc() -> bool {
    cfg!(feature = "ipc")
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<bloc::monobloc_bloc>();
    shared::<engine::monobloc_engine>();
    shared::<loading::monobloc_loading>();
    shared::<row::monobloc_row>();
    shared::<rows::monobloc_rows>();
    shared::<status::monobloc_error>();
    shared::<tensors::monobloc_tensors>();
    shared::<text::monobloc_bytes>();
    shared::<verdicts::monobloc_verdicts>();
};
