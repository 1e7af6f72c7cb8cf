//! Answers as text: a line for each row, of CSV or JSON.

use super::rows::{Carried, Rows};
use crate::engine::{write_json, write_label, write_list};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Ensemble, Label};
use crate::precision::Precision;

/// What a line holds, and how.
#[derive(Debug)]
pub(super) struct Lines<'e> {
    ensemble: &'e Ensemble,
    ids: &'e [String],
    /// The delimiter of CSV; JSON lines have none.
    delimiter: Option<u8>,
}

impl<'e> Lines<'e> {
    /// Refuses carried columns that are called as one of the outputs is.
    pub fn check_names(ensemble: &'e Ensemble, ids: &'e [String], delimiter: Option<u8>) -> Result<()> {
        refuse_names(ids, &Lines::new(ensemble, ids, delimiter).output_names())
    }

    /// Lines with the carried columns `ids`.
    pub fn new(ensemble: &'e Ensemble, ids: &'e [String], delimiter: Option<u8>) -> Self {
        Lines { ensemble, ids, delimiter }
    }

    fn labels(&self) -> Option<&'e [Label]> {
        self.ensemble.classes().map(|classes| &classes.values[..])
    }

    /// The names of the outputs' columns.
    fn output_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.labels().map(|_| "label".to_owned()).into_iter().collect();
        match self.delimiter {
            Some(_) => names.extend(self.ensemble.output_columns()),
            None => names.push(self.ensemble.output_name().to_owned()),
        }
        names
    }

    /// The line before those of rows.
    pub fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(delimiter) = self.delimiter else { return out };
        for (at, name) in self.ids.iter().chain(&self.output_names()).enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            quoted(&mut out, name, delimiter);
        }
        out.push(b'\n');
        out
    }

    /// Appends a line for each row, of its outputs and the number of its label.
    pub fn append(&self, out: &mut Vec<u8>, rows: &Rows, values: &[f64]) {
        let n_outputs = self.ensemble.n_outputs();
        let width = n_outputs + usize::from(self.labels().is_some());
        for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
            let (outputs, class) = values.split_at(n_outputs);
            let class = class.first().copied();
            match self.delimiter {
                Some(delimiter) => self.append_csv(out, rows.ids(row), class, outputs, delimiter),
                None => self.append_json(out, rows.ids(row), class, outputs),
            }
            out.push(b'\n');
        }
    }

    fn append_csv<'t>(
        &self,
        out: &mut Vec<u8>,
        ids: impl Iterator<Item = Carried<'t>>,
        class: Option<f64>,
        outputs: &[f64],
        delimiter: u8,
    ) {
        let begin = out.len();
        for id in ids {
            match id {
                Carried::Missing => {}
                Carried::Text(text) | Carried::Token(text) => quoted(out, text, delimiter),
            }
            out.push(delimiter);
        }
        if let (Some(labels), Some(class)) = (self.labels(), class) {
            match labels.get(class as usize).filter(|_| !class.is_nan()) {
                Some(Label::Text(text)) => quoted(out, text, delimiter),
                Some(label) => out.extend_from_slice(label.to_string().as_bytes()),
                None => {}
            }
            out.push(delimiter);
        }
        for &value in outputs {
            match value {
                _ if value.is_finite() => self.number(out, value),
                _ if value.is_nan() => {}
                _ => out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" }),
            }
            out.push(delimiter);
        }
        out.pop();
        if out.len() == begin {
            // An empty line is no row.
            out.extend_from_slice(b"\"\"");
        }
    }

    fn append_json<'t>(
        &self,
        out: &mut Vec<u8>,
        ids: impl Iterator<Item = Carried<'t>>,
        class: Option<f64>,
        outputs: &[f64],
    ) {
        out.push(b'{');
        for (name, id) in self.ids.iter().zip(ids) {
            write_json(out, name);
            out.push(b':');
            match id {
                Carried::Missing => out.extend_from_slice(b"null"),
                Carried::Text(text) => write_json(out, text),
                Carried::Token(token) => out.extend_from_slice(token.as_bytes()),
            }
            out.push(b',');
        }
        if let (Some(labels), Some(class)) = (self.labels(), class) {
            out.extend_from_slice(b"\"label\":");
            write_label(out, labels, class);
            out.push(b',');
        }
        write_json(out, self.ensemble.output_name());
        out.push(b':');
        match outputs {
            [value] if self.ensemble.has_flat_output() => self.number(out, *value),
            _ => write_list(out, outputs, |out, &value| self.number(out, value)),
        }
        out.push(b'}');
    }

    /// The shortest number that reads as the same value of the model's type; null where it is not finite.
    fn number(&self, out: &mut Vec<u8>, value: f64) {
        match self.ensemble.precision() {
            Precision::Single => write_json(out, &(value as f32)),
            Precision::Double => write_json(out, &value),
        }
    }
}

/// Refuses carried columns that are called as an output is, or as another of them.
pub(super) fn refuse_names(ids: &[String], outputs: &[String]) -> Result<()> {
    for (at, id) in ids.iter().enumerate() {
        let message = match () {
            () if outputs.contains(id) => format!("the carried column {id:?} is called as an output is"),
            () if ids[..at].contains(id) => format!("the column {id:?} is to be carried over twice"),
            () => continue,
        };
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Appends `text`, in quotes where CSV needs them.
fn quoted(out: &mut Vec<u8>, text: &str, delimiter: u8) {
    if !text.bytes().any(|byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        out.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
    }
    out.push(b'"');
}
