//! An engine: a bloc made ready to predict. The only module where the stages meet.

mod answers;
mod arrow;
mod json;
mod loading;
mod memory;
#[cfg(feature = "onnx")]
mod network;
mod options;
mod tiles;
mod watched;

pub(crate) use arrow::answer_table;
pub(crate) use json::{labels as write_labels, outputs as write_outputs, write as write_json};
pub use loading::Loading;
#[cfg(feature = "onnx")]
pub use network::NetworkPrediction;
pub use options::{LoadOptions, Verify};

use crate::bloc::{Bloc, Health, Manifest};
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::mapped::View;
use crate::model::linear::{Linear, LinearSpec};
use crate::model::trees::Forest;
use crate::model::{Constant, Ensemble, Model, Scorer, Task};
use crate::monitor::{self, EventCounts, Monitor, OutOfDistribution};
use crate::pace::Pace;
use crate::params::Params;
use crate::preprocess::Pipeline;
use crate::reference::Reference;
use crate::request;
use crate::sanity::{Finding, Rules, Sanity};
use crate::schema::Schema;
use serde::Deserialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// A model with its preprocessing, ready to predict.
///
/// An engine is immutable, `Send` and `Sync`; any number of threads may predict at once, and processes
/// forked after loading share its memory.
///
/// ```
/// use monobloc::{Engine, LoadOptions};
///
/// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
/// let answer = engine.run_json(br#"{"age": 40, "balance": 1, "region": "north"}"#)?;
/// assert!(answer.starts_with(br#"{"outputs":{"label":[1],"#));
/// # Ok::<(), monobloc::Error>(())
/// ```
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
    budget: Budget,
    /// How long rows take to their answers, and to their features.
    pace: Pace,
    features_pace: Pace,
    max_body_bytes: usize,
    report: LoadReport,
}

/// What loading cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadReport {
    /// Wall time.
    pub duration: Duration,
    /// Bytes of the file that are mapped and shared with other processes.
    pub mapped_bytes: u64,
    /// Bytes that this engine keeps for itself, estimated from the sizes of its parts.
    pub private_bytes: u64,
    /// The large constants of a network, and which of them had to be copied or packed privately.
    pub constants: Vec<Constant>,
    /// Environment variables that steer a network's kernels, and with them the last bits of its answers.
    pub kernel_variables: Vec<String>,
    /// What will slow predictions down, one sentence each: more mapped than there is memory for.
    pub warnings: Vec<String>,
}

/// The outputs for all rows, and what was found in them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// [`Model::n_outputs`] values per row, row after row; NaN for rejected rows.
    pub outputs: Vec<f64>,
    /// What was found, by ascending row.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Loads the bloc at `path`: proves its container and structure, and maps the rest.
    ///
    /// # Errors
    /// As [`Bloc::open`]; [`ErrorKind::Corrupt`] for sections that do not fit together, and with
    /// [`Verify::Full`] for any altered byte; [`ErrorKind::InvalidArgument`] for zero threads or workers.
    ///
    /// ```
    /// use monobloc::{Engine, ErrorKind, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let names: Vec<_> = engine.schema().fields().iter().map(|field| field.name.as_str()).collect();
    /// assert_eq!(names, ["age", "balance", "region"]);
    ///
    /// let pinned = LoadOptions::default().digest(format!("sha256:{}", "0".repeat(64)));
    /// let error = Engine::load("tests/data/sample.bloc", &pinned).expect_err("another bloc");
    /// assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Engine> {
        let begun = Instant::now();
        for (name, count) in [("threads", options.threads), ("workers", options.workers)] {
            if count == Some(0) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{name} is 0; expected at least 1"),
                ));
            }
        }
        let bloc = Bloc::open(path, options.digest.as_deref())?;
        if options.verify == Verify::Full {
            bloc.verify()?;
        }
        memory::check_manifest(&bloc)?;
        let (schema, pipeline, model, rules) =
            read(&bloc).map_err(|error| error.within(bloc.path().display()))?;
        let constants = constants(&model);
        let report = LoadReport {
            duration: begun.elapsed(),
            mapped_bytes: bloc.size_bytes(),
            private_bytes: 0,
            constants,
            warnings: Vec::new(),
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
        let reference = Reference::in_bloc(&bloc, &schema);
        let reference = reference.map_err(|error| error.within(bloc.path().display()))?;
        let outputs = model.ensemble().map(Ensemble::output_distributions).unwrap_or_default();
        let (monitor, warning) = Monitor::new(
            &schema,
            options.events.clone(),
            named,
            reference.unwrap_or_default(),
            pipeline.needed(),
            &outputs,
            options.monitor.as_ref(),
        )?;
        let mut engine = Engine {
            bloc,
            schema,
            pipeline,
            model,
            sanity: Sanity::none(&Schema::default()),
            monitor,
            no_rules,
            threads: options.threads,
            budget: Budget::new(options.workers),
            pace: Pace::default(),
            features_pace: Pace::default(),
            max_body_bytes,
            report,
        };
        engine.sanity = engine.ruled_by(rules)?;
        engine.report.private_bytes = engine.private_bytes();
        engine.report.warnings.extend(engine.mapped_beyond_limit());
        engine.report.warnings.extend(warning);
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
    ///
    /// ```
    /// use monobloc::{Engine, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let health = engine.health();
    /// assert!(health.is_ok() && !health.file_changed, "{:?}", health.findings);
    /// # Ok::<(), monobloc::Error>(())
    /// ```
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

    /// Threads that batches take together now.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| self.budget.threads())
    }

    /// How long `n_rows` rows are expected to take on one thread, learnt from the rows so far; a microsecond each
    /// before there were any.
    pub fn expected_duration(&self, n_rows: usize) -> Duration {
        self.pace.expected(n_rows)
    }

    /// Whether the model gives probabilities of classes.
    pub fn is_classifier(&self) -> bool {
        self.model.ensemble().is_some_and(|ensemble| ensemble.task() == Task::Classification)
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
            let n_features = pipeline.n_features();
            let scorer = |linear: Option<&LinearSpec>| match linear {
                Some(spec) => Linear::read(spec, &params, n_features).map(Scorer::Linear),
                None => {
                    let section = bloc.section("forest.bin");
                    let forest =
                        section.ok_or_else(|| Error::corrupt("the bloc has no member forest.bin"))?;
                    Ok(Scorer::Forest(Box::new(Forest::read(&forest)?)))
                }
            };
            Model::Ensemble(Box::new(Ensemble::parse(manifest.model.get(), scorer, n_features)?))
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
