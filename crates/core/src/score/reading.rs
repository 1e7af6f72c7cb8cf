//! From an input of any format to rows that an engine takes: parts are taken one after another, and read by several
//! threads.

use super::blocks::{Block, Blocks};
use super::columns::Columns;
use super::csv::Csv;
use super::json_lines::JsonLines;
use super::rows::Rows;
use super::{Format, NA, Scoring};
use crate::engine::Engine;
use crate::error::Result;
use crate::input::Input;
use crate::request::Request;
use crate::schema::Schema;
use std::io::Read;

/// What parts are taken from.
pub(super) struct Supply<'a>(Blocks<'a>);

/// How parts become rows.
pub(super) struct Form<'e> {
    schema: &'e Schema,
    n_ids: usize,
    kind: Kind<'e>,
}

enum Kind<'e> {
    Csv(Box<(Csv, Columns)>),
    JsonLines(JsonLines<'e>),
}

/// A part on its way to rows, in memory that serves one after another.
#[derive(Default)]
pub(super) struct Part {
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
        input: Box<dyn Read + Send + 'a>,
    ) -> Result<(Supply<'a>, Form<'e>)> {
        let (schema, ids) = (engine.schema(), &scoring.ids[..]);
        let mut blocks = Blocks::new(input)?;
        let kind = match format {
            Format::JsonLines => Kind::JsonLines(JsonLines::new(schema, ids)),
            Format::Csv | Format::Tsv => {
                let default = || NA.map(str::to_owned).to_vec();
                let missing = scoring.na.clone().unwrap_or_else(default);
                let delimiter = scoring.delimiter.or(format.delimiter()).unwrap_or(b',');
                let needed = engine.pipeline().needed();
                let (csv, columns) = Csv::begin(&mut blocks, delimiter, &missing, schema, needed, ids)?;
                Kind::Csv(Box::new((csv, columns)))
            }
        };
        Ok((Supply(blocks), Form { schema, n_ids: ids.len(), kind }))
    }

    /// Makes rows of a part.
    pub fn read(&self, part: &mut Part) -> Result<()> {
        let Part { block, request, rows, n_rows, .. } = part;
        match &self.kind {
            Kind::Csv(csv) => csv.0.read(self.schema, self.n_ids, block, rows)?,
            Kind::JsonLines(lines) => lines.read(block, request, rows)?,
        }
        *n_rows = rows.n_rows();
        Ok(())
    }

    /// The rows of a part as input.
    pub fn input<'p>(&'p self, part: &'p Part) -> Result<Input<'p>> {
        match &self.kind {
            Kind::Csv(csv) => {
                let (_, columns) = &**csv;
                part.rows.input(self.schema, |field| columns.has(field), columns.extra())
            }
            Kind::JsonLines(_) => part.request.input(self.schema),
        }
    }
}

impl Supply<'_> {
    /// Takes the next part; `false` when there is none.
    pub fn next(&mut self, form: &Form<'_>, part: &mut Part) -> Result<bool> {
        let Supply(blocks) = self;
        let Part { block, rows, end, .. } = part;
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

    /// The rows, with the values that are carried over.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }
}
