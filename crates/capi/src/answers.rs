//! Rows to answers: into the caller's memory, as verdicts, as features, as Arrow.

use crate::arrow::ArrowArrayStream;
use crate::engine::monobloc_engine;
use crate::handle::{ArrayMut, In, Out, given, invalid};
use crate::matrix::monobloc_matrix;
use crate::rows::monobloc_rows;
use crate::status::{guard, monobloc_error, monobloc_status};
use crate::verdicts::monobloc_verdicts;
use monobloc::sanity::accept;
use monobloc::{Engine, Finding, Input, Result};

/// What is asked of a model.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_answer {
    /// The model's outputs: probabilities of a classifier in the order of its classes, of several targets one target's
    /// after another's; a score or a prediction.
    MONOBLOC_OUTPUTS = 0,
    /// The number of the label among the classes, as the source's `predict` decides: a whole number, of several targets
    /// one for each.
    MONOBLOC_CLASS = 1,
    /// The outputs, followed by the number of the label, of several targets by one for each.
    MONOBLOC_OUTPUTS_AND_CLASS = 2,
    /// What the trees or weights add up to, before the link.
    MONOBLOC_RAW_SCORES = 3,
    /// The natural logarithms of probabilities.
    MONOBLOC_LOG_PROBABILITIES = 4,
}

use monobloc_answer as Asked;

/// What a number asks for, where the model has it, and how many values a row of it has.
fn asked(engine: &Engine, number: u32) -> Result<(monobloc_answer, usize)> {
    let all = [
        Asked::MONOBLOC_OUTPUTS,
        Asked::MONOBLOC_CLASS,
        Asked::MONOBLOC_OUTPUTS_AND_CLASS,
        Asked::MONOBLOC_RAW_SCORES,
        Asked::MONOBLOC_LOG_PROBABILITIES,
    ];
    let answer = all.into_iter().find(|&answer| answer as u32 == number);
    let answer = answer.ok_or_else(|| invalid(format!("answer is {number}, which is no monobloc_answer")))?;
    let model = engine.model();
    if model.ensemble().is_none() {
        return Err(invalid("the model is a network, whose outputs are tensors: run it as one"));
    }
    if matches!(answer, Asked::MONOBLOC_CLASS | Asked::MONOBLOC_OUTPUTS_AND_CLASS)
        && model.targets().is_empty()
    {
        return Err(invalid("the model has no classes; ask for its outputs"));
    }
    let width = match answer {
        Asked::MONOBLOC_OUTPUTS | Asked::MONOBLOC_LOG_PROBABILITIES => model.n_outputs(),
        Asked::MONOBLOC_CLASS => model.targets().len(),
        Asked::MONOBLOC_OUTPUTS_AND_CLASS => model.n_outputs() + model.targets().len(),
        Asked::MONOBLOC_RAW_SCORES => model.n_raw_scores(),
    };
    Ok((answer, width))
}

/// The places for the answers of so many rows, of which the caller has to have as many.
pub fn places<'a>(engine: &Engine, what: u32, n_rows: usize, values: &'a mut [f64]) -> Result<&'a mut [f64]> {
    let (_, width) = asked(engine, what)?;
    if n_rows.checked_mul(width) != Some(values.len()) {
        let message = format!("n_values is {}; expected {width} for each of {n_rows} rows", values.len());
        return Err(invalid(message));
    }
    Ok(values)
}

/// Answers rows into their places.
pub fn answer(engine: &Engine, input: &Input<'_>, what: u32, values: &mut [f64]) -> Result<Vec<Finding>> {
    match asked(engine, what)?.0 {
        Asked::MONOBLOC_OUTPUTS => engine.run_into(input, values),
        Asked::MONOBLOC_CLASS => engine.class_numbers_into(input, values),
        Asked::MONOBLOC_OUTPUTS_AND_CLASS => engine.run_with_classes_into(input, values),
        Asked::MONOBLOC_RAW_SCORES => engine.raw_scores_into(input, values),
        Asked::MONOBLOC_LOG_PROBABILITIES => engine.log_probabilities_into(input, values),
    }
}

/// How many values a row's answer has: a `monobloc_answer`. 0 where the model does not have it, and of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_answer_width(engine: Option<&monobloc_engine>, answer: u32) -> usize {
    engine.and_then(|engine| asked(&engine.0.engine, answer).ok()).map_or(0, |(_, width)| width)
}

/// Writes the answers to all rows, a `monobloc_answer`, to `values`, row after row: `n_values` is the number of rows
/// times `monobloc_engine_answer_width`. The answers of rows that have none are NaN, and the status is
/// `MONOBLOC_ROWS_REJECTED`; the others are there.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_predict(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        accept(&rows.answer(engine, answer, values.slice(n_values, "values")?)?)
    })
}

/// The same with verdicts, and no error for rows without an answer. `*out_verdicts` is NULL where nothing was found.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        let out_verdicts = out_verdicts.place("out_verdicts")?;
        let findings = rows.answer(engine, answer, values.slice(n_values, "values")?)?;
        out_verdicts.write(monobloc_verdicts::new(findings));
        Ok(())
    })
}

/// `monobloc_engine_predict` for a matrix, without making rows of it: nothing is allocated.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_predict_matrix(
    engine: Option<&monobloc_engine>,
    matrix: In<monobloc_matrix>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = &given(engine, "engine")?.0.engine;
        accept(&of_matrix(engine, matrix, answer, values.slice(n_values, "values")?)?)
    })
}

/// `monobloc_engine_run` for a matrix, without making rows of it.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_matrix(
    engine: Option<&monobloc_engine>,
    matrix: In<monobloc_matrix>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = &given(engine, "engine")?.0.engine;
        let out_verdicts = out_verdicts.place("out_verdicts")?;
        let findings = of_matrix(engine, matrix, answer, values.slice(n_values, "values")?)?;
        out_verdicts.write(monobloc_verdicts::new(findings));
        Ok(())
    })
}

fn of_matrix(
    engine: &Engine,
    matrix: In<monobloc_matrix>,
    what: u32,
    values: &mut [f64],
) -> Result<Vec<Finding>> {
    let matrix = matrix.get("matrix")?;
    let input = matrix.input(engine.schema())?;
    answer(engine, &input, what, places(engine, what, input.n_rows(), values)?)
}

/// What `monobloc_engine_run` would say of rows, without predicting. `*out_verdicts` is NULL where nothing was found.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_check(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        let out_verdicts = out_verdicts.place("out_verdicts")?;
        let mut findings = Vec::new();
        rows.each_input(engine, |input| {
            findings.extend(engine.0.engine.check(input)?);
            Ok(())
        })?;
        out_verdicts.write(monobloc_verdicts::new(findings));
        Ok(())
    })
}

/// Writes the features that the model sees to `features`, row after row, as doubles: `n_features` is the number of rows
/// times `monobloc_engine_n_features`. Where rows have no answer the status is `MONOBLOC_ROWS_REJECTED`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_transform_f64(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    mut features: ArrayMut<f64>,
    n_features: usize,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        rows.transform(engine, features.slice(n_features, "features")?, Engine::transform_into)
    })
}

/// The same as floats, which is exact where the model sees floats.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_transform_f32(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    mut features: ArrayMut<f32>,
    n_features: usize,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        rows.transform(engine, features.slice(n_features, "features")?, Engine::transform_into_f32)
    })
}

/// Writes a stream of the tables of answers that `docs/arrow.md` describes (label, outputs, status and findings), one for
/// each batch of the rows, to `*out_stream`, which is not released before. The caller releases it.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_to_arrow(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    out_stream: Out<'_, ArrowArrayStream>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        let out_stream = out_stream.place("out_stream")?;
        let mut tables = Vec::new();
        rows.each_input(engine, |input| {
            tables.push(engine.0.engine.run_table(input)?);
            Ok(())
        })?;
        out_stream.write(crate::arrow::stream_of(tables)?);
        Ok(())
    })
}
