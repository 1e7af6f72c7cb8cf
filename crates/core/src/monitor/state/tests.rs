use super::*;
use crate::error::ErrorKind;
use crate::input::{Column, Input};
use crate::mapped::holds_in_child;
use crate::reference::{Binner, MISSING, OutputSource, ReferenceBuilder};
use crate::sanity::Sanity;
use crate::schema::Schema;
use crate::strided::Strided;
use count::Answered;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::time::Duration;

struct Model {
    schema: Schema,
    sanity: Sanity,
    reference: Reference,
    binner: Binner,
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef";
const PLACES: [OutputPlace; 2] = [OutputPlace::Value(0), OutputPlace::Class(0)];

impl Model {
    fn new() -> Model {
        let field =
            |name: &str| format!(r#"{{"name":"{name}","kind":"float","dtype":"float64","null":"nan"}}"#);
        let schema =
            Schema::parse(&format!(r#"{{"fields":[{},{}]}}"#, field("x"), field("y"))).expect("a schema");
        let mut builder = ReferenceBuilder::new(&schema);
        let numbers: Vec<f64> = (0..1000).map(f64::from).collect();
        builder.add(&input(&schema, &numbers, &numbers));
        let classes: Vec<f64> = (0..1000).map(|i| f64::from(i % 2)).collect();
        let names = ["probability_1".to_owned()];
        let labels = [("label".to_owned(), vec!["0".to_owned(), "1".to_owned()])];
        builder.add_outputs(OutputSource::Validation, &names, &numbers, &labels, &classes).expect("outputs");
        let reference = builder.finish();
        Model { sanity: Sanity::none(&schema), binner: Binner::new(&reference), schema, reference }
    }

    fn open(&self, options: &MonitorOptions) -> (State, Option<String>) {
        State::open(DIGEST, &self.reference, options).expect("a state")
    }

    fn counter<'a>(&'a self, state: &'a State) -> Counter<'a> {
        let Model { reference, binner, .. } = self;
        Counter { state, reference, binner, places: &PLACES, is_read: &[true; 2] }
    }

    fn count(&self, state: &State, numbers: &[f64], now: u64) {
        let counter = self.counter(state);
        let values: Vec<f64> = numbers.iter().flat_map(|&number| [number, 1.0]).collect();
        let answered = Answered { values: &values, n_outputs: 1, n_classes: 1 };
        let input = input(&self.schema, numbers, numbers);
        counter.begin();
        counter.count(&self.sanity, numbers.len(), Some(&input), answered, &[], now);
        counter.end(Duration::from_micros(30), None);
    }

    fn rows(&self, state: &State, now: u64) -> (u64, u64) {
        let snapshot = state.snapshot(&self.reference, now);
        (snapshot.totals.rows, snapshot.rows)
    }
}

fn input<'a>(schema: &Schema, x: &'a [f64], y: &'a [f64]) -> Input<'a> {
    let columns = [x, y].map(|values| Some(Column::Float64(Strided::from(values))));
    Input::new(schema, x.len(), columns.into()).expect("rows")
}

fn in_folder(folder: &tempfile::TempDir) -> MonitorOptions {
    MonitorOptions { state_dir: Some(folder.path().to_owned()), ..MonitorOptions::default() }
}

#[test]
fn values_are_counted_in_their_bins() {
    let model = Model::new();
    let (state, _) = model.open(&MonitorOptions::default());
    let numbers = [5.0, f64::NAN, 2000.0, 5.0];
    model.count(&state, &numbers, 1000);
    numbers.iter().for_each(|&number| model.count(&state, &[number], 1000));
    let snapshot = state.snapshot(&model.reference, 1001);
    assert_eq!(
        (snapshot.rows, snapshot.seen, snapshot.totals.requests, snapshot.totals.in_flight),
        (8, 8, 5, 0)
    );
    assert_eq!((snapshot.totals.durations[2], snapshot.totals.workers), (5, 1));
    for (distribution, counted) in model.reference.distributions().zip(&snapshot.distributions).take(2) {
        let mut counts = vec![0; distribution.n_bins()];
        numbers.iter().for_each(|&number| counts[distribution.bin_of_number(number)] += 2);
        assert_eq!(counted.counts, counts);
        let distances: f64 = numbers.iter().map(|&number| 2.0 * distribution.distance(number)).sum();
        // A bin of 20 numbers is 0.07 standard deviations wide.
        assert!((counted.distances - distances).abs() < 4.0 * 0.07, "{} for {distances}", counted.distances);
    }
    let outputs = &snapshot.distributions[2..];
    // An output that is NaN is one of a rejected row, and counted nowhere.
    assert_eq!((outputs[0].counts[MISSING], outputs[0].counts.iter().sum::<u64>()), (0, 6));
    assert_eq!(outputs[1].counts, [0, 0, 0, 8, 0]);
}

#[test]
fn of_many_rows_a_share_is_looked_at() {
    let model = Model::new();
    let (state, _) = model.open(&MonitorOptions::default());
    let numbers: Vec<f64> = (0..1000).map(f64::from).collect();
    (0..120).for_each(|_| model.count(&state, &numbers, 1000));
    (0..20_000).for_each(|i| model.count(&state, &[f64::from(i % 1000)], 1000));
    let snapshot = state.snapshot(&model.reference, 1000);
    assert_eq!((snapshot.rows, snapshot.totals.rows), (140_000, 140_000));
    assert!((13_000..13_900).contains(&snapshot.seen), "{}", snapshot.seen);
    assert_eq!(snapshot.distributions[0].counts.iter().sum::<u64>(), snapshot.seen);
}

#[test]
fn windows_forget() {
    let model = Model::new();
    let options = MonitorOptions { parts: 3, span: Span::Seconds(10), ..MonitorOptions::default() };
    let (state, _) = model.open(&options);
    for second in 0..200 {
        model.count(&state, &[1.0], 1_000 + second);
        let expected = second.min(20 + second % 10) + 1;
        assert_eq!(model.rows(&state, 1_000 + second), (second + 1, expected));
    }
    assert_eq!(model.rows(&state, 1_000 + 219), (200, 10));
    assert_eq!(model.rows(&state, 5_000), (200, 0));
    let (state, _) = model.open(&MonitorOptions { span: Span::Rows(10), ..options });
    for row in 0..200 {
        model.count(&state, &[1.0], 1_000);
        let rows = model.rows(&state, 1_000).1;
        assert!((row.min(19) + 1..=30).contains(&rows), "{rows} of {row}");
    }
}

#[test]
fn forked_processes_count_together() {
    let model = Model::new();
    let folder = tempfile::tempdir().expect("a folder");
    for options in [MonitorOptions::default(), in_folder(&folder)] {
        let (state, _) = model.open(&options);
        model.count(&state, &[1.0], 1_000);
        for _ in 0..3 {
            assert!(holds_in_child(|| {
                model.count(&state, &[2.0, 3.0], 1_000);
                // It dies with a call under way.
                model.counter(&state).begin();
                true
            }));
        }
        assert_eq!(model.rows(&state, 1_000), (7, 7));
        let totals = state.snapshot(&model.reference, 1_000).totals;
        // The first child's slot became the second one's, and then the third one's; its call ended with it.
        assert_eq!((totals.workers, totals.in_flight), (2, 0));
        let call = model.counter(&state);
        call.begin();
        assert_eq!(state.snapshot(&model.reference, 1_000).totals.in_flight, 1);
    }
}

#[test]
fn threads_lose_nothing() {
    let model = Model::new();
    let options = MonitorOptions { parts: 1000, span: Span::Seconds(1), ..MonitorOptions::default() };
    let (state, _) = model.open(&options);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5_000).for_each(|i| model.count(&state, &[1.0; 3], 1_000 + i / 10)));
        }
    });
    assert_eq!(model.rows(&state, 1_500), (60_000, 60_000));
}

#[test]
fn processes_with_a_folder_count_together_and_later_ones_go_on() {
    let model = Model::new();
    let folder = tempfile::tempdir().expect("a folder");
    let options = in_folder(&folder);
    let (first, _) = model.open(&options);
    let (second, _) = model.open(&options);
    model.count(&first, &[1.0], 1_000);
    model.count(&second, &[1.0], 1_000);
    assert_eq!((model.rows(&first, 1_000), model.rows(&second, 1_000)), ((2, 2), (2, 2)));
    drop((first, second));
    let (third, warning) = model.open(&options);
    assert_eq!((model.rows(&third, 1_000), warning), ((2, 2), None));
    let path = third.path().expect("a path").to_owned();
    assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    for place in [path.as_path(), folder.path()] {
        let read = State::attach(place, DIGEST, &model.reference).expect("a state");
        assert_eq!(model.rows(&read, 1_000), (2, 2));
    }
}

#[test]
fn more_processes_than_slots_share_them() {
    let model = Model::new();
    let (state, _) = model.open(&MonitorOptions { slots: Some(1), ..MonitorOptions::default() });
    model.count(&state, &[1.0], 1_000);
    assert!(holds_in_child(|| {
        model.count(&state, &[1.0], 1_000);
        true
    }));
    assert_eq!(model.rows(&state, 1_000), (2, 2));
}

/// What becomes of a state's file that `damage` was done to.
fn damaged(damage: impl Fn(&std::path::Path)) -> std::result::Result<Option<String>, (ErrorKind, String)> {
    let model = Model::new();
    let folder = tempfile::tempdir().expect("a folder");
    let options = in_folder(&folder);
    let (state, _) = model.open(&options);
    model.count(&state, &[1.0], 1_000);
    let path = state.path().expect("a path").to_owned();
    drop(state);
    damage(&path);
    let attached = State::attach(&path, DIGEST, &model.reference).map(|_| ());
    let opened = State::open(DIGEST, &model.reference, &options);
    let (state, warning) = opened.map_err(|error| (error.kind(), error.to_string()))?;
    assert!(attached.is_err() || warning.is_none());
    model.count(&state, &[1.0], 1_000);
    assert_eq!(model.rows(&state, 1_000).0, if warning.is_some() { 1 } else { 2 });
    Ok(warning)
}

fn write_at(path: &std::path::Path, offset: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).expect("the file");
    file.write_all_at(bytes, offset).expect("written");
}

#[test]
fn damaged_files_are_made_anew() {
    assert_eq!(damaged(|_| ()), Ok(None));
    for offset in [0, 8, 16, 50, 64, 88] {
        let said = damaged(|path| write_at(path, offset, &[0xab])).expect("a state").expect("a warning");
        assert!(said.ends_with("its header is damaged, so that counting began anew"), "{said}");
    }
    for len in [1, 95, 96, 4096, 5000] {
        let cut = |path: &std::path::Path| {
            OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(len)).expect("cut");
        };
        let said = damaged(cut).expect("a state").expect("a warning");
        assert!(said.contains("was cut short"), "{said}");
    }
    // Counters may hold anything.
    let noise: Vec<u8> = (0..40_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let model = Model::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (state, _) = model.open(&in_folder(&folder));
    write_at(state.path().expect("a path"), 4096, &noise);
    model.count(&state, &[1.0], 1_000);
    state.snapshot(&model.reference, 1_000);
}

#[test]
fn files_of_others_and_of_later_versions_are_refused() {
    let (kind, said) = damaged(|path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    })
    .expect_err("readable by others");
    assert_eq!(kind, ErrorKind::PermissionDenied);
    assert!(said.contains("has the mode 640") && said.contains("a folder of its own"), "{said}");

    let later = |path: &std::path::Path| {
        let model = Model::new();
        let mut header = Layout::new(DIGEST, &model.reference, None, 12, Span::Seconds(300)).header();
        header[1] = 2;
        header[11] = layout::check(&header[..11]);
        write_at(path, 0, &header.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    };
    let (kind, said) = damaged(later).expect_err("a later version");
    assert_eq!(kind, ErrorKind::VersionTooNew);
    assert!(said.contains("has layout 2; this library reads 1"), "{said}");

    let (kind, _) = damaged(|path| {
        std::fs::remove_file(path).expect("removed");
        std::os::unix::fs::symlink("/etc/hostname", path).expect("a link");
    })
    .expect_err("a link");
    assert_eq!(kind, ErrorKind::Io);

    let (kind, said) = damaged(|path| {
        std::fs::remove_file(path).expect("removed");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).expect("an empty file");
        if crate::mapped::user() == 0 {
            std::os::unix::fs::chown(path, Some(12345), None).expect("an owner");
        } else {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o606)).expect("a mode");
        }
    })
    .expect_err("another user's");
    assert_eq!(kind, ErrorKind::PermissionDenied);
    assert!(said.contains("belongs to user 12345") || said.contains("mode 606"), "{said}");
}

#[test]
fn options_are_checked() {
    let model = Model::new();
    let default = MonitorOptions::default;
    for options in [
        MonitorOptions { parts: 0, ..default() },
        MonitorOptions { span: Span::Seconds(0), ..default() },
        MonitorOptions { slots: Some(0), ..default() },
        MonitorOptions { parts: 1001, ..default() },
    ] {
        let error = State::open(DIGEST, &model.reference, &options).expect_err("options");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let error = State::attach(folder.path(), DIGEST, &model.reference).expect_err("no state");
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("state_dir"), "{error}");
    let path = folder.path().join("x.state");
    std::fs::write(&path, [7; 200]).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let error = State::attach(&path, DIGEST, &model.reference).expect_err("no state");
    assert!(
        error.kind() == ErrorKind::Corrupt && error.to_string().contains("no state of a monitor"),
        "{error}"
    );
}
