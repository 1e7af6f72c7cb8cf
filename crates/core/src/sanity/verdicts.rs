//! The findings of many rows: in order, each once.

use super::{Finding, FindingKind, Status};
use crate::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// Rejected rows that an error names.
const NAMED_ROWS: usize = 5;

/// By ascending row; of each field and kind the gravest, of each field one reason to reject the row, and of a
/// rejected row nothing about its outputs.
pub(crate) fn settled(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() < 2 {
        return findings;
    }
    findings.sort_by_key(|finding| finding.row);
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut row_begins = 0;
    for finding in findings {
        if kept.get(row_begins).is_some_and(|first| first.row != finding.row) {
            row_begins = kept.len();
        }
        let rejected = |found: &Finding| found.status == Status::Rejected;
        let mut is_known = false;
        for known in &mut kept[row_begins..] {
            let is_same = known.field == finding.field && known.kind == finding.kind;
            if is_same && finding.status > known.status {
                *known = finding.clone();
            }
            let follows = known.field == finding.field && rejected(known) && rejected(&finding);
            let says_nothing = rejected(known) && finding.kind == FindingKind::NonFiniteOutput;
            is_known |= is_same || follows || says_nothing;
        }
        if !is_known {
            kept.push(finding);
        }
    }
    kept
}

/// Refuses findings by which rows are rejected, for calls that have no place to say so for each.
///
/// # Errors
/// [`ErrorKind::RowsRejected`], which names the first five of them, with field and reason.
pub fn accept(findings: &[Finding]) -> Result<()> {
    let mut rejected: Vec<&Finding> =
        findings.iter().filter(|finding| finding.status == Status::Rejected).collect();
    rejected.dedup_by_key(|finding| finding.row);
    let Some(first) = rejected.first() else { return Ok(()) };
    let named = rejected.iter().take(NAMED_ROWS);
    let named: Vec<String> = named
        .map(|finding| format!("row {}, field {:?}: {}", finding.row, &*finding.field, finding.reason()))
        .collect();
    let more = match rejected.len().saturating_sub(NAMED_ROWS) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let rows = if rejected.len() == 1 { "a row is rejected" } else { "rows are rejected" };
    let message = format!("{rows}: {}{more}; `run` answers the others", named.join("; "));
    Err(Error::new(ErrorKind::RowsRejected, message).at(&*first.field, Some(first.row)))
}

/// Verdicts as JSON: of each row in which something was found `row`, `status` and `findings`. Findings come by
/// ascending row.
pub fn verdicts_json(findings: &[Finding]) -> String {
    let rows = findings.chunk_by(|one, next| one.row == next.row);
    Value::Array(rows.map(verdict).collect()).to_string()
}

/// A row's verdict, of its findings.
pub(crate) fn verdict(found: &[Finding]) -> Value {
    let status = found.iter().map(|finding| finding.status).max().unwrap_or_default();
    let findings: Vec<Value> = found.iter().map(finding).collect();
    json!({ "row": found[0].row, "status": status.name(), "findings": findings })
}

/// A finding; `used` is there where another value is used.
fn finding(finding: &Finding) -> Value {
    let mut said = json!({
        "field": &*finding.field,
        "kind": finding.kind.name(),
        "seen": finding.seen,
        "reason": finding.reason(),
    });
    if let Some(used) = &finding.used {
        said["used"] = json!(used);
    }
    said
}
