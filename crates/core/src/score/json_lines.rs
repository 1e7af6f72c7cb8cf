//! Rows of JSON lines.

use super::blocks::{Block, text_of};
use super::rows::{Place, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::request::{Carry, Request};
use crate::schema::Schema;

/// Cells of a block at most, for rows that leave most fields out.
const MOST_CELLS: usize = 1 << 19;

/// How lines are read.
#[derive(Debug)]
pub(super) struct JsonLines<'e> {
    schema: &'e Schema,
    ids: &'e [String],
    /// Lines of a block at most.
    most_lines: usize,
}

impl<'e> JsonLines<'e> {
    /// Rows of the fields of `schema`, whose values under the keys `ids` are carried over.
    pub fn new(schema: &'e Schema, ids: &'e [String]) -> JsonLines<'e> {
        let most_lines = (MOST_CELLS / schema.fields().len().max(1)).max(1);
        JsonLines { schema, ids, most_lines }
    }

    /// Where the lines of a block end; the last of all bytes that are left may lack its end.
    pub fn end_of_lines(&self, bytes: &[u8], is_all: bool) -> Option<usize> {
        let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        if let Some(end) = ends.nth(self.most_lines - 1) {
            return Some(end);
        }
        match is_all {
            true => Some(bytes.len()),
            false => bytes.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1),
        }
    }

    /// Reads the rows of a block into `request`, and what is carried over into `rows`.
    pub fn read(&self, block: &mut Block, request: &mut Request, rows: &mut Rows) -> Result<()> {
        request.clear(self.schema);
        rows.clear(0, self.ids.len());
        rows.text.clear();
        let text = text_of(std::mem::take(&mut block.bytes), block.line)?;
        let is_blank = |line: &str| line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        for (line, at) in text.split('\n').zip(block.line..).filter(|(line, _)| !is_blank(line)) {
            self.read_line(line, request, rows).map_err(|error| error.within(format_args!("line {at}")))?;
        }
        block.bytes = text.into_bytes();
        Ok(())
    }

    fn read_line(&self, line: &str, request: &mut Request, rows: &mut Rows) -> Result<()> {
        let mut carried = std::mem::take(&mut rows.text);
        let (_, places) = rows.push();
        let mut n_carried = 0;
        let mut take = |id: usize, token: &str| {
            let refuse = |what: &str| {
                let message = format!("the key {:?}, which is to be carried over, {what}", self.ids[id]);
                Err(Error::new(ErrorKind::MalformedRequest, message).at(&self.ids[id], None))
            };
            let start = carried.len();
            let as_token = match token.as_bytes().first() {
                Some(b'"') => {
                    let text: String = match serde_json::from_str(token) {
                        Ok(text) => text,
                        Err(error) => return refuse(&format!("has no text: {error}")),
                    };
                    carried.push_str(&text);
                    false
                }
                Some(b'[' | b'{') => return refuse("has an array or object; expected a single value"),
                _ => {
                    carried.push_str(token);
                    true
                }
            };
            if places[id] != Place::Nowhere {
                return refuse("stands there twice");
            }
            let place = start..carried.len();
            places[id] = if as_token { Place::Token(place) } else { Place::Text(place) };
            n_carried += 1;
            Ok(())
        };
        let read = request.read_line(self.schema, line, Carry { keys: self.ids, take: &mut take });
        if read.is_ok() && n_carried < self.ids.len() {
            let absent = places.iter().position(|place| *place == Place::Nowhere).map(|id| &self.ids[id]);
            let absent = absent.map_or("", String::as_str);
            let message = format!("the key {absent:?}, which is to be carried over, is absent");
            return Err(Error::new(ErrorKind::MalformedRequest, message).at(absent, None));
        }
        for place in &mut *places {
            if matches!(place, Place::Token(token) if carried.get(token.clone()) == Some("null")) {
                *place = Place::Nowhere;
            }
        }
        rows.text = carried;
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_short_lines_are_cut_by_their_number() {
        let field = r#"{"name":"a","kind":"float","dtype":"float64","null":"nan"}"#;
        let schema = Schema::parse(&format!(r#"{{"fields":[{field}]}}"#)).expect("a schema");
        let mut lines = JsonLines::new(&schema, &[]);
        let bytes = b"{}\n{}\n\n{}";
        assert_eq!(lines.end_of_lines(bytes, false), Some(7));
        assert_eq!(lines.end_of_lines(bytes, true), Some(9));
        assert_eq!(lines.end_of_lines(b"{", false), None);
        lines.most_lines = 2;
        assert_eq!(lines.end_of_lines(bytes, true), Some(6));
        assert_eq!(JsonLines::new(&schema, &[]).most_lines, MOST_CELLS);
    }
}
