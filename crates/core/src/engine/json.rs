//! JSON in, JSON out: request bodies to response bodies. `docs/json.md` is the specification.

use super::Engine;
use crate::error::{Error, Result};
use crate::extra::Extra;
use crate::model::{Ensemble, Label};
use crate::precision::Precision;
use crate::request::Request;
use crate::sanity::{Finding, verdicts_json};
use crate::schema::{Field, Kind};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static REQUEST: RefCell<Request> = RefCell::default();
}

impl Engine {
    /// The response body for a request body, both JSON as `docs/json.md` specifies. A row that the source model
    /// would refuse is no error: its outputs are null, and its verdict says why.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MalformedRequest`], [`crate::ErrorKind::TooLarge`] and [`crate::ErrorKind::Schema`] for
    /// bodies that hold no rows of this model; [`crate::ErrorKind::InvalidArgument`] for a network, which takes
    /// tensors.
    ///
    /// ```
    /// use monobloc::{Engine, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let answer = engine.run_json(br#"[{"age": 40, "balance": 1, "region": "north"}, {"age": "old"}]"#)?;
    /// let answer = String::from_utf8_lossy(&answer);
    /// assert!(answer.contains(r#""probabilities":[[0.26666666666666666,0.7333333333333334],[null,null]]"#));
    ///
    /// let error = engine.run_json(b"[40, 1").expect_err("half a body");
    /// assert_eq!((error.kind().code(), error.kind().http_status()), ("malformed_request", 400));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn run_json(&self, body: &[u8]) -> Result<Vec<u8>> {
        let call = self.monitor.begin();
        let result = REQUEST.with_borrow_mut(|request| {
            let ensemble = self.ensemble()?;
            request.read(&self.schema, body, self.max_body_bytes)?;
            let input = request.input(&self.schema)?;
            let answer = ensemble.whole_answer();
            let mut values = vec![0.0; input.n_rows() * ensemble.width(answer)];
            let findings = self.counted(&call, &input, answer, &mut values)?;
            let response = response(ensemble, input.n_rows(), &values, &findings, request.extra());
            Ok::<_, Error>((findings, response))
        });
        let (findings, response) = call.ended(result)?;
        // The request is free again: who is told may make requests.
        self.monitor.tell(&self.sanity, &findings);
        Ok(response)
    }

    /// A JSON Schema (draft 2020-12) of the request bodies that [`Engine::run_json`] takes.
    pub fn json_schema(&self) -> String {
        let fields = self.schema.fields();
        let each = |shape: &dyn Fn(Value) -> Value| -> serde_json::Map<String, Value> {
            fields.iter().map(|field| (field.name.clone(), shape(values(field)))).collect()
        };
        let row = json!({ "type": "object", "properties": each(&|value| value) });
        let by_position = json!({
            "type": "array",
            "prefixItems": fields.iter().map(values).collect::<Vec<_>>(),
            "minItems": fields.len(),
            "maxItems": fields.len(),
        });
        let rows = json!({ "type": "array", "items": { "anyOf": [row.clone(), by_position] } });
        let columns = each(&|value| json!({ "type": "array", "items": value }));
        let mut forms = vec![row, rows.clone(), json!({ "type": "object", "properties": columns })];
        if self.schema.number("rows").is_none() {
            forms.push(json!({ "type": "object", "properties": { "rows": rows }, "required": ["rows"] }));
        }
        let draft = "https://json-schema.org/draft/2020-12/schema";
        json!({ "$schema": draft, "title": self.manifest().name, "anyOf": forms }).to_string()
    }
}

/// What a field takes, in JSON Schema.
fn values(field: &Field) -> Value {
    match field.kind {
        Kind::Boolean => json!({ "type": ["boolean", "number", "null"] }),
        Kind::Float | Kind::Integer => json!({ "type": ["number", "null"] }),
        Kind::String => json!({ "type": ["string", "null"] }),
    }
}

fn response(
    ensemble: &Ensemble,
    n_rows: usize,
    values: &[f64],
    findings: &[Finding],
    extra: &Extra,
) -> Vec<u8> {
    let n_outputs = ensemble.n_outputs();
    let rows =
        values.chunks_exact(ensemble.width(ensemble.whole_answer())).map(|row| row.split_at(n_outputs));
    let mut out = Vec::with_capacity(64 + values.len() * 20);
    out.extend_from_slice(b"{\"outputs\":{");
    if !ensemble.targets().is_empty() {
        out.extend_from_slice(b"\"label\":");
        list(&mut out, rows.clone(), |out, (_, classes)| labels(out, ensemble, classes));
        out.push(b',');
    }
    write(&mut out, ensemble.output_name());
    out.push(b':');
    list(&mut out, rows, |out, (values, _)| outputs(out, ensemble, values));
    out.extend_from_slice(b"},\"rows\":");
    write(&mut out, &n_rows);
    out.extend_from_slice(b",\"verdicts\":");
    out.extend_from_slice(verdicts_json(findings).as_bytes());
    if !extra.is_empty() {
        out.extend_from_slice(b",\"extra\":");
        let names = extra.names().iter().map(|extra| (&*extra.name, extra.count(n_rows)));
        write(&mut out, &names.collect::<BTreeMap<_, _>>());
    }
    out.push(b'}');
    out
}

/// Appends the outputs of a row: a number, a list of them, or of several targets a list for each.
pub(crate) fn outputs(out: &mut Vec<u8>, ensemble: &Ensemble, values: &[f64]) {
    let number = |out: &mut Vec<u8>, &value: &f64| match ensemble.precision() {
        Precision::Single => write(out, &(value as f32)),
        Precision::Double => write(out, &value),
    };
    match values {
        [value] if ensemble.has_flat_output() => number(out, value),
        _ if ensemble.targets().len() > 1 => {
            list(out, ensemble.target_outputs(), |out, of_target| list(out, &values[of_target], number));
        }
        _ => list(out, values, number),
    }
}

/// Appends the label of a row by its number, of several targets a list of them.
pub(crate) fn labels(out: &mut Vec<u8>, ensemble: &Ensemble, numbers: &[f64]) {
    match (ensemble.targets(), numbers) {
        ([classes], &[number]) => label(out, &classes.values, number),
        (targets, _) => {
            let each = targets.iter().zip(numbers);
            list(out, each, |out, (classes, &number)| label(out, &classes.values, number));
        }
    }
}

/// Appends the label of this number, null for NaN.
fn label(out: &mut Vec<u8>, labels: &[Label], number: f64) {
    match labels.get(number as usize).filter(|_| !number.is_nan()) {
        None => out.extend_from_slice(b"null"),
        Some(Label::Boolean(value)) => write(out, value),
        Some(Label::Integer(value)) => write(out, value),
        Some(Label::Float(value)) => write(out, value),
        Some(Label::Text(value)) => write(out, value),
    }
}

/// Appends a list of what `each` appends.
fn list<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

/// Appends `value`; what is not finite is null.
pub(crate) fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}
