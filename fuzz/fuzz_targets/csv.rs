//! Any bytes as a file of CSV: refused or answered, with the same bytes on one thread and on several, and with as many
//! rows as are told of. The first byte chooses whether a header that the model takes stands before them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::pack::TreePacker;
use monobloc::score::{Format, Place, Scoring};
use monobloc::{Engine, ErrorKind, LoadOptions};
use std::sync::LazyLock;

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");

static ENGINE: LazyLock<(tempfile::TempDir, Engine, Vec<u8>)> = LazyLock::new(|| {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &path).expect("packed");
    let engine = Engine::load(&path, &LoadOptions::default()).expect("loaded");
    let names: Vec<&str> = engine.schema().fields().iter().map(|field| field.name.as_str()).collect();
    let header = names.join(",") + "\n";
    (folder, engine, header.into_bytes())
});

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, body)) = bytes.split_first() else { return };
    let (folder, engine, header) = &*ENGINE;
    let text = if first % 2 == 0 { [header, body].concat() } else { body.to_vec() };
    let [one, several] = [1, 3].map(|threads| {
        let out = folder.path().join(format!("{threads}.csv"));
        let mut scoring = Scoring::new(Place::Standard, Place::File(out.clone()));
        (scoring.input_format, scoring.threads) = (Some(Format::Csv), Some(threads));
        let scored = scoring.run_from(engine, Box::new(&text[..]), &|_| {});
        scored.map(|scored| (scored, std::fs::read(out).expect("answers"))).map_err(|error| {
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            error.to_string()
        })
    });
    if let Ok((scored, answers)) = &one {
        assert_eq!(answers.iter().filter(|&&byte| byte == b'\n').count() as u64, scored.rows + 1);
    }
    assert_eq!(one, several);
});
