//! Arrow in, Arrow out: record batches, and bodies of them. `docs/arrow.md` is the specification.

use super::Engine;
use crate::arrow::{ArrowRows, Outputs, batches, table};
use crate::error::{Error, ErrorKind, Result, guard};
use crate::input::Input;
use crate::model::{Answer, Ensemble, Label};
use crate::sanity::Finding;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use std::ops::Range;
use std::sync::Arc;

impl Engine {
    /// The answer for each row of a batch: label, outputs, status and findings, as `docs/arrow.md` specifies. A row that the
    /// source model would refuse is no error: its outputs are null, and its status says so.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when a column that the model reads is absent or of a type that no field takes;
    /// [`ErrorKind::InvalidArgument`] for a network, which takes tensors.
    ///
    /// ```
    /// use monobloc::arrow::arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    /// use monobloc::{Engine, LoadOptions};
    /// use std::sync::Arc;
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let batch = RecordBatch::try_from_iter([
    ///     ("age", Arc::new(Float64Array::from(vec![Some(40.0), None])) as ArrayRef),
    ///     ("balance", Arc::new(Float64Array::from(vec![1.0, 2500.0]))),
    ///     ("region", Arc::new(StringArray::from(vec!["north", "east"]))),
    /// ])?;
    /// let answers = engine.run_record_batch(&batch)?;
    /// assert_eq!(answers.num_rows(), 2);
    /// assert!(answers.column_by_name("probabilities").is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_record_batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        guard(|| {
            let uncounted = |error: &Error| self.count_failure(error.kind());
            let ensemble = self.ensemble().inspect_err(uncounted)?;
            let rows = ArrowRows::read(&self.schema, self.pipeline.needed(), batch).inspect_err(uncounted)?;
            let input = rows.input(&self.schema).inspect_err(uncounted)?;
            self.table_of(ensemble, &input)
        })
    }

    /// The same for rows of any form.
    ///
    /// # Errors
    /// As [`Engine::run`]; [`ErrorKind::InvalidArgument`] for a network, which takes tensors.
    pub fn run_table(&self, input: &Input<'_>) -> Result<RecordBatch> {
        let ensemble = self.ensemble().inspect_err(|error| self.count_failure(error.kind()))?;
        self.table_of(ensemble, input)
    }

    fn table_of(&self, ensemble: &Ensemble, input: &Input<'_>) -> Result<RecordBatch> {
        let answer = ensemble.whole_answer();
        let mut values = vec![0.0; input.n_rows() * ensemble.width(answer)];
        let mut findings = self.answer_into(input, answer, &mut values)?;
        findings.iter_mut().for_each(|finding| finding.row -= input.first_row());
        answer_table(ensemble, input.n_rows(), &values, &findings)
    }

    /// The answers for a body of record batches, both in Arrow's IPC format: a stream or a file is taken, a stream
    /// is given.
    ///
    /// # Errors
    /// As [`Engine::run_record_batch`]; [`ErrorKind::MalformedRequest`] for what is no Arrow;
    /// [`ErrorKind::TooLarge`] beyond [`Engine::max_body_bytes`], of the body or of the number of values that go in
    /// and come out.
    pub fn run_arrow(&self, body: &[u8]) -> Result<Vec<u8>> {
        let batches = self.batches_of(body).inspect_err(|error| self.count_failure(error.kind()))?;
        let mut writer: Option<StreamWriter<Vec<u8>>> = None;
        for batch in &batches {
            let answer = self.run_record_batch(batch)?;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => {
                    let new = StreamWriter::try_new(Vec::new(), &answer.schema()).map_err(unwritten)?;
                    none.insert(new)
                }
            };
            writer.write(&answer).map_err(unwritten)?;
        }
        writer.map_or_else(|| Ok(Vec::new()), |writer| writer.into_inner().map_err(unwritten))
    }

    /// The batches of a body, which is not too large.
    fn batches_of(&self, body: &[u8]) -> Result<Vec<RecordBatch>> {
        let ensemble = self.ensemble()?;
        let most = self.max_body_bytes;
        if body.len() > most {
            let message = format!("a request body of {} bytes; at most {most} are taken", body.len());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let batches = batches(body)?;
        let n_rows = batches.iter().fold(0_usize, |sum, batch| sum.saturating_add(batch.num_rows()));
        let width = self.schema.fields().len() + ensemble.width(Answer::OutputsAndClass);
        if n_rows.saturating_mul(width) > most {
            let message = format!(
                "a request body of {n_rows} rows, each of {width} values in and out; at most {most} values are taken: \
                 send them in several requests"
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(batches)
    }

    /// The same of answers that one has: outputs row after row, as [`Engine::run_into`] gives them, the numbers of
    /// labels, as [`Engine::class_numbers_into`] gives them, none of a regression, and what was found.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for other numbers of values, and for a network.
    pub fn table_of_answers(
        &self,
        n_rows: usize,
        outputs: Vec<f64>,
        numbers: &[f64],
        findings: &[Finding],
    ) -> Result<RecordBatch> {
        let ensemble = self.ensemble()?;
        let (n_outputs, n_targets) = (ensemble.n_outputs(), ensemble.targets().len());
        if outputs.len() != n_rows * n_outputs || numbers.len() != n_rows * n_targets {
            let message = format!(
                "{} outputs and {} labels of {n_rows} rows; expected {n_outputs} and {n_targets} of each",
                outputs.len(),
                numbers.len()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        answers(ensemble, n_rows, outputs, numbers, findings)
    }
}

fn unwritten(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, format!("writing the answers: {error}"))
}

/// The table of answers: `values` holds the outputs of each row, and the numbers of its labels where there are some.
pub(crate) fn answer_table(
    ensemble: &Ensemble,
    n_rows: usize,
    values: &[f64],
    findings: &[Finding],
) -> Result<RecordBatch> {
    let n_outputs = ensemble.n_outputs();
    let (mut outputs, mut numbers) = (Vec::with_capacity(n_rows * n_outputs), Vec::new());
    for row in values.chunks_exact(ensemble.width(ensemble.whole_answer())) {
        let (of_row, of_targets) = row.split_at(n_outputs);
        outputs.extend_from_slice(of_row);
        numbers.extend_from_slice(of_targets);
    }
    answers(ensemble, n_rows, outputs, &numbers, findings)
}

fn answers(
    ensemble: &Ensemble,
    n_rows: usize,
    outputs: Vec<f64>,
    numbers: &[f64],
    findings: &[Finding],
) -> Result<RecordBatch> {
    let (name, targets, n_outputs) = (ensemble.output_name(), ensemble.targets(), ensemble.n_outputs());
    let of_target = |target: usize| numbers.iter().skip(target).step_by(targets.len()).copied();
    let labels =
        targets.iter().enumerate().map(|(target, classes)| labels(&classes.values, of_target(target)));
    let labels = ensemble.label_columns().into_iter().zip(labels).collect();
    let outputs = match targets {
        [_, _, ..] => {
            let of_target = |(target, places): (usize, Range<usize>)| Outputs {
                name: format!("{name}_{target}"),
                width: Some(places.len()),
                values: outputs
                    .chunks_exact(n_outputs)
                    .flat_map(|row| &row[places.clone()])
                    .copied()
                    .collect(),
            };
            ensemble.target_outputs().enumerate().map(of_target).collect()
        }
        _ => {
            let width = (!ensemble.has_flat_output()).then_some(n_outputs);
            vec![Outputs { name: name.to_owned(), values: outputs, width }]
        }
    };
    table(n_rows, labels, outputs, ensemble.precision(), findings)
}

fn labels(classes: &[Label], numbers: impl Iterator<Item = f64>) -> ArrayRef {
    let labels = numbers.map(|number| classes.get(number as usize).filter(|_| !number.is_nan()));
    let all = |is: fn(&Label) -> bool| classes.iter().all(is);
    if all(|label| matches!(label, Label::Boolean(_))) {
        let value = |label: &Label| matches!(label, Label::Boolean(true));
        return Arc::new(BooleanArray::from_iter(labels.map(|label| label.map(value))));
    }
    if all(|label| matches!(label, Label::Integer(_))) {
        let value = |label: &Label| if let Label::Integer(value) = label { *value } else { 0 };
        return Arc::new(Int64Array::from_iter(labels.map(|label| label.map(value))));
    }
    if all(|label| matches!(label, Label::Integer(_) | Label::Float(_))) {
        let value = |label: &Label| match label {
            Label::Integer(value) => *value as f64,
            Label::Float(value) => *value,
            Label::Boolean(_) | Label::Text(_) => f64::NAN,
        };
        return Arc::new(Float64Array::from_iter(labels.map(|label| label.map(value))));
    }
    let value = |label: &Label| match label {
        Label::Boolean(value) => value.to_string(),
        Label::Integer(value) => value.to_string(),
        Label::Float(value) => value.to_string(),
        Label::Text(value) => value.clone(),
    };
    Arc::new(StringArray::from_iter(labels.map(|label| label.map(value))))
}
