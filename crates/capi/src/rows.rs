//! Rows, from whatever form they come in.

use crate::answers::{answer, places};
use crate::arrow::{self, ArrowArray, ArrowArrayStream, ArrowSchema};
use crate::columns::{Held, monobloc_column};
use crate::engine::{Loaded, monobloc_engine};
use crate::handle::{Array, In, Out, given, handle, invalid, null};
use crate::matrix::monobloc_matrix;
use crate::status::{guard, monobloc_error, monobloc_status, total};
use monobloc::arrow::ArrowRows;
use monobloc::extra::Extra;
use monobloc::request::Request;
use monobloc::schema::Schema;
use monobloc::{Engine, Error, ErrorKind, Finding, Input, Result};
use std::sync::Arc;

/// Rows for one engine. Columns and matrices are read where they lie: the caller keeps them until the rows are freed,
/// and may change their values between calls. Any threads may answer the same rows at once; the caller frees them with
/// `monobloc_rows_free`.
pub struct monobloc_rows {
    loaded: Arc<Loaded>,
    source: Source,
}

enum Source {
    Arrow(Vec<ArrowRows>),
    Columns { n_rows: usize, columns: Vec<Option<Held>>, extra: Extra },
    Json(Box<Request>),
    Matrix(monobloc_matrix),
}

impl monobloc_rows {
    fn n_rows(&self) -> usize {
        match &self.source {
            Source::Arrow(batches) => batches.iter().map(ArrowRows::n_rows).sum(),
            Source::Columns { n_rows, .. } => *n_rows,
            Source::Json(request) => request.records().n_rows(),
            Source::Matrix(matrix) => matrix.n_rows,
        }
    }

    /// Calls `each` with some rows at a time.
    pub fn each_input(
        &self,
        engine: &monobloc_engine,
        mut each: impl FnMut(&Input<'_>) -> Result<()>,
    ) -> Result<()> {
        if !Arc::ptr_eq(&self.loaded, &engine.0) {
            return Err(invalid("the rows were made for another engine; make them for the one that answers"));
        }
        let schema = engine.0.engine.schema();
        match &self.source {
            Source::Arrow(batches) => {
                let mut first_row = 0;
                for batch in batches {
                    each(&batch.input(schema)?.starting_at(first_row))?;
                    first_row += batch.n_rows();
                }
                Ok(())
            }
            Source::Columns { n_rows, columns, extra } => each(&of_columns(schema, *n_rows, columns, extra)?),
            Source::Json(request) => each(&request.input(schema)?),
            Source::Matrix(matrix) => each(&matrix.input(schema)?),
        }
    }

    /// Answers all rows into their places.
    pub fn answer(&self, engine: &monobloc_engine, what: u32, values: &mut [f64]) -> Result<Vec<Finding>> {
        let n_rows = self.n_rows();
        let values = places(&engine.0.engine, what, n_rows, values)?;
        let width = values.len().checked_div(n_rows).unwrap_or(0);
        let mut findings = Vec::new();
        self.each_input(engine, |input| {
            let own = &mut values[input.first_row() * width..][..input.n_rows() * width];
            findings.extend(answer(&engine.0.engine, input, what, own)?);
            Ok(())
        })?;
        Ok(findings)
    }

    /// Writes the features of all rows into their places.
    pub fn transform<T>(
        &self,
        engine: &monobloc_engine,
        features: &mut [T],
        transform: impl Fn(&Engine, &Input<'_>, &mut [T]) -> Result<()>,
    ) -> Result<()> {
        let (n_rows, width) = (self.n_rows(), engine.0.engine.pipeline().n_features());
        if n_rows.checked_mul(width) != Some(features.len()) {
            let found = features.len();
            return Err(invalid(format!(
                "n_features is {found}; expected {width} for each of {n_rows} rows"
            )));
        }
        self.each_input(engine, |input| {
            let own = &mut features[input.first_row() * width..][..input.n_rows() * width];
            transform(&engine.0.engine, input, own)
        })
    }
}

fn of_columns<'a>(
    schema: &Schema,
    n_rows: usize,
    columns: &'a [Option<Held>],
    extra: &'a Extra,
) -> Result<Input<'a>> {
    let column = |held: &'a Option<Held>| held.as_ref().map(Held::column).transpose();
    let mut input =
        Input::new(schema, n_rows, columns.iter().map(column).collect::<Result<_>>()?)?.with_extra(extra);
    for (field, held) in columns.iter().enumerate() {
        if let Some(nulls) = held.as_ref().and_then(Held::nulls) {
            input = input.with_nulls(field, nulls)?;
        }
    }
    Ok(input)
}

/// Makes rows with `read`, which does all that may fail.
fn made(
    engine: Option<&monobloc_engine>,
    out_rows: Out<'_, *mut monobloc_rows>,
    read: impl FnOnce(&Engine) -> Result<Source>,
) -> Result<()> {
    let loaded = Arc::clone(&given(engine, "engine")?.0);
    let out_rows = out_rows.place("out_rows")?;
    let source = read(&loaded.engine)?;
    out_rows.write(handle(monobloc_rows { loaded, source }));
    Ok(())
}

/// Makes rows of columns, matched with the model's fields by name. Fields that the model does not read may be absent.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_from_columns(
    engine: Option<&monobloc_engine>,
    columns: In<monobloc_column>,
    n_columns: usize,
    n_rows: usize,
    out_rows: Out<'_, *mut monobloc_rows>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        made(engine, out_rows, |engine| {
            let schema = engine.schema();
            let mut held: Vec<Option<Held>> = Vec::new();
            held.resize_with(schema.fields().len(), || None);
            let mut extra = Extra::default();
            for column in columns.each(n_columns, "columns")? {
                let name = column.name.get("column.name")?;
                let Some(field) = schema.number(name) else {
                    extra.push_column(name);
                    continue;
                };
                if held[field]
                    .replace(Held::read(&column, name, n_rows, schema.fields()[field].null)?)
                    .is_some()
                {
                    let message = format!("the column {name:?} is there twice");
                    return Err(Error::new(ErrorKind::Schema, message).at(name, None));
                }
            }
            Ok(Source::Columns { n_rows, columns: held, extra })
        })
    })
}

/// Makes rows of a matrix with a column for each of the model's fields, in their order.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_from_matrix(
    engine: Option<&monobloc_engine>,
    matrix: In<monobloc_matrix>,
    out_rows: Out<'_, *mut monobloc_rows>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        made(engine, out_rows, |engine| {
            let matrix = matrix.get("matrix")?;
            matrix.input(engine.schema())?;
            Ok(Source::Matrix(matrix))
        })
    })
}

/// Makes rows of a record batch in Arrow's C data interface: an array of structs and its type, matched by name, as
/// `docs/arrow.md` describes. Both are taken over and marked as released, on errors too.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_from_arrow(
    engine: Option<&monobloc_engine>,
    array: Option<&mut ArrowArray>,
    schema: Option<&mut ArrowSchema>,
    out_rows: Out<'_, *mut monobloc_rows>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let batch = arrow::batch(given_array(array, schema)?);
        made(engine, out_rows, |engine| of_batches(engine, vec![batch?]))
    })
}

fn given_array(
    array: Option<&mut ArrowArray>,
    schema: Option<&mut ArrowSchema>,
) -> Result<(ArrowArray, ArrowSchema)> {
    let array = array.map(arrow::take_array);
    let schema = schema.map(arrow::take_schema);
    Ok((array.ok_or_else(|| null("array"))?, schema.ok_or_else(|| null("schema"))?))
}

/// Makes rows of a stream of record batches in Arrow's C stream interface. It is taken over and marked as released, on
/// errors too.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_from_arrow_stream(
    engine: Option<&monobloc_engine>,
    stream: Option<&mut ArrowArrayStream>,
    out_rows: Out<'_, *mut monobloc_rows>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let stream = stream.map(arrow::take_stream).ok_or_else(|| null("stream"))?;
        made(engine, out_rows, |engine| of_batches(engine, arrow::batches(stream)?))
    })
}

fn of_batches(engine: &Engine, batches: Vec<arrow_array::RecordBatch>) -> Result<Source> {
    let read = |batch| ArrowRows::read(engine.schema(), engine.pipeline().needed(), &batch);
    batches.into_iter().map(read).collect::<Result<_>>().map(Source::Arrow)
}

/// Makes rows of a JSON request body of `len` bytes, as `docs/json.md` specifies. Its values are copied.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_from_json(
    engine: Option<&monobloc_engine>,
    body: Array<u8>,
    len: usize,
    out_rows: Out<'_, *mut monobloc_rows>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        made(engine, out_rows, |engine| {
            let mut request = Box::new(Request::default());
            request.read(engine.schema(), body.slice(len, "body")?, engine.max_body_bytes())?;
            Ok(Source::Json(request))
        })
    })
}

/// The number of rows; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_n_rows(rows: Option<&monobloc_rows>) -> usize {
    rows.map_or(0, monobloc_rows::n_rows)
}

/// Frees rows; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_rows_free(rows: Option<Box<monobloc_rows>>) {
    total((), || drop(rows));
}
