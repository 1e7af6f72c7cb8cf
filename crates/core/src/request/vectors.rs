//! Bodies of plain vectors, such as `[[1.5, null], [2, 3]]`, in one pass. All others are left to the reader of whole
//! bodies, which is this one's naive twin.

use super::{MAX_CELLS, decimal};
use crate::input::Cell;
use crate::records::Records;

/// Reads a body that is an array of arrays of numbers and nulls, one for each of `n_fields`. Where it is another, or
/// none at all, the answer is `false` and the records hold no rows that mean anything. `floats` are the same values,
/// null as NaN; fewer of them where some are integers.
pub(super) fn read(body: &[u8], n_fields: usize, records: &mut Records, floats: &mut Vec<f64>) -> bool {
    floats.clear();
    floats.shrink_to(KEPT);
    let mut vectors = Vectors { body, at: 0 };
    vectors.rows(n_fields, records, floats).is_some()
}

/// Floats whose memory is kept for the next body.
const KEPT: usize = 1 << 17;

struct Vectors<'a> {
    body: &'a [u8],
    at: usize,
}

impl Vectors<'_> {
    fn rows(&mut self, n_fields: usize, records: &mut Records, floats: &mut Vec<f64>) -> Option<()> {
        self.takes(b'[')?;
        loop {
            self.takes(b'[')?;
            if records.n_cells() + n_fields > MAX_CELLS {
                return None;
            }
            loop {
                let cell = self.value()?;
                records.append(cell);
                match cell {
                    Cell::Float(value) => floats.push(value),
                    Cell::None => floats.push(f64::NAN),
                    _ => {}
                }
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
            if !records.end_row() {
                return None;
            }
            match self.next()? {
                b',' => {}
                b']' => break,
                _ => return None,
            }
        }
        self.skip_space();
        (self.at == self.body.len()).then_some(())
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.body.get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        let byte = self.body.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn takes(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    #[inline]
    fn value(&mut self) -> Option<Cell> {
        self.skip_space();
        let rest = self.body.get(self.at..)?;
        if rest.starts_with(b"null") {
            self.at += 4;
            return Some(Cell::None);
        }
        let (cell, len) = number(rest)?;
        self.at += len;
        Some(cell)
    }
}

/// The number that `bytes` begin with, and its length, by JSON's grammar: RFC 8259, section 6.
#[inline]
fn number(bytes: &[u8]) -> Option<(Cell, usize)> {
    if let Some((value, len)) = decimal::read(bytes) {
        return Some((Cell::Float(value), len));
    }
    let is_negative = bytes.first() == Some(&b'-');
    let digits = &bytes[usize::from(is_negative)..];
    // Else it may be a word or a sign that the parser takes.
    if !digits.first()?.is_ascii_digit()
        || (digits[0] == b'0' && digits.get(1).is_some_and(u8::is_ascii_digit))
    {
        return None;
    }
    let (value, len) = fast_float2::parse_partial::<f64, _>(bytes).ok()?;
    let token = &bytes[..len];
    let Some(after) = token[usize::from(is_negative)..].iter().position(|byte| !byte.is_ascii_digit()) else {
        let integer =
            std::str::from_utf8(token).ok()?.parse().ok().filter(|&integer| integer != 0 || !is_negative);
        return Some((integer.map_or(Cell::Float(value), Cell::Integer), len));
    };
    let after = after + usize::from(is_negative);
    let has_fraction = token[after] != b'.' || token.get(after + 1).is_some_and(u8::is_ascii_digit);
    (has_fraction && value.is_finite()).then_some((Cell::Float(value), len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{MAX_BODY_BYTES, Request};
    use crate::schema::Schema;
    use proptest::prelude::*;

    fn schema() -> Schema {
        let field =
            |name: &str| format!(r#"{{"name":"{name}","kind":"float","dtype":"float64","null":"nan"}}"#);
        Schema::parse(&format!(r#"{{"fields":[{},{}]}}"#, field("a"), field("b"))).expect("a schema")
    }

    fn cells(records: &Records) -> Vec<String> {
        let cell = |row, field| format!("{:?}", records.cell(row, field));
        (0..records.n_rows()).flat_map(|row| [cell(row, 0), cell(row, 1)]).collect()
    }

    /// What is read fast is what the twin reads; what the twin refuses is not read fast.
    fn compare(text: &str) -> Result<bool, TestCaseError> {
        let schema = schema();
        let (mut fast, mut slow) = (Records::default(), Request::default());
        fast.clear(2);
        let mut floats = Vec::new();
        let is_read = read(text.as_bytes(), 2, &mut fast, &mut floats);
        let twin = slow.read_whole(&schema, text);
        if is_read {
            prop_assert!(twin.is_ok(), "{}: {:?}", text, twin);
            prop_assert_eq!(cells(&fast), cells(slow.records()), "{}", text);
        }
        let mut request = Request::default();
        prop_assert_eq!(request.read(&schema, text.as_bytes(), MAX_BODY_BYTES).is_ok(), twin.is_ok());
        Ok(is_read)
    }

    #[test]
    fn vectors_are_read_and_others_left() {
        for (text, expected) in [
            ("[[1,2]]", true),
            (" [ [ -0 , 0.5e-3 ] ,\n[null,1E+2]\t] ", true),
            ("[[9223372036854775807,9223372036854775808]]", true),
            ("[[-9223372036854775808,-9223372036854775809]]", true),
            ("[[123456789012345678901234567890,0.1234567890123456789012345678901]]", true),
            ("[[5e-324,1.7976931348623157e308]]", true),
            ("[[1e999,2]]", false),
            ("[[01,2]]", false),
            ("[[1.,2]]", false),
            ("[[1.e5,2]]", false),
            ("[[.5,2]]", false),
            ("[[+1,2]]", false),
            ("[[-,2]]", false),
            ("[[1e,2]]", false),
            ("[[inf,nan]]", false),
            ("[[-inf,2]]", false),
            ("[[-nan,2]]", false),
            ("[[infinity,2]]", false),
            ("[[1_0,2]]", false),
            ("[[1,2]", false),
            ("[[1,2]]]", false),
            ("[[1,2],]", false),
            ("[[1,2,]]", false),
            ("[[1]]", false),
            ("[[1,2,3]]", false),
            ("[]", false),
            ("[[1,true]]", false),
            ("[[1,\"2\"]]", false),
            ("[{\"a\":1}]", false),
        ] {
            assert_eq!(compare(text).expect(text), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn any_text_of_such_bytes(text in "[\\[\\],0-9.eE+\\- nulaif]{0,24}") {
            compare(&text)?;
            compare(&format!("[[{text},1]]"))?;
        }

        #[test]
        fn any_number(value in any::<f64>(), other in any::<i64>(), digits in "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
            if value.is_finite() {
                let text = format!("[[{value:?},{other}],[{value:e},{value}]]");
                prop_assert!(compare(&text)?, "{}", text);
            }
            compare(&format!("[[{digits},{digits}]]"))?;
        }
    }
}
