//! JSON in, JSON out: request bodies to response bodies. `docs/json.md` is the specification.

use super::{Engine, Rejection};
use crate::error::Result;
use crate::input::Cell;
use crate::model::{Answer, Ensemble, Label};
use crate::precision::Precision;
use crate::request::Request;
use crate::schema::{Field, Kind};
use serde_json::{Value, json};
use std::cell::RefCell;

thread_local! {
    static REQUEST: RefCell<Request> = RefCell::default();
}

/// Something found in a row of a request.
struct Finding<'a> {
    row: usize,
    field: &'a str,
    reason: &'a str,
    rejected: bool,
}

impl Engine {
    /// The response body for a request body, both JSON as `docs/json.md` specifies. A row that the source model
    /// would refuse is no error: its outputs are null, and its verdict says why.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MalformedRequest`], [`crate::ErrorKind::TooLarge`] and [`crate::ErrorKind::Schema`] for
    /// bodies that hold no rows of this model; [`crate::ErrorKind::InvalidArgument`] for a network, which takes
    /// tensors.
    pub fn run_json(&self, body: &[u8]) -> Result<Vec<u8>> {
        let ensemble = self.ensemble()?;
        REQUEST.with_borrow_mut(|request| {
            request.read(&self.schema, body, self.max_body_bytes)?;
            let input = request.input(&self.schema)?;
            let answer = if ensemble.classes().is_some() { Answer::OutputsAndClass } else { Answer::Outputs };
            let mut values = vec![0.0; input.n_rows() * ensemble.width(answer)];
            let rejections = self.answer_into(&input, answer, &mut values)?;
            let findings = self.findings(ensemble, request, &rejections, &values);
            Ok(response(ensemble, input.n_rows(), &values, &findings))
        })
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

    /// What was found, by ascending row.
    fn findings<'a>(
        &'a self,
        ensemble: &Ensemble,
        request: &Request,
        rejections: &'a [Rejection],
        values: &[f64],
    ) -> Vec<Finding<'a>> {
        let mut findings: Vec<_> = rejections
            .iter()
            .map(|Rejection { row, field, reason }| Finding { row: *row, field, reason, rejected: true })
            .collect();
        let records = request.records();
        for row in 0..records.n_rows() {
            for &field in self.pipeline.needed() {
                if records.cell(row, field) == Some(Cell::Absent) {
                    let field = &self.schema.fields()[field].name;
                    findings.push(Finding {
                        row,
                        field,
                        reason: "absent, taken as missing",
                        rejected: false,
                    });
                }
            }
        }
        let rejected: Vec<usize> = rejections.iter().map(|rejection| rejection.row).collect();
        let width = values.len() / records.n_rows().max(1);
        for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
            let is_finite = values[..ensemble.n_outputs()].iter().all(|value| value.is_finite());
            if !is_finite && rejected.binary_search(&row).is_err() {
                let field = ensemble.output_name();
                findings.push(Finding { row, field, reason: "the output is not finite", rejected: false });
            }
        }
        findings.sort_by_key(|finding| finding.row);
        findings
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

fn response(ensemble: &Ensemble, n_rows: usize, values: &[f64], findings: &[Finding<'_>]) -> Vec<u8> {
    let n_outputs = ensemble.n_outputs();
    let classes = ensemble.classes().map(|classes| &classes.values[..]);
    let rows = values.chunks_exact(n_outputs + usize::from(classes.is_some()));
    let mut out = Vec::with_capacity(64 + values.len() * 20);
    out.extend_from_slice(b"{\"outputs\":{");
    if let Some(labels) = classes {
        out.extend_from_slice(b"\"label\":");
        list(&mut out, rows.clone(), |out, row| label(out, labels, row[n_outputs]));
        out.push(b',');
    }
    write(&mut out, ensemble.output_name());
    out.push(b':');
    list(&mut out, rows, |out, row| {
        let number = |out: &mut Vec<u8>, &value: &f64| match ensemble.precision() {
            Precision::Single => write(out, &(value as f32)),
            Precision::Double => write(out, &value),
        };
        if ensemble.has_flat_output() {
            number(out, &row[0]);
        } else {
            list(out, &row[..n_outputs], number);
        }
    });
    out.extend_from_slice(b"},\"rows\":");
    write(&mut out, &n_rows);
    out.extend_from_slice(b",\"verdicts\":");
    list(&mut out, findings.chunk_by(|one, next| one.row == next.row), |out, found| {
        let status = if found.iter().any(|finding| finding.rejected) { "rejected" } else { "flagged" };
        let findings: Vec<Value> =
            found.iter().map(|finding| json!({ "field": finding.field, "reason": finding.reason })).collect();
        write(out, &json!({ "row": found[0].row, "status": status, "findings": findings }));
    });
    out.push(b'}');
    out
}

fn label(out: &mut Vec<u8>, labels: &[Label], number: f64) {
    match labels.get(number as usize).filter(|_| !number.is_nan()) {
        None => out.extend_from_slice(b"null"),
        Some(Label::Boolean(value)) => write(out, value),
        Some(Label::Integer(value)) => write(out, value),
        Some(Label::Float(value)) => write(out, value),
        Some(Label::Text(value)) => write(out, value),
    }
}

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
fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}
