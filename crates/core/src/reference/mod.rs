//! What the reference data looked like: a distribution for each field and output, as `reference.json` keeps it.
//!
//! Live values are counted in the bins of these distributions, so that what is live is whole numbers.

mod binner;
mod builder;
mod categories;
mod digest;
mod noise;
mod numbers;
mod sample;

pub(crate) use binner::{Binned, Binner};
pub use builder::ReferenceBuilder;
pub use categories::Categories;
pub use noise::{Noise, NoiseFloor, WINDOWS};
pub use numbers::Numbers;

use crate::bloc::Bloc;
use crate::error::{Error, ErrorKind, Result};
use crate::input::Value;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// Values of a field or output that are of one kind each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The field's name, or the output's.
    pub name: String,
    /// Rows of the reference.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// The values of the others.
    pub values: Values,
    /// How far windows without drift lie from the reference, where that was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
}

/// What values look like.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Texts, or labels, by name.
    Categories(Categories),
    /// Numbers and Booleans, in bins.
    Numbers(Numbers),
}

/// Where the outputs of a reference come from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    /// Rows that the model was fitted on, or may have been: live outputs are expected to differ from theirs, so they
    /// are shown and never judged.
    Reference,
    /// Rows that the model did not see.
    Validation,
}

/// The outputs of a model on rows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// Which rows.
    pub source: OutputSource,
    /// One distribution for each output, and one of labels where there are some.
    pub distributions: Vec<Distribution>,
}

/// The content of `reference.json`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// One distribution for each field, in the schema's order; none where they are not known.
    #[serde(default)]
    pub fields: Vec<Distribution>,
    /// What the model made of rows, where that is known.
    #[serde(default)]
    pub outputs: Option<Outputs>,
}

/// The member's name.
pub const MEMBER: &str = "reference.json";
/// The version of the member's layout.
pub const LAYOUT: u32 = 2;

/// The bins that every distribution has first, whatever its values are.
pub const MISSING: usize = 0;
/// The bin of values that are not finite, or of another kind than the reference's.
pub const UNUSABLE: usize = 1;
/// The first bin of a distribution's own.
pub const OWN: usize = 2;
/// The greatest distance from a mean that is counted, in standard deviations, so that one wild value does not stand for
/// a shift of all.
pub const FARTHEST: f64 = 1000.0;

impl Reference {
    /// Reads `reference.json`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for other JSON, and for distributions that contradict themselves.
    pub fn parse(json: &[u8]) -> Result<Reference> {
        let corrupt = |what: String| Error::corrupt(format!("reading reference.json: {what}"));
        let reference: Reference =
            serde_json::from_slice(json).map_err(|error| corrupt(error.to_string()))?;
        for distribution in reference.distributions() {
            distribution.check().map_err(|what| corrupt(format!("{:?}: {what}", distribution.name)))?;
        }
        Ok(reference)
    }

    /// As JSON.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Internal`] where a number is not finite, which no maker of references leaves.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
    }

    /// The reference in a bloc; `None` of a bloc without one, or with one of another layout.
    ///
    /// # Errors
    /// Those of [`Reference::parse`], [`ErrorKind::Corrupt`] where its fields are not the schema's, and what reading
    /// the member raises.
    pub fn in_bloc(bloc: &Bloc, schema: &Schema) -> Result<Option<Reference>> {
        let layout = bloc.manifest().member(MEMBER).map(|member| member.version);
        if layout != Some(LAYOUT) {
            return Ok(None);
        }
        let Some(json) = bloc.read(MEMBER)? else { return Ok(None) };
        let reference = Reference::parse(&json)?;
        reference.check_fields(schema).map_err(Error::corrupt)?;
        Ok(Some(reference))
    }

    /// Refuses a reference whose fields are not those of `schema`, in their order; says what differs.
    pub(crate) fn check_fields(&self, schema: &Schema) -> std::result::Result<(), String> {
        let (expected, found) = (schema.fields(), &self.fields);
        let same = expected.iter().zip(found).take_while(|(field, found)| field.name == found.name).count();
        if same == expected.len() && same == found.len() {
            return Ok(());
        }
        Err(format!(
            "reading reference.json: field {same} is {:?}; the schema has {:?}: expected its fields, in its order",
            found.get(same).map_or("none", |field| &field.name),
            expected.get(same).map_or("none", |field| &field.name),
        ))
    }

    /// Rows of the reference.
    pub fn rows(&self) -> u64 {
        self.fields.first().map_or(0, |field| field.rows)
    }

    /// The distributions of fields, and then those of outputs.
    pub fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        self.fields.iter().chain(self.outputs.iter().flat_map(|outputs| &outputs.distributions))
    }
}

impl Outputs {
    /// Rows that the model answered.
    pub fn rows(&self) -> u64 {
        self.distributions.first().map_or(0, |output| output.rows)
    }
}

impl Distribution {
    /// The number of bins: [`MISSING`], [`UNUSABLE`], and the values' own.
    pub fn n_bins(&self) -> usize {
        OWN + match &self.values {
            Values::Categories(categories) => categories.n_bins(),
            Values::Numbers(numbers) => numbers.n_bins(),
        }
    }

    /// The reference's counts in these bins.
    pub fn counts(&self) -> Vec<u64> {
        let (unusable, own) = match &self.values {
            Values::Categories(categories) => (0, categories.bin_counts()),
            Values::Numbers(numbers) => (numbers.not_finite, numbers.bin_counts()),
        };
        [self.missing, unusable].into_iter().chain(own).collect()
    }

    /// What a bin holds, for people.
    pub fn bin_name(&self, bin: usize) -> String {
        match (bin, &self.values) {
            (MISSING, _) => "missing".to_owned(),
            (UNUSABLE, Values::Categories(_)) => "another type".to_owned(),
            (UNUSABLE, Values::Numbers(_)) => "not finite, or no number".to_owned(),
            (_, Values::Categories(categories)) => categories.bin_name(bin - OWN),
            (_, Values::Numbers(numbers)) => numbers.bin_name(bin - OWN),
        }
    }

    /// The bin of a number.
    #[inline]
    pub fn bin_of_number(&self, number: f64) -> usize {
        match &self.values {
            _ if number.is_nan() => MISSING,
            Values::Numbers(numbers) if number.is_finite() => OWN + numbers.bin(number),
            Values::Categories(categories) => {
                categories.bin_of_number(number).map_or(UNUSABLE, |bin| OWN + bin)
            }
            Values::Numbers(_) => UNUSABLE,
        }
    }

    /// The bin of a text.
    #[inline]
    pub fn bin_of_text(&self, text: &[u8]) -> usize {
        match &self.values {
            Values::Categories(categories) => OWN + categories.bin(text),
            Values::Numbers(_) => UNUSABLE,
        }
    }

    /// The bin of a value of whatever kind, and the number that it is.
    #[inline]
    pub(crate) fn bin_of(&self, value: Value<'_>) -> (usize, f64) {
        let number = match value {
            Value::Missing(_) => return (MISSING, f64::NAN),
            Value::Other => return (UNUSABLE, f64::NAN),
            Value::Text(text) => return (self.bin_of_text(text), f64::NAN),
            Value::Boolean(value) => f64::from(u8::from(value)),
            Value::Float(value) => value,
            Value::Integer(value) => value as f64,
        };
        (self.bin_of_number(number), number)
    }

    /// How far a finite number lies from the reference's mean, in its standard deviations, at most [`FARTHEST`];
    /// 0 of others.
    #[inline]
    pub fn distance(&self, number: f64) -> f64 {
        match &self.values {
            Values::Numbers(numbers) if number.is_finite() => {
                ((number - numbers.mean) / numbers.scale()).clamp(-FARTHEST, FARTHEST)
            }
            _ => 0.0,
        }
    }

    fn check(&self) -> std::result::Result<(), String> {
        self.noise.as_ref().map_or(Ok(()), Noise::check)?;
        let n_values = match &self.values {
            Values::Categories(categories) => categories.check()?,
            Values::Numbers(numbers) => numbers.check()?,
        };
        match n_values.checked_add(self.missing) {
            Some(rows) if rows == self.rows => Ok(()),
            _ => Err(format!("{n_values} values and {} missing ones in {} rows", self.missing, self.rows)),
        }
    }
}

#[cfg(test)]
mod tests;
