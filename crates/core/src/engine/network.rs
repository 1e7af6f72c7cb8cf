//! Networks: tensors, or rows through preprocessing, into a graph.

use super::Engine;
use crate::bloc::Bloc;
use crate::error::{Error, ErrorKind, Result};
use crate::input::Input;
use crate::model::Model;
use crate::model::graph::{self, Network, Spec, Tensor};
use crate::monitor::Answered;
use crate::preprocess::Pipeline;
use crate::sanity::{Finding, FindingKind, Status, Value, settled};
use crate::schema::{DType, NonFinite, Schema, TensorField};

/// The outputs of a network, and what was found in its input.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NetworkPrediction {
    /// A tensor per output, in the order of the graph, under its name.
    pub outputs: Vec<(String, Tensor)>,
    /// What was found, by ascending row.
    pub findings: Vec<Finding>,
    /// The number of rows: the length of the batch axis, or 1 where there is none.
    pub n_rows: usize,
}

impl NetworkPrediction {
    /// Appends the rows of `part`, the first of which is row `first_row` of the whole.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for outputs that can't stand one after the other.
    pub fn append(&mut self, part: NetworkPrediction, first_row: usize) -> Result<()> {
        for ((_, output), (_, rows)) in self.outputs.iter_mut().zip(&part.outputs) {
            output.append(rows)?;
        }
        let findings = part.findings.into_iter();
        self.findings.extend(findings.map(|finding| Finding { row: first_row + finding.row, ..finding }));
        self.n_rows += part.n_rows;
        Ok(())
    }
}

impl Engine {
    /// Runs a network on tensors by name. Values that are NaN or infinite are dealt with as the schema's
    /// `non_finite` says; other rows are as they would be without.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] for an input that is missing, unknown, or of another type or shape than the
    /// schema's; [`ErrorKind::InvalidArgument`] for a model that takes rows of fields.
    pub fn run_tensors(&self, inputs: Vec<(&str, Tensor)>) -> Result<NetworkPrediction> {
        let network = self.network()?;
        let fields = self.schema.tensors();
        if fields.is_empty() {
            let message = "the model takes rows of fields; run it on rows";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let call = self.monitor.begin();
        let answered = in_order(fields, inputs).and_then(|inputs| {
            let prediction = self.run_network(network, fields, inputs, Vec::new())?;
            let NetworkPrediction { n_rows, findings, .. } = &prediction;
            call.answered(&self.sanity, *n_rows, None, Answered::default(), findings);
            Ok(prediction)
        });
        call.ended(answered)
    }

    /// Runs a network behind preprocessing on rows. A row that preprocessing would refuse has no answer.
    ///
    /// # Errors
    /// As [`Engine::run`]; [`ErrorKind::InvalidArgument`] for a model that takes tensors.
    pub fn run_rows(&self, input: &Input<'_>) -> Result<NetworkPrediction> {
        let network = self.network()?;
        let Some(field) = network.features() else {
            let message = "the model takes tensors; run it on tensors by name";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        };
        let call = self.monitor.begin();
        let answered = self.answer_rows(network, field, input).inspect(|prediction| {
            let findings = &prediction.findings;
            call.answered(&self.sanity, input.n_rows(), Some(input), Answered::default(), findings);
        });
        let prediction = call.ended(answered)?;
        self.monitor.tell(&self.sanity, &prediction.findings);
        Ok(prediction)
    }

    fn answer_rows(
        &self,
        network: &Network,
        field: &TensorField,
        input: &Input<'_>,
    ) -> Result<NetworkPrediction> {
        let (n_rows, width) = (input.n_rows(), self.pipeline.n_features());
        let (tensor, findings) = match field.dtype {
            DType::Float64 => {
                let mut features = vec![0_f64; n_rows * width];
                let findings = self.features(input, &mut features, &self.sanity)?;
                (Tensor::from_f64(&[n_rows, width], features)?, findings)
            }
            _ => {
                let mut features = vec![0_f32; n_rows * width];
                let findings = self.features(input, &mut features, &self.sanity)?;
                (Tensor::from_f32(&[n_rows, width], features)?, findings)
            }
        };
        // A network counts rows from its own first one.
        let own = |finding: Finding| Finding { row: finding.row - input.first_row(), ..finding };
        let findings = findings.into_iter().map(own).collect();
        self.run_network(network, std::slice::from_ref(field), vec![tensor], findings)
    }

    /// Runs golden tensors; behind preprocessing these are feature matrices.
    pub(crate) fn run_golden(
        &self,
        network: &Network,
        inputs: Vec<(&str, Tensor)>,
    ) -> Result<NetworkPrediction> {
        let fields = match network.features() {
            Some(field) => std::slice::from_ref(field),
            None => self.schema.tensors(),
        };
        let inputs = in_order(fields, inputs)?;
        self.run_network(network, fields, inputs, Vec::new())
    }

    fn network(&self) -> Result<&Network> {
        self.model.network().ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "the model is no network; run it on rows of fields")
        })
    }

    fn run_network(
        &self,
        network: &Network,
        fields: &[TensorField],
        inputs: Vec<Tensor>,
        mut findings: Vec<Finding>,
    ) -> Result<NetworkPrediction> {
        let bound = graph::bind(fields, &inputs)?;
        let batch = network.batch().symbol().and_then(|symbol| bound.get(symbol).copied());
        let n_rows = batch.unwrap_or(1);
        for (field, input) in fields.iter().zip(&inputs) {
            find_non_finite(field, input, n_rows, &mut findings);
        }
        let shares = self.shares(&self.pace, n_rows);
        let mut outputs = network.run(&self.bloc, self.schema.tensors(), inputs, &self.pace, shares)?;
        let names = network.outputs().iter().map(|output| output.name.clone());
        for (name, output) in names.zip(&outputs).filter(|(_, output)| output.has_non_finite()) {
            let rows = output.rows_with_non_finite(n_rows);
            findings.extend(rows.into_iter().map(|row| non_finite_output(row, &name)));
        }
        let findings = settled(findings);
        let rejected: Vec<usize> = findings
            .iter()
            .filter(|finding| finding.status == Status::Rejected)
            .map(|finding| finding.row)
            .collect();
        for output in &mut outputs {
            output.blank(&rejected, batch.is_some());
        }
        let names = network.outputs().iter().map(|output| output.name.clone());
        Ok(NetworkPrediction { outputs: names.zip(outputs).collect(), findings, n_rows })
    }
}

/// Reads the network of a bloc.
pub(super) fn read(bloc: &Bloc, schema: &Schema, pipeline: &Pipeline) -> Result<Model> {
    let json = bloc.manifest().model.get();
    let spec: Spec = serde_json::from_str(json)
        .map_err(|error| Error::corrupt(format!("reading the manifest's model: {error}")))?;
    match &spec.features {
        None if schema.tensors().is_empty() => {
            return Err(Error::corrupt("a network over tensors whose schema has none"));
        }
        Some(_) if schema.fields().is_empty() || pipeline.n_features() == 0 => {
            return Err(Error::corrupt("a network over features that no preprocessing gives"));
        }
        _ => {}
    }
    Ok(Model::Network(Box::new(Network::load(bloc, spec, schema.tensors())?)))
}

/// The tensors in the order of the schema.
fn in_order(fields: &[TensorField], inputs: Vec<(&str, Tensor)>) -> Result<Vec<Tensor>> {
    let names = || fields.iter().map(|field| format!("{:?}", field.name)).collect::<Vec<_>>().join(", ");
    let mut places: Vec<Option<Tensor>> = fields.iter().map(|_| None).collect();
    for (name, tensor) in inputs {
        let place = fields.iter().position(|field| field.name == name).and_then(|at| places.get_mut(at));
        let place = place.ok_or_else(|| {
            let message = format!("the model has no input {name:?}; its inputs are {}", names());
            Error::new(ErrorKind::Schema, message).at(name, None)
        })?;
        *place = Some(tensor);
    }
    let missing = |field: &TensorField| {
        let message = format!("the input lacks {:?}; expected {}", field.name, names());
        Error::new(ErrorKind::Schema, message).at(&field.name, None)
    };
    fields.iter().zip(places).map(|(field, place)| place.ok_or_else(|| missing(field))).collect()
}

fn non_finite_output(row: usize, name: &str) -> Finding {
    Finding {
        row,
        field: name.into(),
        kind: FindingKind::NonFiniteOutput,
        seen: Value::Missing,
        used: None,
        status: Status::Flagged,
        expected: None,
    }
}

fn find_non_finite(field: &TensorField, input: &Tensor, n_rows: usize, findings: &mut Vec<Finding>) {
    if !input.has_non_finite() {
        return;
    }
    for row in input.rows_with_non_finite(n_rows) {
        findings.push(Finding {
            row,
            field: field.name.as_str().into(),
            kind: FindingKind::NonFinite,
            seen: Value::Missing,
            used: None,
            status: match field.non_finite {
                NonFinite::Flag => Status::Flagged,
                NonFinite::Reject => Status::Rejected,
            },
            expected: Some("a value is NaN or infinite; expected finite numbers".into()),
        });
    }
}
