//! Callers' rows: DataFrames, 2-D arrays, a dict, a list of dicts. Numbers are borrowed where they lie;
//! other values are read a chunk of rows at a time, so that memory stays bounded.

use crate::arrays::{Numbers, is_array, numpy};
use crate::error::{exception, raise};
use monobloc::request::Request;
use monobloc::schema::Schema;
use monobloc::{Cell, Cells, Column, ErrorKind, Input};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

/// Rows of numbers that are handed to the core at once.
const CHUNK: usize = 65_536;
/// Rows at once where values must be read one by one.
const CELL_CHUNK: usize = 16_384;

/// The rows of a call.
pub struct Rows<'py> {
    n_rows: usize,
    sources: Sources<'py>,
}

enum Sources<'py> {
    /// One for each field.
    Apart(Vec<Option<Source<'py>>>),
    /// All fields, as floats.
    Matrix(Numbers),
    /// A JSON body.
    Request(Box<Request>),
}

/// Where the values of a field come from.
enum Source<'py> {
    /// A column of an array.
    Array(std::rc::Rc<Numbers>, usize),
    /// A column of anything, read by slices of rows.
    Column(Bound<'py, PyAny>),
    /// Values that are read already.
    Cells(CellBuffer),
}

/// Values of any kind, owned.
#[derive(Default)]
struct CellBuffer {
    cells: Vec<Cell>,
    text: String,
}

impl<'py> Rows<'py> {
    /// Reads what kind of rows `rows` are. Frames and dicts match by name, arrays by position.
    pub fn read(schema: &Schema, rows: &Bound<'py, PyAny>, max_body_bytes: usize) -> PyResult<Rows<'py>> {
        if is_array(rows) {
            return Self::of_array(schema, rows);
        }
        if let Ok(row) = rows.cast::<PyDict>() {
            return Self::of_dicts(schema, std::slice::from_ref(row));
        }
        if let Ok(body) = rows.cast::<PyBytes>() {
            return Self::of_body(schema, body.as_bytes(), max_body_bytes);
        }
        if let Ok(list) = rows.cast::<PyList>() {
            let dicts: Result<Vec<_>, _> = list.iter().map(|row| row.cast_into::<PyDict>()).collect();
            let dicts = dicts.map_err(|_| unreadable("a list with items that are no dicts"))?;
            return Self::of_dicts(schema, &dicts);
        }
        if rows.hasattr("__len__")? && rows.hasattr("__getitem__")? && rows.hasattr("columns")? {
            return Self::of_frame(schema, rows);
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

    /// Gives all rows to `each`, chunk by chunk in their order.
    pub fn for_each_chunk(
        &self,
        schema: &Schema,
        mut each: impl FnMut(&Input<'_>) -> PyResult<()>,
    ) -> PyResult<()> {
        let sources = match &self.sources {
            Sources::Apart(sources) => sources,
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
        let by_cell = sources.iter().flatten().any(|source| matches!(source, Source::Column(_)));
        let chunk = if by_cell { CELL_CHUNK } else { CHUNK };
        let mut buffers: Vec<CellBuffer> = sources.iter().map(|_| CellBuffer::default()).collect();
        in_chunks(self.n_rows, chunk, |start, len| {
            for (source, buffer) in sources.iter().zip(&mut buffers) {
                if let Some(Source::Column(values)) = source {
                    buffer.read_slice(values, start, len, self.n_rows)?;
                }
            }
            let columns = sources.iter().zip(&buffers).map(|(source, buffer)| {
                Some(match source.as_ref()? {
                    Source::Array(numbers, column) => numbers.column(*column, start, len),
                    Source::Column(_) => buffer.column(0, len),
                    Source::Cells(cells) => cells.column(start, len),
                })
            });
            let input = Input::new(schema, len, columns.collect()).map_err(|error| exception(&error))?;
            each(&input.starting_at(start))
        })
    }

    fn of_body(schema: &Schema, body: &[u8], max_body_bytes: usize) -> PyResult<Rows<'py>> {
        let mut request = Box::new(Request::default());
        request.read(schema, body, max_body_bytes).map_err(|error| exception(&error))?;
        Ok(Rows { n_rows: request.records().n_rows(), sources: Sources::Request(request) })
    }

    fn of_dicts(schema: &Schema, rows: &[Bound<'py, PyDict>]) -> PyResult<Rows<'py>> {
        let mut sources = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let mut buffer = CellBuffer::default();
            let mut found = rows.is_empty();
            for row in rows {
                match row.get_item(&field.name)? {
                    Some(value) => {
                        found = true;
                        buffer.push(&value)?;
                    }
                    None => buffer.cells.push(Cell::Float(f64::NAN)),
                }
            }
            sources.push(found.then_some(Source::Cells(buffer)));
        }
        Ok(Rows { n_rows: rows.len(), sources: Sources::Apart(sources) })
    }

    fn of_frame(schema: &Schema, frame: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let n_rows = frame.len()?;
        let labels: Vec<(String, Bound<'py, PyAny>)> = frame
            .getattr("columns")?
            .try_iter()?
            .map(|label| label.and_then(|label| Ok((label.str()?.to_string(), label))))
            .collect::<PyResult<_>>()?;
        let mut sources = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let mut named = labels.iter().filter(|(name, _)| *name == field.name);
            let Some((_, label)) = named.next() else {
                sources.push(None);
                continue;
            };
            if named.next().is_some() {
                return Err(raise(
                    ErrorKind::Schema,
                    format!("the frame has the column {:?} twice", field.name),
                ));
            }
            let column = frame.get_item(label)?;
            sources.push(Some(match plain_numbers(&column)? {
                Some(numbers) => Source::Array(std::rc::Rc::new(numbers), 0),
                None => Source::Column(column),
            }));
        }
        Ok(Rows { n_rows, sources: Sources::Apart(sources) })
    }

    fn of_array(schema: &Schema, array: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let numbers = Numbers::borrow(array)?;
        let shape = match &numbers {
            Some(numbers) => numbers.shape().to_vec(),
            None => array.getattr("shape")?.extract()?,
        };
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
                return Ok(Rows { n_rows, sources: Sources::Matrix(floats) });
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
                    .map(|column| Ok(Some(Source::Column(columns.get_item(column)?))))
                    .collect::<PyResult<_>>()?
            }
        };
        Ok(Rows { n_rows, sources: Sources::Apart(sources) })
    }
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

impl CellBuffer {
    fn column(&self, start: usize, len: usize) -> Column<'_> {
        Column::Cells(Cells::new(&self.cells[start..start + len], &self.text))
    }

    /// Reads rows `start..start + len` of a column of `n_rows`.
    fn read_slice(
        &mut self,
        column: &Bound<'_, PyAny>,
        start: usize,
        len: usize,
        n_rows: usize,
    ) -> PyResult<()> {
        self.cells.clear();
        self.text.clear();
        let py = column.py();
        let positional = if column.hasattr("iloc")? { column.getattr("iloc")? } else { column.clone() };
        let part = if len == n_rows {
            column.clone()
        } else {
            positional.get_item(pyo3::types::PySlice::new(
                py,
                start.cast_signed(),
                (start + len).cast_signed(),
                1,
            ))?
        };
        let values = part.call_method0(if part.hasattr("to_list")? { "to_list" } else { "tolist" })?;
        values.cast::<PyList>()?.iter().try_for_each(|value| self.push(&value))?;
        if self.cells.len() != len {
            return Err(raise(ErrorKind::Internal, format!("{} values for {len} rows", self.cells.len())));
        }
        Ok(())
    }

    fn push(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let cell = if let Ok(text) = value.cast::<PyString>() {
            match text.to_str() {
                Ok(text) => self.text_cell(text),
                Err(_) => Cell::Other,
            }
        } else if let Ok(number) = value.cast::<PyFloat>() {
            Cell::Float(number.value())
        } else if let Ok(boolean) = value.cast::<PyBool>() {
            Cell::Boolean(boolean.is_true())
        } else if value.is_none() {
            Cell::None
        } else if value.is_instance_of::<PyInt>() {
            value.extract().map_or_else(|_| value.extract().map_or(Cell::Other, Cell::Float), Cell::Integer)
        } else {
            foreign(value)?
        };
        self.cells.push(cell);
        Ok(())
    }

    fn text_cell(&mut self, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        Cell::Text { start, end: self.text.len() }
    }

    pub fn into_parts(self) -> (Vec<Cell>, String) {
        (self.cells, self.text)
    }
}

/// Lists of values, one per column, as cells that share one text.
pub fn cells(columns: &[Bound<'_, PyList>]) -> PyResult<(Vec<Vec<Cell>>, String)> {
    let mut buffer = CellBuffer::default();
    let mut read = Vec::with_capacity(columns.len());
    for column in columns {
        column.iter().try_for_each(|value| buffer.push(&value))?;
        read.push(std::mem::take(&mut buffer.cells));
    }
    Ok((read, buffer.into_parts().1))
}

/// NumPy's scalars, pandas' NA and NaT, decimals and the like.
fn foreign(value: &Bound<'_, PyAny>) -> PyResult<Cell> {
    let class = value.get_type().name()?.to_string();
    Ok(match class.as_str() {
        "NAType" | "NaTType" => Cell::Float(f64::NAN),
        "bool_" | "bool" => Cell::Boolean(value.is_truthy()?),
        _ if value.hasattr("__index__")? => value.extract().map_or(Cell::Other, Cell::Integer),
        _ if value.hasattr("__float__")? => value.extract().map_or(Cell::Other, Cell::Float),
        _ => Cell::Other,
    })
}

/// The numbers of a frame's column, where they are a plain NumPy array.
fn plain_numbers(column: &Bound<'_, PyAny>) -> PyResult<Option<Numbers>> {
    let dtype = column.getattr("dtype")?;
    let numeric_polars = !dtype.hasattr("kind")?
        && dtype.hasattr("is_numeric")?
        && dtype.call_method0("is_numeric")?.is_truthy()?;
    let numeric_numpy = dtype.hasattr("byteorder")?
        && matches!(dtype.getattr("kind")?.extract::<String>()?.as_str(), "b" | "f" | "i" | "u");
    if !numeric_polars && !numeric_numpy {
        return Ok(None);
    }
    Numbers::borrow(&column.call_method0("to_numpy")?)
}

fn unreadable(found: &str) -> PyErr {
    let expected =
        "a pandas or polars DataFrame, a 2-D NumPy array, a dict, a list of dicts or JSON as bytes";
    raise(ErrorKind::Schema, format!("rows given as {found}; expected {expected}"))
}
