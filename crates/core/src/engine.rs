//! An engine: a bloc made ready to predict. The only module where the stages meet.

mod answers;
mod arrow;
mod json;
#[cfg(feature = "onnx")]
mod network;

#[cfg(feature = "onnx")]
pub use network::NetworkPrediction;

use crate::bloc::{Bloc, Health, Manifest};
use crate::budget;
use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::input::Input;
use crate::mapped::View;
use crate::model::trees::Forest;
use crate::model::{self, Constant, Ensemble, Model, Task};
use crate::monitor::{self, EventCounts, EventOptions, Monitor, OutOfDistribution};
use crate::params::Params;
use crate::pool::pool;
use crate::preprocess::{Pipeline, Scratch};
use crate::request;
use crate::sanity::{Finding, Rules, Sanity};
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
    sanity: Sanity,
    monitor: Monitor,
    /// What golden rows are answered with: the source model's own steps alone.
    no_rules: Sanity,
    threads: Option<usize>,
    max_body_bytes: usize,
    report: LoadReport,
}

/// How to load an engine.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The digest that the bloc must have.
    pub digest: Option<String>,
    /// Where rows unlike the reference are told of; by default nowhere.
    pub events: Option<EventOptions>,
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

/// The outputs for all rows, and what was found in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// [`Model::n_outputs`] values per row, row after row; NaN for rejected rows.
    pub outputs: Vec<f64>,
    /// What was found, by ascending row.
    pub findings: Vec<Finding>,
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
        let (schema, pipeline, model, rules) =
            read(&bloc).map_err(|error| error.within(bloc.path().display()))?;
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
        let no_rules = Sanity::none(&schema);
        let manifest = bloc.manifest();
        let named = monitor::Model {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: bloc.digest().to_owned(),
        };
        let monitor = Monitor::new(&schema, options.events.clone(), named);
        let mut engine = Engine {
            bloc,
            schema,
            pipeline,
            model,
            sanity: Sanity::none(&Schema::default()),
            monitor,
            no_rules,
            threads: options.threads,
            max_body_bytes,
            report,
        };
        engine.sanity = engine.ruled_by(rules)?;
        engine.report.duration = begun.elapsed();
        Ok(engine)
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

    /// The sanity rules.
    pub fn sanity(&self) -> &Sanity {
        &self.sanity
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

    /// Whether the file is still the one that was loaded, and the rows are like the reference.
    pub fn health(&self) -> Health {
        let mut health = self.bloc.health();
        let share = self.out_of_distribution();
        if share.is_degraded() {
            health.findings.push(share.sentence());
        }
        health
    }

    /// The share of rows unlike the reference over the last five minutes, in this process.
    pub fn out_of_distribution(&self) -> OutOfDistribution {
        self.monitor.out_of_distribution(&self.schema, self.sanity.rules())
    }

    /// What became of the events so far.
    pub fn event_counts(&self) -> EventCounts {
        self.monitor.event_counts()
    }

    /// Whether the model gives probabilities of classes.
    pub fn is_classifier(&self) -> bool {
        self.model.ensemble().is_some_and(|ensemble| ensemble.task() == Task::Classification)
    }

    /// Runs `tile` over ranges of rows with their places in `out`, on the pool where that pays.
    fn in_tiles<T: Send>(
        &self,
        input: &Input<'_>,
        out: &mut [T],
        width: usize,
        tile: impl Fn(Range<usize>, &mut [T], &mut Vec<Finding>) + Sync,
    ) -> Result<Vec<Finding>> {
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
            let mut findings = Vec::new();
            for (number, out) in out.chunks_mut(tile_rows * width).enumerate() {
                let begin = first + number * tile_rows;
                tile(begin..begin + out.len() / width, out, &mut findings);
            }
            findings
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
}

fn read(bloc: &Bloc) -> Result<(Schema, Pipeline, Model, Rules)> {
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
    let rules = manifest
        .sanity
        .as_ref()
        .map_or_else(|| Ok(Rules::default()), |json| Rules::parse(json.get(), &schema))?;
    Ok((schema, pipeline, model, rules))
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
