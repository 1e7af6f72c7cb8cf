//! A row prepared once and answered many times.

use crate::answers::{answer, places};
use crate::engine::{Loaded, monobloc_engine};
use crate::handle::{Array, ArrayMut, Out, given, given_mut, handle};
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::verdicts::monobloc_verdicts;
use monobloc::sanity::accept;
use monobloc::{Result, Row};
use std::ffi::c_char;
use std::sync::Arc;

/// A row of an engine's fields, for callers that answer one row at a time. Values are set by the numbers of their fields
/// (`monobloc_engine_field_number`) and stay until they are set again. Once each field's longest text was seen, neither
/// setting nor predicting allocates, as long as nothing is found in the row.
///
/// One thread at a time may use a row; each thread makes its own. It keeps its engine alive, and is freed with
/// `monobloc_row_free`.
pub struct monobloc_row {
    loaded: Arc<Loaded>,
    row: Row,
}

/// Makes a row without values.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_new(
    engine: Option<&monobloc_engine>,
    out_row: Out<'_, *mut monobloc_row>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let loaded = Arc::clone(&given(engine, "engine")?.0);
        let out_row = out_row.place("out_row")?;
        let row = Row::new(loaded.engine.schema());
        out_row.write(handle(monobloc_row { loaded, row }));
        Ok(())
    })
}

/// Takes all values away.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_clear(row: Option<&mut monobloc_row>) -> monobloc_status {
    set(row, |row| {
        row.clear();
        Ok(())
    })
}

/// Sets field number `field` to a truth value.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_set_bool(
    row: Option<&mut monobloc_row>,
    field: usize,
    value: bool,
) -> monobloc_status {
    set(row, |row| row.set_bool(field, value))
}

/// Sets field number `field` to a double; NaN is missing.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_set_f64(
    row: Option<&mut monobloc_row>,
    field: usize,
    value: f64,
) -> monobloc_status {
    set(row, |row| row.set_f64(field, value))
}

/// Sets field number `field` to an integer.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_set_i64(
    row: Option<&mut monobloc_row>,
    field: usize,
    value: i64,
) -> monobloc_status {
    set(row, |row| row.set_i64(field, value))
}

/// Sets field number `field` to a copy of `len` bytes of UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_set_text(
    row: Option<&mut monobloc_row>,
    field: usize,
    text: Array<c_char>,
    len: usize,
) -> monobloc_status {
    set(row, |row| row.set_text(field, text.text(len, "text")?))
}

/// Says that field number `field` has no value.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_set_missing(row: Option<&mut monobloc_row>, field: usize) -> monobloc_status {
    set(row, |row| row.set_missing(field))
}

fn set(row: Option<&mut monobloc_row>, set: impl FnOnce(&mut Row) -> Result<()>) -> monobloc_status {
    guard(Out::nowhere(), || set(&mut given_mut(row, "row")?.row))
}

/// Writes what the model answers, a `monobloc_answer`, to `values`: as many as `monobloc_engine_answer_width` says. Where
/// the row has no answer they are NaN, and the status is `MONOBLOC_ROWS_REJECTED`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_predict(
    row: Option<&mut monobloc_row>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let values = values.slice(n_values, "values")?;
        accept(&given_mut(row, "row")?.answer(answer, values)?)
    })
}

/// The same with a verdict, and no error for a row without an answer. `*out_verdicts` is NULL where nothing was found.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_run(
    row: Option<&mut monobloc_row>,
    answer: u32,
    mut values: ArrayMut<f64>,
    n_values: usize,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let out_verdicts = out_verdicts.place("out_verdicts")?;
        let values = values.slice(n_values, "values")?;
        let findings = given_mut(row, "row")?.answer(answer, values)?;
        out_verdicts.write(monobloc_verdicts::new(findings));
        Ok(())
    })
}

impl monobloc_row {
    fn answer(&mut self, what: u32, values: &mut [f64]) -> Result<Vec<monobloc::Finding>> {
        let engine = &self.loaded.engine;
        let input = self.row.input(engine.schema())?;
        answer(engine, &input, what, places(engine, what, 1, values)?)
    }
}

/// Frees a row; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_row_free(row: Option<Box<monobloc_row>>) {
    total((), || drop(row));
}
