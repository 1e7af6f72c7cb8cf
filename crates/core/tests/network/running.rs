//! Networks end to end: packing, mapped weights, rows in batches, and files that are not what they were.

use crate::networks::{WIDTH, answer, load, mlp, mlp_with_table, pack, rounds, rows};
use monobloc::schema::{DType, NonFinite};
use monobloc::{Bloc, Engine, ErrorKind, LoadOptions, Status, Tensor};
use std::fs;
use tempfile::TempDir;

#[test]
fn a_row_has_the_same_bits_in_every_batch() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    let engine = load(&path);
    let whole = answer(&engine, rows(33));
    for size in [1, 2, 7, 32] {
        for first in (0..33 - size).step_by(size) {
            let part = rows(33).rows(first, first + size).expect("rows");
            let alone = answer(&engine, part);
            assert_eq!(
                alone.bytes(),
                whole.rows(first, first + size).expect("rows").bytes(),
                "{size} from {first}"
            );
        }
    }
    assert_eq!(answer(&engine, rows(0)).shape(), [0, WIDTH]);
}

#[test]
fn rows_shared_among_threads_have_the_same_bits() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    let answers: Vec<Tensor> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            let options = LoadOptions::default().threads(threads);
            answer(&Engine::load(&path, &options).expect("an engine"), rows(203))
        })
        .collect();
    assert!(answers.iter().all(|answer| answer.bytes() == answers[0].bytes()));
}

#[test]
fn what_is_tuned_is_mapped_and_what_is_not_is_private_with_the_same_answers() {
    let folder = TempDir::new().expect("a folder");
    let (tuned, plain) = (folder.path().join("tuned.bloc"), folder.path().join("plain.bloc"));
    pack(&mlp(), &tuned, true).expect("packed");
    pack(&mlp(), &plain, false).expect("packed");
    let (tuned, plain) = (load(&tuned), load(&plain));
    let constants = |engine: &Engine| engine.load_report().constants.clone();
    assert_eq!(constants(&tuned).len(), 2);
    assert!(constants(&tuned).iter().all(|constant| constant.mapped && constant.packed));
    assert!(constants(&plain).iter().all(|constant| !constant.mapped && constant.packed));
    assert_eq!(answer(&tuned, rows(5)).bytes(), answer(&plain, rows(5)).bytes());
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let folder = TempDir::new().expect("a folder");
    let (one, two) = (folder.path().join("a/mlp.bloc"), folder.path().join("b/mlp.bloc"));
    for path in [&one, &two] {
        fs::create_dir(path.parent().expect("a folder")).expect("made");
        pack(&mlp(), path, true).expect("packed");
    }
    assert_eq!(fs::read(one).expect("bytes"), fs::read(two).expect("bytes"));
}

#[test]
fn loading_running_and_dropping_leaves_memory_as_it_was() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    rounds(&path, 1000);
}

#[test]
fn an_output_that_is_a_weight_outlives_its_engine() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("table.bloc");
    pack(&mlp_with_table(), &path, true).expect("packed");
    let engine = load(&path);
    let prediction = engine.run_tensors(vec![("x", rows(1))]).expect("a prediction");
    drop(engine);
    fs::remove_file(&path).expect("removed");
    let (_, table) = &prediction.outputs[1];
    assert!(table.floats().is_some_and(|values| values.iter().all(|value| value.is_finite())));
}

#[test]
fn a_file_replaced_by_rename_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let (path, next) = (folder.path().join("mlp.bloc"), folder.path().join("next.bloc"));
    pack(&mlp(), &path, true).expect("packed");
    pack(&mlp_with_table(), &next, true).expect("packed");
    let engine = load(&path);
    let before = answer(&engine, rows(4));
    fs::rename(&next, &path).expect("replaced");
    assert_eq!(answer(&engine, rows(4)).bytes(), before.bytes());
    assert!(engine.health().is_ok());
}

#[test]
fn a_tuned_member_that_is_altered_is_refused_or_not_used() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    let bloc = Bloc::open(&path, None).expect("a bloc");
    let at = bloc.manifest().member("tuned/native.bin").expect("a tuned member").offset as usize;
    let sound = fs::read(&path).expect("bytes");
    let altered = folder.path().join("altered.bloc");
    let try_altered = |alter: &dyn Fn(&mut [u8])| {
        let mut bytes = sound.clone();
        alter(&mut bytes[at..]);
        fs::write(&altered, bytes).expect("written");
        Engine::load(&altered, &LoadOptions::default())
    };
    let magic = try_altered(&|bytes| bytes[0] ^= 1).map(drop).expect_err("no tuned member");
    assert_eq!(magic.kind(), ErrorKind::Corrupt);
    assert!(magic.to_string().contains("tuned/native.bin"), "{magic}");
    let length =
        try_altered(&|bytes| bytes[8..16].fill(0xff)).map(drop).expect_err("an index beyond the member");
    assert_eq!(length.kind(), ErrorKind::Corrupt);
    let index = try_altered(&|bytes| bytes[17] = b'}').map(drop).expect_err("no JSON");
    assert_eq!(index.kind(), ErrorKind::Corrupt);
    let key = |bytes: &mut [u8]| {
        let text = String::from_utf8_lossy(&bytes[16..4000]).into_owned();
        for (place, _) in text.match_indices("\"key\":\"") {
            let digit = &mut bytes[16 + place + 7];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
        }
    };
    let engine = try_altered(&key).expect("entries under other keys are not used");
    assert!(engine.load_report().constants.iter().all(|constant| !constant.mapped));
    assert_eq!(answer(&engine, rows(2)).bytes(), answer(&load(&path), rows(2)).bytes());
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    let engine = load(&path);
    let narrow = Tensor::zeros(DType::Float32, &[2, WIDTH - 1]).expect("a tensor");
    let double = Tensor::zeros(DType::Float64, &[2, WIDTH]).expect("a tensor");
    let flat = Tensor::zeros(DType::Float32, &[WIDTH]).expect("a tensor");
    for (name, tensor, words) in [
        ("x", narrow, "[2, 63]; expected float32 [batch, 64]"),
        ("x", double, "float64 [2, 64]; expected float32"),
        ("x", flat, "[64]; expected float32 [batch, 64]"),
        ("z", rows(1), "no input \"z\"; its inputs are \"x\""),
    ] {
        let error = engine.run_tensors(vec![(name, tensor)]).expect_err("a misfit");
        assert_eq!(error.kind(), ErrorKind::Schema);
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = engine.run_tensors(Vec::new()).expect_err("no input");
    assert!(error.to_string().contains("lacks \"x\""), "{error}");
}

#[test]
fn values_that_are_not_finite_touch_no_other_row() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mlp.bloc");
    pack(&mlp(), &path, true).expect("packed");
    let engine = load(&path);
    assert_eq!(engine.schema().tensors()[0].non_finite, NonFinite::Flag);
    let clean = answer(&engine, rows(3));
    let mut input = rows(3);
    input
        .write(|bytes| {
            bytes[WIDTH * 4..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
            Ok::<(), ()>(())
        })
        .expect("written");
    let prediction = engine.run_tensors(vec![("x", input)]).expect("a prediction");
    let found: Vec<(usize, bool)> =
        prediction.findings.iter().map(|finding| (finding.row, finding.status == Status::Rejected)).collect();
    // The input, and the output that comes of it.
    assert_eq!(found, [(1, false), (1, false)]);
    let output = &prediction.outputs[0].1;
    for row in [0, 2] {
        assert_eq!(
            output.rows(row, row + 1).expect("a row").bytes(),
            clean.rows(row, row + 1).expect("a row").bytes()
        );
    }
}
