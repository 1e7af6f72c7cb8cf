//! From the graph in a bloc to a plan that runs.

use super::folding::{Constants, Fold, Shared};
use super::forests::{self, Planted};
use super::lower::lower;
use super::proto::{self, ModelProto};
use super::recording::Recording;
use super::scan::ScanBodies;
use super::tuned::Tuned;
use super::weight::{Weigh, unweigh};
use super::weights::{self, Mappings};
use super::{GRAPH_MEMBER, guarded, operators};
use crate::bloc::Bloc;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::optim::Optimizer;
use tract_onnx::tract_hir::internal::{InferenceOp, expand};

/// A graph before tract optimises it, with the constants that optimising needs.
pub(super) struct Draft {
    pub model: TypedModel,
    pub constants: Shared,
}

/// A plan over mapped constants. The plan is dropped before the mappings under it.
#[derive(Debug)]
pub(super) struct Built {
    pub plan: Arc<TypedSimplePlan>,
    pub mappings: Mappings,
}

/// Reads the bloc's graph: its inputs in the order of `inputs`, with the length of an axis where it is given, its
/// weights mapped. `recording` is given
/// while the bloc is packed.
pub(super) fn draft(
    bloc: &Bloc,
    inputs: &[String],
    axis: Option<(&str, usize)>,
    recording: Option<Recording>,
) -> Result<Draft> {
    let bytes = bloc.read(GRAPH_MEMBER)?.ok_or_else(|| Error::corrupt("the bloc has no graph"))?;
    let mut proto = proto::read(&bytes).map_err(|error| error.within(GRAPH_MEMBER))?;
    drop(bytes);
    operators::check(&proto).map_err(|error| error.within(GRAPH_MEMBER))?;
    let forests = forests::take(&mut proto, bloc).map_err(|error| error.within(GRAPH_MEMBER))?;
    lower(&mut proto)?;
    let mut constants = Constants::new(Tuned::read(bloc)?, recording);
    let weights = weights::take(&mut proto, bloc, &mut constants.mappings)?;
    for weight in &weights {
        constants.name(&weight.name, &weight.tensor, weight.offset);
    }
    let constants = Shared::new(constants);
    let model = guarded("reading the graph", || {
        let mut model = inference_model(&proto, &weights, forests, inputs)?;
        if let Some((symbol, length)) = axis {
            let lengths = HashMap::from([(model.symbols.sym(symbol), length.to_dim())]);
            model.set_symbols(&lengths)?;
        }
        drop(weights);
        drop(proto);
        model.into_typed()
    })?;
    Ok(Draft { model, constants })
}

fn inference_model(
    proto: &ModelProto,
    weights: &[weights::Weight],
    forests: Vec<Planted>,
    inputs: &[String],
) -> TractResult<InferenceModel> {
    let mut parsed = tract_onnx::onnx().with_ignore_value_info(true).parse(proto, None)?;
    let model = &mut parsed.model;
    for weight in weights {
        let Some(&outlet) = parsed.outlets_by_name.get(&weight.name) else { continue };
        let fact = TypedFact::try_from(&weight.tensor)?;
        let constant: Box<dyn InferenceOp> = Box::new(Const::new(Arc::clone(&weight.tensor))?);
        model.node_mut(outlet.node).op = constant;
        model.set_outlet_fact(outlet, InferenceFact::from(&fact))?;
    }
    for Planted { output, operator } in forests {
        if let Some(outlet) = parsed.outlets_by_name.get(&output) {
            model.node_mut(outlet.node).op = expand(operator);
        }
    }
    let outlets: Option<Vec<OutletId>> =
        inputs.iter().map(|name| parsed.outlets_by_name.get(name).copied()).collect();
    let outlets = outlets.ok_or_else(|| TractError::msg("an input of the schema is none of the graph"))?;
    model.set_input_outlets(&outlets)?;
    Ok(parsed.model)
}

/// Optimises as tract does, with constants from the bloc.
pub(super) fn optimize(model: &mut TypedModel, constants: &Shared) -> TractResult<()> {
    declutter(model, constants)?;
    let mut codegen = Optimizer::codegen();
    codegen.add_pass(0, Box::new(Fold::new(constants)));
    codegen.add_pass(0, Box::new(ScanBodies(constants.clone())));
    codegen.optimize(model)
}

/// The part of optimising that does not depend on the processor.
pub(super) fn declutter(model: &mut TypedModel, constants: &Shared) -> TractResult<()> {
    let mut declutter = Optimizer::declutter();
    declutter.add_pass(0, Box::new(Weigh(constants.clone())));
    declutter.add_pass(0, Box::new(Fold::new(constants)));
    declutter.optimize(model)?;
    unweigh(model)
}

impl Draft {
    /// The plan, and what was recorded on the way to it.
    pub fn build(mut self) -> Result<(Built, Option<Recording>)> {
        let plan = guarded("preparing the graph", || {
            optimize(&mut self.model, &self.constants)?;
            let executor = Some(multithread::Executor::SingleThread);
            TypedSimplePlan::new_with_options(self.model, &RunOptions { executor, ..RunOptions::default() })
        });
        let (mappings, recording) = std::mem::take(&mut *self.constants.lock()).finish()?;
        Ok((Built { plan: plan?, mappings }, recording))
    }
}
