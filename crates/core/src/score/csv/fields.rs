//! Where the fields of CSV lie: records of delimited fields, as RFC 4180 has them and Python's `csv` and the crate
//! `csv-core` read them.
//!
//! `\n`, `\r\n` and `\r` end a record, and lines without anything are none. A quote opens a quoted field only as a field's
//! first byte, and two of them are one in it; what follows the closing one is text as it stands.

use std::ops::Range;

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Where its text lies; with its quotes where these are not just around it.
    pub place: Range<usize>,
    pub form: Form,
    /// Whether it is the last of its record.
    pub ends_record: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The text is what lies there.
    Plain,
    /// [`unquoted`] makes the text of what lies there.
    Quoted,
    /// The closing quote is missing.
    Unclosed,
}

/// The fields of some bytes, which begin with a record.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    at: usize,
    is_in_record: bool,
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Fields { bytes, delimiter, at: 0, is_in_record: false }
    }

    /// The place behind the last field and what ended it.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The place of the next delimiter or end of a line from `from` on.
    #[inline]
    fn end_from(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let ends = |byte: &u8| *byte == self.delimiter || *byte == b'\n' || *byte == b'\r';
        rest.iter().position(ends).map_or(self.bytes.len(), |at| from + at)
    }

    /// The place of the quote that closes the field whose opening one lies at `open`, and whether quotes lie between.
    fn closing(&self, open: usize) -> Option<(usize, bool)> {
        let (mut from, mut has_quotes) = (open + 1, false);
        loop {
            let quote = from + self.bytes.get(from..)?.iter().position(|&byte| byte == b'"')?;
            if self.bytes.get(quote + 1) != Some(&b'"') {
                return Some((quote, has_quotes));
            }
            (from, has_quotes) = (quote + 2, true);
        }
    }
}

impl Iterator for Fields<'_> {
    type Item = Field;

    #[inline]
    fn next(&mut self) -> Option<Field> {
        if !self.is_in_record {
            while let Some(b'\n' | b'\r') = self.bytes.get(self.at) {
                self.at += 1;
            }
            if self.at == self.bytes.len() {
                return None;
            }
        }
        let start = self.at;
        let (place, form, end) = if self.bytes.get(start) != Some(&b'"') {
            let end = self.end_from(start);
            (start..end, Form::Plain, end)
        } else if let Some((quote, has_quotes)) = self.closing(start) {
            let end = self.end_from(quote + 1);
            match has_quotes || end > quote + 1 {
                true => (start..end, Form::Quoted, end),
                false => (start + 1..quote, Form::Plain, end),
            }
        } else {
            (start..self.bytes.len(), Form::Unclosed, self.bytes.len())
        };
        let ends_record = self.bytes.get(end) != Some(&self.delimiter);
        let has_both = self.bytes.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
        self.at = (end + 1 + usize::from(has_both)).min(self.bytes.len());
        self.is_in_record = !ends_record;
        Some(Field { place, form, ends_record })
    }
}

/// The text of a quoted field with quotes, or with text behind the closing one.
pub(super) fn unquoted(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut rest = field.strip_prefix('"').unwrap_or(field);
    while let Some((before, after)) = rest.split_once('"') {
        text.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                rest = after;
            }
            None => return text + after,
        }
    }
    text + rest
}

/// Where the last record of `bytes` ends that an end of a line ends.
pub(super) fn end_of_records(bytes: &[u8], delimiter: u8) -> Option<usize> {
    // A last \r may be half of an end.
    let last = bytes.len().checked_sub(1)?;
    if !bytes.contains(&b'"') {
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        return end.or_else(|| bytes[..last].iter().rposition(|&byte| byte == b'\r')).map(|at| at + 1);
    }
    let mut fields = Fields::new(bytes, delimiter);
    let mut end = None;
    while let Some(field) = fields.next() {
        let at = fields.at();
        if field.ends_record && field.form != Form::Unclosed && (at <= last || bytes[last] == b'\n') {
            end = Some(at);
        }
    }
    // A record that the end of the bytes ends may go on.
    end.filter(|&end| matches!(bytes.get(end - 1), Some(b'\n' | b'\r')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
    use proptest::prelude::*;

    fn records(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut records = vec![Vec::new()];
        for field in Fields::new(text.as_bytes(), delimiter) {
            let last = records.last_mut().expect("one");
            last.push(match field.form {
                Form::Plain => text[field.place].to_owned(),
                Form::Quoted | Form::Unclosed => unquoted(&text[field.place]),
            });
            if field.ends_record {
                records.push(Vec::new());
            }
        }
        assert_eq!(records.pop(), Some(Vec::new()), "the last record has ended");
        records
    }

    /// The same by another reader.
    fn twin(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut reader: Reader = ReaderBuilder::new().delimiter(delimiter).build();
        let (mut out, mut ends, mut input) = (vec![0; 1000], vec![0; 1000], text.as_bytes());
        let (mut written, mut ended, mut records) = (0, 0, Vec::new());
        loop {
            let (result, n_in, n_out, n_ends) =
                reader.read_record(input, &mut out[written..], &mut ends[ended..]);
            input = &input[n_in..];
            (written, ended) = (written + n_out, ended + n_ends);
            match result {
                ReadRecordResult::Record => {
                    let starts = std::iter::once(0).chain(ends.iter().copied());
                    let places = starts.zip(&ends[..ended]);
                    let text = |(start, &end)| String::from_utf8(out[start..end].to_vec()).expect("UTF-8");
                    records.push(places.map(text).collect());
                    (written, ended) = (0, 0);
                }
                ReadRecordResult::End => return records,
                _ => {}
            }
        }
    }

    #[test]
    fn records_are_those_that_others_read() {
        let cases: [(&str, &[&[&str]]); 9] = [
            ("a,b\n1,2", &[&["a", "b"], &["1", "2"]]),
            ("a\r\n\r\nb\r\n", &[&["a"], &["b"]]),
            ("a,\n", &[&["a", ""]]),
            ("a,", &[&["a", ""]]),
            ("\"x\ny\",\"p\"\"q\"\n", &[&["x\ny", "p\"q"]]),
            ("a\"b,\"c\"d\"\n", &[&["a\"b", "cd\""]]),
            ("\"\"\n", &[&[""]]),
            ("a\rb", &[&["a"], &["b"]]),
            (" \"a\"\n", &[&[" \"a\""]]),
        ];
        for (text, expected) in cases {
            assert_eq!(records(text, b','), expected, "{text:?}");
            assert_eq!(twin(text, b','), expected, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_text_has_the_fields_that_csv_core_finds(text in "[ab,;\"\n\r]{0,40}") {
            prop_assert_eq!(records(&text, b','), twin(&text, b','));
            prop_assert_eq!(records(&text, b';'), twin(&text, b';'));
        }

        #[test]
        fn parts_have_the_records_of_the_whole(text in "[ab,\"\n\r]{0,40}") {
            if let Some(end) = end_of_records(text.as_bytes(), b',') {
                let (first, second) = text.split_at(end);
                prop_assert!(!first.ends_with('\r') || !second.starts_with('\n'), "a line end in two");
                let mut parts = records(first, b',');
                parts.extend(records(second, b','));
                prop_assert_eq!(parts, records(&text, b','));
                let more = end_of_records(second.as_bytes(), b',').map(|end| records(&second[..end], b','));
                prop_assert!(more.is_none_or(|more| more.is_empty()) || text.contains('\r'), "a whole record is left");
            }
        }
    }
}
