//! A network that is ready to run.

use super::batch::Batch;
use super::build::{self, Built};
use super::forests::ForestOp;
use super::tensor::Tensor;
use super::weights::LARGE;
use super::{guarded, memory, refused};
use crate::bloc::Bloc;
use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::model::Constant;
use crate::pace::Pace;
use crate::per_process::PerProcess;
use crate::pool::{self, Shares};
use crate::schema::{DType, Dimension, TensorField};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tract_onnx::prelude::{TValue, TVec};

/// Rows per thread from which on a batch that goes through the graph together is shared among threads.
const SHARED_ROWS: usize = 32;

/// Pieces of memory up to this size stay with the process between runs.
const KEPT_BYTES: usize = 8 << 20;

/// A graph with its weights. Immutable, `Send` and `Sync`.
#[derive(Debug)]
pub struct Network {
    spec: Spec,
    /// As it was when it was loaded.
    loaded: Arc<Built>,
    running: PerProcess<Running>,
}

/// What the manifest says of a network.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub kind: Kind,
    pub source: String,
    /// The input that takes the feature matrix, where preprocessing stands before the graph.
    pub features: Option<TensorField>,
    pub outputs: Vec<OutputField>,
    pub batch: Batch,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Network,
}

/// An output of the graph.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutputField {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub dtype: DType,
    /// Its axes; `None` for one whose length only a run tells.
    pub shape: Option<Vec<Dimension>>,
}

/// A plan in one process. A fork may catch the locks of a plan in flight, so a child that finds one prepares its own
/// from the mapping.
#[derive(Debug)]
struct Running {
    in_flight: AtomicUsize,
    built: Arc<Built>,
}

impl Network {
    /// Loads the graph of `bloc`. `fields` are its inputs in the order of the schema.
    pub(crate) fn load(bloc: &Bloc, spec: Spec, fields: &[TensorField]) -> Result<Network> {
        let names = input_names(&spec, fields);
        let (built, _) = build::draft(bloc, &names, spec.batch.fixed_axis(), None)?.build()?;
        keep_memory_between_runs();
        let network = Network { spec, loaded: Arc::new(built), running: PerProcess::new() };
        network.running(bloc, fields)?;
        Ok(network)
    }

    /// Where the graph came from.
    pub fn source(&self) -> &str {
        &self.spec.source
    }

    /// How rows are run.
    pub fn batch(&self) -> &Batch {
        &self.spec.batch
    }

    /// The outputs, in the order of the graph.
    pub fn outputs(&self) -> &[OutputField] {
        &self.spec.outputs
    }

    /// The input that takes the feature matrix.
    pub fn features(&self) -> Option<&TensorField> {
        self.spec.features.as_ref()
    }

    /// Bytes of weights, panels and forests that are shared with other processes.
    pub fn mapped_bytes(&self) -> u64 {
        let forests = |built: &Built| -> u64 {
            let nodes = built.plan.model().nodes.iter();
            nodes.filter_map(|node| Some(node.op_as::<ForestOp>()?.mapped_bytes() as u64)).sum()
        };
        self.loaded.mappings.shared_bytes() + forests(&self.loaded)
    }

    /// Bytes of what a run reads of the file: of weights that are packed, the panels alone.
    pub(crate) fn shared_bytes(&self) -> u64 {
        self.constant_bytes(true)
    }

    /// Bytes of constants that are not mapped and of the graph, the latter estimated.
    pub(crate) fn private_bytes(&self) -> u64 {
        self.constant_bytes(false) + memory::graph_bytes(self.loaded.plan.model())
    }

    fn constant_bytes(&self, mapped: bool) -> u64 {
        let mut bytes = 0;
        memory::for_each_constant(self.loaded.plan.model(), &self.loaded, &mut |constant| {
            bytes += if constant.mapped == mapped { constant.bytes } else { 0 };
        });
        bytes
    }

    /// Bytes of the tensors that a run of one row holds at once, at most.
    pub(crate) fn scratch_bytes(&self) -> u64 {
        memory::run_bytes(self.loaded.plan.model())
    }

    /// The constants from 64 KiB on, and where they lie.
    pub fn constants(&self) -> Vec<Constant> {
        let mut constants = Vec::new();
        memory::for_each_constant(self.loaded.plan.model(), &self.loaded, &mut |constant| {
            if constant.bytes >= LARGE as u64 {
                constants.push(constant);
            }
        });
        constants
    }

    /// Runs the graph. `inputs` are in the order of the schema and fit it. Without `shares` they run on this thread.
    pub(crate) fn run(
        &self,
        bloc: &Bloc,
        fields: &[TensorField],
        inputs: Vec<Tensor>,
        pace: &Pace,
        shares: Option<Shares>,
    ) -> Result<Vec<Tensor>> {
        let running = self.running(bloc, fields)?;
        let _flight = Flight::enter(running);
        let built = &*running.built;
        let n_rows = inputs.first().and_then(|input| input.shape().first().copied()).unwrap_or(1);
        if n_rows == 0 && self.spec.batch.is_independent() {
            return run_empty(built, &inputs);
        }
        let worth = shares.map_or(1, |shares| shares.worth);
        let step = match &self.spec.batch {
            Batch::Rows { .. } => 1,
            Batch::Symbolic { .. } => n_rows.div_ceil(worth.min(n_rows / SHARED_ROWS).max(1)),
            Batch::Coupled { .. } | Batch::Fixed => n_rows.max(1),
        };
        if n_rows <= step {
            let inputs = inputs.into_iter().map(Tensor::into_value).collect();
            let run = || pace.timed(n_rows, || run_plan(built, inputs));
            let outputs = match shares {
                None => run(),
                Some(Shares { threads, .. }) => pool::run_whole(threads, run)?,
            };
            return outputs?.into_iter().map(Tensor::of_value).collect();
        }
        let parts: Vec<Range<usize>> =
            (0..n_rows).step_by(step).map(|first| first..(first + step).min(n_rows)).collect();
        let run = |rows: &Range<usize>| -> Result<TVec<TValue>> {
            let slice = |input: &Tensor| input.view().slice(0, rows.start, rows.end).map(Into::into);
            let inputs: std::result::Result<TVec<TValue>, _> = inputs.iter().map(slice).collect();
            let inputs = inputs.map_err(|error| refused("taking rows of an input", &error))?;
            pace.timed(rows.len(), || run_plan(built, inputs))
        };
        let results: Vec<OnceLock<Result<TVec<TValue>>>> = parts.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(part) = parts.get(number)
            {
                let _ = results[number].set(run(part));
            }
        };
        match shares {
            None => work(),
            Some(shares) => pool::run(shares, work)?,
        }
        let absent = || Err(Error::new(ErrorKind::Internal, "a share without a result"));
        let results = results.into_iter().map(|result| result.into_inner().unwrap_or_else(absent));
        join(&results.collect::<Result<Vec<_>>>()?)
    }

    /// The plan of this process.
    fn running(&self, bloc: &Bloc, fields: &[TensorField]) -> Result<&Running> {
        self.running.get_or_make(|| {
            let built = match self.running.of_ancestor() {
                Some(parent) if parent.in_flight.load(Ordering::Acquire) == 0 => Arc::clone(&parent.built),
                None => Arc::clone(&self.loaded),
                Some(_) => {
                    let names = input_names(&self.spec, fields);
                    Arc::new(build::draft(bloc, &names, self.spec.batch.fixed_axis(), None)?.build()?.0)
                }
            };
            Ok(Running { in_flight: AtomicUsize::new(0), built })
        })
    }
}

/// glibc's allocator hands the memory of a run's tensors back to the system, so that the next run faults its
/// pages in anew, until the process has freed a large piece once. Loading frees none, as the weights are
/// mapped, so one is made and freed; its pages are never touched.
fn keep_memory_between_runs() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT_BYTES)));
}

/// A run under way.
struct Flight<'a>(&'a Running);

impl<'a> Flight<'a> {
    fn enter(running: &'a Running) -> Self {
        running.in_flight.fetch_add(1, Ordering::AcqRel);
        Flight(running)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) fn input_names(spec: &Spec, fields: &[TensorField]) -> Vec<String> {
    spec.features.iter().chain(fields).map(|field| field.name.clone()).collect()
}

fn run_plan(built: &Built, inputs: TVec<TValue>) -> Result<TVec<TValue>> {
    let _mode = DefaultMode::enter();
    guarded("running the network", || built.plan.run(inputs))
}

/// The outputs for no rows: those of one row of zeros, without it.
fn run_empty(built: &Built, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let one = |input: &Tensor| {
        let shape: Vec<usize> = std::iter::once(1).chain(input.shape().iter().skip(1).copied()).collect();
        Tensor::zeros(input.dtype(), &shape).map(Tensor::into_value)
    };
    let outputs = run_plan(built, inputs.iter().map(one).collect::<Result<_>>()?)?;
    let none = |output: TValue| {
        let output = Tensor::of_value(output)?;
        let shape: Vec<usize> = std::iter::once(0).chain(output.shape().iter().skip(1).copied()).collect();
        if output.dtype() == DType::String {
            return Tensor::from_texts(&shape, Vec::new());
        }
        Tensor::zeros(output.dtype(), &shape)
    };
    outputs.into_iter().map(none).collect()
}

/// The outputs of parts, one after the other along the first axis.
fn join(parts: &[TVec<TValue>]) -> Result<Vec<Tensor>> {
    let n_outputs = parts.first().map_or(0, |part| part.len());
    let output = |number: usize| {
        let pieces: Vec<&tract_onnx::prelude::Tensor> = parts.iter().map(|part| &*part[number]).collect();
        let joined = tract_onnx::prelude::Tensor::stack_tensors(0, &pieces);
        Tensor::of_tract(joined.map_err(|error| refused("joining the rows of an output", &error))?)
    };
    (0..n_outputs).map(output).collect()
}

/// The sizes of symbols that inputs give them, each the same wherever it stands.
pub(crate) fn bind<'a>(fields: &'a [TensorField], inputs: &[Tensor]) -> Result<HashMap<&'a str, usize>> {
    let mut bound: HashMap<&str, usize> = HashMap::new();
    for (field, input) in fields.iter().zip(inputs) {
        let misfit = |what: String| {
            let wanted: Vec<String> = field.shape.iter().map(ToString::to_string).collect();
            let message = format!(
                "input {:?} is {} {:?}; expected {} [{}]{what}",
                field.name,
                input.dtype().name(),
                input.shape(),
                field.dtype.name(),
                wanted.join(", ")
            );
            Error::new(ErrorKind::Schema, message).at(&field.name, None)
        };
        if input.dtype() != field.dtype || input.shape().len() != field.shape.len() {
            return Err(misfit(String::new()));
        }
        for (dimension, &size) in field.shape.iter().zip(input.shape()) {
            match dimension {
                Dimension::Size(wanted) if *wanted != size => return Err(misfit(String::new())),
                Dimension::Symbol(symbol) => {
                    let known = *bound.entry(symbol).or_insert(size);
                    if known != size {
                        return Err(misfit(format!(" with {symbol} {known} as in another input")));
                    }
                }
                Dimension::Any | Dimension::Size(_) => {}
            }
        }
    }
    Ok(bound)
}
