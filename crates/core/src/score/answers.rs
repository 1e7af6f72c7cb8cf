//! Answers as text: a line for each row, of CSV or JSON.

use super::rows::{Carried, Rows};
use crate::engine::{write_json, write_labels, write_outputs};
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

    /// The names of the outputs' columns.
    fn output_names(&self) -> Vec<String> {
        match self.delimiter {
            Some(_) => {
                self.ensemble.label_columns().into_iter().chain(self.ensemble.output_columns()).collect()
            }
            None => {
                let label = (!self.ensemble.targets().is_empty()).then_some("label");
                label.into_iter().chain([self.ensemble.output_name()]).map(str::to_owned).collect()
            }
        }
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

    /// Appends a line for each row, of its outputs and the numbers of its labels.
    pub fn append(&self, out: &mut Vec<u8>, rows: &Rows, values: &[f64]) {
        let (n_outputs, width) =
            (self.ensemble.n_outputs(), self.ensemble.width(self.ensemble.whole_answer()));
        for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
            let (outputs, numbers) = values.split_at(n_outputs);
            match self.delimiter {
                Some(delimiter) => self.append_csv(out, rows.ids(row), numbers, outputs, delimiter),
                None => self.append_json(out, rows.ids(row), numbers, outputs),
            }
            out.push(b'\n');
        }
    }

    fn append_csv<'t>(
        &self,
        out: &mut Vec<u8>,
        ids: impl Iterator<Item = Carried<'t>>,
        numbers: &[f64],
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
        for (classes, &number) in self.ensemble.targets().iter().zip(numbers) {
            match classes.values.get(number as usize).filter(|_| !number.is_nan()) {
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
        numbers: &[f64],
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
        if !self.ensemble.targets().is_empty() {
            out.extend_from_slice(b"\"label\":");
            write_labels(out, self.ensemble, numbers);
            out.push(b',');
        }
        write_json(out, self.ensemble.output_name());
        out.push(b':');
        write_outputs(out, self.ensemble, outputs);
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
