//! Record batches and bodies of them, on the sample model.

mod sample;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int8Array, LargeStringArray, ListArray, NullArray,
    RecordBatch, RecordBatchOptions, RunArray, StringArray, StringViewArray, UInt8Array,
};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use monobloc::input::{Coded, Entries, Keys, Texts};
use monobloc::{Cell, Cells, Column, Engine, ErrorKind, Input, LoadOptions, Status};
use proptest::prelude::*;
use sample::{AGES, BALANCES, REGIONS, expected, input, pack, region_cells};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sample.bloc");
    pack(&path).expect("packed");
    Engine::load(&path, &LoadOptions::default().max_body_bytes(1 << 16)).expect("loaded")
});

fn ages() -> ArrayRef {
    Arc::new(Float64Array::from_iter(AGES.map(|age| (!age.is_nan()).then_some(age))))
}

fn balances() -> ArrayRef {
    Arc::new(Float64Array::from(BALANCES.to_vec()))
}

fn batch(region: ArrayRef) -> RecordBatch {
    batch_of(vec![("region", region), ("age", ages()), ("balance", balances())])
}

fn batch_of(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn regions() -> ArrayRef {
    Arc::new(StringArray::from(REGIONS.to_vec()))
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.into_inner().expect("finished")
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.into_inner().expect("finished")
}

fn probabilities(answers: &RecordBatch) -> Vec<f64> {
    let lists = answers.column_by_name("probabilities").expect("probabilities").as_fixed_size_list();
    lists.values().as_primitive::<arrow_array::types::Float64Type>().values().to_vec()
}

#[test]
fn every_layout_means_the_same() {
    let (cells, text) = region_cells();
    assert_eq!(ENGINE.run(&input(&ENGINE, &cells, &text)).expect("a prediction").outputs, expected());
    let values = StringArray::from(vec!["east", "mars", "north", "south"]);
    let keys = [2, 3, 2, 0, 1, 3];
    let runs: RunArray<Int16Type> = REGIONS.into_iter().collect();
    let around: Vec<&str> = ["x", "y"].into_iter().chain(REGIONS).chain(["z"]).collect();
    let layouts: Vec<ArrayRef> = vec![
        regions(),
        Arc::new(LargeStringArray::from(REGIONS.to_vec())),
        Arc::new(StringViewArray::from(REGIONS.to_vec())),
        Arc::new(DictionaryArray::new(Int8Array::from(keys.to_vec()), Arc::new(values.clone()))),
        Arc::new(DictionaryArray::new(
            UInt8Array::from(keys.map(|key| key as u8).to_vec()),
            Arc::new(values),
        )),
        Arc::new(runs),
        Arc::new(StringArray::from(around.clone()).slice(2, 6)),
        Arc::new(StringViewArray::from(around).slice(2, 6)),
    ];
    for region in layouts {
        let kind = region.data_type().clone();
        let batch = batch(region);
        assert_eq!(probabilities(&ENGINE.run_record_batch(&batch).expect("answers")), expected(), "{kind}");
        for cut in 0..=6 {
            let parts = [batch.slice(0, cut), batch.slice(cut, 6 - cut)];
            for body in [stream(&parts), file(&parts)] {
                let answers = ENGINE.run_arrow(&body).expect("answers");
                let answers = StreamReader::try_new(&answers[..], None).expect("a stream");
                let found: Vec<f64> =
                    answers.flat_map(|answers| probabilities(&answers.expect("a batch"))).collect();
                assert_eq!(found, expected(), "{kind}, cut at {cut}");
            }
        }
    }
}

#[test]
fn answers_have_a_known_shape() {
    let balance: ArrayRef = Arc::new(StringArray::from(vec!["1", "x", "2", "3", "4", "1e999"]));
    let refused = batch_of(vec![("region", regions()), ("age", ages()), ("balance", balance)]);
    let answers = ENGINE.run_record_batch(&refused).expect("answers");
    let names: Vec<&str> = answers.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["label", "probabilities", "status", "findings"]);
    let statuses: Vec<_> = answers.column(2).as_string::<i32>().iter().flatten().collect();
    assert_eq!(statuses, ["flagged", "rejected", "flagged", "flagged", "flagged", "rejected"]);
    let findings = answers.column(3).as_list::<i32>().value(1);
    let reasons = findings.as_struct().column_by_name("reason").expect("reasons").as_string::<i32>();
    assert_eq!(reasons.value(0), "found the text \"x\", expected a number");
    for column in &answers.columns()[..2] {
        assert_eq!((0..6).filter(|&row| column.is_null(row)).collect::<Vec<_>>(), [1, 5]);
    }
}

#[test]
fn what_holds_no_rows_is_refused_by_name() {
    let lists: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>(vec![
            Some(vec![
                Some(1)
            ]);
            6
        ]));
    let rows = |n| RecordBatchOptions::new().with_row_count(Some(n));
    let nothing =
        |n| RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &rows(n)).expect("a batch");
    let nulls: ArrayRef = Arc::new(NullArray::new(1 << 40));
    let cases = [
        (batch(lists), ErrorKind::Schema, "\"region\" is of Arrow's type List"),
        (batch_of(vec![("age", ages()), ("region", regions())]), ErrorKind::Schema, "lacks \"balance\""),
        (nothing(0), ErrorKind::Schema, "lacks \"age\""),
        (nothing(3), ErrorKind::Schema, "lacks \"age\""),
        (nothing(1 << 40), ErrorKind::TooLarge, "1099511627776 rows"),
        (batch_of(vec![("age", nulls)]), ErrorKind::TooLarge, "1099511627776 rows"),
    ];
    for (batch, kind, message) in cases {
        for body in [stream(std::slice::from_ref(&batch)), file(&[batch])] {
            let error = ENGINE.run_arrow(&body).expect_err(message);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(message), "{error}");
        }
    }
    // Run ends of a type that no array can have, in a stream without batches.
    let (ends, values) =
        (Field::new("run_ends", DataType::UInt32, false), Field::new("v", DataType::Int8, true));
    let runs = Field::new("age", DataType::RunEndEncoded(Arc::new(ends), Arc::new(values)), true);
    let writer = StreamWriter::try_new(Vec::new(), &Schema::new(vec![runs])).expect("a writer");
    let error = ENGINE.run_arrow(&writer.into_inner().expect("finished")).expect_err("impossible runs");
    assert_eq!(error.kind(), ErrorKind::MalformedRequest, "{error}");
    let error = ENGINE.run_arrow(&[0; (1 << 16) + 1]).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    for body in [&b""[..], b"ARROW1", b"ARROW1\0\0ARROW1", b"{}", &[255; 64]] {
        let error = ENGINE.run_arrow(body).expect_err("no Arrow");
        assert_eq!(error.kind(), ErrorKind::MalformedRequest, "{error}");
    }
}

#[test]
fn keys_and_offsets_that_were_never_validated_are_no_values() {
    let keys = [0_i8, 1, 7, -1, -128, 127];
    let numbers = [Cell::Float(1.0), Cell::Integer(2)];
    let values = Entries::Cells(Cells::new(&numbers, ""));
    let coded = Column::Coded(Coded { keys: Keys::Int8(keys[..].into()), values, negative: None });
    let small = Texts::Small { offsets: &[0, 1, -5, 2, 1, 90, i32::MAX], bytes: b"12\xff" };
    let large = Texts::Large { offsets: &[0, i64::MIN, 2, 1, 1 << 40, i64::MAX, 3], bytes: b"12\xff" };
    let view = |len: u32, buffer: u32| {
        let parts = [len.to_le_bytes(), *b"1234", buffer.to_le_bytes(), u32::MAX.to_le_bytes()];
        parts.concat()
    };
    let views = [view(1, 0), view(13, 0), view(13, 1), view(u32::MAX, 0), view(40, 7), view(12, 0)].concat();
    let buffers = [Buffer::from(b"text")];
    let viewed = Texts::View { views: &views, buffers: &buffers };
    for column in [coded, Column::Texts(small), Column::Texts(large), Column::Texts(viewed)] {
        let columns = ["age", "balance", "region"].map(|name| (name, column));
        let input = Input::from_named(ENGINE.schema(), 6, columns).expect("rows");
        let prediction = ENGINE.run(&input).expect("a prediction");
        let rejected = prediction.findings.iter().filter(|finding| finding.status == Status::Rejected);
        assert!(rejected.count() >= 4, "{column:?}: {:?}", prediction.findings);
    }
}

#[test]
fn keys_beyond_the_dictionary_make_a_body_malformed() {
    let keys = [2_i8, 3, 2, 0, 1, 3];
    let values = Arc::new(StringArray::from(vec!["east", "mars", "north", "south"]));
    let region: ArrayRef = Arc::new(DictionaryArray::new(Int8Array::from(keys.to_vec()), values));
    for mut body in [stream(&[batch(Arc::clone(&region))]), file(&[batch(region)])] {
        let bytes = keys.map(|key| key as u8);
        let at = body.windows(6).rposition(|window| window == bytes).expect("the keys");
        body[at + 2] = 4;
        let error = ENGINE.run_arrow(&body).expect_err("a key beyond the dictionary");
        assert_eq!(error.kind(), ErrorKind::MalformedRequest, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_answered_or_refused(
        is_file in any::<bool>(),
        dictionary in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let regions: ArrayRef = if dictionary {
            Arc::new(REGIONS.into_iter().collect::<DictionaryArray<Int8Type>>())
        } else {
            regions()
        };
        let batches = [batch(regions)];
        let mut body = if is_file { file(&batches) } else { stream(&batches) };
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len() + 1));
        }
        match ENGINE.run_arrow(&body) {
            Ok(answers) => {
                let mut answers = StreamReader::try_new(&answers[..], None).expect("a stream");
                prop_assert!(answers.all(|answers| answers.is_ok()));
            }
            Err(error) => prop_assert!(error.kind().http_status() < 500, "{}", error),
        }
    }
}
