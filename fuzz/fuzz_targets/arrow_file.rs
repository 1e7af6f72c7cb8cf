//! Any bytes as a stream or file of Arrow's that is scored: refused, or answered with as many rows as it has, on one
//! thread as on several, and a stream as `run_arrow` answers it. The first byte says what the bytes are: a whole input,
//! or changes to one that a writer wrote, with compressed buffers or without.
#![no_main]

use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use libfuzzer_sys::fuzz_target;
use monobloc::pack::TreePacker;
use monobloc::score::{Format, Place, Scoring};
use monobloc::{Engine, ErrorKind, LoadOptions};
use std::sync::{Arc, LazyLock};

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");
const LAYOUTS: usize = 3;

static ENGINE: LazyLock<(tempfile::TempDir, Engine)> = LazyLock::new(|| {
    // The format's reader panics on some bytes, which the core catches; libFuzzer's hook would abort before. A panic
    // that leaves the target ends it all the same.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &path).expect("packed");
    let engine = Engine::load(&path, &LoadOptions::default()).expect("loaded");
    (folder, engine)
});

static INPUTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (0..LAYOUTS).flat_map(inputs).collect());

/// Two batches as a stream and as a file, with compressed buffers and without. Their columns are the model's fields,
/// and one that is carried.
fn inputs(layout: usize) -> Vec<Vec<u8>> {
    let texts = ["1", "2.5", "1", "x"];
    let column: ArrayRef = match layout {
        0 => Arc::new(Float64Array::from(vec![Some(1.0), None, Some(2.5), Some(f64::NAN)])),
        1 => Arc::new(StringArray::from(texts.to_vec())),
        _ => Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>()),
    };
    let fields = ENGINE.1.schema().fields().iter().map(|field| field.name.as_str());
    let columns = fields.chain(["key"]).map(|name| (name, Arc::clone(&column)));
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut inputs = Vec::new();
    for compression in [None, Some(CompressionType::LZ4_FRAME)] {
        let options = IpcWriteOptions::default().try_with_compression(compression).expect("options");
        let schema = batch.schema();
        let mut stream =
            StreamWriter::try_new_with_options(Vec::new(), &schema, options.clone()).expect("a writer");
        let mut file = FileWriter::try_new_with_options(Vec::new(), &schema, options).expect("a writer");
        for _ in 0..2 {
            stream.write(&batch).expect("written");
            file.write(&batch).expect("written");
        }
        inputs.push(stream.into_inner().expect("finished"));
        inputs.push(file.into_inner().expect("finished"));
    }
    inputs
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    LazyLock::force(&ENGINE);
    match INPUTS.get(usize::from(kind)) {
        None => check(bytes, false),
        Some(input) => {
            let mut input = input.clone();
            for change in bytes.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % input.len();
                input[at] = change[2];
            }
            check(&input, bytes.len() % 3 == 1);
        }
    }
});

fn check(input: &[u8], carries: bool) {
    let (folder, engine) = &*ENGINE;
    let rows = folder.path().join("rows");
    std::fs::write(&rows, input).expect("written");
    let [one, several] = [1, 3].map(|threads| {
        let out = folder.path().join(format!("{threads}.arrows"));
        let mut scoring = Scoring::new(Place::File(rows.clone()), Place::File(out.clone()));
        (scoring.input_format, scoring.threads) = (Some(Format::Arrow), Some(threads));
        if carries {
            scoring.ids.push("key".to_owned());
        }
        let scored = scoring.run(engine, &|_| {});
        scored.map(|scored| (scored, std::fs::read(out).expect("answers"))).map_err(|error| {
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            error.to_string()
        })
    });
    assert_eq!(one, several);
    let Ok((scored, answers)) = one else { return };
    let rows = |stream: &[u8]| -> (u64, String) {
        let batches: Vec<RecordBatch> =
            StreamReader::try_new(stream, None).expect("a stream").map(|batch| batch.expect("a batch")).collect();
        let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        (rows, format!("{:?}", batches.into_iter().filter(|batch| batch.num_rows() > 0).collect::<Vec<_>>()))
    };
    let (n_rows, found) = rows(&answers);
    assert_eq!(n_rows, scored.rows);
    if !carries && !input.starts_with(b"ARROW1") && let Ok(expected) = engine.run_arrow(input) {
        assert_eq!(rows(&expected), (n_rows, found));
    }
}
