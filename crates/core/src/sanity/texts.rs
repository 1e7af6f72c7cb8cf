//! Texts: there at all, not too long, and one of the categories.

use super::{Action, FieldSanity, Finding, FindingKind, Sanity, Scalar, Status, Value};
use crate::input::TextCell;
use std::borrow::Cow;
use std::sync::Arc;

/// What takes the place of a value.
#[derive(Debug)]
pub(super) struct Replacement {
    pub number: Option<f64>,
    pub text: Arc<str>,
}

impl Replacement {
    pub(super) fn of(scalar: &Scalar) -> Replacement {
        let text = match scalar {
            Scalar::Text(text) => text.as_str().into(),
            _ => "".into(),
        };
        Replacement { number: scalar.number(), text }
    }
}

/// What is used for a value that is no category.
#[derive(Debug)]
pub(crate) enum Instead<'a> {
    /// Nothing: it stays unknown.
    Nothing,
    /// Nothing: the row is rejected.
    Rejected,
    /// A missing value.
    Missing,
    /// This number.
    Number(f64),
    /// This text.
    Text(Cow<'a, str>),
}

impl Sanity {
    /// Whether missing values of a field have to be looked at, by [`Sanity::text`].
    pub(crate) fn watches_missing_text(&self, field: usize) -> bool {
        self.fields[field].watches_missing()
    }

    /// The characters from which on a text of a field has to be looked at. Where long texts are only flagged, none
    /// has: those that are no category are, when they are looked up.
    pub(crate) fn watches_length(&self, field: usize) -> Option<usize> {
        let field = &self.fields[field];
        (field.on_length != Action::Keep).then_some(field.most_characters)
    }

    /// What is used in place of a text cell that is missing, is neither number nor text, or has many bytes; `None`
    /// where it stays.
    pub(crate) fn text(
        &self,
        field: usize,
        row: usize,
        cell: TextCell<'_>,
        absent: bool,
        findings: &mut Vec<Finding>,
    ) -> Option<TextCell<'_>> {
        let field = &self.fields[field];
        let (kind, is_found, action) = match cell {
            TextCell::Text(text) if characters(text) <= field.most_characters => return None,
            TextCell::Other => (FindingKind::WrongType, true, field.on_type.unwrap_or(field.on_missing)),
            TextCell::Text(_) => (FindingKind::TooLong, true, field.on_length),
            TextCell::Nan | TextCell::None => {
                let refused = if cell == TextCell::Nan { field.refused.nan } else { field.refused.none };
                // Of the two missing values the source model may take one.
                let by_default = matches!(field.on_missing, Action::Reject | Action::UseImpute);
                let action = if by_default && !refused && !field.missing_is_ruled {
                    Action::Keep
                } else {
                    field.on_missing
                };
                let kind = if absent { FindingKind::Absent } else { FindingKind::Missing };
                (kind, absent || field.missing_is_unusual, action)
            }
        };
        let seen = match cell {
            TextCell::Text(text) => Value::text(&String::from_utf8_lossy(text)),
            TextCell::Other => Value::Other,
            TextCell::Nan | TextCell::None => Value::Missing,
        };
        let mut finding = field.finding(row, kind, seen, Status::Flagged);
        match kind {
            FindingKind::TooLong => finding.expected.clone_from(&field.length),
            FindingKind::WrongType => finding.expected = Some("text".into()),
            _ => {}
        }
        match action {
            Action::Keep if kind == FindingKind::WrongType => Some(field.put_missing(finding, findings)),
            Action::Keep => {
                if is_found {
                    findings.push(finding);
                }
                None
            }
            action => field.put_text(action, finding, findings).map(|text| TextCell::Text(text.as_bytes())),
        }
    }

    /// What is used for a value that is none of the categories. `refused` says that the source model would refuse
    /// the row; `knows` whether a text is a category.
    pub(crate) fn unknown(
        &self,
        field: usize,
        row: usize,
        (seen, cell): (Value, TextCell<'_>),
        refused: bool,
        knows: &dyn Fn(&str) -> bool,
        findings: &mut Vec<Finding>,
    ) -> Instead<'_> {
        let field = &self.fields[field];
        match cell {
            TextCell::Nan | TextCell::None => {
                if !refused {
                    return Instead::Nothing;
                }
                findings.push(field.finding(row, FindingKind::Missing, Value::Missing, Status::Rejected));
                return Instead::Rejected;
            }
            TextCell::Text(text) => {
                let text = String::from_utf8_lossy(text);
                if let Some(category) = field.renames.as_ref().and_then(|renames| renames.find(&text, knows))
                {
                    let mut finding = field.finding(row, FindingKind::Renamed, seen, Status::Repaired);
                    finding.used = Some(Value::text(category));
                    findings.push(finding);
                    return Instead::Text(category.to_owned().into());
                }
            }
            TextCell::Other if field.is_text => return field.wrong_type(row, seen, refused, knows, findings),
            TextCell::Other => {}
        }
        if let TextCell::Text(text) = cell
            && field.on_length == Action::Keep
            && characters(text) > field.most_characters
        {
            let mut finding = field.finding(row, FindingKind::TooLong, seen.clone(), Status::Flagged);
            finding.expected.clone_from(&field.length);
            findings.push(finding);
        }
        let mut finding = field.finding(row, FindingKind::UnknownCategory, seen, Status::Flagged);
        finding.expected = Some("one that the encoder was fitted on".into());
        match field.on_unknown {
            Action::Keep if !refused => {
                findings.push(finding);
                Instead::Nothing
            }
            Action::Keep | Action::Clip | Action::Reject => {
                finding.status = Status::Rejected;
                findings.push(finding);
                Instead::Rejected
            }
            action if field.is_text => match field.put_text(action, finding, findings) {
                Some(text) => Instead::Text(text.into()),
                None => Instead::Rejected,
            },
            action => match field.put(action, finding, findings) {
                number if number.is_nan() => Instead::Rejected,
                number => Instead::Number(number),
            },
        }
    }
}

impl FieldSanity {
    /// What is used for a value of another type in a field of text.
    fn wrong_type(
        &self,
        row: usize,
        seen: Value,
        refused: bool,
        knows: &dyn Fn(&str) -> bool,
        findings: &mut Vec<Finding>,
    ) -> Instead<'_> {
        let exact = match &seen {
            Value::Integer(value) => Some(value.to_string()).filter(|text| knows(text)),
            _ => None,
        };
        let mut finding = self.finding(row, FindingKind::WrongType, seen, Status::Flagged);
        finding.expected = Some("text".into());
        let action = match (self.on_type, exact) {
            (Some(action), _) => action,
            (None, _) if !refused => {
                findings.push(finding);
                return Instead::Nothing;
            }
            (None, Some(text)) => {
                finding.used = Some(Value::text(&text));
                findings.push(finding);
                return Instead::Text(text.into());
            }
            (None, None) => self.on_missing,
        };
        if action == Action::Keep {
            self.put_missing(finding, findings);
            return Instead::Missing;
        }
        match self.put_text(action, finding, findings) {
            Some(text) => Instead::Text(text.into()),
            None => Instead::Rejected,
        }
    }

    /// Takes a value for missing.
    fn put_missing(&self, mut finding: Finding, findings: &mut Vec<Finding>) -> TextCell<'static> {
        (finding.used, finding.status) = (Some(Value::Missing), Status::Repaired);
        findings.push(finding);
        // One of the two missing values, at least, is taken.
        if self.refused.nan { TextCell::None } else { TextCell::Nan }
    }

    /// Puts what `action` says in a value's place, or rejects the row.
    fn put_text(&self, action: Action, mut finding: Finding, findings: &mut Vec<Finding>) -> Option<&str> {
        let text = self.replacement(action).map(|replacement| &*replacement.text);
        finding.status = if text.is_some() { Status::Repaired } else { Status::Rejected };
        finding.used = text.map(Value::text);
        findings.push(finding);
        text
    }
}

/// The characters of UTF-8; of other bytes, what they are shown as.
fn characters(text: &[u8]) -> usize {
    String::from_utf8_lossy(text).chars().count()
}
