//! Rows of CSV.

mod cells;
mod fields;

pub use cells::NA;

use super::blocks::{Block, Blocks, text_of};
use super::columns::Columns;
use super::rows::{Place, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::input::Cell;
use crate::schema::{Kind, Schema};
use cells::Missing;
use fields::{Fields, Form, end_of_records, unquoted};

/// Delimiters that a wrong one is compared with.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the columns of a file are read.
#[derive(Debug)]
pub(super) struct Csv {
    delimiter: u8,
    missing: Missing,
    uses: Vec<Use>,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Its field, and whether that is text.
    field: Option<(usize, bool)>,
    /// Its place among the carried columns.
    id: Option<usize>,
}

impl Csv {
    /// Reads the header, and gives the columns it names.
    pub fn begin(
        blocks: &mut Blocks<'_>,
        delimiter: u8,
        missing: &[String],
        schema: &Schema,
        needed: &[usize],
        ids: &[String],
    ) -> Result<(Csv, Columns)> {
        if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\n' | b'\r') {
            let found = char::from(delimiter);
            let message = format!(
                "the delimiter {found:?}; expected an ASCII character other than a quote or a line end"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let names = header(blocks, delimiter)?;
        let columns = Columns::of_names(schema, needed, ids, names.iter().map(String::as_str));
        let columns = columns.map_err(|error| match other_delimiter(&names, delimiter, schema) {
            Some(other) => error.and(format!(
                "with the delimiter {:?} in place of {:?} it would have some",
                char::from(other),
                char::from(delimiter)
            )),
            None => error,
        })?;
        let mut uses = vec![Use::default(); names.len()];
        for (at, used) in uses.iter_mut().enumerate() {
            used.field =
                columns.field_of(at).map(|field| (field, schema.fields()[field].kind == Kind::String));
            used.id = columns.id_of(at);
        }
        let missing = Missing::new(missing.iter().map(String::as_str));
        Ok((Csv { delimiter, missing, uses }, columns))
    }

    /// Where the last whole record ends; that of all bytes that are left may lack its end.
    pub fn end_of_records(&self, bytes: &[u8], is_all: bool) -> Option<usize> {
        if is_all { Some(bytes.len()) } else { end_of_records(bytes, self.delimiter) }
    }

    /// Reads the rows of a block, whose memory they take.
    pub fn read(&self, schema: &Schema, n_ids: usize, block: &mut Block, rows: &mut Rows) -> Result<()> {
        rows.clear(schema.fields().len(), n_ids);
        let mut text = text_of(std::mem::take(&mut block.bytes), block.line)?;
        let read = self.read_text(&text, block.line, rows);
        let more = read?;
        text.push_str(&more);
        rows.text = text;
        Ok(())
    }

    /// Reads the rows of `text`, and gives the text of fields that does not lie there in one piece; its places follow.
    fn read_text(&self, text: &str, line: u64, rows: &mut Rows) -> Result<String> {
        let bytes = text.as_bytes();
        let mut more = String::new();
        let mut fields = Fields::new(bytes, self.delimiter).peekable();
        while let Some(first) = fields.peek() {
            let begin = first.place.start;
            let (cells, ids) = rows.push();
            let mut n_fields = 0;
            for field in fields.by_ref() {
                if let Some(used) = self.uses.get(n_fields)
                    && (used.field.is_some() || used.id.is_some())
                {
                    let mut place = field.place.clone();
                    let mut found = &bytes[place.clone()];
                    if field.form == Form::Quoted {
                        let start = more.len();
                        more.push_str(&unquoted(&text[place]));
                        place = text.len() + start..text.len() + more.len();
                        found = &more.as_bytes()[start..];
                    }
                    if let Some((field, is_text)) = used.field {
                        let read = if is_text { cells::text } else { cells::number };
                        cells[field] = read(found, place.clone(), &self.missing);
                    }
                    if let Some(id) = used.id {
                        ids[id] = Place::Text(place);
                    }
                }
                if field.form == Form::Unclosed {
                    let line = Block::line_of(bytes, line, field.place.start);
                    return Err(malformed(format!(
                        "line {line}: a quoted field that begins here has no closing quote"
                    )));
                }
                n_fields += 1;
                if field.ends_record {
                    break;
                }
            }
            if n_fields != self.uses.len() {
                let (line, expected) = (Block::line_of(bytes, line, begin), self.uses.len());
                let delimiter = char::from(self.delimiter);
                let message = format!(
                    "line {line}: {n_fields} fields; the header has {expected}, separated by {delimiter:?}"
                );
                return Err(malformed(message));
            }
        }
        Ok(more)
    }
}

/// The names of the columns; what follows them stays in `blocks`.
fn header(blocks: &mut Blocks<'_>, delimiter: u8) -> Result<Vec<String>> {
    let mut block = Block::default();
    while blocks.next(&mut block, |bytes, is_all| match is_all {
        true => Some(bytes.len()),
        false => end_of_records(bytes, delimiter),
    })? {
        let mut fields = Fields::new(&block.bytes, delimiter);
        let (mut names, mut is_whole) = (Vec::new(), false);
        for field in fields.by_ref() {
            if field.form == Form::Unclosed {
                break;
            }
            let name = text_of(block.bytes[field.place].to_vec(), block.line)?;
            names.push(if field.form == Form::Quoted { unquoted(&name) } else { name });
            is_whole = field.ends_record;
            if is_whole {
                break;
            }
        }
        if is_whole {
            let end = fields.at();
            blocks.give_back(&block, end);
            return Ok(names);
        }
        if !block.bytes.iter().all(|byte| matches!(byte, b'\n' | b'\r')) {
            return Err(malformed("the header has a quoted name without a closing quote"));
        }
    }
    Err(malformed("it is empty; expected a header that names the columns"))
}

/// A delimiter with which a header would name a field, where it names none.
fn other_delimiter(names: &[String], delimiter: u8, schema: &Schema) -> Option<u8> {
    if names.iter().any(|name| schema.number(name).is_some()) {
        return None;
    }
    let line = names.join(&char::from(delimiter).to_string());
    DELIMITERS.into_iter().filter(|&other| other != delimiter).find(|&other| {
        line.split(char::from(other)).any(|name| schema.number(name.trim_matches('"')).is_some())
    })
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedRequest, message)
}

const _: () = assert!(size_of::<Cell>() <= 24, "a block's cells are bounded by it");
