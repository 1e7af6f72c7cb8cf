//! Whether an engine is well, and what it has counted.

use crate::engine::monobloc_engine;
use crate::handle::{Growing, Out, OutSized, Text, give, given};
use crate::rows::monobloc_rows;
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::text::monobloc_bytes;
use monobloc::drift::{Live, report};
use monobloc::{Error, ErrorKind, Result};

/// Whether a loaded bloc is still what it was, and the rows are like the reference.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_health {
    /// `sizeof(monobloc_health)`.
    pub size: usize,
    /// Whether nothing is wrong. Degraded health makes no process unready.
    pub is_ok: bool,
    /// Whether the file is no longer the one that was loaded.
    pub file_changed: bool,
    /// Rows of the last five minutes, in this process.
    pub rows: u64,
    /// The share of them that is unlike the reference; 0 without rows.
    pub out_of_distribution_ratio: f64,
    /// The share above which health is degraded.
    pub out_of_distribution_limit: f64,
}

// SAFETY: it begins with its size; zeros are false and 0.
unsafe impl Growing for monobloc_health {
    const NAME: &'static str = "monobloc_health";
}

/// Writes how the engine is to `*out_health`, whose size is set; and where `out_findings` is not NULL what is wrong, one
/// sentence a line, to `*out_findings`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_health(
    engine: Option<&monobloc_engine>,
    mut out_health: OutSized<monobloc_health>,
    out_findings: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = &given(engine, "engine")?.0.engine;
        let (health, share) = (engine.health(), engine.out_of_distribution());
        let value = monobloc_health {
            size: 0,
            is_ok: health.is_ok(),
            file_changed: health.file_changed,
            rows: share.rows,
            out_of_distribution_ratio: share.share(),
            out_of_distribution_limit: share.limit,
        };
        out_health.give("out_health", value)?;
        if let Some(place) = out_findings.optional() {
            place.write(monobloc_bytes::new(health.findings.join("\n")));
        }
        Ok(())
    })
}

/// Whether the engine may be sent rows: true as long as its file is the one that was loaded. Nothing else makes a process
/// unready. False of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_is_ready(engine: Option<&monobloc_engine>) -> bool {
    engine.is_some_and(|engine| total(false, || !engine.0.engine.health().file_changed))
}

/// Metrics of all processes that count together, as text: `format` is `"prometheus"` or `"openmetrics"`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_metrics(
    engine: Option<&monobloc_engine>,
    format: Text,
    out_text: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = given(engine, "engine")?;
        let text = engine.0.engine.metrics(format.get("format")?.parse()?)?;
        give(out_text, "out_text", || monobloc_bytes::new(text))
    })
}

/// How rows differ from the reference, as JSON and as a table; either place may be NULL. Rows of the window where `rows`
/// is NULL, which all processes that count together have answered; else these, which are not counted.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_drift(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    out_json: Out<'_, *mut monobloc_bytes>,
    out_table: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = given(engine, "engine")?;
        let found = match rows {
            None => engine.0.engine.drift()?,
            Some(rows) => {
                let reference = engine.0.engine.reference();
                let mut live = Live::new(reference);
                rows.each_input(engine, |input| engine.0.engine.count_into(input, &mut live))?;
                report(reference, &live)?
            }
        };
        if let Some(place) = out_json.optional() {
            place.write(monobloc_bytes::new(found.to_json()?));
        }
        if let Some(place) = out_table.optional() {
            place.write(monobloc_bytes::new(found.to_string()));
        }
        Ok(())
    })
}

/// What all processes that count together have counted. Members that begin with `window_` are of the window, `in_flight`
/// and `workers` of now, others since counting began.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_snapshot {
    /// `sizeof(monobloc_snapshot)`.
    pub size: usize,
    /// Calls that were answered or failed.
    pub requests: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Seconds that calls took together.
    pub seconds: f64,
    /// Rows that were answered or rejected.
    pub rows: u64,
    /// Rows that were answered though something was found.
    pub flagged: u64,
    /// Rows that were answered with other values than came in.
    pub repaired: u64,
    /// Rows without an answer.
    pub rejected: u64,
    /// Rows unlike the reference.
    pub out_of_distribution: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// Processes that counted something in the window.
    pub workers: u64,
    /// Rows of the window.
    pub window_rows: u64,
    /// Rows of the window without an answer.
    pub window_rejected: u64,
    /// Rows of the window that are unlike the reference.
    pub window_out_of_distribution: u64,
}

// SAFETY: it begins with its size; zeros are 0.
unsafe impl Growing for monobloc_snapshot {
    const NAME: &'static str = "monobloc_snapshot";
}

/// Writes what was counted to `*out_snapshot`, whose size is set; `MONOBLOC_INVALID_ARGUMENT` where monitoring is off.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_snapshot(
    engine: Option<&monobloc_engine>,
    mut out_snapshot: OutSized<monobloc_snapshot>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || out_snapshot.give("out_snapshot", snapshot(given(engine, "engine")?)?))
}

fn snapshot(engine: &monobloc_engine) -> Result<monobloc_snapshot> {
    let snapshot = engine.0.engine.snapshot().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            "monitoring is off; load without no_monitor to have it counted",
        )
    })?;
    let totals = &snapshot.totals;
    Ok(monobloc_snapshot {
        size: 0,
        requests: totals.requests,
        errors: totals.errors.iter().map(|(_, count)| count).sum(),
        seconds: totals.seconds,
        rows: totals.rows,
        flagged: totals.flagged,
        repaired: totals.repaired,
        rejected: totals.rejected,
        out_of_distribution: totals.out_of_distribution,
        in_flight: totals.in_flight,
        workers: totals.workers,
        window_rows: snapshot.rows,
        window_rejected: snapshot.rejected,
        window_out_of_distribution: snapshot.out_of_distribution,
    })
}
