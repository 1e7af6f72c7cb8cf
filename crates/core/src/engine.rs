//! An engine: a bloc made ready to predict. The only module where the stages meet.

mod arrow;
mod json;
#[cfg(feature = "onnx")]
mod network;

#[cfg(feature = "onnx")]
pub use network::{Finding, NetworkPrediction};

use crate::bloc::{Bloc, Health, Manifest};
use crate::budget;
use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::input::Input;
use crate::mapped::View;
use crate::model::trees::Forest;
use crate::model::{self, Answer, Constant, Ensemble, Model, Task};
use crate::params::Params;
use crate::pool::pool;
use crate::precision::{Float, Precision};
use crate::preprocess::{Pipeline, Refusal, Scratch};
use crate::request;
use crate::schema::Schema;
use rayon::prelude::*;
use serde::Deserialize;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// A model with its preprocessing, ready to predict.
///
/// An engine is immutable, `Send` and `Sync`; any number of threads may predict at once, and processes
/// forked after loading share its memory.
#[derive(Debug)]
pub struct Engine {
    bloc: Bloc,
    schema: Schema,
    pipeline: Pipeline,
    model: Model,
    threads: Option<usize>,
    max_body_bytes: usize,
    report: LoadReport,
}

/// How to load an engine.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The digest that the bloc must have.
    pub digest: Option<String>,
    /// Bytes of a request body at most, JSON's or Arrow's; by default [`crate::request::MAX_BODY_BYTES`].
    pub max_body_bytes: Option<usize>,
    /// Threads for batches; by default what [`crate::budget::threads`] says at each call.
    pub threads: Option<usize>,
    /// How much of the file to read.
    pub verify: Verify,
}

/// How much of a bloc loading reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Every byte, against its digest.
    Full,
    /// The structure, in time independent of the size.
    #[default]
    Structure,
}

/// What loading cost.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// Wall time.
    pub duration: Duration,
    /// Bytes of the file that are mapped and shared with other processes.
    pub mapped_bytes: u64,
    /// Bytes that this engine keeps for itself, estimated from the manifest's length (its text, its parts
    /// and the steps read from them) and the number of trees.
    pub private_bytes: u64,
    /// The large constants of a network, and which of them had to be copied or packed privately.
    pub constants: Vec<Constant>,
    /// Environment variables that steer a network's kernels, and with them the last bits of its answers.
    pub kernel_variables: Vec<String>,
}

/// The outputs for all rows, and which rows were refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// [`Model::n_outputs`] values per row, row after row; NaN for refused rows.
    pub outputs: Vec<f64>,
    /// The refused rows, ascending, each once.
    pub rejections: Vec<Rejection>,
}

/// A row that the source model would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The row, counted from 0.
    pub row: usize,
    /// The name of the field at fault.
    pub field: String,
    /// What was found and what was expected.
    pub reason: String,
}

/// Values that a tile's columns and features hold at most; a tile stays well inside a core's cache.
const TILE_VALUES: usize = 1 << 17;
/// Rows of a tile at most.
const TILE_ROWS: usize = 1024;
/// Rows below which a batch is not worth a second thread.
const PARALLEL_ROWS: usize = 256;

thread_local! {
    static SCRATCH: RefCell<(Scratch, TileScratch<f32>, TileScratch<f64>)> = RefCell::default();
}

/// The memory of a tile whose features have one type.
#[derive(Default)]
struct TileScratch<V> {
    features: Vec<V>,
    model: model::Scratch<V>,
}

impl Engine {
    /// Loads the bloc at `path`: proves its container and structure, and maps the rest.
    ///
    /// # Errors
    /// As [`Bloc::open`]; [`ErrorKind::Corrupt`] for sections that do not fit together, and with
    /// [`Verify::Full`] for any altered byte; [`ErrorKind::InvalidArgument`] for zero threads.
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Engine> {
        let begun = Instant::now();
        if options.threads == Some(0) {
            return Err(Error::new(ErrorKind::InvalidArgument, "threads is 0; expected at least 1"));
        }
        let bloc = Bloc::open(path, options.digest.as_deref())?;
        if options.verify == Verify::Full {
            bloc.verify()?;
        }
        let (schema, pipeline, model) = read(&bloc).map_err(|error| error.within(bloc.path().display()))?;
        let constants = constants(&model);
        let n_trees = model.ensemble().map_or(0, |ensemble| ensemble.forest().n_trees());
        let private = constants.iter().filter(|constant| !constant.mapped).map(|constant| constant.bytes);
        let report = LoadReport {
            duration: begun.elapsed(),
            mapped_bytes: bloc.size_bytes(),
            private_bytes: (bloc.manifest_json().len() * 5 + n_trees * 16) as u64 + private.sum::<u64>(),
            constants,
            kernel_variables: kernel_variables(&model),
        };
        let max_body_bytes = options.max_body_bytes.unwrap_or(request::MAX_BODY_BYTES);
        Ok(Engine { bloc, schema, pipeline, model, threads: options.threads, max_body_bytes, report })
    }

    /// The input fields.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The preprocessing.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        self.bloc.manifest()
    }

    /// The bloc.
    pub fn bloc(&self) -> &Bloc {
        &self.bloc
    }

    /// Bytes of a request body at most.
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// What loading cost.
    pub fn load_report(&self) -> &LoadReport {
        &self.report
    }

    /// Whether the file is still the one that was loaded.
    pub fn health(&self) -> Health {
        self.bloc.health()
    }

    /// The outputs for all rows. A row that the source model would refuse is no error: its outputs
    /// are NaN and the row is among the rejections.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when a column that the model reads is absent.
    pub fn run(&self, input: &Input<'_>) -> Result<Prediction> {
        let n_outputs = self.model.n_outputs();
        let mut outputs = vec![0.0; input.n_rows() * n_outputs];
        let rejections = self.run_into(input, &mut outputs)?;
        Ok(Prediction { outputs, rejections })
    }

    /// As [`Engine::run`], into `outputs`: `n_rows * n_outputs` places.
    ///
    /// # Errors
    /// As [`Engine::run`], and [`ErrorKind::InvalidArgument`] for another number of places.
    pub fn run_into(&self, input: &Input<'_>, outputs: &mut [f64]) -> Result<Vec<Rejection>> {
        self.answer_into(input, Answer::Outputs, outputs)
    }

    /// The outputs of each row followed by the number of its label, as [`Engine::class_numbers_into`] gives
    /// it: `n_rows * (n_outputs + 1)` places.
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn run_with_classes_into(&self, input: &Input<'_>, out: &mut [f64]) -> Result<Vec<Rejection>> {
        self.answer_into(input, Answer::OutputsAndClass, out)
    }

    /// The number of each row's label among [`Model::classes`], as the source's `predict` decides: `n_rows`
    /// places, each a whole number, or NaN for a refused row.
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn class_numbers_into(&self, input: &Input<'_>, numbers: &mut [f64]) -> Result<Vec<Rejection>> {
        self.answer_into(input, Answer::Class, numbers)
    }

    /// What the trees of each row add up to, before the link: [`Model::n_raw_scores`] values per row, NaN for
    /// refused rows. They are the training library's bit for bit: CatBoost's `RawFormulaVal`, LightGBM's
    /// `raw_score=True`, XGBoost's `output_margin=True`, scikit-learn's `decision_function` of gradient boosting.
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn raw_scores_into(&self, input: &Input<'_>, scores: &mut [f64]) -> Result<Vec<Rejection>> {
        self.answer_into(input, Answer::RawScores, scores)
    }

    fn answer_into(&self, input: &Input<'_>, answer: Answer, out: &mut [f64]) -> Result<Vec<Rejection>> {
        let ensemble = self.ensemble()?;
        let width = ensemble.width(answer);
        let refusals = self.in_tiles(input, out, width, |rows, out, refusals| {
            SCRATCH.with_borrow_mut(|(scratch, single, double)| match ensemble.forest().features() {
                Precision::Single => self.tile(ensemble, input, rows, answer, scratch, single, out, refusals),
                Precision::Double => self.tile(ensemble, input, rows, answer, scratch, double, out, refusals),
            });
        })?;
        let rejections = self.rejections(refusals, input.first_row());
        for rejection in &rejections {
            out[(rejection.row - input.first_row()) * width..][..width].fill(f64::NAN);
        }
        Ok(rejections)
    }

    /// The outputs for all rows, or an error that names the first row which the source model would
    /// refuse.
    ///
    /// # Errors
    /// As [`Engine::run_into`], and [`ErrorKind::Schema`] with field and row.
    pub fn predict_into(&self, input: &Input<'_>, outputs: &mut [f64]) -> Result<()> {
        accept(self.run_into(input, outputs)?)
    }

    /// The feature matrix, row after row, in `f64`: `n_rows * n_features` places.
    ///
    /// # Errors
    /// As [`Engine::predict_into`].
    pub fn transform_into(&self, input: &Input<'_>, features: &mut [f64]) -> Result<()> {
        self.transform(input, features)
    }

    /// The feature matrix in `f32`, which is exact when that is the pipeline's type.
    ///
    /// # Errors
    /// As [`Engine::predict_into`].
    pub fn transform_into_f32(&self, input: &Input<'_>, features: &mut [f32]) -> Result<()> {
        self.transform(input, features)
    }

    /// Whether the model gives probabilities of classes.
    pub fn is_classifier(&self) -> bool {
        self.model.ensemble().is_some_and(|ensemble| ensemble.task() == Task::Classification)
    }

    fn transform<T: Float>(&self, input: &Input<'_>, features: &mut [T]) -> Result<()> {
        let refusals = self.features(input, features)?;
        accept(self.rejections(refusals, input.first_row()))
    }

    /// Writes the feature matrix, and gives what the source's preprocessing would refuse.
    fn features<T: Float>(&self, input: &Input<'_>, features: &mut [T]) -> Result<Vec<Refusal>> {
        let width = self.pipeline.n_features();
        self.in_tiles(input, features, width, |rows, out, refusals| {
            SCRATCH.with_borrow_mut(|(scratch, ..)| self.pipeline.run(input, rows, scratch, out, refusals));
        })
    }

    /// Runs `tile` over ranges of rows with their places in `out`, on the pool where that pays.
    fn in_tiles<T: Send>(
        &self,
        input: &Input<'_>,
        out: &mut [T],
        width: usize,
        tile: impl Fn(Range<usize>, &mut [T], &mut Vec<Refusal>) + Sync,
    ) -> Result<Vec<Refusal>> {
        let n_rows = input.n_rows();
        if out.len() != n_rows * width {
            let message = format!("{} places for {n_rows} rows of {width} values", out.len());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        self.pipeline.check_columns(&self.schema, input)?;
        if out.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.pipeline.n_columns() + self.pipeline.n_features();
        let most = (TILE_VALUES / values.max(1)).clamp(16, TILE_ROWS);
        // Ranked trees take whole blocks of rows; others are read once per tile, the fewer the better.
        let in_blocks = self.model.ensemble().is_some_and(|ensemble| ensemble.forest().is_ranked());
        let tile_rows = if in_blocks { 1 << most.ilog2() } else { most };
        let in_order = |first: usize, out: &mut [T]| {
            let _mode = DefaultMode::enter();
            let mut refusals = Vec::new();
            for (number, out) in out.chunks_mut(tile_rows * width).enumerate() {
                let begin = first + number * tile_rows;
                tile(begin..begin + out.len() / width, out, &mut refusals);
            }
            refusals
        };
        let most = n_rows / PARALLEL_ROWS;
        let threads = if most < 2 { 1 } else { self.threads.unwrap_or_else(budget::threads).min(most) };
        if threads < 2 {
            return Ok(in_order(0, out));
        }
        // Small shares, so that a thread which others disturb does fewer of them.
        let share = n_rows.div_ceil(threads).next_multiple_of(64).min(tile_rows);
        let parts = pool(threads)?.install(|| {
            let shares = out.par_chunks_mut(share * width).enumerate();
            shares.map(|(number, out)| in_order(number * share, out)).collect::<Vec<_>>()
        });
        Ok(parts.into_iter().flatten().collect())
    }

    fn ensemble(&self) -> Result<&Ensemble> {
        self.model.ensemble().ok_or_else(|| {
            let message = "the model is a network, whose outputs are tensors: run it as one";
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }

    #[expect(clippy::too_many_arguments, reason = "a tile: its rows, what is asked, and the memory for it")]
    fn tile<V: Float>(
        &self,
        ensemble: &Ensemble,
        input: &Input<'_>,
        rows: Range<usize>,
        answer: Answer,
        scratch: &mut Scratch,
        TileScratch { features, model }: &mut TileScratch<V>,
        out: &mut [f64],
        refusals: &mut Vec<Refusal>,
    ) {
        let needed = rows.len() * self.pipeline.n_features();
        if features.len() < needed {
            features.resize(needed, V::default());
        }
        let features = &mut features[..needed];
        self.pipeline.run(input, rows.clone(), scratch, features, refusals);
        if ensemble.refuses_some() && features.iter().fold(false, |any, &value| any | ensemble.refuses(value))
        {
            self.refuse_features(ensemble, &rows, features, refusals);
        }
        ensemble.run(features, answer, model, out);
    }

    fn refuse_features<V: Float>(
        &self,
        ensemble: &Ensemble,
        rows: &Range<usize>,
        features: &[V],
        refusals: &mut Vec<Refusal>,
    ) {
        let width = self.pipeline.n_features();
        for (at, &value) in features.iter().enumerate().filter(|(_, value)| ensemble.refuses(**value)) {
            let (name, value) = (&self.pipeline.feature_names()[at % width], value.to_f64());
            let expected = if value.is_nan() {
                "the model takes no missing values".to_owned()
            } else {
                format!("expected a finite {}", V::PRECISION.name())
            };
            let reason = format!("feature {name:?} is {value}; {expected}");
            refusals.push(Refusal {
                row: rows.start + at / width,
                field: self.pipeline.field_of(at % width),
                reason,
            });
        }
    }

    /// The first refusal of each row.
    fn rejections(&self, mut refusals: Vec<Refusal>, first_row: usize) -> Vec<Rejection> {
        refusals.sort_by_key(|refusal| refusal.row);
        refusals.dedup_by_key(|refusal| refusal.row);
        let name = |field: usize| self.schema.fields()[field].name.clone();
        let rejection =
            |Refusal { row, field, reason }| Rejection { row: first_row + row, field: name(field), reason };
        refusals.into_iter().map(rejection).collect()
    }
}

fn accept(rejections: Vec<Rejection>) -> Result<()> {
    match rejections.into_iter().next() {
        None => Ok(()),
        Some(rejection) => Err(rejection.into()),
    }
}

impl From<Rejection> for Error {
    fn from(Rejection { row, field, reason }: Rejection) -> Error {
        let message = format!("field {field:?}, row {row}: {reason}");
        Error::new(ErrorKind::Schema, message).at(field, Some(row))
    }
}

fn read(bloc: &Bloc) -> Result<(Schema, Pipeline, Model)> {
    let manifest = bloc.manifest();
    let schema = Schema::parse(manifest.schema.get())?;
    let params = Params::new(bloc.section("params.bin").unwrap_or_else(|| View::of_bytes(&[])));
    let pipeline = Pipeline::parse(manifest.preprocess.get(), &schema, &params)?;
    let Kind { kind } = serde_json::from_str(manifest.model.get())
        .map_err(|error| Error::corrupt(format!("reading the manifest's model: {error}")))?;
    let model = match kind.as_str() {
        "network" => read_network(bloc, &schema, &pipeline)?,
        _ => {
            let section = bloc.section("forest.bin");
            let forest = section.ok_or_else(|| Error::corrupt("the bloc has no member forest.bin"))?;
            let ensemble =
                Ensemble::parse(manifest.model.get(), Forest::read(&forest)?, pipeline.n_features())?;
            Model::Ensemble(Box::new(ensemble))
        }
    };
    Ok((schema, pipeline, model))
}

#[cfg(feature = "onnx")]
fn read_network(bloc: &Bloc, schema: &Schema, pipeline: &Pipeline) -> Result<Model> {
    network::read(bloc, schema, pipeline)
}

#[cfg(not(feature = "onnx"))]
fn read_network(_: &Bloc, _: &Schema, _: &Pipeline) -> Result<Model> {
    Err(Error::new(ErrorKind::Unsupported, "the model is a network; this build runs none (feature onnx)"))
}

#[cfg(feature = "onnx")]
fn constants(model: &Model) -> Vec<Constant> {
    model.network().map_or_else(Vec::new, crate::model::graph::Network::constants)
}

#[cfg(not(feature = "onnx"))]
fn constants(_: &Model) -> Vec<Constant> {
    Vec::new()
}

/// The environment variables of tract's that are set; none matter where there is no network.
fn kernel_variables(model: &Model) -> Vec<String> {
    if model.ensemble().is_some() {
        return Vec::new();
    }
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut found: Vec<String> = names.filter(|name| name.starts_with("TRACT_")).collect();
    found.sort();
    found
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Engine>();
};
