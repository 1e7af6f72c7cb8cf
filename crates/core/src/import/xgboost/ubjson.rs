//! UBJSON (draft 12): containers with and without types and counts. No length is trusted before as many bytes
//! are there.

use super::super::json::DEEPEST;
use super::super::value::{Number, Numbers, Type, Value};
use crate::error::{Error, Result};
use std::borrow::Cow;

pub(super) fn read(bytes: &[u8]) -> Result<Value<'_>> {
    let mut reader = Reader { bytes, at: 0 };
    let marker = reader.byte("a value's marker")?;
    let value = reader.value(marker, 0)?;
    if reader.at != bytes.len() {
        return Err(reader.fault("the end of the document"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What the head of a container says.
struct Head {
    marker: Option<u8>,
    count: Option<usize>,
}

impl<'a> Reader<'a> {
    fn fault(&self, expected: &str) -> Error {
        let found = match self.peek() {
            Some(byte) => format!("{:?}", char::from(byte)),
            None => "the end of the file".to_owned(),
        };
        Error::corrupt(format!("byte {} of the UBJSON: found {found}, expected {expected}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn byte(&mut self, expected: &str) -> Result<u8> {
        let byte = self.peek().ok_or_else(|| self.fault(expected))?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let left = self.bytes.len() - self.at;
        let taken = taken.ok_or_else(|| {
            Error::corrupt(format!(
                "byte {} of the UBJSON: {what} of {length} bytes, and {left} are left",
                self.at
            ))
        })?;
        self.at += length;
        Ok(taken)
    }

    fn number(&mut self, kind: Type) -> Result<Number<'a>> {
        Ok(kind.read(self.take(kind.size(), "a number")?))
    }

    fn length(&mut self, what: &str) -> Result<usize> {
        let expected = format!("the type of the length of {what}");
        let marker = self.byte(&expected)?;
        let length = match Type::of_marker(marker) {
            Some(kind) => self.number(kind)?.integer().ok(),
            None => None,
        };
        length.and_then(|length| usize::try_from(length).ok()).ok_or_else(|| {
            self.at = self.at.min(self.bytes.len());
            self.fault(&format!("a length of {what} before it"))
        })
    }

    fn text(&mut self) -> Result<Cow<'a, str>> {
        let length = self.length("a text")?;
        let bytes = self.take(length, "a text")?;
        let text = std::str::from_utf8(bytes);
        text.map(Cow::Borrowed)
            .map_err(|_| Error::corrupt(format!("the text before byte {} is no UTF-8", self.at)))
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value<'a>> {
        if depth > DEEPEST {
            return Err(self.fault(&format!("at most {DEEPEST} objects and arrays inside each other")));
        }
        Ok(match marker {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'S' => Value::Text(self.text()?),
            b'C' => Value::Number(self.number(Type::Int8)?),
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'Z' => Value::Null,
            other => match Type::of_marker(other) {
                Some(kind) => Value::Number(self.number(kind)?),
                None => {
                    self.at -= 1;
                    return Err(self.fault("a value's marker"));
                }
            },
        })
    }

    fn head(&mut self, what: &str) -> Result<Head> {
        let mut marker = None;
        if self.peek() == Some(b'$') {
            self.at += 1;
            let kind = self.byte("the type of a container's values")?;
            // Values without bytes would let a few bytes claim any number of them.
            if matches!(kind, b'T' | b'F' | b'Z') || self.peek() != Some(b'#') {
                return Err(self.fault("a type of values that have bytes, and their count"));
            }
            marker = Some(kind);
        }
        let count = if self.peek() == Some(b'#') {
            self.at += 1;
            Some(self.length(what)?)
        } else {
            None
        };
        Ok(Head { marker, count })
    }

    /// Whether a container goes on after `read` values; at its end, the end is read.
    fn goes_on(&mut self, head: &Head, read: usize, end: u8) -> bool {
        match head.count {
            Some(count) => read < count,
            None if self.peek() == Some(end) => {
                self.at += 1;
                false
            }
            None => true,
        }
    }

    fn element(&mut self, head: &Head, depth: usize) -> Result<Value<'a>> {
        let marker = match head.marker {
            Some(marker) => marker,
            None => self.byte("a value's marker")?,
        };
        self.value(marker, depth + 1)
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>> {
        let head = self.head("an array")?;
        let kind = head.marker.and_then(Type::of_marker);
        if let (Some(kind), Some(count)) = (kind, head.count) {
            let bytes = self.take(count.saturating_mul(kind.size()), "an array")?;
            return Ok(Value::Numbers(Numbers::Typed(kind, bytes)));
        }
        let mut values = Vec::new();
        while self.goes_on(&head, values.len(), b']') {
            values.push(self.element(&head, depth)?);
        }
        Ok(Value::Array(values))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>> {
        let head = self.head("an object")?;
        let mut members = Vec::new();
        while self.goes_on(&head, members.len(), b'}') {
            let name = self.text()?;
            members.push((name, self.element(&head, depth)?));
        }
        Ok(Value::Object(members))
    }
}
