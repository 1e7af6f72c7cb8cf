//! Large constants while a graph is decluttered.
//!
//! tract moves axes towards constants by copying them, also for trials that it gives up. A constant that
//! stands in the graph as a [`WeightOp`] answers with what the bloc holds instead.

use super::folding::Shared;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::optim::{OptimizerSession, TypedPass};

/// A constant, which no pass folds or copies.
#[derive(Clone, Debug)]
pub(super) struct WeightOp {
    pub tensor: Arc<Tensor>,
    constants: Shared,
}

impl PartialEq for WeightOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tensor, &other.tensor)
    }
}

impl Eq for WeightOp {}

impl Op for WeightOp {
    fn name(&self) -> StaticName {
        "Weight".into()
    }

    op_as_typed_op!();
}

impl EvalOp for WeightOp {
    not_out_of_plan!();

    fn eval(&self, _: &EvalContext, _: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec![Arc::clone(&self.tensor).into_tvalue()])
    }
}

impl TypedOp for WeightOp {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![TypedFact::try_from(&self.tensor)?])
    }

    fn change_axes(
        &self,
        _: &TypedModel,
        _: &TypedNode,
        _: InOut,
        change: &AxisOp,
    ) -> TractResult<Option<AxisChangeConsequence>> {
        let Some(tensor) = self.constants.lock().changed(&self.tensor, change) else { return Ok(None) };
        let op = WeightOp { tensor, constants: self.constants.clone() };
        Ok(Some(AxisChangeConsequence {
            substitute_op: Some(Box::new(op)),
            wire_changes: tvec![(InOut::Out(0), change.clone())],
        }))
    }
}

/// The pass that makes weights of large constants.
#[derive(Clone, Debug)]
pub(super) struct Weigh(pub Shared);

impl TypedPass for Weigh {
    fn reset(&mut self) -> TractResult<()> {
        Ok(())
    }

    fn next(&mut self, _: &mut OptimizerSession, _: &TypedModel) -> TractResult<Option<TypedModelPatch>> {
        Ok(None)
    }

    fn run_direct(&mut self, model: &mut TypedModel) -> TractResult<bool> {
        let mut changed = false;
        for node in &mut model.nodes {
            let Some(tensor) = node.op_as::<Const>().map(Const::val) else { continue };
            if node.outputs[0].fact.konst.is_some() && self.0.lock().is_known_and_large(tensor) {
                node.op = Box::new(WeightOp { tensor: Arc::clone(tensor), constants: self.0.clone() });
                changed = true;
            }
        }
        Ok(changed)
    }
}

/// Makes constants of weights again.
pub(super) fn unweigh(model: &mut TypedModel) -> TractResult<()> {
    for node in &mut model.nodes {
        if let Some(weight) = node.op_as::<WeightOp>() {
            node.op = Box::new(Const::new(Arc::clone(&weight.tensor))?);
        }
    }
    Ok(())
}
