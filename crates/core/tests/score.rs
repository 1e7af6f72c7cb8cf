//! Files of rows scored: any bytes at all, and memory that many rows share.

#[expect(dead_code, reason = "this file has its rows as text")]
mod sample;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use monobloc::score::{Format, Place, Scored, Scoring};
use monobloc::{Engine, ErrorKind, LoadOptions, Result};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

static ENGINE: LazyLock<(TempDir, Engine)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sample.bloc");
    sample::pack(&path).expect("packed");
    let engine = Engine::load(&path, &LoadOptions::default()).expect("loaded");
    (folder, engine)
});

/// What `bytes` are answered with.
fn scored(bytes: &[u8], change: impl Fn(&mut Scoring)) -> Result<(Scored, String)> {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.csv");
    let mut scoring = Scoring::new(Place::Standard, Place::File(out.clone()));
    change(&mut scoring);
    let scored = scoring.run_from(&ENGINE.1, Box::new(bytes), &|_| {});
    let left = std::fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(left, usize::from(scored.is_ok()), "answers, or nothing");
    scored.map(|scored| (scored, std::fs::read_to_string(out).expect("answers")))
}

fn line(age: f64, balance: f64, region: &str) -> String {
    let [no, yes] = sample::probabilities(age, balance, region);
    format!("{},{no:?},{yes:?}\n", u8::from(yes > no))
}

#[test]
fn rows_are_answered_and_columns_carried() {
    let text =
        "region,\"key \"\"1\"\"\",balance,age\nnorth,\"a,b\",-10,25\nsouth,\"x\ny\",1e-310,40\nnorth,,0,NA\n";
    let (scored, answers) =
        scored(text.as_bytes(), |scoring| scoring.ids.push("key \"1\"".to_owned())).expect("answers");
    let expected = format!(
        "\"key \"\"1\"\"\",label,probability_0,probability_1\n\"a,b\",{}\"x\ny\",{},{}",
        line(25.0, -10.0, "north"),
        line(40.0, 1e-310, "south"),
        line(f64::NAN, 0.0, "north")
    );
    assert_eq!(answers, expected);
    assert_eq!((scored.rows, scored.bytes), (3, text.len() as u64));
}

#[test]
fn answers_are_written_as_json_lines() {
    let text = "age,balance,region,key\n25,-10,north,\"a \"\"b\"\"\"\n";
    let (_, answers) = scored(text.as_bytes(), |scoring| {
        scoring.ids.push("key".to_owned());
        scoring.output_format = Some(Format::JsonLines);
    })
    .expect("answers");
    let [no, yes] = sample::probabilities(25.0, -10.0, "north");
    let label = u8::from(yes > no);
    let expected =
        format!("{{\"key\":\"a \\\"b\\\"\",\"label\":{label},\"probabilities\":[{no:?},{yes:?}]}}\n");
    assert_eq!(answers, expected);
}

#[test]
fn a_record_may_be_longer_than_a_block_and_not_endless() {
    let region = "x".repeat(3 << 20);
    let text = format!("age,balance,region\n1,2,\"{region}\n\"\n3,4,north\n");
    let (_, answers) = scored(text.as_bytes(), |_| {}).expect("answers");
    assert_eq!(answers.lines().nth(2).map(|line| format!("{line}\n")), Some(line(3.0, 4.0, "north")));
    let endless = format!("age,balance,region\n1,2,\"{}", "x\n".repeat(16 << 20));
    let error = scored(endless.as_bytes(), |_| {}).expect_err("no end");
    assert!(error.to_string().contains("line 2: a record of more than 16777216 bytes"), "{error}");
}

#[test]
fn the_first_wrong_line_is_told_whatever_the_threads() {
    let row = "25,-10,north\n";
    let mut text = "age,balance,region\n".to_owned() + &row.repeat(100_000);
    text.insert_str(text.len() - row.len() * 20_000, "1,2\n");
    text.insert_str(text.len() - row.len() * 500, "1\n");
    for threads in [1, 2, 8] {
        let error = scored(text.as_bytes(), |scoring| scoring.threads = Some(threads)).expect_err("ragged");
        assert_eq!(error.kind(), ErrorKind::MalformedRequest);
        let said = error.to_string();
        assert_eq!(said, "standard input: line 80002: 2 fields; the header has 3, separated by ','");
    }
}

#[test]
fn what_is_no_text_is_told() {
    for (bytes, expected) in [
        (&b"\xFF\xFEa\0"[..], "UTF-16"),
        (b"\x1F\x8B\x08", "gzip"),
        (b"age,balance,region\n1,2,\xFF\n", "line 2: the byte 0xFF"),
        (b"age,\xFF\n", "line 1: the byte 0xFF"),
    ] {
        let error = scored(bytes, |_| {}).expect_err("no UTF-8");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = scored(b"age", |scoring| scoring.delimiter = Some(b'"')).expect_err("a quote");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

fn json_lines(text: &str, ids: &[&str], out: Format) -> Result<(Scored, String)> {
    scored(text.as_bytes(), |scoring| {
        scoring.ids = ids.iter().map(|&id| id.to_owned()).collect();
        (scoring.input_format, scoring.output_format) = (Some(Format::JsonLines), Some(out));
    })
}

/// JSON lines are answered as `run_json` answers an array of the same objects.
fn hold_lines(objects: &[String]) {
    let (scored, lines) = json_lines(&objects.join("\n"), &[], Format::JsonLines).expect("answers");
    assert_eq!(scored.rows, objects.len() as u64);
    let body = format!("[{}]", objects.join(","));
    let response = ENGINE.1.run_json(body.as_bytes()).expect("a response");
    let response: serde_json::Value = serde_json::from_slice(&response).expect("JSON");
    for (row, line) in lines.lines().enumerate() {
        let found: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for name in ["label", "probabilities"] {
            assert_eq!(found[name], response["outputs"][name][row], "{}", objects[row]);
        }
    }
    let verdicts = response["verdicts"].as_array().expect("verdicts");
    let count = |status: &str| verdicts.iter().filter(|one| one["status"] == status).count() as u64;
    assert_eq!(
        (scored.rejected, scored.repaired, scored.flagged),
        (count("rejected"), count("repaired"), count("flagged"))
    );
}

#[test]
fn dirty_lines_are_answered_as_run_json_answers_the_same_objects() {
    let objects = [
        r#"{"age":25,"balance":-10,"region":"north"}"#,
        r#" { "region" : "south" , "balance" : 1e-310 , "age" : 40.0 } "#,
        r#"{}"#,
        r#"{"age":null,"balance":"7","region":null}"#,
        r#"{"age":[1,{"a":2}],"balance":{"x":1},"region":["north"]}"#,
        r#"{"age":true,"balance":false,"region":12}"#,
        r#"{"age":" 1_000 ","balance":"x","region":"mars"}"#,
        r#"{"age":25,"other":{"age":1},"else":[],"other":2,"balance":1}"#,
        r#"{"age":9007199254740993,"balance":123456789012345678901234567890,"region":"n\u006frth"}"#,
        r#"{"rows":[{"age":1}],"region":"north"}"#,
    ];
    hold_lines(&objects.map(str::to_owned));
}

#[test]
fn lines_that_hold_no_row_are_told_by_their_number() {
    let good = r#"{"age":25,"balance":-10,"region":"north"}"#;
    for (line, expected) in [
        ("[25,-10,\"north\"]", "invalid type: sequence, expected an object with a value for each field"),
        ("25", "expected an object"),
        ("{\"age\":25", "no JSON object: EOF while parsing an object in column 9"),
        ("{\"age\":NaN}", "JSON has no NaN or Infinity: send null for a missing value"),
        ("{\"age\":25} {}", "no JSON object: trailing characters in column 12"),
        ("{\"age\":25,\"age\":26}", "the key \"age\" stands there twice"),
        ("age,balance,region", "no JSON object: expected value in column 1"),
    ] {
        // Blank lines count and hold nothing.
        let text = format!("{good}\r\n\n \t\r\n{good}\n{line}\n{good}\n");
        let error = json_lines(&text, &[], Format::Csv).expect_err(line);
        assert_eq!(error.kind(), ErrorKind::MalformedRequest, "{error}");
        let said = error.to_string();
        assert!(said.starts_with("standard input: line 5: "), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let bytes = [good.as_bytes(), b"\n{\"region\":\"\xE9\"}"].concat();
    let error =
        scored(&bytes, |scoring| scoring.input_format = Some(Format::JsonLines)).expect_err("Latin-1");
    assert!(error.to_string().contains("line 2: the byte 0xE9 is not UTF-8"), "{error}");
    let endless = format!("{good}\n{{\"region\":\"{}", "x".repeat(17 << 20));
    let error = json_lines(&endless, &[], Format::Csv).expect_err("no end");
    assert!(error.to_string().contains("line 2: a record of more than 16777216 bytes"), "{error}");
    let (scored, answers) = json_lines("\u{feff}\n\n", &[], Format::Csv).expect("no rows");
    assert_eq!((scored.rows, &*answers), (0, "label,probability_0,probability_1\n"));
}

#[test]
fn values_of_lines_are_carried_as_they_stand() {
    let ids = ["key", "age"];
    let row = |key: &str, age: &str| format!("{{\"key\":{key},\"age\":{age},\"balance\":1}}\n");
    let keys =
        [("\"a,\\u00e9\\n\"", "1.50"), ("-0", "25"), ("1E400", "25"), ("null", "null"), ("true", "\"7\"")];
    let text: String = keys.iter().map(|(key, age)| row(key, age)).collect();
    let (_, lines) = json_lines(&text, &ids, Format::JsonLines).expect("answers");
    let begins = [
        r#"{"key":"a,é\n","age":1.50,"#,
        r#"{"key":-0,"age":25,"#,
        r#"{"key":1E400,"age":25,"#,
        r#"{"key":null,"age":null,"#,
        r#"{"key":true,"age":"7","#,
    ];
    assert_eq!(lines.lines().count(), begins.len());
    for (line, begin) in lines.lines().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    let (_, csv) = json_lines(&text, &ids, Format::Csv).expect("answers");
    let expected = "key,age,label,probability_0,probability_1\n\"a,é\n\",1.50,";
    assert!(csv.starts_with(expected), "{csv}");
    let answers = |text: &str| -> Vec<String> {
        let (_, lines) = json_lines(text, &[], Format::JsonLines).expect("answers");
        lines.lines().map(str::to_owned).collect()
    };
    for (line, without) in lines.lines().zip(answers(&text)) {
        assert!(line.ends_with(&without[1..]), "a field that is carried is read, too: {line}");
    }
    for (line, expected) in [
        (r#"{"age":1}"#, "line 1: the key \"key\", which is to be carried over, is absent"),
        (r#"{"key":[1],"age":1}"#, "has an array or object; expected a single value"),
        (r#"{"key":1,"age":1,"key":2}"#, "which is to be carried over, stands there twice"),
        (r#"{"key":null,"age":1,"key":null}"#, "which is to be carried over, stands there twice"),
        (r#"{"key":"\ud800","age":1}"#, "has no text"),
    ] {
        let error = json_lines(line, &ids, Format::Csv).expect_err(line);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn short_lines_of_many_rows_come_out_in_order() {
    let text = "{}\n".repeat(400_000) + "{\"age\":25}";
    let (scored, answers) = json_lines(&text, &[], Format::Csv).expect("answers");
    assert_eq!(scored.rows, 400_001);
    assert_eq!(answers.lines().count(), 400_002);
}

/// Two batches of rows with the model's columns and one that is carried, as a stream or a file.
fn arrow_bytes(is_file: bool, compression: Option<CompressionType>) -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("age", Arc::new(Int64Array::from(vec![Some(25), None, Some(40)]))),
        ("balance", Arc::new(Float64Array::from(vec![-10.0, f64::NAN, 1e-310]))),
        ("region", Arc::new(StringArray::from(vec![Some("north"), None, Some("south")]))),
        ("key", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(7)]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let options = IpcWriteOptions::default().try_with_compression(compression).expect("options");
    let schema = batch.schema();
    if is_file {
        let mut file = FileWriter::try_new_with_options(Vec::new(), &schema, options).expect("a writer");
        (0..2).for_each(|_| file.write(&batch).expect("written"));
        return file.into_inner().expect("finished");
    }
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &schema, options).expect("a writer");
    (0..2).for_each(|_| stream.write(&batch).expect("written"));
    stream.into_inner().expect("finished")
}

/// What a file of these bytes is answered with.
fn scored_arrow(bytes: &[u8], out: Format) -> Result<(Scored, Vec<u8>)> {
    let folder = TempDir::new().expect("a folder");
    let (rows, answers) = (folder.path().join("rows.arrow"), folder.path().join("answers.arrows"));
    std::fs::write(&rows, bytes).expect("written");
    let mut scoring = Scoring::new(Place::File(rows), Place::File(answers.clone()));
    (scoring.output_format, scoring.ids) = (Some(out), vec!["key".to_owned()]);
    let scored = scoring.run(&ENGINE.1, &|_| {});
    scored.map(|scored| (scored, std::fs::read(answers).expect("answers")))
}

#[test]
fn batches_of_arrow_are_answered_as_run_arrow_answers_them() {
    let expected: Vec<RecordBatch> = {
        let answers = ENGINE.1.run_arrow(&arrow_bytes(false, None)).expect("answers");
        StreamReader::try_new(&answers[..], None)
            .expect("a stream")
            .map(|batch| batch.expect("a batch"))
            .collect()
    };
    for (is_file, compression) in [
        (false, None),
        (true, None),
        (false, Some(CompressionType::LZ4_FRAME)),
        (true, Some(CompressionType::LZ4_FRAME)),
    ] {
        let bytes = arrow_bytes(is_file, compression);
        let (scored, answers) = scored_arrow(&bytes, Format::Arrow).expect("answers");
        let stream = StreamReader::try_new(&answers[..], None).expect("a stream");
        let found: Vec<RecordBatch> = stream.map(|batch| batch.expect("a batch")).collect();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![Some(i64::MIN), None, Some(7)]));
            assert_eq!(found.columns()[1..], expected.columns()[..]);
        }
        assert_eq!(scored.rows, 6);
        let (_, csv) = scored_arrow(&bytes, Format::Csv).expect("answers");
        let csv = String::from_utf8(csv).expect("text");
        let line = |key: &str, line: String| format!("{key},{line}");
        assert_eq!(
            csv.lines().nth(1).map(|line| format!("{line}\n")),
            Some(line("-9223372036854775808", self::line(25.0, -10.0, "north")))
        );
        assert_eq!(
            csv.lines().nth(6).map(|line| format!("{line}\n")),
            Some(line("7", self::line(40.0, 1e-310, "south")))
        );
    }
    let compressed = ENGINE.1.run_arrow(&arrow_bytes(false, Some(CompressionType::LZ4_FRAME)));
    let error = compressed.expect_err("a body's size bounds its memory");
    assert!(error.to_string().contains("its buffers are compressed"), "{error}");
    let compressed = ENGINE.1.run_arrow(&arrow_bytes(true, Some(CompressionType::LZ4_FRAME)));
    assert_eq!(compressed.expect_err("as a file").kind(), ErrorKind::MalformedRequest);
}

#[test]
fn a_buffer_that_claims_to_become_huge_is_refused() {
    const BYTES: i64 = 80_000;
    let ages: ArrayRef = Arc::new(Int64Array::from(vec![25; 10_000]));
    let columns = ["age", "balance", "region", "key"].map(|name| (name, Arc::clone(&ages)));
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME));
    let options = options.expect("options");
    let mut stream =
        StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("a writer");
    stream.write(&batch).expect("written");
    let mut bytes = stream.into_inner().expect("finished");
    scored_arrow(&bytes, Format::Arrow).expect("answers");
    // A compressed buffer begins with the length that it becomes.
    let length = bytes.windows(8).position(|window| window == BYTES.to_le_bytes()).expect("a length");
    bytes[length..][..8].copy_from_slice(&(1_i64 << 60).to_le_bytes());
    let error = scored_arrow(&bytes, Format::Arrow).expect_err("more than there is");
    assert!(error.to_string().contains("bytes that says it becomes 1152921504606846976"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn changed_bytes_of_arrow_are_answered_or_refused(
        form in 0..4_usize, changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..4), cut in any::<Option<u16>>()
    ) {
        let mut bytes = arrow_bytes(form % 2 == 1, (form > 1).then_some(CompressionType::LZ4_FRAME));
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(usize::from(cut));
        }
        match scored_arrow(&bytes, Format::Csv) {
            Ok((scored, answers)) => {
                prop_assert_eq!(answers.iter().filter(|&&byte| byte == b'\n').count() as u64, scored.rows + 1);
            }
            Err(error) => prop_assert_ne!(error.kind(), ErrorKind::Internal, "{}", error),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_objects_are_answered_as_run_json_answers_them(
        rows in proptest::collection::vec((0..8_usize, any::<f64>(), any::<i64>(), "[a-z\"\\\\é\n]{0,5}"), 1..20)
    ) {
        let objects: Vec<String> = rows.iter().map(|(form, float, integer, text)| {
            let float = if float.is_finite() { serde_json::json!(float) } else { serde_json::Value::Null };
            let values = [float, serde_json::json!(integer), serde_json::json!(text), serde_json::json!("north")];
            let at = |place: usize| &values[(form + place) % values.len()];
            match form {
                0 => serde_json::json!({"age": at(0), "balance": at(1), "region": at(2)}),
                1 => serde_json::json!({"age": at(1), "region": at(0)}),
                2 => serde_json::json!({"region": at(2), "else": at(1)}),
                _ => serde_json::json!({"balance": at(3), "age": at(2), "region": at(1), text.as_str(): at(0)}),
            }.to_string()
        }).collect();
        hold_lines(&objects);
    }

    #[test]
    fn any_bytes_are_lines_that_are_answered_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[{}\\[\\]\":,a1\n ]{0,40}"
    ) {
        for found in [scored(&bytes, lines_of), scored(text.as_bytes(), lines_of)] {
            match found {
                Ok((scored, answers)) => prop_assert_eq!(answers.lines().count() as u64, scored.rows),
                Err(error) => prop_assert_ne!(error.kind(), ErrorKind::Internal, "{}", error),
            }
        }
    }
}

fn lines_of(scoring: &mut Scoring) {
    (scoring.input_format, scoring.output_format) = (Some(Format::JsonLines), Some(Format::JsonLines));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), has_header in any::<bool>()) {
        let mut text = if has_header { b"age,balance,region\n".to_vec() } else { Vec::new() };
        text.extend(bytes);
        any_text(&text)?;
    }

    #[test]
    fn any_csv_is_answered_or_refused(body in "([0-9.eE+-]{0,4}|[ab\",\r\n]|nan|inf|NA){0,40}") {
        any_text(format!("age,balance,region\n{body}").as_bytes())?;
    }
}

fn any_text(text: &[u8]) -> std::result::Result<(), TestCaseError> {
    let found = [Format::Csv, Format::Tsv].map(|format| {
        scored(text, |scoring| {
            scoring.input_format = Some(Format::Csv);
            scoring.output_format = Some(format);
        })
    });
    match found {
        [Ok((scored, csv)), Ok((_, tsv))] => {
            prop_assert_eq!(csv.lines().count() as u64, scored.rows + 1);
            prop_assert_eq!(csv.replace(',', "\t"), tsv);
        }
        [Err(one), Err(other)] => {
            prop_assert_eq!(one.to_string(), other.to_string());
            prop_assert_ne!(one.kind(), ErrorKind::Internal, "{}", one);
        }
        _ => prop_assert!(false, "answered in one format"),
    }
    Ok(())
}
