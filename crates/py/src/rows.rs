//! Callers' rows: DataFrames, 2-D and structured arrays, a dict of values or of columns, a list of dicts, JSON. Numbers are borrowed where they lie;
//! other values are read a chunk of rows at a time, so that memory stays bounded.

use crate::arrays::{Numbers, is_array, numpy};
use crate::arrow;
use crate::cells::CellBuffer;
use crate::error::{exception, raise};
use crate::frames;
use crate::source::{Buffer, Source};
use arrow_array::RecordBatch;
use monobloc::arrow::ArrowRows;
use monobloc::request::Request;
use monobloc::schema::Schema;
use monobloc::{Engine, Error, ErrorKind, Extra, Input};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// Rows of values that are read before other Python threads may run: a fraction of a millisecond.
const BREATH: usize = 4_096;

/// Rows of numbers that are handed to the core at once.
const CHUNK: usize = 65_536;

/// The rows of a call.
pub struct Rows<'py> {
    n_rows: usize,
    sources: Sources<'py>,
    extra: Extra,
}

/// What rows are read by.
#[derive(Clone, Copy)]
pub struct Reading<'e> {
    pub schema: &'e Schema,
    /// The numbers of the fields that are read, ascending.
    pub needed: &'e [usize],
    pub max_body_bytes: usize,
}

impl<'e> From<&'e Engine> for Reading<'e> {
    fn from(engine: &'e Engine) -> Reading<'e> {
        Reading {
            schema: engine.schema(),
            needed: engine.pipeline().needed(),
            max_body_bytes: engine.max_body_bytes(),
        }
    }
}

enum Sources<'py> {
    /// One for each field.
    Apart(Vec<Option<Source<'py>>>),
    /// Arrow's.
    Batches(Vec<RecordBatch>),
    /// All fields, as floats.
    Matrix(Numbers),
    /// A JSON body.
    Request(Box<Request>),
}

impl<'py> Rows<'py> {
    /// Reads what kind of rows `rows` are. Frames and dicts match by name, arrays by position.
    pub fn read<'e>(reading: impl Into<Reading<'e>>, rows: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let Reading { schema, needed, max_body_bytes } = reading.into();
        if is_array(rows) {
            return Self::of_array(schema, rows);
        }
        if let Ok(row) = rows.cast::<PyDict>() {
            return Self::of_dict(schema, row);
        }
        if let Ok(body) = rows.cast::<PyBytes>() {
            return Self::of_body(schema, body.as_bytes(), max_body_bytes);
        }
        if let Ok(list) = rows.cast::<PyList>() {
            let dicts: Result<Vec<_>, _> = list.iter().map(|row| row.cast_into::<PyDict>()).collect();
            let dicts = dicts.map_err(|_| unreadable("a list with items that are no dicts"))?;
            return Self::of_dicts(schema, &dicts);
        }
        if arrow::is_exporter(rows)? && !rows.hasattr(intern!(rows.py(), "_iter_column_arrays"))? {
            return Self::of_table(schema, rows);
        }
        if rows.hasattr("__len__")? && rows.hasattr("__getitem__")? && rows.hasattr("columns")? {
            return Self::of_frame(schema, needed, rows);
        }
        if let Some(numpy) = numpy(rows.py())
            && rows.is_instance(&numpy.getattr("ndarray")?)?
        {
            return Self::of_array(schema, rows);
        }
        Err(unreadable(&rows.get_type().name()?.to_string()))
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// What came under names that are no field.
    pub fn extra(&self) -> Extra {
        self.extra.clone()
    }

    fn apart(n_rows: usize, sources: Vec<Option<Source<'py>>>, extra: Extra) -> Rows<'py> {
        Rows { n_rows, sources: Sources::Apart(sources), extra }
    }

    /// Gives all rows to `each`, chunk by chunk in their order.
    pub fn for_each_chunk<'e>(
        &self,
        py: Python<'py>,
        reading: impl Into<Reading<'e>>,
        mut each: impl FnMut(&Input<'_>) -> PyResult<()>,
    ) -> PyResult<()> {
        let reading = reading.into();
        let schema = reading.schema;
        let sources = match &self.sources {
            Sources::Apart(sources) => sources,
            Sources::Batches(batches) => return in_batches(reading, batches, each),
            Sources::Request(request) => {
                return each(&request.input(schema).map_err(|error| exception(&error))?);
            }
            Sources::Matrix(numbers) => {
                return in_chunks(self.n_rows, CHUNK, |start, len| {
                    let matrix = numbers.matrix(start, len);
                    let matrix = matrix.ok_or_else(|| raise(ErrorKind::Internal, "no matrix of floats"))?;
                    let input = Input::of_matrix(schema, matrix).map_err(|error| exception(&error))?;
                    each(&input.starting_at(start))
                });
            }
        };
        let chunk = sources.iter().flatten().filter_map(Source::rows_at_once).max().unwrap_or(CHUNK);
        let mut buffers: Vec<Buffer> = sources.iter().map(|_| Buffer::default()).collect();
        in_chunks(self.n_rows, chunk, |start, len| {
            if start > 0 {
                py.detach(|| ());
            }
            for (source, buffer) in sources.iter().zip(&mut buffers) {
                if let Some(source) = source {
                    source.read(py, start, len, self.n_rows, buffer)?;
                }
            }
            let pairs = || sources.iter().zip(&buffers);
            let columns = pairs().map(|(source, buffer)| Some(source.as_ref()?.column(start, len, buffer)));
            let mut input = Input::new(schema, len, columns.collect()).map_err(|error| exception(&error))?;
            for (field, (source, buffer)) in pairs().enumerate() {
                if let Some(nulls) = source.as_ref().and_then(|source| source.nulls(start, len, buffer)) {
                    input = input.with_nulls(field, nulls).map_err(|error| exception(&error))?;
                }
            }
            each(&input.starting_at(start).with_extra(&self.extra))
        })
    }

    fn of_body(schema: &Schema, body: &[u8], max_body_bytes: usize) -> PyResult<Rows<'py>> {
        let mut request = Box::new(Request::default());
        request.read(schema, body, max_body_bytes).map_err(|error| exception(&error))?;
        let (n_rows, extra) = (request.records().n_rows(), request.extra().clone());
        Ok(Rows { n_rows, sources: Sources::Request(request), extra })
    }

    /// One row, or columns.
    fn of_dict(schema: &Schema, dict: &Bound<'py, PyDict>) -> PyResult<Rows<'py>> {
        let values = schema.fields().iter().map(|field| dict.get_item(&field.name));
        let values = values.collect::<PyResult<Vec<_>>>()?;
        let mut extra = Extra::default();
        if values.iter().flatten().count() < dict.len() {
            for_each_extra(schema, dict, |name| extra.push_column(name))?;
        }
        if values.iter().flatten().any(is_column) {
            return Self::of_columns(schema, values, extra);
        }
        let cell = |value: Option<Bound<'py, PyAny>>| {
            let mut buffer = CellBuffer::default();
            match value {
                Some(value) => buffer.push(&value)?,
                None => buffer.push_absent(),
            }
            Ok(Some(Source::Cells(buffer)))
        };
        let sources = values.into_iter().map(cell).collect::<PyResult<_>>()?;
        Ok(Rows::apart(1, sources, extra))
    }

    fn of_dicts(schema: &Schema, rows: &[Bound<'py, PyDict>]) -> PyResult<Rows<'py>> {
        let mut sources = Vec::with_capacity(schema.fields().len());
        let mut n_extra: Vec<usize> = rows.iter().map(|row| row.len()).collect();
        for field in schema.fields() {
            let mut buffer = CellBuffer::default();
            for (number, (row, n_extra)) in rows.iter().zip(&mut n_extra).enumerate() {
                if number % BREATH == BREATH - 1 {
                    row.py().detach(|| ());
                }
                match row.get_item(&field.name)? {
                    Some(value) => {
                        *n_extra = n_extra.saturating_sub(1);
                        buffer.push(&value)?;
                    }
                    None => buffer.push_absent(),
                }
            }
            sources.push(Some(Source::Cells(buffer)));
        }
        let mut extra = Extra::default();
        for (number, row) in rows.iter().enumerate().filter(|(number, _)| n_extra[*number] > 0) {
            for_each_extra(schema, row, |name| extra.push_value(name, number))?;
        }
        Ok(Rows::apart(rows.len(), sources, extra))
    }

    fn of_frame(schema: &Schema, needed: &[usize], frame: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let n_rows = frame.len()?;
        let (sources, extra) = frames::columns(schema, needed, frame)?;
        Ok(Rows::apart(n_rows, sources, extra))
    }

    fn of_table(schema: &Schema, table: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let Some(batches) = arrow::batches(table)? else {
            return Err(unreadable(&table.get_type().name()?.to_string()));
        };
        let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
        let columns = batches.first().map(RecordBatch::schema);
        let names = columns.iter().flat_map(|columns| columns.fields().iter().map(|field| field.name()));
        let mut extra = Extra::default();
        names.filter(|name| schema.number(name).is_none()).for_each(|name| extra.push_column(name));
        Ok(Rows { n_rows, sources: Sources::Batches(batches), extra })
    }

    /// A column for each field that has one.
    fn of_columns(
        schema: &Schema,
        columns: Vec<Option<Bound<'py, PyAny>>>,
        extra: Extra,
    ) -> PyResult<Rows<'py>> {
        let mut sources = Vec::with_capacity(schema.fields().len());
        let mut first: Option<(&str, usize)> = None;
        for (field, column) in schema.fields().iter().zip(columns) {
            let Some(column) = column else {
                sources.push(None);
                continue;
            };
            if !is_column(&column) {
                let message = format!(
                    "field {:?} is a single value, others are columns; expected single values (one row) or columns",
                    field.name
                );
                return Err(exception(&Error::new(ErrorKind::Schema, message).at(&field.name, None)));
            }
            let len = column.len()?;
            let (name, expected) = *first.get_or_insert((&field.name, len));
            if len != expected {
                let message =
                    format!("the column {:?} has {len} values, {name:?} has {expected}", field.name);
                return Err(exception(&Error::new(ErrorKind::Schema, message).at(&field.name, None)));
            }
            sources.push(Some(Source::of_column(column)?));
        }
        let n_rows = first.map_or(0, |(_, len)| len);
        Ok(Rows::apart(n_rows, sources, extra))
    }

    fn of_array(schema: &Schema, array: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let numbers = Numbers::borrow(array)?;
        let shape = match &numbers {
            Some(numbers) => numbers.shape().to_vec(),
            None => array.getattr("shape")?.extract()?,
        };
        if numbers.is_none()
            && let [n_rows] = shape[..]
            && let Ok(names) = array.getattr("dtype")?.getattr("names")?.cast_into::<PyTuple>()
        {
            let column = |name: &str| names.contains(name)?.then(|| array.get_item(name)).transpose();
            let source = |name: &str| column(name)?.map(Source::of_column).transpose();
            let sources = schema.fields().iter().map(|field| source(&field.name));
            let mut extra = Extra::default();
            for name in names.iter() {
                let name = name.cast::<PyString>()?.to_str()?;
                if schema.number(name).is_none() {
                    extra.push_column(name);
                }
            }
            return Ok(Rows::apart(n_rows, sources.collect::<PyResult<_>>()?, extra));
        }
        let n_fields = schema.fields().len();
        let &[n_rows, n_columns] = shape.as_slice() else {
            return Err(raise(
                ErrorKind::Schema,
                format!("an array of shape {shape:?}; expected rows of {n_fields} columns"),
            ));
        };
        if n_columns != n_fields {
            let message = format!("an array of {n_columns} columns; the model has {n_fields} fields");
            return Err(raise(ErrorKind::Schema, message));
        }
        let sources = match numbers {
            Some(floats @ (Numbers::Float32(_) | Numbers::Float64(_))) => {
                return Ok(Rows { n_rows, sources: Sources::Matrix(floats), extra: Extra::default() });
            }
            Some(numbers) => {
                let numbers = std::rc::Rc::new(numbers);
                (0..n_columns)
                    .map(|column| Some(Source::Array(std::rc::Rc::clone(&numbers), column)))
                    .collect()
            }
            None => {
                let dtype = array.getattr("dtype")?;
                let kind: String = dtype.getattr("kind")?.extract()?;
                let readable = match kind.as_str() {
                    "O" | "U" => true,
                    "f" | "i" | "u" => dtype.getattr("itemsize")?.extract::<usize>()? <= 8,
                    _ => false,
                };
                if !readable {
                    return Err(raise(
                        ErrorKind::Schema,
                        format!("an array of dtype {dtype}; expected numbers or text"),
                    ));
                }
                let columns = array.getattr("T")?;
                (0..n_columns)
                    .map(|column| Source::of_column(columns.get_item(column)?).map(Some))
                    .collect::<PyResult<_>>()?
            }
        };
        Ok(Rows::apart(n_rows, sources, Extra::default()))
    }
}

/// Gives the rows of all batches to `each`.
fn in_batches(
    Reading { schema, needed, .. }: Reading<'_>,
    batches: &[RecordBatch],
    mut each: impl FnMut(&Input<'_>) -> PyResult<()>,
) -> PyResult<()> {
    let mut first = 0;
    for batch in batches {
        in_chunks(batch.num_rows(), CHUNK, |start, len| {
            let rows = ArrowRows::read(schema, needed, &batch.slice(start, len));
            let rows = rows.map_err(|error| exception(&error))?;
            let input = rows.input(schema).map_err(|error| exception(&error))?;
            each(&input.starting_at(first + start))
        })?;
        first += batch.num_rows();
    }
    Ok(())
}

/// Calls `each` with each key of a dict that is text and no field.
fn for_each_extra(schema: &Schema, dict: &Bound<'_, PyDict>, mut each: impl FnMut(&str)) -> PyResult<()> {
    for key in dict.keys() {
        let Ok(key) = key.cast::<PyString>() else { continue };
        let name = key.to_string_lossy();
        if schema.number(&name).is_none() {
            each(&name);
        }
    }
    Ok(())
}

/// Calls `each` with the start and the length of each chunk of rows, in order; once where there are none.
fn in_chunks(
    n_rows: usize,
    chunk: usize,
    mut each: impl FnMut(usize, usize) -> PyResult<()>,
) -> PyResult<()> {
    let mut start = 0;
    loop {
        let len = chunk.min(n_rows - start);
        each(start, len)?;
        start += len;
        if start == n_rows {
            return Ok(());
        }
    }
}

/// Whether a dict's value is a column: a list, an array or a series.
fn is_column(value: &Bound<'_, PyAny>) -> bool {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyFloat>() || value.is_none() {
        return false;
    }
    value.is_instance_of::<PyList>()
        || (is_array(value) && value.len().is_ok())
        || (!value.is_instance_of::<PyInt>() && value.hasattr("to_list").unwrap_or(false))
}

fn unreadable(found: &str) -> PyErr {
    let expected = "a pandas or polars DataFrame, an Arrow table, a 2-D NumPy array, a dict of values or of columns, a list of dicts, or JSON as bytes";
    raise(ErrorKind::Schema, format!("rows given as {found}; expected {expected}"))
}
