//! What packing asks of a graph: how its batch runs, what its outputs are, what tuning makes, and what the
//! graph gives without any optimisation.

use super::batch::Batch;
use super::build;
use super::guarded;
use super::plan::OutputField;
use super::recording::Recording;
use super::tensor::{Tensor, dtype_of_datum};
use crate::bloc::{Bloc, Body};
use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::schema::{DType, Dimension, TensorField};
use std::path::Path;
use tract_onnx::prelude::*;

/// How a graph is to be run.
#[derive(Debug)]
pub(crate) struct Choice {
    pub batch: Batch,
    pub outputs: Vec<OutputField>,
    /// What a user should know of the batch, where not all is as it could be.
    pub note: Option<String>,
}

/// A length of the batch axis that no other axis is likely to have, a prime.
const PROBE: usize = 10_007;

/// Chooses how the batch runs: the first axis of all inputs, where it has one name.
pub(crate) fn choose(bloc: &Bloc, inputs: &[TensorField]) -> Result<Choice> {
    let names = names(inputs);
    let Some(symbol) = batch_symbol(inputs) else {
        let note = "the inputs have no batch axis of free length in common: a request is run as it is";
        let batch = Batch::Fixed;
        let draft = build::draft(bloc, &names, None, None)?;
        return Ok(Choice { outputs: outputs(&draft.model, &batch)?, batch, note: Some(note.to_owned()) });
    };
    let follow = |length: Option<usize>| -> Result<(Batch, Vec<OutputField>)> {
        let mut draft = build::draft(bloc, &names, length.map(|length| (&*symbol, length)), None)?;
        let axis =
            length.map_or_else(|| TDim::Sym(draft.model.symbols.sym(&symbol)), |length| length.to_dim());
        let outputs = outputs(&draft.model, &Batch::Coupled { symbol: symbol.clone() })?;
        let constants = draft.constants.clone();
        let batch = guarded("following the batch through the graph", || {
            build::declutter(&mut draft.model, &constants)?;
            Batch::choose(&draft.model, &symbol, &axis)
        })?;
        Ok((batch, outputs))
    };
    match follow(None) {
        Ok((batch @ Batch::Coupled { .. }, outputs)) => {
            let note = format!(
                "axis {symbol} can't be followed through the graph: an answer may depend on its batch"
            );
            Ok(Choice { batch, outputs, note: Some(note) })
        }
        Ok((batch, outputs)) => Ok(Choice { batch, outputs, note: None }),
        Err(error) => {
            if !follow(Some(PROBE)).is_ok_and(|(batch, _)| batch.is_independent()) {
                let advice = format!(
                    "and axis {symbol} can't be followed through the graph: give its length with inputs"
                );
                return Err(error.and(advice));
            }
            let batch = Batch::Rows { symbol: symbol.clone() };
            let draft = build::draft(bloc, &names, batch.fixed_axis(), None)?;
            let note = format!("axis {symbol} can't stay free ({error}): rows are run one by one");
            Ok(Choice { outputs: outputs(&draft.model, &batch)?, batch, note: Some(note) })
        }
    }
}

/// Prepares the graph and keeps what tract made of its weights: the bytes of a tuned member, with the panels
/// of this machine's kernels or without.
pub(crate) fn record(
    bloc: &Bloc,
    inputs: &[TensorField],
    batch: &Batch,
    folder: &Path,
    panels: bool,
) -> Result<Option<Body>> {
    let mut recording = Recording::new(folder, bloc)?;
    recording.panels = panels;
    let (built, recording) =
        build::draft(bloc, &names(inputs), batch.fixed_axis(), Some(recording))?.build()?;
    drop(built);
    recording.map_or(Ok(None), Recording::finish)
}

/// What the graph gives for each case without any optimisation of tract's.
pub(crate) fn reference_outputs(
    bloc: &Bloc,
    inputs: &[TensorField],
    batch: &Batch,
    cases: &[Vec<Tensor>],
) -> Result<Vec<Vec<Tensor>>> {
    let draft = build::draft(bloc, &names(inputs), batch.fixed_axis(), None)?;
    let build::Draft { model, constants } = draft;
    let results = guarded("running the graph without optimisation", || {
        let _mode = DefaultMode::enter();
        let executor = Some(multithread::Executor::SingleThread);
        let plan =
            TypedSimplePlan::new_with_options(model, &RunOptions { executor, ..RunOptions::default() })?;
        let run = |case: &Vec<Tensor>| plan.run(case.iter().cloned().map(Tensor::into_value).collect());
        cases.iter().map(run).collect::<TractResult<Vec<_>>>()
    });
    drop(constants);
    results?.into_iter().map(|outputs| outputs.into_iter().map(Tensor::of_value).collect()).collect()
}

fn names(inputs: &[TensorField]) -> Vec<String> {
    inputs.iter().map(|input| input.name.clone()).collect()
}

/// The symbol that is the first axis of all inputs.
fn batch_symbol(inputs: &[TensorField]) -> Option<String> {
    let first = |input: &TensorField| match input.shape.first() {
        Some(Dimension::Symbol(symbol)) => Some(symbol.clone()),
        _ => None,
    };
    let symbol = first(inputs.first()?)?;
    inputs.iter().all(|input| first(input).as_ref() == Some(&symbol)).then_some(symbol)
}

fn outputs(model: &TypedModel, batch: &Batch) -> Result<Vec<OutputField>> {
    let mut fields = Vec::new();
    for (number, outlet) in model.outputs.iter().enumerate() {
        let fact = model.outlet_fact(*outlet).map_err(|error| super::refused("reading an output", &error))?;
        let name = model.outlet_label(*outlet).map_or_else(|| format!("output_{number}"), str::to_owned);
        let dtype: Option<DType> = dtype_of_datum(fact.datum_type);
        let dtype = dtype.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("output {name:?} is of type {:?}", fact.datum_type))
        })?;
        let dimension = |(axis, dim): (usize, &TDim)| match (dim, dim.as_i64()) {
            (_, Some(1)) if axis == 0 && matches!(batch, Batch::Rows { .. }) => {
                batch.symbol().map_or(Dimension::Size(1), |symbol| Dimension::Symbol(symbol.to_owned()))
            }
            (_, Some(size)) => Dimension::Size(size as usize),
            (TDim::Sym(symbol), _) => Dimension::Symbol(symbol.to_string()),
            _ => Dimension::Any,
        };
        let shape = Some(fact.shape.iter().enumerate().map(dimension).collect());
        fields.push(OutputField { name, dtype, shape });
    }
    Ok(fields)
}
