//! Labels, and the targets that a model decides on.

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::ops::Range;

/// The labels of a target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// The NumPy dtype of the source's `classes_`.
    pub dtype: String,
    /// The labels, in the order of the outputs.
    pub values: Vec<Label>,
}

impl Classes {
    /// The labels 0, 1, …, of which there are `n`.
    pub fn numbered(n: usize) -> Classes {
        Classes { dtype: "int64".to_owned(), values: (0..n as i64).map(Label::Integer).collect() }
    }
}

/// One label of a classifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Label {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
}

impl fmt::Display for Label {
    /// As Python's `str` of the label.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Boolean(value) => f.write_str(if *value { "True" } else { "False" }),
            Label::Integer(value) => write!(f, "{value}"),
            Label::Float(value) => write!(f, "{value:?}"),
            Label::Text(text) => f.write_str(text),
        }
    }
}

/// The labels of each target that a model decides on, as the manifest has them: null, those of one, or a list of two
/// or more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Targets(pub Vec<Classes>);

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
        deserializer.deserialize_any(AnyTargets)
    }
}

/// Where each target's probabilities are among a row's outputs.
pub(super) fn target_outputs(targets: &[Classes]) -> impl Iterator<Item = Range<usize>> + Clone + '_ {
    targets.iter().scan(0, |end, classes| {
        let start = *end;
        *end += classes.values.len();
        Some(start..*end)
    })
}

struct AnyTargets;

impl<'de> Visitor<'de> for AnyTargets {
    type Value = Targets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a target, a list of those of two targets or more, or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Targets, E> {
        Ok(Targets::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Targets, A::Error> {
        Ok(Targets(vec![Classes::deserialize(MapAccessDeserializer::new(map))?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Targets, A::Error> {
        let targets: Vec<Classes> = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
        match targets.len() {
            0 | 1 => Err(A::Error::invalid_length(targets.len(), &self)),
            _ => Ok(Targets(targets)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_none_one_or_a_list() {
        let read = |json: &str| serde_json::from_str::<Targets>(json).map_err(|error| error.to_string());
        let numbered = |n: &[usize]| Ok(Targets(n.iter().map(|&n| Classes::numbered(n)).collect()));
        let (two, three) = (r#"{"dtype":"int64","values":[0,1]}"#, r#"{"dtype":"int64","values":[0,1,2]}"#);
        assert_eq!(read("null"), numbered(&[]));
        assert_eq!(read(two), numbered(&[2]));
        assert_eq!(read(&format!("[{two},{three}]")), numbered(&[2, 3]));
        for (json, says) in [
            ("[]".to_owned(), "invalid length 0, expected the labels of a target, a list of those of two"),
            (format!("[{two}]"), "invalid length 1"),
            (format!("[{two},null]"), "invalid type: null"),
            (format!("[[{two},{two}],{two}]"), "invalid type: map, expected a string"),
            ("2".to_owned(), "expected the labels of a target"),
            (r#"{"dtype":"int64","values":[0],"more":1}"#.to_owned(), "unknown field `more`"),
        ] {
            let error = read(&json).expect_err(&json);
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
