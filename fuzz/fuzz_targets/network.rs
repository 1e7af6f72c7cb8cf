//! Any bytes as an ONNX model: refused, or packed into a bloc that loads and verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::golden::GoldenCase;
use monobloc::import::onnx::OnnxSource;
use monobloc::pack::NetworkPacker;
use monobloc::{Engine, LoadOptions, golden};
use std::sync::Once;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // Panics of tract's are caught and become errors; the fuzzer's own hook would end the process first.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    let packer = NetworkPacker { name: "fuzz".to_owned(), version: "1".to_owned(), ..NetworkPacker::default() };
    let Ok(draft) = packer.read(OnnxSource::Bytes(bytes), &path) else { return };
    let Ok(inputs) = draft.synthetic_case() else { return };
    if draft.publish(&path, vec![GoldenCase { inputs, outputs: Vec::new() }]).is_ok() {
        let engine = Engine::load(&path, &LoadOptions::default()).expect("what was published loads");
        assert!(golden::replay(&engine).expect("golden rows").accepted);
    }
});
