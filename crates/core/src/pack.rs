//! Packing: collects a model's parts and publishes a bloc only when its golden rows give the training
//! library's outputs.

#[cfg(feature = "onnx")]
mod network;
mod outputs;
mod rules;
mod trees;

#[cfg(feature = "onnx")]
pub use network::{NetworkDraft, NetworkPacker, PackedNetwork, RowsBefore, Tuning};

pub use outputs::{SourceAnswers, add_outputs};
pub use rules::with_rules;
pub use trees::TreePacker;

use crate::bloc::{BlocWriter, Draft};
use crate::engine::{Engine, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::golden::{self, GoldenReport, GoldenRows, Widths};
use crate::model::linear::LinearSpec;
use crate::model::link::Link;
use crate::model::trees::build::{ForestBuilder, ForestShape, SourceTree};
use crate::model::{Decide, Targets, Task};
use crate::params::{NumberType, NumbersRef};
use crate::reference::{self, Reference};
use crate::sanity::Rules;
use crate::schema::Schema;
use crate::vocabulary::{VocabularyRef, hash};
use serde::Deserialize;
use std::path::Path;

/// Collects a model's parts, and writes the bloc.
#[derive(Debug, Default)]
pub struct Packer {
    params: Vec<u8>,
    forest: Option<ForestBuilder>,
    source: Option<(String, Vec<u8>)>,
}

/// The categories of one column, without duplicates.
#[derive(Clone, Copy, Debug)]
pub enum Categories<'a> {
    /// Ascending numbers.
    Numbers(&'a [f64]),
    /// Text.
    Texts(&'a [&'a str]),
}

/// A bloc that was written.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The bloc's digest.
    pub digest: String,
    /// The length of the file.
    pub size_bytes: u64,
    /// What replaying the golden rows found.
    pub golden: GoldenReport,
}

impl Packer {
    /// Keeps floats in `params.bin`.
    pub fn floats(&mut self, values: &[f64]) -> NumbersRef {
        let offset = self.params.len() as u64;
        self.params.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        NumbersRef { offset, count: values.len() as u64, dtype: NumberType::Float64 }
    }

    /// Keeps integers in `params.bin`.
    pub fn integers(&mut self, values: &[i32]) -> NumbersRef {
        let offset = self.params.len() as u64;
        self.params.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.params.resize(self.params.len().next_multiple_of(8), 0);
        NumbersRef { offset, count: values.len() as u64, dtype: NumberType::Int32 }
    }

    /// Keeps a vocabulary in `params.bin`. `nan` and `none` tell whether, and as which of the last
    /// indices, the missing values are categories.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for numbers that do not ascend, or text that occurs twice.
    pub fn vocabulary(
        &mut self,
        categories: Categories<'_>,
        nan: Option<u64>,
        none: Option<u64>,
    ) -> Result<VocabularyRef> {
        let reference = match categories {
            Categories::Numbers(values) => self.numbers(values, nan, none)?,
            Categories::Texts(texts) => self.texts(texts, nan, none)?,
        };
        reference.len()?;
        Ok(reference)
    }

    /// Begins the forest.
    ///
    /// # Errors
    /// As [`ForestBuilder::new`].
    pub fn begin_forest(&mut self, shape: ForestShape) -> Result<()> {
        self.forest = Some(ForestBuilder::new(shape)?);
        Ok(())
    }

    /// Appends a tree to the forest.
    ///
    /// # Errors
    /// As [`ForestBuilder::push`]; [`ErrorKind::InvalidArgument`] before [`Packer::begin_forest`].
    pub fn tree(&mut self, tree: SourceTree<'_>) -> Result<()> {
        self.forest.as_mut().ok_or_else(no_forest)?.push(tree)
    }

    /// Writes the bloc beside `target`, loads it, replays the golden rows, and publishes it at `target`
    /// when their outputs have the training library's bytes. `manifest` is the JSON of [`Draft`],
    /// `reference` what its fields look like, where that is known.
    ///
    /// # Errors
    /// [`ErrorKind::GoldenMismatch`]; [`ErrorKind::InvalidArgument`] for parts that do not fit together;
    /// what the operating system says. The target is then as it was, and nothing is left behind.
    pub fn write(
        self,
        target: &Path,
        manifest: &str,
        golden: &GoldenRows,
        reference: Option<&Reference>,
    ) -> Result<Packed> {
        let invalid = |what: &str| {
            let what = what.to_owned();
            move |error: serde_json::Error| Error::new(ErrorKind::InvalidArgument, format!("{what}: {error}"))
        };
        let mut draft: Draft = serde_json::from_str(manifest).map_err(invalid("the manifest's draft"))?;
        let schema = Schema::parse(draft.schema.get())?;
        let reference = reference.map(|reference| reference_json(reference, &schema)).transpose()?;
        if let Some(rules) = &mut draft.sanity {
            *rules = rules::raw(&Rules::parse(rules.get(), &schema)?)?;
        }
        let ModelTask { task, link, linear, classes, .. } =
            serde_json::from_str(draft.model.get()).map_err(invalid("the model"))?;
        let n_raw_scores = match (&linear, &self.forest) {
            (Some(linear), _) => linear.n_outputs(),
            (None, forest) => forest.as_ref().ok_or_else(no_forest)?.n_outputs(),
        };
        let (n_outputs, n_targets) = (link.n_outputs(n_raw_scores), classes.0.len());
        let widths = Widths { task, n_outputs, n_raw_scores, n_targets };
        let golden_bytes = golden::write(&schema, widths, golden)?;
        let mut writer = BlocWriter::default();
        writer.add("params.bin", 1, true, self.params)?;
        if let Some(forest) = self.forest {
            writer.add("forest.bin", 2, true, forest.finish()?)?;
        }
        if let Some(reference) = reference {
            writer.add(reference::MEMBER, reference::LAYOUT, false, reference)?;
        }
        writer.add(golden::MEMBER, 1, false, golden_bytes)?;
        if let Some((member, file)) = self.source {
            writer.add(&member, 1, false, file)?;
        }
        let unpublished = writer.write(target, draft)?;
        let engine = Engine::load(unpublished.path(), &LoadOptions::default())?;
        let report = golden::replay(&engine)?;
        if !report.accepted {
            return Err(Error::new(
                ErrorKind::GoldenMismatch,
                format!(
                    "the engine's outputs on {} golden rows differ from the source model's by up to {:e}; nothing was written",
                    report.rows, report.max_abs_diff
                ),
            ));
        }
        let packed = Packed {
            digest: engine.bloc().digest().to_owned(),
            size_bytes: engine.bloc().size_bytes(),
            golden: report,
        };
        unpublished.publish()?;
        Ok(packed)
    }

    fn numbers(&mut self, values: &[f64], nan: Option<u64>, none: Option<u64>) -> Result<VocabularyRef> {
        if values.iter().any(|value| value.is_nan()) || !values.is_sorted_by(|a, b| a < b) {
            return Err(Error::new(ErrorKind::InvalidArgument, "categories that are numbers must ascend"));
        }
        let positive: Vec<f64> = values.iter().map(|&value| if value == 0.0 { 0.0 } else { value }).collect();
        let NumbersRef { offset, count, .. } = self.floats(&positive);
        Ok(VocabularyRef::Number { offset, count, nan, none })
    }

    fn texts(&mut self, texts: &[&str], nan: Option<u64>, none: Option<u64>) -> Result<VocabularyRef> {
        let table_len = (texts.len() * 2).next_power_of_two();
        let mut table = vec![0_u64; table_len];
        for (index, text) in texts.iter().enumerate() {
            let hash = hash(text.as_bytes());
            let mut slot = hash as usize & (table_len - 1);
            while table[slot] != 0 {
                if texts[(table[slot] as u32 - 1) as usize] == *text {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        format!("category {text:?} occurs twice"),
                    ));
                }
                slot = (slot + 1) & (table_len - 1);
            }
            table[slot] = hash >> 32 << 32 | (index as u64 + 1);
        }
        let offset = self.params.len() as u64;
        let mut end = 0;
        let positions = std::iter::once(0).chain(texts.iter().map(|text| {
            end += text.len() as u64;
            end
        }));
        let words = table.iter().copied().chain(positions);
        self.params.extend(words.flat_map(u64::to_le_bytes));
        texts.iter().for_each(|text| self.params.extend_from_slice(text.as_bytes()));
        self.params.resize(self.params.len().next_multiple_of(8), 0);
        let bytes = texts.iter().map(|text| text.len() as u64).sum();
        Ok(VocabularyRef::String {
            offset,
            count: texts.len() as u64,
            table: table_len.ilog2(),
            bytes,
            nan,
            none,
        })
    }
}

#[derive(Deserialize)]
struct ModelTask {
    task: Task,
    #[serde(default)]
    link: Link,
    linear: Option<LinearSpec>,
    #[serde(default)]
    classes: Targets,
    #[serde(default)]
    decide: Decide,
}

/// The member, which must read as it was written.
fn reference_json(reference: &Reference, schema: &Schema) -> Result<Vec<u8>> {
    let invalid = |message| Error::new(ErrorKind::InvalidArgument, message);
    reference.check_fields(schema).map_err(invalid)?;
    let json = reference.to_json()?.into_bytes();
    Reference::parse(&json)?;
    Ok(json)
}

fn no_forest() -> Error {
    Error::new(ErrorKind::InvalidArgument, "no forest was begun")
}
