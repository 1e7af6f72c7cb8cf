//! A reference in one pass over its rows, batch by batch.

use super::categories::{FEWEST_ROWS, MOST_NAMED};
use super::digest::{self, ColumnDigest};
use super::sample::Sample;
use super::{Categories, Distribution, Numbers, OutputSource, Outputs, Reference, Values};
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Input, Value};
use crate::schema::{Kind, Schema};
use std::collections::HashMap;

/// Numbers of a bin are about one in so many; frequent values have a bin of their own beside.
const BINS: u64 = 50;
/// Different texts that are told apart at once; of more, those that were seen least are forgotten.
const MOST_DISTINCT: usize = 50_000;

/// Collects a [`Reference`]. Memory does not depend on the number of rows: about 1 MB times the logarithm of the rows
/// beyond 131,072 for each field of numbers, and up to 50,000 texts for each field of text.
#[derive(Debug)]
pub struct ReferenceBuilder {
    fields: Vec<(String, Collected)>,
    digests: Vec<ColumnDigest>,
    outputs: Option<(OutputSource, Vec<(String, Collected)>)>,
}

#[derive(Debug)]
struct Collected {
    rows: u64,
    missing: u64,
    values: Seen,
}

#[derive(Debug)]
enum Seen {
    Labels(Vec<(String, u64)>),
    Numbers(Box<SeenNumbers>),
    Texts(SeenTexts),
}

#[derive(Debug, Default)]
struct SeenNumbers {
    not_finite: u64,
    count: u64,
    mean: f64,
    squares: f64,
    least: f64,
    greatest: f64,
    sample: Sample,
}

#[derive(Debug, Default)]
pub(super) struct SeenTexts {
    counts: HashMap<String, u64>,
    forgotten: u64,
    other_types: u64,
    distinct_forgotten: u64,
}

impl ReferenceBuilder {
    /// Nothing yet of these fields.
    pub fn new(schema: &Schema) -> ReferenceBuilder {
        let of_kind = |kind| match kind {
            Kind::String => Seen::Texts(SeenTexts::default()),
            Kind::Boolean | Kind::Float | Kind::Integer => Seen::Numbers(Box::default()),
        };
        let fields = schema.fields().iter();
        let fields = fields.map(|field| (field.name.clone(), Collected::of(of_kind(field.kind))));
        let fields: Vec<_> = fields.collect();
        let digests = fields.iter().map(|_| ColumnDigest::default()).collect();
        ReferenceBuilder { fields, digests, outputs: None }
    }

    /// Rows of the reference.
    pub fn add(&mut self, input: &Input<'_>) {
        let columns = self.fields.iter_mut().zip(&mut self.digests).enumerate();
        for (number, ((_, field), digest)) in columns {
            for row in 0..input.n_rows() {
                let value = input.value(number, row);
                digest.add(value);
                field.add(value);
            }
        }
    }

    /// How many rows were added.
    pub fn rows(&self) -> u64 {
        self.fields.first().map_or(0, |(_, field)| field.rows)
    }

    /// `sha256:` and the SHA-256 of all rows that were added, however many at once; FORMAT.md defines it.
    pub fn digest(&self) -> String {
        digest::of_columns(self.fields.iter().map(|(name, _)| name.as_str()).zip(&self.digests))
    }

    /// What the model made of rows: `outputs` row after row, one value for each of `names`. `labels` are, for
    /// each target of a classifier, the name of their distribution and the labels; `classes` their numbers, one for each
    /// row and target.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where the numbers of values do not fit, or differ from those before.
    pub fn add_outputs(
        &mut self,
        source: OutputSource,
        names: &[String],
        outputs: &[f64],
        labels: &[(String, Vec<String>)],
        classes: &[f64],
    ) -> Result<()> {
        let mut fresh: Vec<(String, Collected)> = Vec::new();
        for name in names {
            fresh.push((name.clone(), Collected::of(Seen::Numbers(Box::default()))));
        }
        for (name, labels) in labels {
            let counts = labels.iter().map(|label| (label.clone(), 0)).collect();
            fresh.push((name.clone(), Collected::of(Seen::Labels(counts))));
        }
        let (known, distributions) = self.outputs.get_or_insert((source, fresh));
        let n_rows = outputs.len().checked_div(names.len()).unwrap_or(0);
        let fits = *known == source
            && distributions.len() == names.len() + labels.len()
            && outputs.len() == n_rows * names.len()
            && (labels.is_empty() || classes.len() == n_rows * labels.len());
        if !fits {
            let message = format!(
                "{} outputs and {} classes of {} names; expected one for each row and name, as before",
                outputs.len(),
                classes.len(),
                names.len()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        for row in outputs.chunks_exact(names.len().max(1)) {
            row.iter().zip(&mut *distributions).for_each(|(&value, (_, into))| into.add(Value::Float(value)));
        }
        if let Some(of_labels) = distributions.get_mut(names.len()..) {
            for row in classes.chunks_exact(labels.len().max(1)) {
                row.iter().zip(&mut *of_labels).for_each(|(&class, (_, into))| into.add(Value::Float(class)));
            }
        }
        Ok(())
    }

    /// The reference.
    pub fn finish(self) -> Reference {
        let distributions =
            |all: Vec<(String, Collected)>| all.into_iter().map(|(name, seen)| seen.finish(name)).collect();
        let outputs = self.outputs.map(|(source, all)| Outputs { source, distributions: distributions(all) });
        Reference { fields: distributions(self.fields), outputs }
    }
}

impl Collected {
    fn of(values: Seen) -> Collected {
        Collected { rows: 0, missing: 0, values }
    }

    fn add(&mut self, value: Value<'_>) {
        self.rows += 1;
        let number = match value {
            Value::Missing(_) => f64::NAN,
            Value::Boolean(value) => f64::from(u8::from(value)),
            Value::Float(value) => value,
            Value::Integer(value) => value as f64,
            Value::Text(text) => return self.values.add_text(text),
            Value::Other => return self.values.add_other(),
        };
        if number.is_nan() { self.missing += 1 } else { self.values.add_number(number) }
    }

    fn finish(self, name: String) -> Distribution {
        let Collected { rows, missing, values } = self;
        let values = match values {
            Seen::Labels(counts) => {
                let (distinct, all) = (counts.len() as u64, counts.len());
                let other = counts[all.min(MOST_NAMED)..].iter().map(|(_, count)| count).sum();
                let named = counts.into_iter().take(MOST_NAMED).collect();
                Values::Categories(Categories::new(named, other, distinct))
            }
            Seen::Numbers(numbers) => Values::Numbers(numbers.finish()),
            Seen::Texts(texts) => Values::Categories(texts.finish()),
        };
        Distribution { name, rows, missing, values, noise: None }
    }
}

impl Seen {
    fn add_number(&mut self, number: f64) {
        match self {
            Seen::Numbers(numbers) => numbers.add(number),
            Seen::Texts(texts) => texts.other_types += 1,
            Seen::Labels(counts) => {
                if let Some((_, count)) = counts.get_mut(number as usize) {
                    *count += 1;
                }
            }
        }
    }

    fn add_text(&mut self, text: &[u8]) {
        match self {
            Seen::Texts(texts) => texts.add(text),
            _ => self.add_other(),
        }
    }

    fn add_other(&mut self) {
        match self {
            Seen::Numbers(numbers) => numbers.not_finite += 1,
            Seen::Texts(texts) => texts.other_types += 1,
            Seen::Labels(_) => {}
        }
    }
}

impl SeenNumbers {
    /// Welford's updates (B. P. Welford, Technometrics 4, 1962).
    fn add(&mut self, number: f64) {
        if !number.is_finite() {
            self.not_finite += 1;
            return;
        }
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
        self.least = if self.count == 1 { number } else { self.least.min(number) };
        self.greatest = if self.count == 1 { number } else { self.greatest.max(number) };
        self.sample.add(number);
    }

    fn finish(self) -> Numbers {
        let limited = |value: f64| if value.is_finite() { value } else { f64::MAX };
        let mut numbers = Numbers {
            not_finite: self.not_finite,
            mean: limited(self.mean),
            standard_deviation: limited((self.squares / self.count.max(1) as f64).sqrt()),
            min: self.least,
            edges: Vec::new(),
            counts: Vec::new(),
            means: Vec::new(),
        };
        let enough = self.count.div_ceil(BINS);
        let (mut count, mut mean) = (0, 0.0);
        let sorted = self.sample.sorted();
        for (at, &(number, weight)) in sorted.iter().enumerate() {
            count += weight;
            mean += (number - mean) * (weight as f64 / count as f64);
            let next = sorted.get(at + 1).map_or(u64::MAX, |&(_, weight)| weight);
            if count >= enough || next >= enough {
                // What lies between the sample's numbers belongs to a bin, too.
                let edge = if at + 1 == sorted.len() { self.greatest } else { number };
                numbers.edges.push(edge);
                numbers.counts.push(count);
                numbers.means.push(limited(mean));
                (count, mean) = (0, 0.0);
            }
        }
        numbers
    }
}

impl SeenTexts {
    pub(super) fn add(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if let Some(count) = self.counts.get_mut(&*text) {
            *count += 1;
            return;
        }
        if self.counts.len() >= MOST_DISTINCT {
            self.forget();
        }
        self.counts.insert(text.into_owned(), 1);
    }

    /// Forgets the half that was seen least.
    fn forget(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, &mut median, _) = counts.select_nth_unstable(middle);
        let before = self.counts.len();
        let forgotten = &mut self.forgotten;
        self.counts.retain(|_, &mut count| {
            let kept = count > median;
            *forgotten += if kept { 0 } else { count };
            kept
        });
        self.distinct_forgotten += (before - self.counts.len()) as u64;
    }

    pub(super) fn finish(self) -> Categories {
        let distinct = self.counts.len() as u64 + self.distinct_forgotten;
        let total: u64 = self.counts.values().sum();
        let mut named: Vec<(String, u64)> =
            self.counts.into_iter().filter(|(_, count)| *count >= FEWEST_ROWS).collect();
        named.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        named.truncate(MOST_NAMED);
        let kept: u64 = named.iter().map(|(_, count)| count).sum();
        Categories::new(named, total - kept + self.forgotten + self.other_types, distinct)
    }
}
