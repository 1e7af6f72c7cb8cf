//! Any bytes as a request body: refused or read, as a naive reading of the same JSON says, and answered with as many
//! rows. The first byte chooses the model, of which one has a field called `rows`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::pack::TreePacker;
use monobloc::request::{MAX_BODY_BYTES, Request};
use monobloc::{Engine, LoadOptions};
use serde_json::Value;
use std::sync::LazyLock;

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");
const NAMES: [&str; 2] = ["amount", "rows"];

static ENGINES: LazyLock<[Engine; 2]> = LazyLock::new(|| NAMES.map(engine));

/// An engine whose first field has this name.
fn engine(name: &str) -> Engine {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    let model = MODEL.replacen("feature_names=amount", &format!("feature_names={name}"), 1);
    assert!(model.contains(name), "the model names its first feature");
    TreePacker::default().write(model.as_bytes(), &path).expect("packed");
    Engine::load(&path, &LoadOptions::default()).expect("loaded")
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&model, body)) = bytes.split_first() else { return };
    let engine = &ENGINES[usize::from(model % 2)];
    let fields: Vec<&str> = engine.schema().fields().iter().map(|field| field.name.as_str()).collect();
    let mut request = Request::default();
    let read = request.read(engine.schema(), body, MAX_BODY_BYTES);
    let n_rows = request.records().n_rows();
    let json = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if let Ok(value) = serde_json::from_slice(json) {
        match (&read, n_rows_of(&value, &fields)) {
            (Ok(()), expected) => assert_eq!(Some(n_rows), expected),
            // A value holds each key once.
            (Err(error), Some(_)) => assert!(error.to_string().contains("twice"), "{error}"),
            (Err(_), None) => {}
        }
    }
    match engine.run_json(body) {
        Ok(response) => {
            let response: Value = serde_json::from_slice(&response).expect("a response is JSON");
            assert_eq!(response["rows"], n_rows);
            read.expect("a body that is answered is one that is read");
        }
        Err(error) => assert_ne!(error.kind(), monobloc::ErrorKind::Internal, "{error}"),
    }
});

/// The number of rows in a body, or none where it is refused.
fn n_rows_of(body: &Value, fields: &[&str]) -> Option<usize> {
    let object = match body {
        Value::Array(rows) => return n_rows_of_list(rows, fields),
        Value::Object(object) => object,
        _ => return None,
    };
    let values: Vec<&Value> = fields.iter().filter_map(|&field| object.get(field)).collect();
    let rows = object.get("rows").filter(|_| !fields.contains(&"rows"));
    match (rows, values.as_slice()) {
        (None, []) => Some(1),
        (Some(Value::Array(rows)), []) => n_rows_of_list(rows, fields),
        (Some(_), _) => None,
        (None, values) if values.iter().all(|value| !value.is_array()) => Some(1),
        (None, values) => {
            let lengths: Option<Vec<usize>> =
                values.iter().map(|value| value.as_array().map(Vec::len)).collect();
            lengths
                .filter(|lengths| lengths.iter().all(|&length| length == lengths[0]))
                .map(|lengths| lengths[0])
        }
    }
}

fn n_rows_of_list(rows: &[Value], fields: &[&str]) -> Option<usize> {
    let is_row = |row: &Value| row.is_object() || row.as_array().is_some_and(|row| row.len() == fields.len());
    rows.iter().all(is_row).then_some(rows.len())
}
