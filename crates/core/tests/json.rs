//! Request bodies and response bodies, on the sample model.

mod sample;

use monobloc::{Engine, ErrorKind, LoadOptions};
use proptest::prelude::*;
use sample::{AGES, BALANCES, REGIONS, expected, input, pack, region_cells};
use serde_json::{Value, json};
use tempfile::TempDir;

fn engine(folder: &TempDir, options: &LoadOptions) -> Engine {
    let path = folder.path().join("sample.bloc");
    pack(&path).expect("packed");
    Engine::load(&path, options).expect("loaded")
}

fn run(engine: &Engine, body: &str) -> Value {
    let response = engine.run_json(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
    serde_json::from_slice(&response).expect("JSON")
}

fn row(row: usize) -> Value {
    let age = if AGES[row].is_nan() { Value::Null } else { json!(AGES[row]) };
    json!({ "age": age, "balance": BALANCES[row], "region": REGIONS[row] })
}

fn probabilities() -> Value {
    json!(expected().chunks(2).collect::<Vec<_>>())
}

#[test]
fn every_form_means_the_same() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let rows: Vec<Value> = (0..AGES.len()).map(row).collect();
    let by_position: Vec<Value> =
        rows.iter().map(|row| json!([row["age"], row["balance"], row["region"]])).collect();
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    let columns =
        json!({ "region": column("region"), "other": 1, "age": column("age"), "balance": column("balance") });
    let mixed: Vec<Value> = rows
        .iter()
        .zip(&by_position)
        .enumerate()
        .map(|(at, (a, b))| if at % 2 == 0 { a } else { b }.clone())
        .collect();
    let (cells, text) = region_cells();
    let outputs = engine.run(&input(&engine, &cells, &text)).expect("a prediction").outputs;
    assert_eq!(json!(outputs.chunks(2).collect::<Vec<_>>()), probabilities());
    for body in [json!(rows), json!({ "rows": rows }), json!(by_position), columns, json!(mixed)] {
        let response = run(&engine, &body.to_string());
        assert_eq!(response["outputs"]["probabilities"], probabilities(), "{body}");
        assert_eq!((&response["rows"], &response["verdicts"][0]["row"]), (&json!(6), &json!(4)));
        assert_eq!(response["verdicts"][0]["findings"][0]["kind"], "unknown_category");
    }
    for (at, row) in rows.iter().enumerate() {
        let response = run(&engine, &format!("\u{feff}{row}\n"));
        assert_eq!(response["outputs"]["probabilities"], json!([probabilities()[at]]));
        let best = usize::from(expected()[at * 2 + 1] > expected()[at * 2]);
        assert_eq!(response["outputs"]["label"], json!([best]));
    }
}

#[test]
fn a_response_is_one_line_of_known_shape() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let body = br#"[{"age":1,"balance":"1e999","region":"east"},{"age":1,"balance":0,"region":"east","x":2},{"balance":0}]"#;
    let text = String::from_utf8(engine.run_json(body).expect("a response")).expect("UTF-8");
    let [first, second] = [(1.0, "east"), (f64::NAN, "")]
        .map(|(age, region)| json!(sample::probabilities(age, 0.0, region)).to_string());
    let read = r#"{"field":"balance","kind":"wrong_type","reason":"found the text \"1e999\", expected a number; inf is used instead","seen":"1e999","used":"Infinity"}"#;
    let infinite = r#"{"field":"balance","kind":"infinite","reason":"found \"1e999\", expected a finite float64","seen":"1e999"}"#;
    let found = format!(r#"{{"findings":[{read},{infinite}],"row":0,"status":"rejected"}}"#);
    let absent = |name: &str| {
        format!(r#"{{"field":"{name}","kind":"absent","reason":"absent, taken as missing","seen":null}}"#)
    };
    let flagged =
        format!(r#"{{"findings":[{},{}],"row":2,"status":"flagged"}}"#, absent("age"), absent("region"));
    assert_eq!(
        text,
        format!(
            r#"{{"outputs":{{"label":[null,0,0],"probabilities":[[null,null],{first},{second}]}},"rows":3,"verdicts":[{found},{flagged}],"extra":{{"x":1}}}}"#
        )
    );
    assert_eq!(
        engine.run_json(b"[]").expect("no rows"),
        br#"{"outputs":{"label":[],"probabilities":[]},"rows":0,"verdicts":[]}"#
    );
}

#[test]
fn bodies_that_hold_no_rows_are_refused_by_name() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default().max_body_bytes(1000));
    let deep = "[".repeat(900);
    let cases: &[(&[u8], ErrorKind, &str)] = &[
        (b"", ErrorKind::MalformedRequest, "EOF while parsing a value at line 1 column 0"),
        (b"{\"age\": 1", ErrorKind::MalformedRequest, "EOF while parsing an object at line 1 column 9"),
        (b"{\"age\": 1} x", ErrorKind::MalformedRequest, "trailing characters"),
        (b"{\"age\": \xff}", ErrorKind::MalformedRequest, "byte 8 is not UTF-8"),
        (b"{\"age\": NaN}", ErrorKind::MalformedRequest, "send null for a missing value"),
        (b"{\"age\": -Infinity}", ErrorKind::MalformedRequest, "send null for a missing value"),
        (b"{\"region\": \"\\ud800\"}", ErrorKind::MalformedRequest, "unexpected end of hex escape"),
        (b"{\"age\": 1, \"age\": 2}", ErrorKind::MalformedRequest, "row 0 has the key \"age\" twice"),
        (
            b"[{}, {\"age\": null, \"age\": 2}]",
            ErrorKind::MalformedRequest,
            "row 1 has the key \"age\" twice",
        ),
        (
            b"{\"age\": [1], \"age\": [2]}",
            ErrorKind::MalformedRequest,
            "the column \"age\" stands there twice",
        ),
        (b"{\"rows\": [], \"age\": 1}", ErrorKind::MalformedRequest, "\"rows\" beside fields"),
        (b"{\"age\": 1, \"rows\": []}", ErrorKind::MalformedRequest, "\"rows\" beside fields"),
        (b"{\"rows\": 3}", ErrorKind::MalformedRequest, "expected an array of rows"),
        (b"12", ErrorKind::MalformedRequest, "expected an object of one row, an array of rows"),
        (b"[{}, 12]", ErrorKind::MalformedRequest, "expected row 1 to be an object"),
        (deep.as_bytes(), ErrorKind::MalformedRequest, "EOF while parsing"),
        (b"[[1, 2]]", ErrorKind::Schema, "row 0 is an array of 2 values; the model has 3 fields"),
        (
            b"[[1, 2, \"east\", 4]]",
            ErrorKind::Schema,
            "row 0 is an array of 4 values; the model has 3 fields",
        ),
        (
            b"{\"age\": [1], \"balance\": 2}",
            ErrorKind::Schema,
            "\"age\" holds an array and \"balance\" a single value",
        ),
        (
            b"{\"balance\": 2, \"age\": [1]}",
            ErrorKind::Schema,
            "\"age\" holds an array and \"balance\" a single value",
        ),
        (
            b"{\"age\": [1, 2], \"balance\": [1]}",
            ErrorKind::Schema,
            "\"balance\" has 1 values, \"age\" has 2",
        ),
        (
            b"{\"age\": [1], \"balance\": [1, 2]}",
            ErrorKind::Schema,
            "\"balance\" has 2 values, \"age\" has 1",
        ),
        (b"{\"age\": [1], \"balance\": [1]}", ErrorKind::Schema, "the input lacks \"region\""),
        (&[b' '; 1001], ErrorKind::TooLarge, "a request body of 1001 bytes; at most 1000 are taken"),
    ];
    for (body, kind, message) in cases {
        let shown = String::from_utf8_lossy(body);
        let error = engine.run_json(body).expect_err(&shown);
        assert_eq!(error.kind(), *kind, "{shown}: {error}");
        assert!(error.to_string().contains(message), "{shown}: {error}");
    }
    // A body that fails leaves nothing behind for the next one.
    assert_eq!(
        run(&engine, &json!([row(0)]).to_string())["outputs"]["probabilities"],
        json!([probabilities()[0]])
    );
}

#[test]
fn a_row_of_wrong_values_disturbs_no_other() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    for bad in [json!([1]), json!({ "a": 1 }), json!("twelve")] {
        let body = json!([row(0), { "age": bad, "balance": 1, "region": "east" }, row(1)]);
        let response = run(&engine, &body.to_string());
        let missing = json!(sample::probabilities(f64::NAN, 1.0, "east"));
        let wanted = json!([probabilities()[0], missing, probabilities()[1]]);
        assert_eq!(response["outputs"]["probabilities"], wanted);
        let verdict = &response["verdicts"][0];
        assert_eq!((&verdict["row"], &verdict["status"]), (&json!(1), &json!("repaired")));
        assert_eq!(verdict["findings"][0]["field"], "age");
    }
}

#[test]
fn numbers_are_read_as_python_reads_them() {
    let folder = TempDir::new().expect("a folder");
    let engine = engine(&folder, &LoadOptions::default());
    let text = [
        "2.2250738585072011e-308",
        "9007199254740993",
        "0.1",
        "1e-400",
        "123456789012345678901234567890",
        "-0.0",
        "5e-324",
    ];
    for number in text {
        let exact: f64 = number.parse().expect("a number");
        for shape in [number.to_owned(), format!("\"{number}\"")] {
            let body = format!(r#"{{"age": 1, "balance": {shape}, "region": "east"}}"#);
            let mut request = monobloc::request::Request::default();
            request.read(engine.schema(), body.as_bytes(), 1000).expect("read");
            let mut features = [0.0; 5];
            let input = request.input(engine.schema()).expect("input");
            engine.transform_into(&input, &mut features).expect("features");
            assert_eq!(features[1].to_bits(), exact.to_bits(), "{shape}");
        }
    }
}

#[test]
fn the_json_schema_names_each_field() {
    let folder = TempDir::new().expect("a folder");
    let schema: Value =
        serde_json::from_str(&engine(&folder, &LoadOptions::default()).json_schema()).expect("JSON");
    let row = &schema["anyOf"][0]["properties"];
    assert_eq!(row["age"], json!({ "type": ["number", "null"] }));
    assert_eq!(row["region"], json!({ "type": ["string", "null"] }));
    assert_eq!(schema["anyOf"][1]["items"]["anyOf"][1]["prefixItems"].as_array().map(Vec::len), Some(3));
    assert_eq!(schema["anyOf"][3]["required"], json!(["rows"]));
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z\"\\\\]{0,6}".prop_map(Value::from),
        Just(json!("east")),
    ];
    let name = prop_oneof![Just("age"), Just("balance"), Just("region"), Just("rows"), Just("x")];
    scalar.prop_recursive(3, 30, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_answered_or_refused(body in values(), cut in any::<prop::sample::Index>()) {
        let folder = TempDir::new().expect("a folder");
        let engine = engine(&folder, &LoadOptions::default());
        let text = body.to_string();
        for body in [text.as_bytes(), &text.as_bytes()[..cut.index(text.len() + 1)]] {
            match engine.run_json(body) {
                Ok(response) => {
                    let response: Value = serde_json::from_slice(&response).expect("JSON");
                    let n_rows = response["rows"].as_u64().expect("a count") as usize;
                    prop_assert_eq!(response["outputs"]["label"].as_array().map(Vec::len), Some(n_rows));
                }
                Err(error) => prop_assert!(error.kind().http_status() < 500, "{}", error),
            }
        }
    }
}
