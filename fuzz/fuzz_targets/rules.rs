//! Any text as sanity rules: refused, or read, written and read again as the same rules, and a bloc with them answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::pack::{TreePacker, with_rules};
use monobloc::sanity::Rules;
use monobloc::{Engine, ErrorKind, LoadOptions};
use std::path::PathBuf;
use std::sync::LazyLock;

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");

/// The folder, the bloc in it, and its engine.
static PLAIN: LazyLock<(tempfile::TempDir, PathBuf, Engine)> = LazyLock::new(|| {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &path).expect("packed");
    let engine = Engine::load(&path, &LoadOptions::default()).expect("loaded");
    (folder, path, engine)
});

fuzz_target!(|text: &str| {
    let (folder, path, plain) = &*PLAIN;
    let rules = match Rules::default().amended(text, plain.schema()) {
        Ok(rules) => rules,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}"),
    };
    let yaml = rules.to_yaml().expect("YAML");
    assert_eq!(Rules::default().amended(&yaml, plain.schema()).expect("the same rules"), rules, "{yaml}");
    let ruled = folder.path().join("ruled.bloc");
    with_rules(path, &ruled, &rules).expect("written");
    let engine = Engine::load(&ruled, &LoadOptions::default()).expect("loaded");
    for body in [&br#"{"amount": 1e300}"#[..], b"{}", br#"[{"amount": "x"}, {"amount": "nan", "z": 1}]"#] {
        engine.run_json(body).expect("an answer");
    }
});
