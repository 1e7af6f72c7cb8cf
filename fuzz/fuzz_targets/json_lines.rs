//! Any bytes as JSON lines: refused, or answered with as many rows, on one thread as on several, and as `run_json`
//! answers an array of the same objects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::pack::TreePacker;
use monobloc::score::{Format, Place, Scoring};
use monobloc::{Engine, ErrorKind, LoadOptions};
use serde_json::Value;
use std::sync::LazyLock;

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");

static ENGINE: LazyLock<(tempfile::TempDir, Engine)> = LazyLock::new(|| {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &path).expect("packed");
    let engine = Engine::load(&path, &LoadOptions::default()).expect("loaded");
    (folder, engine)
});

fuzz_target!(|bytes: &[u8]| {
    let (folder, engine) = &*ENGINE;
    let [one, several] = [1, 3].map(|threads| {
        let out = folder.path().join(format!("{threads}.jsonl"));
        let mut scoring = Scoring::new(Place::Standard, Place::File(out.clone()));
        (scoring.input_format, scoring.threads) = (Some(Format::JsonLines), Some(threads));
        let scored = scoring.run_from(engine, Box::new(bytes), &|_| {});
        scored.map(|scored| (scored, std::fs::read_to_string(out).expect("answers"))).map_err(|error| {
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            error.to_string()
        })
    });
    assert_eq!(one, several);
    let Ok((scored, answers)) = one else { return };
    let text = std::str::from_utf8(bytes).expect("what is answered is text");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let objects: Vec<&str> = text.split('\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    assert_eq!((scored.rows, answers.lines().count()), (objects.len() as u64, objects.len()));
    let response = engine.run_json(format!("[{}]", objects.join(",")).as_bytes()).expect("a body");
    let response: Value = serde_json::from_slice(&response).expect("JSON");
    for (row, line) in answers.lines().enumerate() {
        let found: Value = serde_json::from_str(line).expect("JSON");
        for (name, value) in found.as_object().expect("an object") {
            assert_eq!(*value, response["outputs"][name][row]);
        }
    }
});
