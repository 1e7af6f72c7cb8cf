//! Packing tree ensembles from the files of their training libraries, without the libraries.
//!
//! The golden rows are made up, and their outputs come from the naive walk over the trees as the file has
//! them: reading, building and walking are held against it.

use super::{Categories, Packed, Packer};
use crate::error::Result;
use crate::golden::GoldenRows;
use crate::import::trees::{Levels, TreeModel, TreeOptions};
use crate::input::Cell;
use crate::model::trees::build::ForestBuilder;
use crate::model::trees::source::TreeEnsemble;
use crate::precision::Precision;
use crate::sanity::Rules;
use crate::schema::Schema;
use crate::vocabulary::VocabularyRef;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const GOLDEN_ROWS: usize = 512;

/// What goes into the bloc of a model file beside the model.
#[derive(Clone, Debug)]
pub struct TreePacker {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// Free entries.
    pub metadata: BTreeMap<String, String>,
    /// Where the model came from.
    pub provenance: BTreeMap<String, String>,
    /// What of the file is read.
    pub options: TreeOptions,
    /// Sanity rules, as YAML or JSON (see [`crate::sanity::Rules::amended`]); empty for none.
    pub sanity: String,
    /// Whether the bloc keeps the file, as `source/…`.
    pub keep_source: bool,
}

impl Default for TreePacker {
    fn default() -> Self {
        TreePacker {
            name: String::new(),
            version: "1".to_owned(),
            metadata: BTreeMap::new(),
            provenance: BTreeMap::new(),
            options: TreeOptions::default(),
            sanity: String::new(),
            keep_source: true,
        }
    }
}

impl TreePacker {
    /// Reads the model in `file` and writes its bloc at `target`. Each feature becomes a field: text or numbers
    /// where the file has its categories, numbers otherwise.
    ///
    /// # Errors
    /// Those of [`TreeModel::read`] and [`Packer::write`]; the target is then as it was.
    pub fn write(self, file: &[u8], target: &Path) -> Result<Packed> {
        let model = TreeModel::read(file, &self.options)?;
        let mut packer = Packer::default();
        let manifest = self.manifest(&model, &mut packer)?;
        let golden = golden_rows(&model)?;
        if self.keep_source {
            packer.keep_source(model.member, file.to_vec());
        }
        packer.ensemble(model.ensemble)?;
        packer.write(target, &manifest.to_string(), &golden, None)
    }

    fn manifest(&self, model: &TreeModel, packer: &mut Packer) -> Result<Value> {
        let dtype = model.ensemble.features.name();
        let fields = model.feature_names.iter().zip(&model.categories).map(|(name, levels)| {
            let (kind, dtype) = match levels {
                None => ("float", dtype),
                Some(Levels::Numbers(_)) => ("float", "float64"),
                Some(Levels::Texts(_)) => ("string", "object"),
            };
            json!({"name": name, "kind": kind, "dtype": dtype, "null": "nan"})
        });
        let fields: Vec<Value> = fields.collect();
        let schema = json!({"fields": fields});
        let rules = Rules::default().amended(&self.sanity, &Schema::parse(&schema.to_string())?)?;
        let (steps, slots) = steps(model, packer)?;
        let mut provenance = self.provenance.clone();
        provenance.insert("objective".to_owned(), model.objective.clone());
        Ok(json!({
            "name": self.name,
            "version": self.version,
            "schema": schema,
            "sanity": rules,
            "preprocess": {
                "steps": steps,
                "features": {"slots": slots, "names": model.feature_names, "dtype": dtype},
            },
            "model": {
                "kind": "forest",
                "source": model.source,
                "task": if model.classes.is_some() { "classification" } else { "regression" },
                "combine": model.ensemble.combine,
                "link": model.link,
                "classes": model.classes,
                "decide": model.decide,
                "missing": "accept",
                "infinite": "accept",
            },
            "metadata": self.metadata,
            "provenance": provenance,
        }))
    }
}

/// The steps that make features of fields, and the features' slots.
fn steps(model: &TreeModel, packer: &mut Packer) -> Result<(Vec<Value>, Vec<usize>)> {
    let is_text = |feature: &usize| matches!(model.categories[*feature], Some(Levels::Texts(_)));
    let n_features = model.ensemble.n_features;
    let texts: Vec<usize> = (0..n_features).filter(is_text).collect();
    let numbers: Vec<usize> = (0..n_features).filter(|feature| !is_text(feature)).collect();
    let mut slots = vec![0; n_features];
    for (slot, &feature) in numbers.iter().chain(&texts).enumerate() {
        slots[feature] = slot;
    }
    let dtype = model.ensemble.features.name();
    let mut steps = Vec::new();
    for (fields, dtype) in [(&numbers, dtype), (&texts, "string")] {
        if !fields.is_empty() {
            steps.push(json!({"step": "input", "path": "model", "fields": fields, "dtype": dtype}));
        }
    }
    let mut encoded = Vec::new();
    let mut columns = Vec::new();
    for (feature, levels) in model.categories.iter().enumerate() {
        let Some(levels) = levels else { continue };
        let (vocabulary, codes) = vocabulary(levels, packer)?;
        let values = packer.floats(&codes);
        columns.push(json!({"vocabulary": vocabulary, "values": values, "unknown": {"policy": "refuse"}}));
        encoded.push(feature);
    }
    if !encoded.is_empty() {
        let inputs: Vec<usize> = encoded.iter().map(|&feature| slots[feature]).collect();
        steps.push(json!({
            "step": "ordinal_encoder", "path": "model", "inputs": inputs, "columns": columns, "dtype": dtype,
        }));
        for (at, &feature) in encoded.iter().enumerate() {
            slots[feature] = n_features + at;
        }
    }
    Ok((steps, slots))
}

/// The vocabulary of some levels and of what is missing, and the code of each of its entries.
fn vocabulary(levels: &Levels, packer: &mut Packer) -> Result<(VocabularyRef, Vec<f64>)> {
    let (vocabulary, order) = match levels {
        Levels::Numbers(numbers) => {
            let mut order: Vec<usize> = (0..numbers.len()).collect();
            order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
            let ascending: Vec<f64> = order.iter().map(|&at| numbers[at]).collect();
            let nan = ascending.len() as u64;
            (packer.vocabulary(Categories::Numbers(&ascending), Some(nan), None)?, order)
        }
        Levels::Texts(texts) => {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let nan = texts.len() as u64;
            let vocabulary = packer.vocabulary(Categories::Texts(&texts), Some(nan), Some(nan + 1))?;
            (vocabulary, (0..texts.len()).collect())
        }
    };
    let mut codes: Vec<f64> = order.into_iter().map(|at| at as f64).collect();
    codes.resize(vocabulary.len()?, f64::NAN);
    Ok((vocabulary, codes))
}

/// Rows on thresholds and beside them, with missing values and categories, and what the naive walk says.
fn golden_rows(model: &TreeModel) -> Result<GoldenRows> {
    let ensemble = &model.ensemble;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let values = interesting(ensemble);
    let mut golden = GoldenRows { columns: vec![Vec::new(); ensemble.n_features], ..GoldenRows::default() };
    let mut raw_scores = Vec::new();
    for _ in 0..GOLDEN_ROWS {
        let mut row = Vec::with_capacity(ensemble.n_features);
        for (feature, column) in golden.columns.iter_mut().enumerate() {
            let (value, cell) = match &model.categories[feature] {
                None => {
                    let value = random.value(&values[feature], ensemble.features);
                    (value, Cell::Float(value))
                }
                Some(Levels::Numbers(levels)) => {
                    let code = random.below(levels.len() + 1);
                    let level = levels.get(code).copied();
                    (level.map_or(f64::NAN, |_| code as f64), Cell::Float(level.unwrap_or(f64::NAN)))
                }
                Some(Levels::Texts(levels)) => {
                    let code = random.below(levels.len() + 1);
                    match levels.get(code) {
                        None => (f64::NAN, Cell::None),
                        Some(level) => {
                            let start = golden.text.len();
                            golden.text.push_str(level);
                            (code as f64, Cell::Text { start, end: golden.text.len() })
                        }
                    }
                }
            };
            row.push(value);
            column.push(cell);
        }
        raw_scores.extend(ensemble.raw_scores(&row)?);
    }
    let n_outputs = model.link.n_outputs(ensemble.n_outputs);
    golden.outputs = vec![0.0; GOLDEN_ROWS * n_outputs];
    model.link.apply(&raw_scores, ensemble.n_outputs, ensemble.sums, &mut golden.outputs);
    if model.classes.is_some() {
        let rows = raw_scores.chunks_exact(ensemble.n_outputs).zip(golden.outputs.chunks_exact(n_outputs));
        golden.classes = rows.map(|(raw, outputs)| model.decide.class(raw, outputs) as f64).collect();
    }
    golden.raw_scores = raw_scores;
    Ok(golden)
}

/// For each feature the thresholds and categories that nodes look for, up to some hundreds.
fn interesting(ensemble: &TreeEnsemble) -> Vec<Vec<f64>> {
    const MOST: usize = 256;
    let mut values = vec![Vec::new(); ensemble.n_features];
    let mut add = |feature: u32, value: f64| {
        if let Some(values) = values.get_mut(feature as usize).filter(|values| values.len() < MOST) {
            values.push(value);
        }
    };
    let (features, thresholds) = ensemble.splits(64);
    features.into_iter().zip(thresholds).for_each(|(feature, threshold)| add(feature, threshold));
    for tree in &ensemble.trees {
        for (&column, &set) in tree.column.iter().zip(&tree.set) {
            let column = usize::try_from(column).ok().and_then(|column| ensemble.columns.get(column));
            let members = usize::try_from(set).ok().and_then(|set| ensemble.sets.get(set));
            if let (Some(column), Some(members)) = (column, members) {
                members.iter().take(4).for_each(|&member| add(column.feature, f64::from(member)));
            }
        }
    }
    values
}

/// A xorshift generator: the same rows for the same model.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }

    /// One of `values`, or a number beside it, above all, or none.
    fn value(&mut self, values: &[f64], precision: Precision) -> f64 {
        let Some(&value) = values.get(self.below(values.len())) else { return self.below(100) as f64 };
        let single = precision == Precision::Single;
        match self.below(8) {
            0 => f64::NAN,
            1 => value * 2.0 + 1.0,
            2 if single => f64::from((value as f32).next_up()),
            2 => value.next_up(),
            3 if single => f64::from((value as f32).next_down()),
            3 => value.next_down(),
            4 => 0.0,
            5 => value - 1.0,
            _ => value,
        }
    }
}

impl Packer {
    /// Takes a whole ensemble for the forest.
    ///
    /// # Errors
    /// As [`ForestBuilder::of`].
    pub fn ensemble(&mut self, ensemble: TreeEnsemble) -> Result<()> {
        self.forest = Some(ForestBuilder::of(ensemble)?);
        Ok(())
    }

    /// Keeps the source's own file as a member, such as `source/model.txt`.
    pub fn keep_source(&mut self, member: &str, file: Vec<u8>) {
        self.source = Some((member.to_owned(), file));
    }

    /// Leaves the source's own file out.
    pub fn drop_source(&mut self) {
        self.source = None;
    }
}
