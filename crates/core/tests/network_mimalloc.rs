//! Mapped weights in a program whose allocator is not the system's.
#![cfg(feature = "onnx")]

#[path = "network/networks.rs"]
mod networks;

use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[test]
fn loading_running_and_dropping_leaves_memory_as_it_was() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    networks::pack(&networks::mlp_with_table(), &path, true).expect("packed");
    networks::rounds(&path, 1000);
}
