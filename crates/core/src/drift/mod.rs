//! Whether live rows still look like the reference: measures of drift, what counts as drift, and a report of it.
//!
//! Pure functions of counts: what is live was counted in the reference's bins (see [`crate::reference`]), and
//! [`report`] compares. Nothing here reads a clock, and equal counts give equal reports.

mod bins;
mod calibration;
mod decision;
mod html;
mod measures;
mod picture;
mod probability;
mod report;
mod sentence;
mod swaps;
mod table;

pub use calibration::{RESAMPLES, calibrate};
pub use decision::{ALPHA, FEWEST_ROWS, FEWEST_VALUES, Reason, TESTS};
pub use measures::{ChiSquare, MeanShift, Measures, Rate, Tested};
pub use report::{Bar, ColumnDrift, ColumnKind, Covered, DriftReport, figures, report};

use crate::input::{Input, Value};
use crate::reference::{Distribution, OWN, Reference, UNUSABLE, Values};
use serde::Serialize;

/// Most values outside of the reference that are kept as examples while rows are counted.
pub const MOST_EXAMPLES: usize = 100;

/// What was counted of live rows: for each distribution of the reference, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Rows that were answered.
    pub rows: u64,
    /// One for each of [`Reference::fields`].
    pub fields: Vec<LiveCounts>,
    /// One for each of the distributions of [`Reference::outputs`].
    pub outputs: Vec<LiveCounts>,
    /// Since when, and by whom.
    pub window: Window,
}

/// The live values of one field or output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveCounts {
    /// Rows in each bin of the distribution.
    pub counts: Vec<u64>,
    /// The sum of the finite numbers' distances from the reference's mean ([`Distribution::distance`]).
    pub sum: f64,
    /// The least number, where it is known.
    pub least: Option<f64>,
    /// The greatest number, where it is known.
    pub greatest: Option<f64>,
    /// New categories and numbers beyond the reference's, with how many rows held them, where that is known.
    pub examples: Vec<(String, u64)>,
}

/// What live counts cover.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Window {
    /// Seconds that were counted, where that is known.
    pub seconds: Option<f64>,
    /// The beginning as Unix time, where that is known.
    pub from: Option<f64>,
    /// The end as Unix time, where that is known.
    pub to: Option<f64>,
    /// How many processes counted, where that is known.
    pub workers: Option<u64>,
}

impl Live {
    /// Nothing counted yet.
    pub fn new(reference: &Reference) -> Live {
        let empty = |distribution: &Distribution| LiveCounts {
            counts: vec![0; distribution.n_bins()],
            ..LiveCounts::default()
        };
        Live {
            fields: reference.fields.iter().map(empty).collect(),
            outputs: reference.outputs.iter().flat_map(|outputs| &outputs.distributions).map(empty).collect(),
            ..Live::default()
        }
    }

    /// Counts rows, with examples and extremes, which counters that processes share do not keep.
    pub fn count(&mut self, reference: &Reference, input: &Input<'_>) {
        self.rows += input.n_rows() as u64;
        for (number, (field, live)) in reference.fields.iter().zip(&mut self.fields).enumerate() {
            (0..input.n_rows()).for_each(|row| live.add(field, input.value(number, row)));
        }
    }

    /// Counts one output of the model in all rows. `output` is its place among the reference's; of labels, `values` are
    /// the numbers of classes, of which those that the reference does not name are counted as others.
    pub fn count_output(&mut self, reference: &Reference, output: usize, values: &[f64]) {
        let distributions = reference.outputs.iter().flat_map(|outputs| &outputs.distributions);
        if let Some((distribution, live)) = distributions.zip(&mut self.outputs).nth(output) {
            match &distribution.values {
                Values::Categories(_) => values.iter().for_each(|&class| {
                    let others = distribution.n_bins() - 1;
                    let bin = if class >= 0.0 { (OWN + class as usize).min(others) } else { UNUSABLE };
                    live.counts[bin] += 1;
                }),
                Values::Numbers(_) => {
                    values.iter().for_each(|&value| live.add(distribution, Value::Float(value)));
                }
            }
        }
    }
}

impl LiveCounts {
    /// Counts one value.
    pub(crate) fn add(&mut self, distribution: &Distribution, value: Value<'_>) {
        let (bin, number) = distribution.bin_of(value);
        self.counts[bin] += 1;
        self.sum += distribution.distance(number);
        if number.is_finite() {
            self.least = Some(self.least.map_or(number, |least| least.min(number)));
            self.greatest = Some(self.greatest.map_or(number, |greatest| greatest.max(number)));
        }
        let last = distribution.n_bins() - 1;
        match (&distribution.values, value) {
            (Values::Numbers(_), _) if bin == OWN || bin == last => self.exemplify(number.to_string()),
            (Values::Categories(_), Value::Text(text)) if bin == last => {
                self.exemplify(String::from_utf8_lossy(text).into_owned());
            }
            _ => {}
        }
    }

    fn exemplify(&mut self, example: String) {
        match self.examples.iter().position(|(known, _)| *known == example) {
            Some(place) => self.examples[place].1 += 1,
            None if self.examples.len() < MOST_EXAMPLES => self.examples.push((example, 1)),
            None => {}
        }
    }

    /// Rows that were counted.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows whose value is of use.
    pub fn values(&self) -> u64 {
        self.counts.iter().skip(UNUSABLE + 1).sum()
    }
}

#[cfg(test)]
mod tests;
