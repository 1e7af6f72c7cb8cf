//! From an input of any format to rows that an engine takes: parts are taken one after another, and read by several
//! threads.

use super::arrow::{self, ArrowPart, Batches, Uses};
use super::blocks::{Block, Blocks};
use super::columns::Columns;
use super::csv::Csv;
use super::json_lines::JsonLines;
use super::rows::Rows;
use super::{Format, NA, Scoring};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::input::Input;
use crate::request::Request;
use crate::schema::Schema;
use arrow_array::ArrayRef;
use arrow_schema::Field;
use std::fs::File;
use std::io::Read;

/// An input.
pub(super) enum Opened<'a> {
    /// A file, of which any part can be read.
    File(File),
    Stream(Box<dyn Read + Send + 'a>),
}

impl<'a> Opened<'a> {
    fn stream(self) -> Box<dyn Read + Send + 'a> {
        match self {
            Opened::File(file) => Box::new(file),
            Opened::Stream(input) => input,
        }
    }
}

/// What parts are taken from.
pub(super) enum Supply<'a> {
    Batches(Batches<'a>),
    Blocks(Blocks<'a>),
}

/// How parts become rows.
pub(super) struct Form<'e> {
    schema: &'e Schema,
    ids: &'e [String],
    kind: Kind<'e>,
}

enum Kind<'e> {
    Arrow(Uses<'e>),
    Csv(Box<(Csv, Columns)>),
    JsonLines(JsonLines<'e>),
}

/// A part on its way to rows, in memory that serves one after another.
#[derive(Default)]
pub(super) struct Part {
    arrow: ArrowPart,
    block: Block,
    request: Request,
    rows: Rows,
    n_rows: usize,
    /// Where it ends in the input.
    end: u64,
}

impl<'e> Form<'e> {
    /// Reads the beginning of `input`.
    pub fn begin<'a>(
        scoring: &'e Scoring,
        format: Format,
        engine: &'e Engine,
        input: Opened<'a>,
    ) -> Result<(Supply<'a>, Form<'e>)> {
        let (schema, ids) = (engine.schema(), &scoring.ids[..]);
        let needed = engine.pipeline().needed();
        let (supply, kind) = match format {
            Format::Arrow => {
                let (batches, arrow) = Batches::begin(input)?;
                (Supply::Batches(batches), Kind::Arrow(Uses::new(schema, needed, ids, &arrow)?))
            }
            Format::Parquet => parquet(input, schema, needed, ids)?,
            Format::JsonLines => {
                (Supply::Blocks(Blocks::new(input.stream())?), Kind::JsonLines(JsonLines::new(schema, ids)))
            }
            Format::Csv | Format::Tsv => {
                let mut blocks = Blocks::new(input.stream())?;
                let default = || NA.map(str::to_owned).to_vec();
                let missing = scoring.na.clone().unwrap_or_else(default);
                let delimiter = scoring.delimiter.or(format.delimiter()).unwrap_or(b',');
                let csv = Csv::begin(&mut blocks, delimiter, &missing, schema, needed, ids)?;
                (Supply::Blocks(blocks), Kind::Csv(Box::new(csv)))
            }
        };
        Ok((supply, Form { schema, ids, kind }))
    }

    /// Makes rows of a part.
    pub fn read(&self, part: &mut Part) -> Result<()> {
        let Part { arrow, block, request, rows, n_rows, .. } = part;
        match &self.kind {
            Kind::Arrow(uses) => {
                *n_rows = uses.read(arrow)?;
                return Ok(());
            }
            Kind::Csv(csv) => csv.0.read(self.schema, self.ids.len(), block, rows)?,
            Kind::JsonLines(lines) => lines.read(block, request, rows)?,
        }
        *n_rows = rows.n_rows();
        Ok(())
    }

    /// The fields of the carried columns in a table of answers.
    pub fn carried_fields(&self) -> Vec<Field> {
        match &self.kind {
            Kind::Arrow(uses) => uses.fields().to_vec(),
            Kind::Csv(_) | Kind::JsonLines(_) => arrow::text_fields(self.ids),
        }
    }

    /// The carried columns of a part in a table of answers.
    pub fn carried_columns(&self, part: &Part) -> Result<Vec<ArrayRef>> {
        match &self.kind {
            Kind::Arrow(uses) => uses.columns(&part.arrow),
            Kind::Csv(_) | Kind::JsonLines(_) => Ok(arrow::text_columns(self.ids.len(), &part.rows)),
        }
    }

    /// What is carried over of a part that was read, as text.
    pub fn carried_texts<'p>(&self, part: &'p mut Part) -> Result<&'p Rows> {
        if let Kind::Arrow(uses) = &self.kind {
            uses.carry(&part.arrow, &mut part.rows)?;
        }
        Ok(&part.rows)
    }

    /// The rows of a part as input.
    pub fn input<'p>(&'p self, part: &'p Part) -> Result<Input<'p>> {
        match &self.kind {
            Kind::Arrow(uses) => uses.input(&part.arrow),
            Kind::Csv(csv) => {
                let (_, columns) = &**csv;
                part.rows.input(self.schema, |field| columns.has(field), columns.extra())
            }
            Kind::JsonLines(_) => part.request.input(self.schema),
        }
    }
}

#[cfg(feature = "parquet")]
fn parquet<'a, 'e>(
    input: Opened<'a>,
    schema: &'e Schema,
    needed: &'e [usize],
    ids: &'e [String],
) -> Result<(Supply<'a>, Kind<'e>)> {
    let Opened::File(file) = input else {
        let message = "Parquet says at its end what lies where; expected the path of a file";
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    };
    let file = arrow::ParquetFile::begin(file)?;
    let mut uses = Uses::new(schema, needed, ids, file.schema())?;
    let batches = Batches::of_parquet(file, &mut uses)?;
    Ok((Supply::Batches(batches), Kind::Arrow(uses)))
}

#[cfg(not(feature = "parquet"))]
fn parquet<'a, 'e>(
    _: Opened<'a>,
    _: &'e Schema,
    _: &'e [usize],
    _: &'e [String],
) -> Result<(Supply<'a>, Kind<'e>)> {
    let message = "this build reads no Parquet; expected one with the cargo feature parquet, or the rows as Arrow \
                   (pyarrow and polars write it)";
    Err(Error::new(ErrorKind::Unsupported, message))
}

impl Supply<'_> {
    /// Takes the next part; `false` when there is none.
    pub fn next(&mut self, form: &Form<'_>, part: &mut Part) -> Result<bool> {
        let Part { arrow, block, rows, end, .. } = part;
        let blocks = match self {
            Supply::Batches(batches) => {
                let is_one = batches.next(arrow)?;
                *end = batches.place();
                return Ok(is_one);
            }
            Supply::Blocks(blocks) => blocks,
        };
        let is_one = match &form.kind {
            Kind::Csv(csv) => {
                if block.bytes.capacity() == 0 {
                    block.bytes = std::mem::take(&mut rows.text).into_bytes();
                }
                blocks.next(block, |bytes, is_all| csv.0.end_of_records(bytes, is_all))?
            }
            Kind::JsonLines(lines) => {
                blocks.next(block, |bytes, is_all| lines.end_of_lines(bytes, is_all))?
            }
            Kind::Arrow(_) => false,
        };
        *end = block.offset + block.bytes.len() as u64;
        Ok(is_one)
    }
}

impl Part {
    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Where it ends in the input.
    pub fn end(&self) -> u64 {
        self.end
    }
}
