//! The report: what moved, most first, and what a person would say about it.

use super::decision::{Reason, reasons, silence};
use super::measures::Measures;
use super::picture::bars;
use super::sentence::sentences;
use super::{Live, LiveCounts, Window};
use crate::error::{Error, ErrorKind, Result};
use crate::reference::{Distribution, NoiseFloor, OWN, OutputSource, Reference, Values};
use serde::Serialize;

pub use super::picture::Bar;

/// How live rows differ from the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// The fields, drifted ones first, and of them those that moved most.
    pub columns: Vec<ColumnDrift>,
    /// The outputs, likewise.
    pub outputs: Vec<ColumnDrift>,
    /// What was compared.
    pub window: Covered,
}

/// What a report covers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covered {
    /// Live rows.
    pub rows: u64,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Since when, and by whom they were counted.
    #[serde(flatten)]
    pub window: Window,
    /// Whether any column was judged.
    pub judged: bool,
}

/// How one field or output differs from the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDrift {
    /// The field's name, or the output's.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether it drifted.
    pub drifted: bool,
    /// Why nothing was judged, where nothing was.
    pub silence: Option<String>,
    /// By what it drifted, most telling first.
    pub reasons: Vec<Reason>,
    /// By how much.
    pub measures: Measures,
    /// What one of a thousand windows of as many values exceeds without drift, where that was calibrated.
    pub noise: Option<NoiseFloor>,
    /// What a person would say; empty in [`figures`].
    pub sentence: String,
    /// The shares of the reference and of live rows, for a picture; none in [`figures`].
    pub bars: Vec<Bar>,
}

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Texts, or labels.
    Categories,
    /// Numbers and Booleans.
    Numbers,
}

/// Compares live rows with the reference.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] where `live` has other columns or bins than `reference`.
pub fn report(reference: &Reference, live: &Live) -> Result<DriftReport> {
    compared(reference, live, true)
}

/// The same without sentences and pictures, which take half of the time: what metrics tell.
///
/// # Errors
/// As [`report`].
pub fn figures(reference: &Reference, live: &Live) -> Result<DriftReport> {
    compared(reference, live, false)
}

fn compared(reference: &Reference, live: &Live, described: bool) -> Result<DriftReport> {
    let (source, outputs) = match &reference.outputs {
        Some(outputs) => (Some(outputs.source), outputs.distributions.as_slice()),
        None => (None, &[][..]),
    };
    check("fields", &reference.fields, &live.fields)?;
    check("outputs", outputs, &live.outputs)?;
    let never = (source == Some(OutputSource::Reference)).then(|| {
        "known of rows that the model was fitted on; pack with validation rows to have it judged".to_owned()
    });
    let silent = |pair: (&Distribution, &LiveCounts)| silence(pair.0, pair.1);
    let of_fields: Vec<_> = reference.fields.iter().zip(&live.fields).map(silent).collect();
    let of_outputs: Vec<_> =
        outputs.iter().zip(&live.outputs).map(|pair| never.clone().or_else(|| silent(pair))).collect();
    let judged = of_fields.iter().chain(&of_outputs).filter(|silence| silence.is_none()).count();
    Ok(DriftReport {
        columns: columns(&reference.fields, &live.fields, of_fields, judged, described),
        outputs: columns(outputs, &live.outputs, of_outputs, judged, described),
        window: Covered {
            rows: live.rows,
            reference_rows: reference.fields.iter().map(|field| field.rows).max().unwrap_or(0),
            window: live.window.clone(),
            judged: judged > 0,
        },
    })
}

fn columns(
    distributions: &[Distribution],
    live: &[LiveCounts],
    silent: Vec<Option<String>>,
    judged: usize,
    described: bool,
) -> Vec<ColumnDrift> {
    let one = |((distribution, live), silence): ((&Distribution, &LiveCounts), Option<String>)| {
        let measures = Measures::new(distribution, live);
        let reasons = match silence {
            Some(_) => Vec::new(),
            None => reasons(distribution, live, &measures, judged),
        };
        let usable = distribution.counts()[OWN..].iter().sum();
        ColumnDrift {
            noise: distribution.noise.as_ref().map(|noise| noise.floor(measures.values, usable)),
            name: distribution.name.clone(),
            kind: match distribution.values {
                Values::Categories(_) => ColumnKind::Categories,
                Values::Numbers(_) => ColumnKind::Numbers,
            },
            drifted: !reasons.is_empty(),
            silence,
            reasons,
            measures,
            sentence: String::new(),
            bars: if described { bars(distribution, live) } else { Vec::new() },
        }
    };
    let mut all: Vec<ColumnDrift> = distributions.iter().zip(live).zip(silent).map(one).collect();
    if described {
        let sentences = sentences(distributions, live, &all);
        all.iter_mut().zip(sentences).for_each(|(column, sentence)| column.sentence = sentence);
    }
    all.sort_by(|one, other| {
        let moved = other.measures.moved.total_cmp(&one.measures.moved);
        other.drifted.cmp(&one.drifted).then(moved)
    });
    all
}

fn check(what: &str, distributions: &[Distribution], live: &[LiveCounts]) -> Result<()> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
    if distributions.len() != live.len() {
        let (expected, found) = (distributions.len(), live.len());
        return invalid(format!(
            "comparing {what} with the reference: counts of {found}; expected {expected}"
        ));
    }
    for (distribution, live) in distributions.iter().zip(live) {
        let (expected, found) = (distribution.n_bins(), live.counts.len());
        if expected != found {
            let name = &distribution.name;
            let message = format!("comparing {name:?} with the reference: {found} bins; expected {expected}");
            return invalid(message);
        }
    }
    Ok(())
}

impl DriftReport {
    /// The columns and outputs that drifted.
    pub fn drifted(&self) -> impl Iterator<Item = &ColumnDrift> {
        self.columns.iter().chain(&self.outputs).filter(|column| column.drifted)
    }

    /// As JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] where it cannot be written, which no report is known for.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
    }
}

#[cfg(test)]
mod tests;
