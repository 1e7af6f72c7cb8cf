//! What the text of a field means.

use crate::input::Cell;
use std::ops::Range;

/// Texts that are missing values, unless the caller names others: those of pandas' `read_csv`
/// (`pandas._libs.parsers.STR_NA_VALUES` of 3.1).
pub const NA: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The texts that are missing values; the empty one always is.
#[derive(Debug)]
pub(super) struct Missing {
    texts: Vec<Box<[u8]>>,
    /// For each first byte the lengths of the texts that begin with it, one bit each; longer ones share the last bit.
    lengths: [u64; 256],
}

impl Missing {
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Missing {
        let mut missing = Missing { texts: Vec::new(), lengths: [0; 256] };
        for text in texts {
            if let Some(&first) = text.as_bytes().first() {
                missing.lengths[usize::from(first)] |= 1 << text.len().min(63);
                missing.texts.push(text.as_bytes().into());
            }
        }
        missing
    }

    #[inline]
    pub fn holds(&self, text: &[u8]) -> bool {
        let Some(&first) = text.first() else { return true };
        let may = self.lengths[usize::from(first)] >> text.len().min(63) & 1 == 1;
        may && self.texts.iter().any(|known| **known == *text)
    }
}

/// The cell of a field of text.
#[inline]
pub(super) fn text(bytes: &[u8], place: Range<usize>, missing: &Missing) -> Cell {
    if missing.holds(bytes) {
        return Cell::Float(f64::NAN);
    }
    Cell::Text { start: place.start, end: place.end }
}

/// The cell of a field of numbers or Booleans. What is neither stays text, which is a value of a wrong type.
#[inline]
pub(super) fn number(bytes: &[u8], place: Range<usize>, missing: &Missing) -> Cell {
    if missing.holds(bytes) {
        return Cell::Float(f64::NAN);
    }
    if let Some(integer) = short_integer(bytes) {
        return Cell::Integer(integer);
    }
    let digits = bytes.trim_ascii();
    if let Some(integer) = short_integer(digits).or_else(|| long_integer(digits)) {
        return Cell::Integer(integer);
    }
    if let Ok(value) = fast_float2::parse(digits) {
        return Cell::Float(value);
    }
    match digits {
        b"True" | b"TRUE" | b"true" => Cell::Boolean(true),
        b"False" | b"FALSE" | b"false" => Cell::Boolean(false),
        _ => Cell::Text { start: place.start, end: place.end },
    }
}

/// An integer of at most 18 digits. `-0` is none: as a float it has a sign.
#[inline]
fn short_integer(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    match digits.len() == bytes.len() {
        true => Some(value),
        false => (value != 0).then_some(-value),
    }
}

fn long_integer(bytes: &[u8]) -> Option<i64> {
    let is_zero = |value: &i64| *value == 0;
    std::str::from_utf8(bytes).ok()?.parse().ok().filter(|value| !is_zero(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_missing_values_and_booleans_are_told_apart() {
        let missing = Missing::new(NA);
        let text = |len: usize| Cell::Text { start: 0, end: len };
        let cases = [
            ("12", Cell::Integer(12)),
            (" 12\t", Cell::Integer(12)),
            ("-7", Cell::Integer(-7)),
            ("+7", Cell::Integer(7)),
            ("9007199254740993", Cell::Integer(9_007_199_254_740_993)),
            ("9223372036854775807", Cell::Integer(i64::MAX)),
            ("-9223372036854775808", Cell::Integer(i64::MIN)),
            ("9223372036854775808", Cell::Float(9_223_372_036_854_775_808.0)),
            ("0.1", Cell::Float(0.1)),
            ("9007199254740993.0", Cell::Float(9_007_199_254_740_992.0)),
            ("1e3", Cell::Float(1000.0)),
            (".5", Cell::Float(0.5)),
            ("inf", Cell::Float(f64::INFINITY)),
            ("-Infinity", Cell::Float(f64::NEG_INFINITY)),
            ("true", Cell::Boolean(true)),
            ("FALSE", Cell::Boolean(false)),
            ("1_000", text(5)),
            ("1 2", text(3)),
            ("0x10", text(4)),
            ("12€", text(5)),
            ("yes", text(3)),
            ("-", text(1)),
        ];
        for (written, expected) in cases {
            assert_eq!(number(written.as_bytes(), 0..written.len(), &missing), expected, "{written:?}");
        }
        let negative_zero = number(b"-0", 0..2, &missing);
        assert!(matches!(negative_zero, Cell::Float(value) if value == 0.0 && value.is_sign_negative()));
        for written in NA {
            let cell = number(written.as_bytes(), 0..written.len(), &missing);
            assert!(matches!(cell, Cell::Float(value) if value.is_nan()), "{written:?}");
        }
    }

    #[test]
    fn other_texts_can_be_missing() {
        let missing = Missing::new(["-999", "?"]);
        let is_missing = |text: &str| missing.holds(text.as_bytes());
        assert_eq!(
            ["", "-999", "?", "NA", "-99", "-9990"].map(is_missing),
            [true, true, true, false, false, false]
        );
        let long = "x".repeat(70);
        assert!(Missing::new([&*long]).holds(long.as_bytes()));
    }
}
