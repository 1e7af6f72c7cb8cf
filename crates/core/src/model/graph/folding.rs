//! Constant expressions over weights, from the bloc where it has them.
//!
//! tract folds constants in its pass `PropConst`. The pass here stands before it and follows its rules, so
//! graphs come out the same; but a result that the bloc holds is mapped instead of computed, and while a
//! bloc is packed what is computed is recorded.

use super::recording::{Recording, are_same};
use super::tensor::dtype_of_datum;
use super::tuned::{Key, Tuned};
use super::weights::{LARGE, Mappings};
use crate::memory;
use crate::schema::DType;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tract_onnx::prelude::tract_linalg::mmm::PackedMatrixStorage;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_core::ops::dummy::Dummy;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx::tract_core::optim::{CONST_FOLD_MEM_BUDGET, OptimizerSession, TypedPass};

/// What is known of constants while a graph is built.
#[derive(Debug, Default)]
pub(super) struct Constants {
    known: HashMap<usize, (Weak<Tensor>, Key)>,
    pub tuned: Tuned,
    pub recording: Option<Recording>,
    pub mappings: Mappings,
    fault: Option<crate::Error>,
}

/// The constants, shared by the passes of one build.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Constants>>);

/// tract writes each pass into the context of each of its patches, so this is short.
impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Constants")
    }
}

impl Shared {
    pub fn new(constants: Constants) -> Shared {
        Shared(Arc::new(Mutex::new(constants)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Constants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Constants {
    pub fn new(tuned: Tuned, recording: Option<Recording>) -> Constants {
        Constants { tuned, recording, ..Constants::default() }
    }

    /// Names a weight, which lies at `offset` of its member: what is made of it is found by this name.
    pub fn name(&mut self, name: &str, tensor: &Arc<Tensor>, offset: u64) {
        if let Some(recording) = &mut self.recording
            && self.mappings.holds(tensor)
        {
            recording.know_weight(tensor.as_bytes(), offset);
        }
        let mut hasher = Sha256::new();
        hasher.update(format!("weight\0{name}\0{:?}\0{:?}", tensor.datum_type(), tensor.shape()));
        self.know(tensor, Key(hasher.finalize().into()));
    }

    /// What outlives the build, or the first error that a pass met and could not say.
    pub fn finish(self) -> crate::Result<(Mappings, Option<Recording>)> {
        let Constants { known, mappings, recording, fault, .. } = self;
        drop(known);
        fault.map_or(Ok((mappings, recording)), Err)
    }

    /// Whether the constant is large and came from a weight or from the bloc.
    pub fn is_known_and_large(&self, tensor: &Arc<Tensor>) -> bool {
        tensor.is_plain_ram()
            && tensor.len() * tensor.datum_type().size_of() >= LARGE
            && self.known.contains_key(&Arc::as_ptr(tensor).addr())
            && self.mappings.holds(tensor)
    }

    /// The constant with its axes changed: from the bloc, or changed and recorded. `None` where the change
    /// is none for its shape.
    pub fn changed(&mut self, tensor: &Arc<Tensor>, change: &AxisOp) -> Option<Arc<Tensor>> {
        let base = self.key(tensor)?;
        let mut shape: TVec<usize> = tensor.shape().into();
        change.change_shape_array(&mut shape, false).ok()?;
        let mut hasher = Sha256::new();
        hasher.update(format!("axes\0{:?}\0{shape:?}\0", change.canonical()));
        hasher.update(base.0);
        let key = Key(hasher.finalize().into());
        let fact = tensor.datum_type().fact(&*shape);
        if let Some(mapped) = self.outputs(&key, std::slice::from_ref(&fact)) {
            return mapped.into_iter().next();
        }
        let mut copy = tensor.as_ref().clone();
        change.change_tensor(&mut copy, false).ok()?;
        let copy = copy.into_arc_tensor();
        self.know(&copy, key);
        if self.recording.is_none() {
            return Some(copy);
        }
        self.record(key, std::slice::from_ref(&copy));
        let mapped = self.outputs(&key, std::slice::from_ref(&fact));
        Some(mapped.and_then(|mapped| mapped.into_iter().next()).unwrap_or(copy))
    }

    fn know(&mut self, tensor: &Arc<Tensor>, key: Key) {
        self.known.insert(Arc::as_ptr(tensor).addr(), (Arc::downgrade(tensor), key));
    }

    /// What a constant is known by: the weight's name, how it came from weights, or its content.
    fn key(&mut self, tensor: &Arc<Tensor>) -> Option<Key> {
        if let Some((known, key)) = self.known.get(&Arc::as_ptr(tensor).addr())
            && known.upgrade().is_some_and(|known| Arc::ptr_eq(&known, tensor))
        {
            return Some(*key);
        }
        dtype_of_datum(tensor.datum_type())
            .filter(|_| tensor.is_plain_ram())
            .filter(|dtype| *dtype != DType::String && tensor.datum_type() != DatumType::TDim)?;
        let mut hasher = Sha256::new();
        hasher.update(format!("content\0{:?}\0{:?}\0", tensor.datum_type(), tensor.shape()));
        hasher.update(tensor.as_bytes());
        let key = Key(hasher.finalize().into());
        self.know(tensor, key);
        Some(key)
    }

    /// The key of what `node` makes of constants known by `inputs`.
    fn result_key(node: &TypedNode, inputs: &[Key]) -> Key {
        let mut hasher = Sha256::new();
        hasher.update(format!("result\0{}\0{}\0{:?}\0", super::TRACT_VERSION, node.op.name(), node.op));
        for output in &node.outputs {
            hasher.update(format!("{:?}\0{:?}\0", output.fact.datum_type, output.fact.shape));
        }
        for input in inputs {
            hasher.update(input.0);
        }
        Key(hasher.finalize().into())
    }

    /// The mapped outputs of `node` under `key`.
    fn node_outputs(&mut self, key: &Key, node: &TypedNode) -> Option<Vec<Arc<Tensor>>> {
        let facts: Vec<TypedFact> = node.outputs.iter().map(|output| output.fact.clone()).collect();
        self.outputs(key, &facts)
    }

    /// The mapped outputs under `key`, where they are what `facts` say.
    fn outputs(&mut self, key: &Key, facts: &[TypedFact]) -> Option<Vec<Arc<Tensor>>> {
        match self.tuned.outputs(key, facts, &mut self.mappings) {
            Ok(outputs) => {
                for (number, tensor) in outputs.iter().flatten().enumerate() {
                    self.know(tensor, key.of_output(number));
                }
                outputs
            }
            Err(error) => {
                self.fault.get_or_insert(error);
                None
            }
        }
    }

    /// What was computed under `key`: recorded and mapped while a bloc is packed, else as it is.
    fn keep(&mut self, key: Key, node: &TypedNode, outputs: Vec<Arc<Tensor>>) -> Vec<Arc<Tensor>> {
        for (number, tensor) in outputs.iter().enumerate() {
            self.know(tensor, key.of_output(number));
        }
        self.record(key, &outputs);
        self.node_outputs(&key, node).unwrap_or(outputs)
    }

    /// Whether, while a bloc is packed, a result that was found by its key is not what its chain gives.
    fn contradicts(
        &self,
        model: &TypedModel,
        chain: &[(usize, Key)],
        inputs: &[Arc<Tensor>],
        input_bytes: u64,
        found: &[Arc<Tensor>],
    ) -> TractResult<bool> {
        if self.recording.is_none() {
            return Ok(false);
        }
        let computed = evaluate(model, chain, inputs.to_vec(), input_bytes)?;
        Ok(computed.is_none_or(|computed| {
            Some(computed.last) != chain.last().map(|(last, _)| *last)
                || computed.values.len() != found.len()
                || !computed.values.iter().zip(found).all(|(one, two)| are_same(one, two))
        }))
    }

    /// Refuses to compute what the bloc does not hold where there is no memory for it.
    fn make_room(&mut self, bytes: u64, node: &TypedNode) -> TractResult<()> {
        let what = || {
            let (name, operator) = (&node.name, node.op.name());
            format!(
                "what {operator} {name:?} makes of weights, which the bloc does not hold for this processor"
            )
        };
        memory::check(bytes, what).map_err(|error| {
            let text = error.to_string();
            self.fault.get_or_insert(error);
            TractError::msg(text)
        })
    }

    fn give_up(&mut self, key: Key) {
        let Constants { recording, tuned, .. } = self;
        if let Some(recording) = recording {
            recording.give_up(key, tuned);
        }
    }

    fn record(&mut self, key: Key, outputs: &[Arc<Tensor>]) {
        let Constants { recording, tuned, .. } = self;
        if let Some(recording) = recording
            && let Err(error) = recording.keep(key, outputs, tuned)
        {
            self.fault.get_or_insert(error);
        }
    }
}

/// The pass.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    constants: Shared,
    /// Whether this turn's patch was given: one patch folds all that can be folded at once.
    done: bool,
}

/// The node whose outputs are constant, and these.
type Folded = Option<(usize, Vec<Arc<Tensor>>)>;

impl Fold {
    pub fn new(constants: &Shared) -> Fold {
        Fold { constants: constants.clone(), done: false }
    }
}

impl TypedPass for Fold {
    fn reset(&mut self) -> TractResult<()> {
        self.done = false;
        Ok(())
    }

    fn next(
        &mut self,
        _session: &mut OptimizerSession,
        model: &TypedModel,
    ) -> TractResult<Option<TypedModelPatch>> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let mut patch = TypedModelPatch::default();
        let mut replaced = HashSet::new();
        for node in &model.nodes {
            if replaced.contains(&node.id) {
                continue;
            }
            let folded = if node.op_is::<Const>() { self.content(node) } else { self.result(model, node)? };
            let Some((last, outputs)) = folded else { continue };
            let mut id = node.id;
            while id != last {
                replaced.insert(id);
                id = model.single_succ(id)?.map_or(last, |next| next.id);
            }
            if replaced.insert(last) {
                replace(&mut patch, model, model.node(last), outputs)?;
            }
        }
        Ok((!replaced.is_empty()).then_some(patch))
    }
}

impl Fold {
    /// A large constant that some step of tract's copied: mapped where the bloc holds the same bytes.
    fn content(&self, node: &TypedNode) -> Folded {
        let tensor = node.op_as::<Const>().map(Const::val)?;
        if !tensor.is_plain_ram() || tensor.as_bytes().len() < LARGE || node.outputs[0].fact.konst.is_none() {
            return None;
        }
        let mut constants = self.constants.lock();
        let dtype = dtype_of_datum(tensor.datum_type());
        if constants.mappings.holds(tensor) || !dtype.is_some_and(DType::is_float) {
            return None;
        }
        let key = constants.key(tensor)?;
        if !constants.tuned.contains(&key) {
            constants.record(key, std::slice::from_ref(tensor));
        }
        constants.node_outputs(&key, node).map(|mapped| (node.id, mapped))
    }

    /// A node whose inputs are all constant. Small results are computed here too: `PropConst` would go on from
    /// them to large ones.
    fn result(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Folded> {
        let facts = model.node_input_facts(node.id)?;
        if node.op_is::<Dummy>() || node.op_is::<TypedSource>() || facts.is_empty() {
            return Ok(None);
        }
        let inputs: Option<Vec<Arc<Tensor>>> = facts.iter().map(|fact| fact.konst.clone()).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let bytes = |fact: &TypedFact| fact.mem_size().as_i64().map_or(u64::MAX, i64::unsigned_abs);
        let input_bytes = facts.iter().map(|fact| bytes(fact)).fold(0, u64::saturating_add);
        let output_bytes = node.outputs.iter().map(|output| bytes(&output.fact)).fold(0, u64::saturating_add);
        let shared = facts.iter().zip(&node.inputs).any(|(fact, outlet)| {
            let alone = model.node(outlet.node).outputs[outlet.slot].successors.len() == 1;
            !(alone
                || node.op_is::<Slice>()
                || (fact.datum_type.is_number() && bytes(fact) <= CONST_FOLD_MEM_BUDGET))
        });
        if shared {
            return Ok(None);
        }
        // What is computed with floats is recorded whatever its size: then it has the same bits on every
        // processor, and panels for another processor can be made without its instructions.
        let matters = input_bytes.max(output_bytes) >= LARGE as u64
            || node.outputs.iter().any(|output| output.fact.datum_type.is_float());
        let keys = matters.then(|| {
            let mut constants = self.constants.lock();
            inputs.iter().map(|tensor| constants.key(tensor)).collect::<Option<Vec<Key>>>()
        });
        let Some(keys) = keys.flatten() else {
            let values = evaluate(model, &[(node.id, Key([0; 32]))], inputs, input_bytes)?;
            return Ok(values.map(|Evaluated { last, values, .. }| (last, values)));
        };
        let chain = chain(model, node, &keys)?;
        let found = {
            let mut constants = self.constants.lock();
            let hit = chain.iter().rposition(|(_, key)| constants.tuned.contains(key));
            hit.and_then(|at| Some((at, constants.node_outputs(&chain[at].1, model.node(chain[at].0))?)))
        };
        if let Some((at, outputs)) = found {
            let (last, key) = chain[at];
            if !self.constants.lock().contradicts(model, &chain[..=at], &inputs, input_bytes, &outputs)? {
                return Ok(Some((last, outputs)));
            }
            self.constants.lock().give_up(key);
        }
        // More than this is not kept.
        let most = input_bytes.max(CONST_FOLD_MEM_BUDGET);
        self.constants.lock().make_room(output_bytes.min(most), node)?;
        let Some(Evaluated { last, key, values }) = evaluate(model, &chain, inputs, input_bytes)? else {
            return Ok(None);
        };
        Ok(Some((last, self.constants.lock().keep(key, model.node(last), values))))
    }
}

/// The node and those after it that have one input and are its only readers, with the keys of what they
/// give.
fn chain(model: &TypedModel, node: &TypedNode, inputs: &[Key]) -> TractResult<Vec<(usize, Key)>> {
    let mut key = Constants::result_key(node, inputs);
    let mut chain = vec![(node.id, key)];
    let mut node = node;
    while let Some(next) = model.single_succ(node.id)? {
        if next.inputs.len() > 1 {
            break;
        }
        key = Constants::result_key(next, &[key]);
        chain.push((next.id, key));
        node = next;
    }
    Ok(chain)
}

/// A part of a chain that was computed.
struct Evaluated {
    last: usize,
    key: Key,
    values: Vec<Arc<Tensor>>,
}

/// Evaluates the chain as far as it can be within `PropConst`'s bounds.
fn evaluate(
    model: &TypedModel,
    chain: &[(usize, Key)],
    inputs: Vec<Arc<Tensor>>,
    input_bytes: u64,
) -> TractResult<Option<Evaluated>> {
    let mut values: TVec<TValue> = inputs.into_iter().map(IntoTValue::into_tvalue).collect();
    let mut done = None;
    for &(id, key) in chain {
        let Ok(Some(results)) = model.node(id).op.eval_out_of_plan(values.clone()) else { break };
        let bytes: u64 =
            results.iter().map(|value| (value.datum_type().size_of() * value.volume()) as u64).sum();
        if bytes > input_bytes.max(CONST_FOLD_MEM_BUDGET) {
            break;
        }
        values = results;
        done = Some((id, key));
    }
    let values = values.into_iter().map(IntoArcTensor::into_arc_tensor).collect();
    Ok(done.map(|(last, key)| Evaluated { last, key, values }))
}

/// Puts constants in the node's place.
fn replace(
    patch: &mut TypedModelPatch,
    model: &TypedModel,
    node: &TypedNode,
    outputs: Vec<Arc<Tensor>>,
) -> TractResult<()> {
    for (slot, output) in outputs.into_iter().enumerate() {
        let exotic_fact = node.outputs[slot].fact.exotic_fact.clone();
        let exotic_fact = exotic_fact.filter(|_| output.try_storage_as::<PackedMatrixStorage>().is_ok());
        let name = if slot > 0 { format!("{}.{slot}", node.name) } else { node.name.clone() };
        let constant = Const::new_with_opt_exotic_fact(output, exotic_fact)?;
        let facts = constant.output_facts(&[])?;
        // Not wired: that would merge constants of equal bytes, and compare each with each.
        let wire = patch.model.add_node(name, constant, facts)?;
        patch.shunt_outside(model, (node.id, slot).into(), wire.into())?;
    }
    Ok(())
}
