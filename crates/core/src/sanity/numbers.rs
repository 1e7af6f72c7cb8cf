//! Numbers as they are loaded: in range, finite, there at all.

use super::{Action, FieldSanity, Finding, FindingKind, Sanity, Status, Value};
use crate::input::parse_number;
use crate::precision::Precision;
use std::sync::Arc;

/// Which numbers of a field have to be looked at: those outside of a range, and NaN where `nan`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Watch {
    low: f64,
    high: f64,
    nan: bool,
}

impl Watch {
    pub(super) fn nothing() -> Watch {
        Watch { low: f64::NEG_INFINITY, high: f64::INFINITY, nan: false }
    }

    /// The numbers that need not be looked at, bounds included.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Whether NaN has to be looked at.
    pub fn stops_nan(&self) -> bool {
        self.nan
    }

    /// Whether `value` has to be looked at.
    #[inline]
    pub fn stops(&self, value: f64) -> bool {
        (value < self.low) | (value > self.high) | (self.nan & value.is_nan())
    }

    /// Whether any of `values` has to be looked at.
    pub fn stops_any(&self, values: &[f64]) -> bool {
        let Watch { low, high, nan } = *self;
        if nan {
            // NaN is in no range.
            return values.iter().fold(false, |any, &value| any | !((value >= low) & (value <= high)));
        }
        if low == f64::NEG_INFINITY && high == f64::INFINITY {
            return false;
        }
        values.iter().fold(false, |any, &value| any | (value < low) | (value > high))
    }

    /// For values of this type: what rounds into the range is in it.
    pub(super) fn rounded(self, precision: Precision) -> Watch {
        let round = |bound: f64| {
            let rounded = precision.round(bound);
            let is_too_great = rounded.is_infinite() && bound.is_finite();
            if is_too_great { f64::from(f32::MAX).copysign(bound) } else { rounded }
        };
        Watch { low: round(self.low), high: round(self.high), ..self }
    }
}

/// The range in words.
pub(super) fn expected(min: Option<f64>, max: Option<f64>) -> Option<Arc<str>> {
    Some(match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}").into(),
        (Some(min), None) => format!("at least {min}").into(),
        (None, Some(max)) => format!("at most {max}").into(),
        (None, None) => return None,
    })
}

impl Sanity {
    /// Which numbers of each field have to be looked at, by [`Sanity::number`]; empty where none have.
    pub(crate) fn watches(&self, precision: Precision) -> &[Watch] {
        let [single, double] = &self.watches;
        match precision {
            Precision::Single => single,
            Precision::Double => double,
        }
    }

    /// What is used for a number that is no ordinary one: `value` as it was loaded, `seen` as it came in. `absent`
    /// says that its row does not name it.
    pub(crate) fn number(
        &self,
        field: usize,
        row: usize,
        value: f64,
        precision: Precision,
        (seen, absent): (Value, bool),
        findings: &mut Vec<Finding>,
    ) -> f64 {
        let field = &self.fields[field];
        let used = field.number(row, value, precision, (seen, absent), findings);
        precision.round(used)
    }
}

impl FieldSanity {
    pub(super) fn watch(&self) -> Watch {
        let looks_at_infinite = self.refused.infinite || self.on_infinite.is_some();
        let (low, high) =
            if looks_at_infinite { (f64::MIN, f64::MAX) } else { (f64::NEG_INFINITY, f64::INFINITY) };
        Watch { low: self.low.max(low), high: self.high.min(high), nan: self.watches_missing() }
    }

    fn number(
        &self,
        row: usize,
        value: f64,
        precision: Precision,
        (seen, absent): (Value, bool),
        findings: &mut Vec<Finding>,
    ) -> f64 {
        let wrong_type = matches!(seen, Value::Text(_) | Value::Other);
        let is_readable = match &seen {
            // NaN may have been read, or come of text that reads as no number.
            Value::Text(text) => !value.is_nan() || parse_number(text).is_some(),
            _ => !wrong_type,
        };
        if wrong_type && (!is_readable || self.on_type == Some(Action::Reject)) {
            let mut finding = self.finding(row, FindingKind::WrongType, seen, Status::Repaired);
            finding.expected = Some("a number".into());
            return match self.on_type {
                None => self.as_missing(finding, true, findings),
                Some(action) => self.put(action, finding, findings),
            };
        }
        if wrong_type {
            let mut finding = self.finding(row, FindingKind::WrongType, seen.clone(), Status::Flagged);
            (finding.used, finding.expected) = (Some(Value::float(value)), Some("a number".into()));
            findings.push(finding);
        }
        if value.is_nan() {
            let kind = if absent { FindingKind::Absent } else { FindingKind::Missing };
            let finding = self.finding(row, kind, Value::Missing, Status::Flagged);
            return self.as_missing(finding, absent || self.missing_is_unusual, findings);
        }
        if value.is_infinite() {
            let mut finding = self.finding(row, FindingKind::Infinite, seen.clone(), Status::Repaired);
            finding.expected = Some(format!("a finite {}", precision.name()).into());
            match self.on_infinite {
                None if self.refused.infinite => return self.as_missing(finding, true, findings),
                None | Some(Action::Keep) => {}
                Some(action) => return self.put(action, finding, findings),
            }
        }
        let Watch { low, high, .. } = Watch { low: self.low, high: self.high, nan: false }.rounded(precision);
        if low <= value && value <= high {
            return value;
        }
        let mut finding = self.finding(row, FindingKind::OutOfRange, seen, Status::Flagged);
        finding.expected.clone_from(&self.range);
        match self.on_range {
            Action::Clip => {
                let clipped = value.clamp(self.low, self.high);
                (finding.used, finding.status) = (Some(Value::Float(clipped)), Status::Repaired);
                findings.push(finding);
                clipped
            }
            Action::Keep => {
                findings.push(finding);
                value
            }
            action => self.put(action, finding, findings),
        }
    }

    /// What is used for a value that is missing or counts as missing.
    fn as_missing(&self, mut finding: Finding, is_found: bool, findings: &mut Vec<Finding>) -> f64 {
        match self.on_missing {
            Action::Keep if is_found => {
                if finding.status == Status::Repaired {
                    finding.used = Some(Value::Missing);
                }
                findings.push(finding);
                f64::NAN
            }
            Action::Keep => f64::NAN,
            action => self.put(action, finding, findings),
        }
    }

    /// Puts what `action` says in a value's place, or rejects the row.
    pub(super) fn put(&self, action: Action, mut finding: Finding, findings: &mut Vec<Finding>) -> f64 {
        let number = self.replacement(action).and_then(|replacement| replacement.number);
        finding.status = if number.is_some() { Status::Repaired } else { Status::Rejected };
        finding.used = number.map(Value::Float);
        findings.push(finding);
        number.unwrap_or(f64::NAN)
    }
}
