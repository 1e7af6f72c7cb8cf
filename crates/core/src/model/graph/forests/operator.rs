//! The operator that stands in the graph for a tree ensemble.

use super::member::MEMBER;
use super::outputs::{Aggregate, Labels, Outputs};
use crate::error::{Error, Result};
use crate::mapped::View;
use crate::model::trees::{self, Forest};
use crate::precision::{Float, Precision};
use std::fmt;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, Solver, TensorProxy};

/// Values that a piece of a batch takes at most: it stays well inside a core's cache.
const PIECE_VALUES: usize = 1 << 15;
const PIECE_ROWS: usize = 1024;

/// A forest with what becomes of its sums. Rows are apart.
#[derive(Clone)]
pub(in crate::model::graph) struct ForestOp {
    /// Which of the bloc's forests it is.
    number: usize,
    forest: Arc<Forest>,
    outputs: Arc<Outputs>,
    /// The length of its section.
    bytes: usize,
}

/// tract writes operators into names and keys, so this is short; the number says which forest it is.
impl fmt::Debug for ForestOp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Forest({})", self.number)
    }
}

impl PartialEq for ForestOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.forest, &other.forest)
    }
}

impl Eq for ForestOp {}

impl ForestOp {
    /// The operator over the forest of a section, whose sums are those that `outputs` asks for.
    pub(super) fn new(number: usize, section: &View, outputs: Outputs) -> Result<ForestOp> {
        let forest = Forest::read(section).map_err(|error| error.within(MEMBER))?;
        let (sums, targets) = (forest.n_outputs(), outputs.n_targets());
        let fits = match outputs.aggregate() {
            Aggregate::Average | Aggregate::Sum => sums == targets,
            Aggregate::Least | Aggregate::Greatest => sums.is_multiple_of(targets),
        };
        if !fits {
            return Err(Error::corrupt(format!("its forest has {sums} sums for {targets} targets")));
        }
        Ok(ForestOp { number, forest: Arc::new(forest), outputs: Arc::new(outputs), bytes: section.len() })
    }

    /// The number of tensors that it gives.
    pub fn n_outputs(&self) -> usize {
        1 + usize::from(self.outputs.labels().is_some())
    }

    /// The number of nodes of its trees.
    pub fn n_nodes(&self) -> usize {
        self.forest.n_nodes()
    }

    /// Bytes that are the file's.
    pub fn mapped_bytes(&self) -> usize {
        self.bytes
    }

    /// Refuses an input that the forest was not laid out for.
    fn check(&self, datum: DatumType, rank: usize, width: Option<usize>) -> TractResult<()> {
        let known = [f32::datum_type(), f64::datum_type(), i32::datum_type(), i64::datum_type()];
        let is_float = datum == f32::datum_type() || datum == f64::datum_type();
        ensure!(
            known.contains(&datum) && (is_float || !self.outputs.has_type_of_input()),
            "a tree ensemble over {datum:?} is not supported"
        );
        ensure!(rank == 2, "a tree ensemble over {rank} axes; expected rows of features");
        let n_features = self.forest.n_features();
        ensure!(
            width.is_none_or(|width| width >= n_features),
            "a tree ensemble over {n_features} features; its input has {}",
            width.unwrap_or_default()
        );
        ensure!(
            datum != f64::datum_type() || self.forest.features() == Precision::Double,
            "a tree ensemble that was packed for float32 over float64"
        );
        Ok(())
    }

    fn type_of_scores(&self, input: DatumType) -> DatumType {
        if self.outputs.has_type_of_input() { input } else { f32::datum_type() }
    }

    fn type_of_labels(&self) -> Option<DatumType> {
        self.outputs.labels().map(|labels| match labels {
            Labels::Integers(_) => i64::datum_type(),
            Labels::Texts(_) => String::datum_type(),
        })
    }

    /// The scores of `rows` of `width` features, and the places of their classes.
    fn run<V: Float>(&self, rows: &[V], width: usize) -> (Vec<f64>, Vec<usize>) {
        let (n_features, n_sums) = (self.forest.n_features(), self.forest.n_outputs());
        let n_rows = rows.len() / width.max(1);
        let piece = (PIECE_VALUES / (n_features + n_sums)).clamp(16, PIECE_ROWS);
        let mut scores = vec![0.0; n_rows * self.outputs.width()];
        let mut classes = Vec::with_capacity(n_rows);
        let mut scratch = trees::Scratch::default();
        let (mut narrowed, mut sums) = (Vec::new(), Vec::new());
        let pieces = rows.chunks(piece * width).zip(scores.chunks_mut(piece * self.outputs.width()));
        for (rows, scores) in pieces {
            let features = if width == n_features {
                rows
            } else {
                narrowed.clear();
                rows.chunks_exact(width).for_each(|row| narrowed.extend_from_slice(&row[..n_features]));
                &narrowed
            };
            sums.clear();
            for _ in 0..features.len() / n_features {
                sums.extend_from_slice(self.forest.start());
            }
            trees::fast::add(&self.forest, features, &mut scratch, &mut sums);
            for (sums, scores) in sums.chunks_exact(n_sums).zip(scores.chunks_exact_mut(self.outputs.width()))
            {
                classes.push(self.outputs.of_row(sums, self.forest.n_trees(), self.forest.sums(), scores));
            }
        }
        (scores, classes)
    }
}

impl Op for ForestOp {
    fn name(&self) -> StaticName {
        "Forest".into()
    }

    op_as_typed_op!();
}

impl EvalOp for ForestOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let &[n_rows, width] = input.shape() else { bail!("a tree ensemble over {:?}", input.shape()) };
        self.check(input.datum_type(), 2, Some(width))?;
        let plain = input.try_as_plain_ram()?;
        let (scores, classes) = match input.datum_type() {
            DatumType::F64 => self.run(plain.as_slice::<f64>()?, width),
            DatumType::F32 => self.run(plain.as_slice::<f32>()?, width),
            DatumType::I32 => {
                let rows: Vec<f32> = plain.as_slice::<i32>()?.iter().map(|&x| x as f32).collect();
                self.run(&rows, width)
            }
            _ => {
                let rows: Vec<f32> = plain.as_slice::<i64>()?.iter().map(|&x| x as f32).collect();
                self.run(&rows, width)
            }
        };
        let shape = [n_rows, self.outputs.width()];
        let scores = if self.type_of_scores(input.datum_type()) == f64::datum_type() {
            Tensor::from_shape(&shape, &scores)?
        } else {
            let scores: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
            Tensor::from_shape(&shape, &scores)?
        };
        let labels = self.outputs.labels().map(|labels| match labels {
            Labels::Integers(labels) => {
                tensor1(&classes.iter().map(|&class| labels[class]).collect::<Vec<_>>())
            }
            Labels::Texts(labels) => {
                tensor1(&classes.iter().map(|&class| labels[class].clone()).collect::<Vec<_>>())
            }
        });
        Ok(labels.into_iter().chain([scores]).map(Tensor::into_tvalue).collect())
    }
}

impl TypedOp for ForestOp {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let input = inputs[0];
        let width = input.shape.get(1).and_then(|width| width.to_usize().ok());
        self.check(input.datum_type, input.rank(), width)?;
        let n_rows = &input.shape[0];
        let labels = self.type_of_labels().map(|datum| datum.fact([n_rows.clone()]));
        let shape = [n_rows.clone(), self.outputs.width().to_dim()];
        let scores = self.type_of_scores(input.datum_type).fact(shape);
        Ok(labels.into_iter().chain([scores]).collect())
    }
}

impl Expansion for ForestOp {
    fn name(&self) -> StaticName {
        "Forest".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.n_outputs())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let [input] = inputs else { bail!("a tree ensemble of {} inputs", inputs.len()) };
        ensure!(outputs.len() == self.n_outputs(), "a tree ensemble with {} outputs", outputs.len());
        solver.equals(&input.rank, 2)?;
        let scores = &outputs[outputs.len() - 1];
        if let Some(datum) = self.type_of_labels() {
            solver.equals(&outputs[0].rank, 1)?;
            solver.equals(&outputs[0].datum_type, datum)?;
            solver.equals(&outputs[0].shape[0], &input.shape[0])?;
        }
        solver.equals(&scores.rank, 2)?;
        solver.equals(&scores.shape[0], &input.shape[0])?;
        solver.equals(&scores.shape[1], self.outputs.width().to_dim())?;
        solver.given(&input.datum_type, move |solver, datum| {
            solver.equals(&scores.datum_type, self.type_of_scores(datum))
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}
