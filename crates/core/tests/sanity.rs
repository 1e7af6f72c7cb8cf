//! Sanity rules: the cases of `data/sanity/cases.json`, which the Python tests run too, and rules that are refused.

mod sample;

use monobloc::pack::with_rules;
use monobloc::sanity::Rules;
use monobloc::{Engine, ErrorKind, Extra, Finding, FindingKind, LoadOptions, Status, Value as Seen};
use sample::{input, pack, region_cells};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

fn sample(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("sample.bloc");
    if !path.exists() {
        pack(&path).expect("packed");
    }
    path
}

/// The sample with other rules.
fn ruled(folder: &TempDir, rules: &str) -> Engine {
    let (from, to) = (sample(folder), folder.path().join("ruled.bloc"));
    let plain = Engine::load(&from, &LoadOptions::default()).expect("loaded");
    let rules = plain.sanity().rules().amended(rules, plain.schema()).expect("rules");
    with_rules(&from, &to, &rules).expect("written");
    Engine::load(&to, &LoadOptions::default()).expect("loaded")
}

fn run(engine: &Engine, body: &Value) -> Value {
    serde_json::from_slice(&engine.run_json(body.to_string().as_bytes()).expect("an answer")).expect("JSON")
}

#[test]
fn cases() {
    let folder = TempDir::new().expect("a folder");
    let plain = Engine::load(sample(&folder), &LoadOptions::default()).expect("loaded");
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("data/sanity/cases.json")).expect("a list of cases");
    for case in &cases {
        let engine = ruled(&folder, &case["rules"].to_string());
        let name = &case["name"];
        let clean = json!({"age": 33, "balance": 2, "region": "east"});
        let response = run(&engine, &json!([clean, case["row"], clean]));
        let verdicts = response["verdicts"].as_array().expect("verdicts");
        let status = verdicts.first().map_or(json!("ok"), |verdict| verdict["status"].clone());
        assert_eq!(status, case["status"], "{name}: {verdicts:?}");
        let found = verdicts.iter().flat_map(|verdict| verdict["findings"].as_array().expect("findings"));
        let found: Vec<Value> = found
            .map(|finding| json!([finding["field"], finding["kind"], finding["seen"], finding["used"]]))
            .collect();
        assert_eq!(json!(found), case["findings"], "{name}");
        assert!(verdicts.len() <= 1, "{name}: a neighbour is disturbed");
        let expected = match &case["as"] {
            Value::Null => json!([null, null]),
            row => run(&plain, row)["outputs"]["probabilities"][0].clone(),
        };
        assert_eq!(response["outputs"]["probabilities"][1], expected, "{name}");
        let neighbour = run(&plain, &clean)["outputs"]["probabilities"][0].clone();
        assert_eq!(response["outputs"]["probabilities"][0], neighbour, "{name}");
        assert_eq!(response["outputs"]["probabilities"][2], neighbour, "{name}");
    }
}

#[test]
fn rules_that_cannot_be_used_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let plain = Engine::load(sample(&folder), &LoadOptions::default()).expect("loaded");
    for (rules, words) in [
        ("- 1", "expected rules by field"),
        ("aeg: {min: 1}", r#""aeg" is no field; the fields are "age", "balance", "region""#),
        ("age: {mni: 1}", "unknown field `mni`"),
        ("age: {on_range: drop}", "unknown variant `drop`"),
        ("age: {min: 3, max: 2}", "leave no number"),
        ("age: {min: .nan}", "non-finite"),
        ("age: {on_missing: clip}", "only numbers out of range can be clipped"),
        ("age: {on_type: flag}", "leaves no value"),
        ("age: {on_missing: default}", "no default is given"),
        ("age: {on_missing: impute}", "give impute a value"),
        ("age: {impute: much}", "expected a finite number"),
        ("age: {aliases: {a: b}}", "this one holds numbers"),
        ("age: {on_length: reject}", "this one holds numbers"),
        ("region: {impute: 3}", "expected text"),
        ("region: {min: 3}", "this one holds text"),
        ("region: {on_range: reject}", "this one holds text"),
        ("max_out_of_distribution: 1.5", "expected a share from 0 to 1"),
        ("{fields: {age: {min: x}}}", "age"),
        ("age: [", "sanity rules"),
    ] {
        let error = plain.sanity().rules().amended(rules, plain.schema()).expect_err(rules);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{rules}");
        let message = error.to_string();
        assert!(message.contains(words), "{rules}: {message}");
    }
    for (rules, alias) in [("{N: nord}", "nord"), ("{east: north}", "east")] {
        let rules = format!("region: {{aliases: {rules}}}");
        let rules = plain.sanity().rules().amended(&rules, plain.schema()).expect("rules by themselves");
        let target = folder.path().join("refused.bloc");
        let error = with_rules(&sample(&folder), &target, &rules).expect_err(alias);
        assert!(error.to_string().contains(alias), "{error}");
        assert!(!target.exists());
    }
}

#[test]
fn amended_rules_keep_the_others_and_null_takes_away() {
    let folder = TempDir::new().expect("a folder");
    let one = ruled(&folder, "{age: {min: 18, max: 120}, region: {normalize: [case]}}");
    let rules =
        one.sanity().rules().amended("{age: {max: null, on_range: reject}}", one.schema()).expect("rules");
    let age = &rules.fields["age"];
    assert_eq!((age.min, age.max), (Some(18.0), None));
    assert_eq!(rules.fields["region"], one.sanity().rules().fields["region"]);
    let yaml = rules.to_yaml().expect("YAML");
    assert_eq!(Rules::default().amended(&yaml, one.schema()).expect("the same"), rules, "{yaml}");
    let whole = "{on_extra: reject, max_out_of_distribution: 0.5, fields: {age: {min: 1}}}";
    let rules = rules.amended(whole, one.schema()).expect("rules");
    assert_eq!((rules.max_out_of_distribution, rules.fields["age"].min), (0.5, Some(1.0)));
}

#[test]
fn extra_keys_are_counted_flagged_or_reject() {
    let folder = TempDir::new().expect("a folder");
    let row = json!({"age": 33, "balance": 2, "region": "south"});
    let more = json!({"age": 33, "balance": 2, "region": "south", "agr": 3, "x": [1]});
    for (policy, status) in [("ignore", None), ("flag", Some("flagged")), ("reject", Some("rejected"))] {
        let engine = ruled(&folder, &format!("on_extra: {policy}"));
        let response = run(&engine, &json!([row, more, row]));
        assert_eq!(response["extra"], json!({"agr": 1, "x": 1}));
        let verdicts = response["verdicts"].as_array().expect("verdicts");
        assert_eq!(verdicts.first().map(|verdict| verdict["status"].as_str()), status.map(Some));
        assert_eq!(response["outputs"]["label"][1].is_null(), policy == "reject");
        assert!(!response["outputs"]["label"][2].is_null());
        let columns = json!({"age": [33, 33], "balance": [2, 2], "region": ["south", "south"], "z": [1, 2]});
        assert_eq!(run(&engine, &columns)["extra"], json!({"z": 2}));
    }
}

#[test]
fn extra_columns_reject_for_every_call() {
    let folder = TempDir::new().expect("a folder");
    let engine = ruled(&folder, "on_extra: reject");
    let (cells, text) = region_cells();
    let mut extra = Extra::default();
    extra.push_column("z");
    let rows = input(&engine, &cells, &text).with_extra(&extra);
    let mut features = vec![0.0; rows.n_rows() * engine.pipeline().n_features()];
    for refused in [engine.transform_into(&rows, &mut features), engine.predict_into(&rows, &mut [0.0; 12])] {
        assert_eq!(refused.expect_err("an extra column").kind(), ErrorKind::RowsRejected);
    }
    let found = engine.check(&rows).expect("findings");
    assert_eq!(found.iter().filter(|finding| finding.kind == FindingKind::Extra).count(), rows.n_rows());
}

#[test]
fn health_is_degraded_by_rows_unlike_the_reference() {
    let folder = TempDir::new().expect("a folder");
    let engine = ruled(&folder, "{age: {max: 120}}");
    let rows = |age: i32, n: usize| json!(vec![json!({"age": age, "balance": 2, "region": "south"}); n]);
    run(&engine, &rows(40, 900));
    run(&engine, &rows(130, 100));
    assert!(engine.health().is_ok(), "a share of exactly the limit");
    run(&engine, &rows(130, 1));
    let health = engine.health();
    assert!(health.findings[0].contains("\"age\" in 10.1 %"), "{:?}", health.findings);
    let share = engine.out_of_distribution();
    assert_eq!((share.rows, share.out_of_distribution), (1001, 101));
    assert_eq!(share.fields, [("age".to_owned(), 101)]);
}

#[test]
fn events_may_make_requests_themselves() {
    use monobloc::monitor::EventOptions;
    use std::sync::{Arc, Mutex, OnceLock};
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("ruled.bloc");
    drop(ruled(&folder, "{age: {max: 120, redact: true}}"));
    let (told, engine) = (Arc::new(Mutex::new(Vec::new())), Arc::new(OnceLock::<Engine>::new()));
    // The engine owns who is told, who must not own the engine.
    let (into, asked) = (Arc::clone(&told), Arc::downgrade(&engine));
    let events = EventOptions::new(move |event| {
        let asked = asked.upgrade().expect("in use");
        let again = asked.get().expect("loaded").run_json(br#"{"age":1,"balance":2,"region":"east"}"#);
        into.lock().expect("a list").push((event.row, event.status, event.to_json(), again.is_ok()));
    });
    let options = LoadOptions::default().events(events);
    let engine = engine.get_or_init(|| Engine::load(&path, &options).expect("loaded"));
    run(
        engine,
        &json!([{"age": 1, "balance": 2, "region": "east"}, {"age": 131, "balance": 2, "region": "east"}]),
    );
    let told = told.lock().expect("a list");
    assert_eq!(told.len(), 1);
    let (row, status, json, again) = &told[0];
    assert_eq!((*row, *status, *again), (1, Status::Flagged, true));
    assert!(
        json.contains("\"model\":\"sample\"") && json.contains("(redacted)") && !json.contains("131"),
        "{json}"
    );
    assert_eq!(engine.event_counts().told, 1);
}

#[test]
fn checking_says_what_running_does() {
    let folder = TempDir::new().expect("a folder");
    let engine = ruled(&folder, "{age: {max: 60, missing_rate: 0}, balance: {max: 10, on_range: clip}}");
    let (cells, text) = region_cells();
    let rows = input(&engine, &cells, &text);
    let findings = engine.run(&rows).expect("a prediction").findings;
    assert_eq!(engine.check(&rows).expect("findings"), findings);
    let rows: Vec<_> = findings.iter().map(|finding| (finding.row, finding.status)).collect();
    let (flagged, repaired) = (Status::Flagged, Status::Repaired);
    assert_eq!(rows, [(2, flagged), (3, flagged), (3, repaired), (4, flagged)]);
}

#[test]
fn findings_say_what_was_seen_and_what_is_used() {
    let finding = |kind, seen, used, expected: Option<&str>| {
        let status = Status::Repaired;
        Finding { row: 0, field: "age".into(), kind, seen, used, status, expected: expected.map(Into::into) }
            .reason()
    };
    let text = |text: &str| Seen::text(text);
    assert_eq!(
        finding(FindingKind::OutOfRange, Seen::Integer(130), Some(Seen::Float(120.0)), Some("18 to 120")),
        "found 130, expected 18 to 120; 120 is used instead"
    );
    assert_eq!(
        finding(FindingKind::Missing, Seen::Missing, Some(Seen::Float(37.5)), None),
        "missing; 37.5 is used instead"
    );
    assert_eq!(
        finding(FindingKind::WrongType, text("abc"), Some(Seen::Missing), Some("a number")),
        "found the text \"abc\", expected a number; taken as missing"
    );
    assert_eq!(
        finding(FindingKind::Renamed, text("US"), Some(text("United States")), None),
        "found \"US\"; \"United States\" is used instead"
    );
    assert!(finding(FindingKind::UnknownCategory, text(&"é".repeat(500)), None, None).len() < 300);
}
