//! What was found in rows, and what became of them.

use crate::handle::{Growing, Out, OutSized, give, given, invalid};
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::text::{monobloc_bytes, monobloc_str};
use monobloc::sanity::verdicts_json;
use monobloc::{Finding, Status, Value};
use std::sync::OnceLock;

/// What became of a row, by ascending gravity.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_row_status {
    /// Nothing was found.
    MONOBLOC_ROW_OK = 0,
    /// Something was found, and the row is answered as it came.
    MONOBLOC_ROW_FLAGGED = 1,
    /// A value was replaced before the row was answered.
    MONOBLOC_ROW_REPAIRED = 2,
    /// The row has no answer.
    MONOBLOC_ROW_REJECTED = 3,
}

/// What was found. Later versions may give further numbers.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_finding_kind {
    /// A row that names its values has none for the field.
    MONOBLOC_ABSENT = 1,
    /// A column or key that is no field of the model.
    MONOBLOC_EXTRA = 2,
    /// An infinite number.
    MONOBLOC_INFINITE = 3,
    /// A missing value, where the reference has none or the model takes none.
    MONOBLOC_MISSING = 4,
    /// An input tensor holds NaN or an infinite number.
    MONOBLOC_NON_FINITE = 5,
    /// An output is NaN or infinite.
    MONOBLOC_NON_FINITE_OUTPUT = 6,
    /// A number outside of the field's range.
    MONOBLOC_OUT_OF_RANGE = 7,
    /// The source model would refuse the row for another reason.
    MONOBLOC_REFUSED = 8,
    /// A text that an alias or a normalisation leads to a category.
    MONOBLOC_RENAMED = 9,
    /// A text that is longer than the field's texts.
    MONOBLOC_TOO_LONG = 10,
    /// A value that is none of the categories.
    MONOBLOC_UNKNOWN_CATEGORY = 11,
    /// A value of another type than the field's.
    MONOBLOC_WRONG_TYPE = 12,
}

/// Something found in a row. Its texts are valid as long as the verdicts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_finding {
    /// `sizeof(monobloc_finding)`.
    pub size: usize,
    /// The row, counted from 0.
    pub row: usize,
    /// What became of the row by this finding alone: a `monobloc_row_status`.
    pub status: u32,
    /// What was found: a `monobloc_finding_kind`.
    pub kind: u32,
    /// The same in `snake_case`, as in `"out_of_range"`.
    pub kind_name: monobloc_str,
    /// The name of the field; of a network's tensor or of an output where those are meant.
    pub field: monobloc_str,
    /// The value that came in, as text; no text where it was missing.
    pub seen: monobloc_str,
    /// The value that is used instead, as text; no text where none is, or a missing one.
    pub used: monobloc_str,
    /// What was found, what was expected, and what is used instead, for people.
    pub reason: monobloc_str,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_finding {
    const NAME: &'static str = "monobloc_finding";
}

/// What was found in the rows of a call. NULL stands for rows in which nothing was, and every function takes it. Any
/// threads may read verdicts at once; the caller frees them with `monobloc_verdicts_free`.
pub struct monobloc_verdicts {
    findings: Vec<Finding>,
    texts: OnceLock<Vec<Texts>>,
}

/// What is said of a finding in words.
struct Texts {
    seen: Option<String>,
    used: Option<String>,
    reason: String,
}

impl monobloc_verdicts {
    /// A handle of verdicts; NULL where nothing was found.
    pub fn new(findings: Vec<Finding>) -> *mut monobloc_verdicts {
        if findings.is_empty() {
            return std::ptr::null_mut();
        }
        crate::handle::handle(monobloc_verdicts { findings, texts: OnceLock::new() })
    }

    fn texts(&self) -> &[Texts] {
        let text = |value: &Value| match value {
            Value::Missing => None,
            Value::Text(text) => Some(text.to_string()),
            other => Some(other.to_string()),
        };
        let texts = |finding: &Finding| Texts {
            seen: text(&finding.seen),
            used: finding.used.as_ref().and_then(text),
            reason: finding.reason(),
        };
        self.texts.get_or_init(|| self.findings.iter().map(texts).collect())
    }
}

/// What became of row number `row`, counted from 0.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_verdicts_status(
    verdicts: Option<&monobloc_verdicts>,
    row: usize,
) -> monobloc_row_status {
    let Some(verdicts) = verdicts else { return monobloc_row_status::MONOBLOC_ROW_OK };
    let first = verdicts.findings.partition_point(|finding| finding.row < row);
    let found = verdicts.findings[first..].iter().take_while(|finding| finding.row == row);
    match found.map(|finding| finding.status).max().unwrap_or_default() {
        Status::Ok => monobloc_row_status::MONOBLOC_ROW_OK,
        Status::Flagged => monobloc_row_status::MONOBLOC_ROW_FLAGGED,
        Status::Repaired => monobloc_row_status::MONOBLOC_ROW_REPAIRED,
        Status::Rejected => monobloc_row_status::MONOBLOC_ROW_REJECTED,
    }
}

/// The number of findings.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_verdicts_n_findings(verdicts: Option<&monobloc_verdicts>) -> usize {
    verdicts.map_or(0, |verdicts| verdicts.findings.len())
}

/// Writes finding number `finding`, counted from 0 by ascending row, to `*out_finding`, whose size is set.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_verdicts_finding(
    verdicts: Option<&monobloc_verdicts>,
    finding: usize,
    mut out_finding: OutSized<monobloc_finding>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let verdicts = given(verdicts, "verdicts")?;
        let found = verdicts.findings.get(finding).zip(verdicts.texts().get(finding));
        let (found, texts) = found.ok_or_else(|| {
            invalid(format!(
                "finding number {finding}; there are {}, counted from 0",
                verdicts.findings.len()
            ))
        })?;
        let value = monobloc_finding {
            size: 0,
            row: found.row,
            status: found.status.number(),
            kind: found.kind.number(),
            kind_name: found.kind.name().into(),
            field: (&*found.field).into(),
            seen: texts.seen.as_deref().into(),
            used: texts.used.as_deref().into(),
            reason: texts.reason.as_str().into(),
        };
        out_finding.give("out_finding", value)
    })
}

/// The verdicts as JSON: of each row in which something was found `row`, `status` and `findings`, as `docs/json.md`
/// specifies.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_verdicts_to_json(
    verdicts: Option<&monobloc_verdicts>,
    out_json: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let findings = verdicts.map_or(&[][..], |verdicts| &verdicts.findings);
        give(out_json, "out_json", || monobloc_bytes::new(verdicts_json(findings)))
    })
}

/// Frees verdicts; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_verdicts_free(verdicts: Option<Box<monobloc_verdicts>>) {
    total((), || drop(verdicts));
}
