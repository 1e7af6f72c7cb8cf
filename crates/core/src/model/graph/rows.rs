//! Following the batch axis through a graph: whether each row's answer is its own.
//!
//! What can't be followed counts as mixing rows.

use super::forests::ForestOp;
use std::collections::HashMap;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{
    CumSum, Gather, MultiBroadcastTo, OneHot, Pad, Slice, Tile, Topk, TypedConcat,
};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::gru_cell::GruEpilogue;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::lstm_cell::LstmEpilogue;
use tract_onnx::tract_core::ops::nn::resize::NearestUpsample;
use tract_onnx::tract_core::ops::nn::{Reduce, Resize, RmsNorm, Softmax};
use tract_onnx::tract_core::ops::scan::{InputMapping, Scan};

/// Whether the batch axis goes through every operator from first axis to first axis, unmixed.
pub(super) fn are_apart(model: &TypedModel, batch: &TDim) -> TractResult<bool> {
    let sources = vec![Some(0); model.input_outlets()?.len()];
    Ok(follow(model, batch, &sources)?.is_some_and(|outputs| outputs.iter().all(|&axis| axis == Some(0))))
}

/// The axes of the outputs along which rows lie, given those of the inputs; `None` where rows mix.
fn follow(
    model: &TypedModel,
    batch: &TDim,
    inputs: &[Option<usize>],
) -> TractResult<Option<Vec<Option<usize>>>> {
    let mut axes: HashMap<OutletId, usize> = HashMap::new();
    for (outlet, axis) in model.input_outlets()?.iter().zip(inputs) {
        let Some(axis) = *axis else { continue };
        if model.outlet_fact(*outlet)?.shape.get(axis).is_none_or(|dim| !is_batch(dim, batch)) {
            return Ok(None);
        }
        axes.insert(*outlet, axis);
    }
    for id in model.eval_order()? {
        let node = model.node(id);
        if node.inputs.is_empty() {
            continue;
        }
        let known: Vec<Option<usize>> = node.inputs.iter().map(|input| axes.get(input).copied()).collect();
        let Some(outputs) = step(model, node, batch, &known)? else { return Ok(None) };
        for (slot, axis) in outputs.into_iter().enumerate() {
            let Some(axis) = axis else { continue };
            if node.outputs[slot].fact.shape.get(axis).is_none_or(|dim| !is_batch(dim, batch)) {
                return Ok(None);
            }
            axes.insert(OutletId::new(id, slot), axis);
        }
    }
    Ok(Some(model.output_outlets()?.iter().map(|outlet| axes.get(outlet).copied()).collect()))
}

fn is_batch(dim: &TDim, batch: &TDim) -> bool {
    dim == batch
}

/// Whether the length depends on the number of rows: names its symbol, or is a multiple of its number.
fn mentions(dim: &TDim, batch: &TDim) -> bool {
    match (batch, dim) {
        (TDim::Sym(symbol), dim) => dim.symbols().contains(symbol),
        (TDim::Val(rows), TDim::Val(length)) => *length != 0 && length % rows == 0,
        _ => true,
    }
}

/// The axes of a node's outputs along which rows lie.
fn step(
    model: &TypedModel,
    node: &TypedNode,
    batch: &TDim,
    known: &[Option<usize>],
) -> TractResult<Option<Vec<Option<usize>>>> {
    let (inputs, outputs) = model.node_facts(node.id)?;
    if inputs.iter().any(|fact| counts_rows(fact, batch)) {
        return Ok(None);
    }
    let Some((slot, axis)) = known.iter().enumerate().find_map(|(slot, axis)| Some((slot, (*axis)?))) else {
        return Ok(made_for_rows(node, &outputs, batch));
    };
    if let Some(scan) = node.op_as::<Scan>() {
        return through_loop(scan, outputs.len(), batch, known);
    }
    if keeps(node, &inputs, known, axis) {
        return Ok(Some(vec![Some(axis); outputs.len()]));
    }
    if !is_mapped_truly(node, axis) {
        return Ok(None);
    }
    let mapping = node.op.axes_mapping(&inputs, &outputs)?;
    let mapped = mapping.axis((InOut::In(slot), axis))?;
    let fits =
        mapped.inputs.iter().zip(known).zip(&inputs).all(|((here, known), fact)| match (&**here, known) {
            ([here], Some(known)) => here == known,
            ([here], None) => fact.shape[*here].is_one(),
            ([], known) => known.is_none(),
            _ => false,
        });
    let outputs = mapped.outputs.iter().map(|here| if let [here] = **here { Some(Some(here)) } else { None });
    Ok(outputs.collect::<Option<Vec<_>>>().filter(|_| fits))
}

/// Whether the constant's values depend on the number of rows.
fn counts_rows(fact: &TypedFact, batch: &TDim) -> bool {
    let konst = fact.konst.as_ref().filter(|konst| konst.datum_type() == TDim::datum_type());
    let dims = konst.and_then(|konst| Some(konst.try_as_plain_ram().ok()?.as_slice::<TDim>().ok()?.to_vec()));
    dims.into_iter().flatten().chain(fact.uniform_tdim.clone()).any(|dim| mentions(&dim, batch))
}

/// What comes from no row: it either has no such axis, or the same for every row.
fn made_for_rows(node: &TypedNode, outputs: &[&TypedFact], batch: &TDim) -> Option<Vec<Option<usize>>> {
    let axis = |fact: &&TypedFact| {
        let mut axes = (0..fact.rank()).filter(|&axis| mentions(&fact.shape[axis], batch));
        match (axes.next(), axes.next()) {
            (None, _) => Some(None),
            (Some(axis), None) if node.op_is::<MultiBroadcastTo>() => Some(Some(axis)),
            _ => None,
        }
    };
    outputs.iter().map(axis).collect()
}

/// Whether the node's mapping of axes says where elements along this axis come from. Some operators map an axis
/// onto itself that they normalise along.
fn is_mapped_truly(node: &TypedNode, axis: usize) -> bool {
    macro_rules! is_one_of {
        ($($op:ty),* $(,)?) => { $(node.op_is::<$op>())||* };
    }
    is_one_of!(
        AxisOp,
        Cast,
        Conv,
        CumSum,
        Deconv,
        EinSum,
        ElementWiseOp,
        Gather,
        Identity,
        Iff,
        MultiBroadcastTo,
        OneHot,
        Pad,
        Reduce,
        Slice,
        TypedBinOp,
        TypedConcat,
    ) || node.op_as::<Softmax>().is_some_and(|softmax| !softmax.axes.contains(&axis))
        || node.op_as::<RmsNorm>().is_some_and(|norm| norm.axis != axis)
}

/// Whether the node is one that keeps this axis where it is and apart, though tract gives no mapping of it:
/// pools with the batch in front, every n-th element along another axis, the greatest along another axis,
/// resizing (which leaves an axis that keeps its length), the ends of recurrent cells, trees.
fn keeps(node: &TypedNode, inputs: &[&TypedFact], known: &[Option<usize>], axis: usize) -> bool {
    let pool = node.op_as::<MaxPool>().map(|pool| &pool.pool_spec);
    let pool = pool.or_else(|| node.op_as::<SumPool>().map(|pool| &pool.pool_spec));
    let in_all = || known.iter().all(|known| *known == Some(axis));
    let before_last = || inputs.iter().all(|fact| axis + 1 < fact.rank());
    (axis == 0 && pool.is_some_and(|spec| spec.data_format.has_n()))
        || node.op_as::<Downsample>().is_some_and(|downsample| downsample.axis != axis)
        || node.op_as::<Tile>().is_some_and(|tile| tile.multipliers.get(axis).is_some_and(TDim::is_one))
        || node.op_as::<Topk>().is_some_and(|topk| topk.axis != axis)
        || node.op_is::<Resize>()
        || node.op_is::<NearestUpsample>()
        || ((node.op_is::<LstmEpilogue>() || node.op_is::<GruEpilogue>()) && in_all() && before_last())
        || (axis == 0 && (node.op_is::<GruSeq>() || node.op_is::<ForestOp>()))
}

/// Follows rows through the body of a loop, which must leave them in its states where it finds them.
fn through_loop(
    scan: &Scan,
    n_outputs: usize,
    batch: &TDim,
    known: &[Option<usize>],
) -> TractResult<Option<Vec<Option<usize>>>> {
    let along_rows = scan.input_mapping.iter().zip(known).any(|(mapping, axis)| match mapping {
        InputMapping::Scan(info) => Some(info.axis) == *axis,
        InputMapping::Full | InputMapping::State => false,
    });
    if along_rows {
        return Ok(None);
    }
    let Some(inner) = follow(&scan.body, batch, known)? else { return Ok(None) };
    let states_in = scan.input_mapping.iter().zip(known).filter(|(mapping, _)| mapping.is_state());
    let states_out = scan.output_mapping.iter().zip(&inner).filter(|(mapping, _)| mapping.state);
    if !states_in.map(|(_, axis)| axis).eq(states_out.map(|(_, axis)| axis)) {
        return Ok(None);
    }
    let mut outputs = vec![None; n_outputs];
    for (mapping, axis) in scan.output_mapping.iter().zip(inner) {
        let slots = mapping.scan.map(|(slot, _)| slot).into_iter().chain(mapping.last_value_slot);
        slots.for_each(|slot| outputs[slot] = axis);
    }
    Ok(Some(outputs))
}
