//! An engine from end to end, on a model small enough to be computed by hand.

mod sample;

use monobloc::{
    Cell, Cells, Column, Engine, ErrorKind, FindingKind, Input, LoadOptions, Status, Verify, golden,
};
use sample::{AGES, BALANCES, expected, input, pack, pack_with, region_cells};
use tempfile::TempDir;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn engine(folder: &TempDir, options: &LoadOptions) -> Engine {
    let path = folder.path().join("sample.bloc");
    pack(&path).expect("packed");
    Engine::load(&path, options).expect("loaded")
}

#[test]
fn answers_are_the_definitions() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default().verify(Verify::Full));
    let (cells, text) = region_cells();
    let prediction = engine.run(&input(&engine, &cells, &text)).expect("a prediction");
    assert_eq!(bits(&prediction.outputs), bits(&expected()));
    let found: Vec<_> = prediction.findings.iter().map(|finding| (finding.row, finding.kind)).collect();
    assert_eq!(found, [(4, FindingKind::UnknownCategory)]);
    let report = golden::replay(&engine).expect("golden rows");
    assert_eq!((report.rows, report.exact, report.max_abs_diff), (AGES.len(), true, 0.0));
}

#[test]
fn a_row_does_not_depend_on_its_batch_or_on_threads() {
    let folder = TempDir::new().expect("a folder");
    let (cells, text) = region_cells();
    for threads in [1, 2, 5] {
        let engine = engine(&folder, &LoadOptions::default().threads(threads));
        for n_rows in [0, 1, 15, 16, 17, 1023, 1025, 5000] {
            let rows: Vec<usize> = (0..n_rows).map(|row| row * 7 % AGES.len()).collect();
            let ages: Vec<f64> = rows.iter().map(|&row| AGES[row]).collect();
            let balances: Vec<f64> = rows.iter().map(|&row| BALANCES[row]).collect();
            let regions: Vec<Cell> = rows.iter().map(|&row| cells[row]).collect();
            let columns = vec![
                Some(Column::Float64(ages[..].into())),
                Some(Column::Float64(balances[..].into())),
                Some(Column::Cells(Cells::new(&regions, &text))),
            ];
            let input = Input::new(engine.schema(), n_rows, columns).expect("input");
            let outputs = engine.run(&input).expect("a prediction").outputs;
            let wanted: Vec<f64> = rows.iter().flat_map(|&row| expected()[row * 2..][..2].to_vec()).collect();
            assert_eq!(bits(&outputs), bits(&wanted), "{n_rows} rows, {threads} threads");
        }
    }
}

#[test]
fn refused_rows_are_data_for_run_and_errors_for_predict() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let (cells, text) = region_cells();
    let balances = [0.0, f64::NAN, 1.0, f64::INFINITY, 1e300, 2.0];
    let columns = vec![
        Some(Column::Float64(AGES[..].into())),
        Some(Column::Float64(balances[..].into())),
        Some(Column::Cells(Cells::new(&cells, &text))),
    ];
    let input = Input::new(engine.schema(), 6, columns).expect("input").starting_at(100);
    let prediction = engine.run(&input).expect("run never fails for a row");
    let found: Vec<_> = prediction.findings.iter().map(|f| (f.row, f.status, f.kind)).collect();
    let (rejected, flagged) = (Status::Rejected, Status::Flagged);
    assert_eq!(
        found,
        [
            (101, rejected, FindingKind::Missing),
            (103, rejected, FindingKind::Infinite),
            (104, flagged, FindingKind::UnknownCategory),
            (104, rejected, FindingKind::Refused),
        ]
    );
    for row in 0..6 {
        let refused = [1, 3, 4].contains(&row);
        assert!(prediction.outputs[row * 2..][..2].iter().all(|value| value.is_nan() == refused));
    }
    let error = engine.predict_into(&input, &mut [0.0; 12]).expect_err("a refused row");
    assert_eq!(error.kind(), ErrorKind::RowsRejected);
    assert!(error.to_string().contains("row 104, field \"balance\": feature \"balance\" is inf"), "{error}");
    let location = error.location().expect("a place");
    assert_eq!((location.field.as_str(), location.row), ("balance", Some(101)));
}

#[test]
fn text_is_read_as_a_number_or_taken_as_missing() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let text = "40abcnorth";
    let ages =
        [Cell::Text { start: 0, end: 2 }, Cell::Integer(40), Cell::Text { start: 2, end: 5 }, Cell::Other];
    let region = [Cell::Text { start: 5, end: 10 }; 4];
    let columns = vec![
        Some(Column::Cells(Cells::new(&ages, text))),
        Some(Column::Int32([1, 1, 1, 1][..].into())),
        Some(Column::Cells(Cells::new(&region, text))),
    ];
    let prediction = engine.run(&Input::new(engine.schema(), 4, columns).expect("input")).expect("run");
    assert_eq!(bits(&prediction.outputs[..2]), bits(&prediction.outputs[2..4]));
    let reasons: Vec<_> = prediction.findings.iter().map(|f| (f.row, f.status, f.reason())).collect();
    let reason = |row, status, reason: &str| (row, status, reason.to_owned());
    assert_eq!(
        reasons,
        [
            reason(0, Status::Flagged, "found the text \"40\", expected a number; 40 is used instead"),
            reason(2, Status::Repaired, "found the text \"abc\", expected a number; taken as missing"),
            reason(
                3,
                Status::Repaired,
                "found a value that is neither number nor text, expected a number; taken as missing"
            ),
        ]
    );
}

#[test]
fn absent_columns_are_named() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let input =
        Input::from_named(engine.schema(), 6, [("age", Column::Float64(AGES[..].into()))]).expect("input");
    let error = engine.run(&input).expect_err("two columns are absent");
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("\"balance\", \"region\""), "{error}");
    let short = Input::from_named(engine.schema(), 5, [("age", Column::Float64(AGES[..].into()))]);
    assert_eq!(short.map(drop).expect_err("six rows").kind(), ErrorKind::Schema);
    let narrow =
        engine.predict_into(&sample::input(&engine, &region_cells().0, &region_cells().1), &mut [0.0; 3]);
    assert_eq!(narrow.expect_err("three places").kind(), ErrorKind::InvalidArgument);
}

#[test]
fn wrong_golden_rows_leave_no_file() {
    let folder = TempDir::new().expect("a folder");
    let mut outputs = expected();
    outputs[3] = f64::from_bits(outputs[3].to_bits() + 1);
    let error = pack_with(&folder.path().join("wrong.bloc"), outputs, None).expect_err("one ulp off");
    assert_eq!(error.kind(), ErrorKind::GoldenMismatch);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn packing_is_deterministic() {
    let folder = TempDir::new().expect("a folder");
    let (one, two) = (folder.path().join("one.bloc"), folder.path().join("two.bloc"));
    let digests = [pack(&one).expect("packed").digest, pack(&two).expect("packed").digest];
    assert_eq!(digests[0], digests[1]);
    assert_eq!(std::fs::read(one).expect("bytes"), std::fs::read(two).expect("bytes"));
}

#[test]
fn zero_threads_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sample.bloc");
    pack(&path).expect("packed");
    let options = LoadOptions::default().threads(0);
    assert_eq!(Engine::load(&path, &options).expect_err("no threads").kind(), ErrorKind::InvalidArgument);
}
