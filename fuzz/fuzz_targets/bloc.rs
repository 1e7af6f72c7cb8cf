//! Any bytes as a file: refused or sound, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::{Engine, LoadOptions, Verify, golden};
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    let options = LoadOptions::default().verify(Verify::Full);
    if let Ok(engine) = Engine::load(file.path(), &options) {
        let _ = golden::replay(&engine);
    }
});
