//! Files of rows scored: any bytes at all, and memory that many rows share.

#[expect(dead_code, reason = "this file has its rows as text")]
mod sample;

use monobloc::score::{Format, Place, Scored, Scoring};
use monobloc::{Engine, ErrorKind, LoadOptions, Result};
use proptest::prelude::*;
use std::sync::LazyLock;
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
    let error = scored(b"{}", |scoring| scoring.input_format = Some(Format::JsonLines)).expect_err("JSON");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
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
