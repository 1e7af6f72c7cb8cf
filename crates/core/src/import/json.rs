//! JSON as training libraries write it, which is not quite JSON: floats may be `NaN` and `Infinity`. Digits are those
//! of a float32 or a float64 and must be rounded once, so numbers keep them.

use super::value::{Number, Numbers, Value};
use crate::error::{Error, Result};
use std::borrow::Cow;

/// Objects and arrays inside each other; XGBoost's models have nine, CatBoost's four and one for each level of a tree.
pub(super) const DEEPEST: usize = 32;

pub(super) fn read(bytes: &[u8]) -> Result<Value<'_>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::corrupt(format!("the JSON is no UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_spaces();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.fault("the end of the document")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Skips what is `wanted`, and gives it.
    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn fault(&self, expected: &str) -> Error {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("{found:?}"),
            None => "the end of the file".to_owned(),
        };
        Error::corrupt(format!("byte {} of the JSON: found {found}, expected {expected}", self.at))
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault(word));
        }
        self.at += word.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        if depth > DEEPEST {
            return Err(self.fault(&format!("at most {DEEPEST} objects and arrays inside each other")));
        }
        self.skip_spaces();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b't') => self.expect("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.expect("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.expect("null").map(|()| Value::Null),
            Some(byte) if in_number(byte) => Ok(Value::Number(Number::Decimal(self.skip(in_number)))),
            _ => Err(self.fault("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_spaces();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_spaces();
            let name = self.string()?;
            self.skip_spaces();
            self.expect(":")?;
            members.push((name, self.value(depth + 1)?));
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fault("a comma or the object's end")),
            }
        }
        self.at += 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>> {
        self.at += 1;
        let start = self.at;
        let numbers =
            self.skip(|byte| in_number(byte) || matches!(byte, b',' | b' ' | b'\t' | b'\n' | b'\r'));
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Numbers(Numbers::Decimal(numbers)));
        }
        self.at = start;
        let mut values = Vec::new();
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fault("a comma or the array's end")),
            }
        }
        self.at += 1;
        Ok(Value::Array(values))
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.expect("\"")?;
        let plain = self.skip(|byte| byte != b'"' && byte != b'\\');
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            text.push_str(self.skip(|byte| byte != b'"' && byte != b'\\'));
            match self.peek() {
                Some(b'"') => break,
                Some(_) => text.push(self.escape()?),
                None => return Err(self.fault("the text's end")),
            }
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    fn escape(&mut self) -> Result<char> {
        self.expect("\\")?;
        let escaped = self.peek();
        self.at += usize::from(escaped.is_some());
        Ok(match escaped {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                let high = self.hexadecimal()?;
                let is_pair = (0xd800..0xdc00).contains(&high);
                let low = if is_pair && self.expect("\\u").is_ok() { self.hexadecimal()? } else { 0 };
                let pair = 0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff);
                let code = if (0xdc00..0xe000).contains(&low) { pair } else { high };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.fault("an escape that JSON has")),
        })
    }

    fn hexadecimal(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| !digits.starts_with('+'));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.fault("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

/// Whether a number may hold `byte`: digits, `NaN` and `Infinity`.
fn in_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
        || matches!(byte, b'N' | b'a' | b'I' | b'n' | b'f' | b'i' | b't' | b'y')
}
