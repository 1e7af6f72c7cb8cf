//! What is found in a row, and what becomes of the row.

use crate::input;
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Something found in a row.
///
/// ```
/// use monobloc::{Cell, Cells, Column, Engine, FindingKind, Input, LoadOptions, Status, Value};
///
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
/// let text = "2,300north";
/// let age = [Cell::Text { start: 0, end: 5 }];
/// let region = [Cell::Text { start: 5, end: 10 }];
/// let columns = [
///     ("age", Column::Cells(Cells::new(&age, text))),
///     ("balance", Column::Int64([1][..].into())),
///     ("region", Column::Cells(Cells::new(&region, text))),
/// ];
/// let findings = engine.check(&Input::from_named(engine.schema(), 1, columns)?)?;
/// let found = &findings[0];
/// assert_eq!((&*found.field, found.kind, found.status), ("age", FindingKind::WrongType, Status::Repaired));
/// assert_eq!(found.seen, Value::Text("2,300".into()));
/// assert_eq!(found.reason(), "found the text \"2,300\", expected a number; taken as missing");
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The row, counted from 0.
    pub row: usize,
    /// The name of the field; of a network's tensor or of an output where those are meant.
    pub field: Arc<str>,
    /// What was found.
    pub kind: FindingKind,
    /// The value that came in.
    pub seen: Value,
    /// The value that is used instead, where it is another one.
    pub used: Option<Value>,
    /// What became of the row by this finding alone.
    pub status: Status,
    /// What was expected; of [`FindingKind::Refused`] the whole reason.
    pub expected: Option<Arc<str>>,
}

/// What becomes of a row: the gravest status of its findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nothing was found.
    #[default]
    Ok,
    /// Something was found, and the row is answered as it came.
    Flagged,
    /// A value was replaced before the row was answered.
    Repaired,
    /// The row has no answer.
    Rejected,
}

impl Status {
    /// All of them, in ascending gravity.
    pub const ALL: [Status; 4] = [Status::Ok, Status::Flagged, Status::Repaired, Status::Rejected];

    /// The number, the same in every language: 0 for [`Status::Ok`], then by gravity.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The name in `snake_case`, the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Flagged => "flagged",
            Status::Repaired => "repaired",
            Status::Rejected => "rejected",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $number:literal, $name:literal;)+) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl FindingKind {
            /// Every kind.
            pub const ALL: &'static [FindingKind] = &[$(FindingKind::$kind,)+];

            /// The kind's number, the same in every language and never used again for something else.
            pub const fn number(self) -> u32 {
                match self { $(FindingKind::$kind => $number,)+ }
            }

            /// The name in `snake_case`, the same in every language.
            pub const fn name(self) -> &'static str {
                match self { $(FindingKind::$kind => $name,)+ }
            }

            /// What it means.
            pub const fn description(self) -> &'static str {
                match self { $(FindingKind::$kind => concat!($($doc),+),)+ }
            }
        }
    };
}

kinds! {
    /// A row that names its values has none for the field.
    Absent = 1, "absent";
    /// A column or key that is no field of the model.
    Extra = 2, "extra";
    /// An infinite number.
    Infinite = 3, "infinite";
    /// A missing value, where the reference has none or the model takes none.
    Missing = 4, "missing";
    /// An input tensor holds NaN or an infinite number.
    NonFinite = 5, "non_finite";
    /// An output is NaN or infinite.
    NonFiniteOutput = 6, "non_finite_output";
    /// A number outside of the field's range.
    OutOfRange = 7, "out_of_range";
    /// The source model would refuse the row for another reason.
    Refused = 8, "refused";
    /// A text that an alias or a normalisation leads to a category.
    Renamed = 9, "renamed";
    /// A text that is longer than the field's texts.
    TooLong = 10, "too_long";
    /// A value that is none of the categories.
    UnknownCategory = 11, "unknown_category";
    /// A value of another type than the field's.
    WrongType = 12, "wrong_type";
}

impl FindingKind {
    /// Whether a row with it is unlike the rows that the model was fitted on.
    pub const fn is_out_of_distribution(self) -> bool {
        matches!(
            self,
            FindingKind::Infinite
                | FindingKind::Missing
                | FindingKind::OutOfRange
                | FindingKind::TooLong
                | FindingKind::UnknownCategory
                | FindingKind::WrongType
        )
    }
}

/// One value of any kind, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A number.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// No value.
    Missing,
    /// Something that is neither number nor text.
    Other,
    /// A value that a rule keeps out of events.
    Redacted,
    /// Text; of long ones the beginning.
    Text(Box<str>),
}

/// Bytes of a text that a finding keeps.
const MOST_TEXT: usize = 128;

impl Value {
    /// A text, or the beginning of a long one.
    pub fn text(text: &str) -> Value {
        if text.len() <= MOST_TEXT {
            return Value::Text(text.into());
        }
        Value::Text(format!("{}…", &text[..text.floor_char_boundary(MOST_TEXT)]).into())
    }

    /// A number; NaN is missing.
    pub fn float(value: f64) -> Value {
        if value.is_nan() { Value::Missing } else { Value::Float(value) }
    }
}

impl From<input::Value<'_>> for Value {
    fn from(value: input::Value<'_>) -> Value {
        match value {
            input::Value::Boolean(value) => Value::Boolean(value),
            input::Value::Float(value) => Value::float(value),
            input::Value::Integer(value) => Value::Integer(value),
            input::Value::Missing(_) => Value::Missing,
            input::Value::Other => Value::Other,
            input::Value::Text(text) => Value::text(&String::from_utf8_lossy(text)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => write!(into, "{value}"),
            Value::Float(value) => write!(into, "{value}"),
            Value::Integer(value) => write!(into, "{value}"),
            Value::Missing => into.write_str("a missing value"),
            Value::Other => into.write_str("a value that is neither number nor text"),
            Value::Redacted => into.write_str("(redacted)"),
            Value::Text(text) => write!(into, "{text:?}"),
        }
    }
}

impl Serialize for Value {
    /// As JSON: missing values are null, infinite ones `"Infinity"` and `"-Infinity"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Float(value) if value.is_infinite() => {
                serializer.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Missing => serializer.serialize_unit(),
            Value::Other => serializer.serialize_str("(neither number nor text)"),
            Value::Redacted => serializer.serialize_str("(redacted)"),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Finding {
    /// What was found, what was expected, and what is used instead, for people.
    pub fn reason(&self) -> String {
        let seen = &self.seen;
        let mut reason = match self.kind {
            FindingKind::Absent => "absent, taken as missing".to_owned(),
            FindingKind::Extra => "no field of the model".to_owned(),
            FindingKind::Missing => "missing".to_owned(),
            FindingKind::NonFiniteOutput => "the output is not finite".to_owned(),
            FindingKind::NonFinite | FindingKind::Refused => String::new(),
            FindingKind::TooLong => format!("found the text {seen}"),
            FindingKind::UnknownCategory => format!("unknown category {seen}"),
            FindingKind::WrongType if matches!(seen, Value::Text(_)) => format!("found the text {seen}"),
            FindingKind::Renamed
            | FindingKind::Infinite
            | FindingKind::OutOfRange
            | FindingKind::WrongType => {
                format!("found {seen}")
            }
        };
        if let Some(expected) = &self.expected {
            if !reason.is_empty() {
                reason.push_str(if self.kind == FindingKind::Missing { "; " } else { ", expected " });
            }
            reason.push_str(expected);
        }
        match &self.used {
            Some(Value::Missing) => reason.push_str("; taken as missing"),
            Some(used) => reason.push_str(&format!("; {used} is used instead")),
            None => {}
        }
        reason
    }
}
