//! The whole of preprocessing: from a range of input rows to rows of the feature matrix.

use super::AnyStep;
use super::bounds::Bounds;
use super::reading::{Number, Reading};
use super::tile::{Checks, Scratch, Tile};
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Input, Matrix};
use crate::params::Params;
use crate::precision::{Float, Precision};
use crate::sanity::Value;
use crate::schema::Schema;
use crate::strided::{Plain, StridedMatrix};
use crate::vocabulary::TextVocabulary;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;

/// A proven sequence of steps and the features that come out of it.
#[derive(Debug)]
pub struct Pipeline {
    steps: Vec<AnyStep>,
    described: Vec<StepDescription>,
    n_columns: usize,
    features: Vec<Number>,
    feature_names: Vec<String>,
    feature_type: Precision,
    /// Fields that some step reads, and so must be in the input.
    needed: Vec<usize>,
    /// Whether all steps bring fields to the type of numbers, and nothing else.
    only_loads: bool,
}

/// One step for people.
#[derive(Clone, Debug)]
pub struct StepDescription {
    /// The kind of step.
    pub kind: String,
    /// Where it stands in the source model.
    pub path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    steps: Vec<Box<RawValue>>,
    features: Features,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Features {
    slots: Vec<usize>,
    names: Vec<String>,
    dtype: Precision,
}

#[derive(Deserialize)]
struct Kind {
    step: String,
    path: String,
    #[serde(default)]
    fields: Vec<usize>,
}

impl Pipeline {
    /// Reads the manifest's `preprocess`.
    pub(crate) fn parse(json: &str, schema: &Schema, params: &Params) -> Result<Pipeline> {
        let malformed =
            |error: serde_json::Error| Error::corrupt(format!("reading the manifest's preprocess: {error}"));
        let Json { steps: raw_steps, features } = serde_json::from_str(json).map_err(malformed)?;
        let mut reading = Reading::new(schema, params);
        let (mut steps, mut described, mut needed) = (Vec::new(), Vec::new(), Vec::new());
        for (number, raw) in raw_steps.iter().enumerate() {
            let Kind { step: kind, path, fields } = serde_json::from_str(raw.get()).map_err(malformed)?;
            let step = AnyStep::read(&kind, raw, &mut reading)
                .map_err(|error| error.within(format_args!("step {number} ({kind} of {path:?})")))?;
            steps.push(step);
            described.push(StepDescription { kind, path });
            needed.extend(fields);
        }
        if features.names.len() != features.slots.len() {
            let (names, slots) = (features.names.len(), features.slots.len());
            return Err(Error::corrupt(format!("{slots} features with {names} names")));
        }
        needed.sort_unstable();
        needed.dedup();
        Ok(Pipeline {
            only_loads: steps.iter().all(|step| matches!(step, AnyStep::Load(_))),
            steps,
            described,
            n_columns: reading.n_columns(),
            features: reading.numbers(&features.slots)?,
            feature_names: features.names,
            feature_type: features.dtype,
            needed,
        })
    }

    /// The steps in order.
    pub fn steps(&self) -> &[StepDescription] {
        &self.described
    }

    /// The names of the features.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// The type of the feature matrix.
    pub fn feature_type(&self) -> Precision {
        self.feature_type
    }

    /// The number of features.
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// The field that feature `feature` comes from.
    pub(crate) fn field_of(&self, feature: usize) -> usize {
        self.features[feature].field
    }

    /// The fields whose values are looked up as text, and in what.
    pub(crate) fn text_categories(&self) -> impl Iterator<Item = (usize, &TextVocabulary)> {
        let categories = self.steps.iter().flat_map(AnyStep::categories);
        categories.filter_map(|categories| Some((categories.field(), categories.texts()?)))
    }

    /// Columns of numbers that a tile needs.
    pub(crate) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The fields that some step reads, ascending.
    pub fn needed(&self) -> &[usize] {
        &self.needed
    }

    /// Refuses input that lacks a column which a step reads.
    pub(crate) fn check_columns(&self, schema: &Schema, input: &Input<'_>) -> Result<()> {
        if input.matrix().is_some() {
            return Ok(());
        }
        let absent = |&&field: &&usize| input.column(field).is_none();
        let Some(&first) = self.needed.iter().find(absent) else { return Ok(()) };
        let names: Vec<_> = self
            .needed
            .iter()
            .filter(absent)
            .map(|&field| format!("{:?}", schema.fields()[field].name))
            .collect();
        let message = format!(
            "the input lacks {}; expected a column for each field that the model reads",
            names.join(", ")
        );
        Err(Error::new(ErrorKind::Schema, message).at(&schema.fields()[first].name, None))
    }

    /// Writes the features of `rows` to `out`, row after row. Rows that the source model would refuse
    /// are reported; their features are without meaning.
    pub(crate) fn run<T: Float>(
        &self,
        input: &Input<'_>,
        rows: Range<usize>,
        scratch: &mut Scratch,
        out: &mut [T],
        checks: Checks<'_>,
    ) {
        if let (true, Some(matrix)) = (self.only_loads, input.matrix()) {
            let first_row = input.first_row();
            return match matrix {
                Matrix::Float32(values) => self.copy(values, rows, first_row, out, checks),
                Matrix::Float64(values) => self.copy(values, rows, first_row, out, checks),
            };
        }
        let mut tile = Tile::new(input, rows, self.n_columns, scratch, checks);
        for step in &self.steps {
            step.run(&mut tile);
        }
        self.write(&tile, out);
    }

    /// Writes the features of a tile row after row, some rows and features at a time, so that what is read and what
    /// is written both stay in the nearest cache.
    fn write<T: Float>(&self, tile: &Tile<'_>, out: &mut [T]) {
        const ROWS: usize = 8;
        const FEATURES: usize = 4;
        let width = self.features.len().max(1);
        let (groups, rest) = self.features.as_chunks::<FEATURES>();
        let mut blocks = out.chunks_exact_mut(ROWS * width);
        let mut first = 0;
        for out in &mut blocks {
            let column = |number: Number| tile.column(number)[first..].first_chunk::<ROWS>();
            for (at, group) in groups.iter().enumerate() {
                let [a, b, c, d] = *group;
                let (Some(a), Some(b), Some(c), Some(d)) = (column(a), column(b), column(c), column(d))
                else {
                    continue;
                };
                for (row, out) in out.chunks_exact_mut(width).enumerate() {
                    let values = [a[row], b[row], c[row], d[row]].map(T::from_f64);
                    out[at * FEATURES..][..FEATURES].copy_from_slice(&values);
                }
            }
            for (at, &number) in rest.iter().enumerate() {
                let column = &tile.column(number)[first..];
                for (out, &value) in out.chunks_exact_mut(width).zip(column) {
                    out[groups.len() * FEATURES + at] = T::from_f64(value);
                }
            }
            first += ROWS;
        }
        for (row, out) in blocks.into_remainder().chunks_exact_mut(width).enumerate() {
            for (into, &number) in out.iter_mut().zip(&self.features) {
                *into = T::from_f64(tile.column(number)[first + row]);
            }
        }
    }

    /// As [`Pipeline::run`] where steps only bring fields to their types: `values` themselves.
    fn copy<S: Float + Plain, T: Float>(
        &self,
        values: &StridedMatrix<'_, S>,
        rows: Range<usize>,
        first_row: usize,
        out: &mut [T],
        Checks { sanity, findings }: Checks<'_>,
    ) {
        let watches = [Precision::Single, Precision::Double].map(|precision| sanity.watches(precision));
        let watch = |slot: &Number| watches[usize::from(slot.precision == Precision::Double)].get(slot.field);
        let bounds = Bounds::of::<T>(&self.features, sanity, rows.len());
        let looks = bounds.is_none() && watches.iter().any(|watches| !watches.is_empty());
        for (row, out) in rows.zip(out.chunks_exact_mut(self.features.len().max(1))) {
            let (number, row) = (first_row + row, values.row(row));
            let load = |slot: &Number| slot.precision.round(row.at(slot.field).to_f64());
            let mut stops = false;
            for (into, slot) in out.iter_mut().zip(&self.features) {
                let value = load(slot);
                stops |= looks && watch(slot).is_some_and(|watch| watch.stops(value));
                *into = T::from_f64(value);
            }
            stops |= bounds.as_ref().is_some_and(|bounds| bounds.stop_any(out));
            if !stops {
                continue;
            }
            for (into, slot) in out.iter_mut().zip(&self.features) {
                let value = load(slot);
                if watch(slot).is_some_and(|watch| watch.stops(value)) {
                    let seen = (Value::float(value), false);
                    let used = sanity.number(slot.field, number, value, slot.precision, seen, findings);
                    *into = T::from_f64(used);
                }
            }
        }
    }
}
