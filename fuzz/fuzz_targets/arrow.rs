//! Any bytes as an Arrow body: refused, or answered with as many rows as it has. The first byte says what the bytes
//! are: a whole body, or changes to one that a writer wrote, as a stream or as a file, of text in one of its layouts.
#![no_main]

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, RecordBatch, RunArray, StringArray, StringViewArray,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use libfuzzer_sys::fuzz_target;
use monobloc::pack::TreePacker;
use monobloc::{Engine, ErrorKind, LoadOptions};
use std::sync::{Arc, LazyLock};

const MODEL: &str = include_str!("../../crates/core/tests/data/lightgbm/v4_constant.txt");
const LAYOUTS: usize = 5;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // The format's reader panics on some bytes, which the core catches; libFuzzer's hook would abort before. A panic
    // that leaves the target ends it all the same.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    TreePacker::default().write(MODEL.as_bytes(), &path).expect("packed");
    let options = LoadOptions::default().max_body_bytes(1 << 16);
    Engine::load(&path, &options).expect("loaded")
});

static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (0..LAYOUTS).flat_map(bodies).collect());

/// A batch as a stream and as a file. Its fields are those of the model.
fn bodies(layout: usize) -> [Vec<u8>; 2] {
    let texts = ["1", "2.5", "1", "x"];
    let column: ArrayRef = match layout {
        0 => Arc::new(Float64Array::from(vec![Some(1.0), None, Some(2.5), Some(f64::NAN)])),
        1 => Arc::new(StringArray::from(texts.to_vec())),
        2 => Arc::new(StringViewArray::from(vec!["1", "a text of more than 12 bytes", "2", "3"])),
        3 => Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>()),
        _ => Arc::new(texts.into_iter().collect::<RunArray<arrow_array::types::Int32Type>>()),
    };
    let fields = ENGINE.schema().fields().iter();
    let columns = fields.map(|field| (field.name.as_str(), Arc::clone(&column)));
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    stream.write(&batch).expect("written");
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    file.write(&batch).expect("written");
    [stream.into_inner().expect("finished"), file.into_inner().expect("finished")]
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    LazyLock::force(&ENGINE);
    match BODIES.get(usize::from(kind)) {
        None => check(bytes),
        Some(body) => {
            let mut body = body.clone();
            for change in bytes.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % body.len();
                body[at] = change[2];
            }
            check(&body);
        }
    }
});

fn check(body: &[u8]) {
    match ENGINE.run_arrow(body) {
        Ok(answers) => {
            for answer in StreamReader::try_new(&answers[..], None).expect("a stream") {
                let answer = answer.expect("a batch");
                assert_eq!(answer.column(answer.num_columns() - 1).len(), answer.num_rows());
            }
        }
        Err(error) => assert_ne!(error.kind(), ErrorKind::Internal, "{error}"),
    }
}
