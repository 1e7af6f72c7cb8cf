//! Packing networks: an ONNX model, its weights where they can be mapped, and what tract makes of them.

use super::rules::raw;
use super::{Packed, Packer};
use crate::bloc::{Bloc, BlocWriter, Body, Draft, Unpublished};
use crate::engine::{Engine, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::golden::{self, GoldenCase, GoldenReport};
use crate::import::onnx::{self, OnnxModel, OnnxSource};
use crate::model::graph::{
    self, Batch, Choice, FORESTS_MEMBER, FORESTS_VERSION, GRAPH_MEMBER, OutputField, TUNED_FOLDER, Tensor,
    WEIGHTS_MEMBER, ZipMap,
};
use crate::reference::{self, Reference};
use crate::sanity::Rules;
use crate::schema::{self, DType, Dimension, NonFinite, TensorField};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// Rows of a made-up golden case, and the length of its other free axes.
const GOLDEN_ROWS: usize = 3;
const GOLDEN_LENGTH: usize = 8;

/// The name under which [`NetworkPacker::non_finite`] speaks of every input.
const ALL_INPUTS: &str = "*";

/// Collects what goes into the bloc of a network.
#[derive(Debug, Default)]
pub struct NetworkPacker {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// Free entries.
    pub metadata: BTreeMap<String, String>,
    /// Where the model came from.
    pub provenance: BTreeMap<String, String>,
    /// Shapes of inputs, by name, where the model's own are not meant.
    pub shapes: BTreeMap<String, Vec<Dimension>>,
    /// What becomes of values that are NaN or infinite, by input; `*` stands for all.
    pub non_finite: BTreeMap<String, NonFinite>,
    /// For which processors panels are kept.
    pub tuning: Tuning,
    /// Preprocessing that stands before the graph, where rows of fields come in.
    pub rows: Option<RowsBefore>,
}

/// For which processors a bloc holds panels, so that loading need not pack them.
#[derive(Clone, Debug, Default)]
pub struct Tuning {
    /// For that of this machine.
    pub native: bool,
    /// For these, by name: see [`crate::model::graph::target_names`].
    pub targets: Vec<String>,
    /// The beginning of a command line that calls [`crate::model::graph::tune_panels`]: panels for other
    /// processors are made in a process of their own. `monobloc tune-panels` is one.
    pub command: Vec<OsString>,
}

/// Fitted preprocessing whose feature matrix is a network's only input.
#[derive(Debug)]
pub struct RowsBefore {
    params: Vec<u8>,
    schema: Box<RawValue>,
    sanity: Option<Box<RawValue>>,
    preprocess: Box<RawValue>,
    reference: Vec<u8>,
    n_features: usize,
}

impl RowsBefore {
    /// What `packer` collected, with the manifest's `schema`, `sanity` and `preprocess`, and what
    /// the fields look like.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for text that is not what it must be.
    pub fn new(
        packer: Packer,
        [schema, sanity, preprocess]: [&str; 3],
        reference: &Reference,
    ) -> Result<RowsBefore> {
        #[derive(Deserialize)]
        struct Preprocess {
            features: Features,
        }
        #[derive(Deserialize)]
        struct Features {
            slots: Vec<usize>,
        }
        let invalid = |error: serde_json::Error| {
            Error::new(ErrorKind::InvalidArgument, format!("the preprocessing before a network: {error}"))
        };
        let Preprocess { features } = serde_json::from_str(preprocess).map_err(invalid)?;
        let fields = schema::Schema::parse(schema)?;
        Ok(RowsBefore {
            params: packer.params,
            schema: serde_json::from_str(schema).map_err(invalid)?,
            sanity: Some(raw(&Rules::parse(sanity, &fields)?)?),
            preprocess: serde_json::from_str(preprocess).map_err(invalid)?,
            reference: super::reference_json(reference, &fields)?,
            n_features: features.slots.len(),
        })
    }

    /// Refuses a network that does not take this feature matrix.
    fn check(&self, inputs: &[TensorField]) -> Result<()> {
        let found = |field: &TensorField| {
            let shape: Vec<String> = field.shape.iter().map(ToString::to_string).collect();
            format!("{} {} [{}]", field.name, field.dtype.name(), shape.join(", "))
        };
        let width = Dimension::Size(self.n_features);
        let fits = match inputs {
            [field] => {
                matches!(field.dtype, DType::Float32 | DType::Float64)
                    && matches!(&*field.shape, [Dimension::Symbol(_), columns] if *columns == width || !matches!(columns, Dimension::Size(_)))
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the preprocessing gives {} features; the network takes {}: expected one input of floats [batch, {}]",
                self.n_features,
                inputs.iter().map(found).collect::<Vec<_>>().join("; "),
                self.n_features
            ),
        ))
    }
}

/// A bloc of a network that was written.
#[derive(Clone, Debug)]
pub struct PackedNetwork {
    /// What any bloc has.
    pub packed: Packed,
    /// How rows run.
    pub batch: Batch,
    /// What a user should know, a sentence each.
    pub notes: Vec<String>,
}

/// A network written without tuning, from which golden cases can be made and their outputs compared.
#[derive(Debug)]
pub struct NetworkDraft {
    packer: NetworkPacker,
    model: OnnxModel,
    written: Unpublished,
    bloc: Bloc,
    choice: Choice,
}

#[derive(Serialize)]
struct Schema<'a> {
    fields: [(); 0],
    tensors: &'a [TensorField],
}

impl NetworkPacker {
    /// Reads the model and writes it beside `target`, untuned.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a graph that can't be run exactly, naming operator, domain, version and
    /// node; [`ErrorKind::Corrupt`] for a malformed model; [`ErrorKind::InvalidArgument`] for external data
    /// outside of the model's folder; what the operating system says. Nothing is left behind.
    pub fn read(self, source: OnnxSource<'_>, target: &Path) -> Result<NetworkDraft> {
        let mut model = onnx::read(source, &self.shapes)?;
        for (name, policy) in &self.non_finite {
            if name == ALL_INPUTS {
                model.inputs.iter_mut().for_each(|field| field.non_finite = *policy);
                continue;
            }
            let field = model.inputs.iter_mut().find(|field| field.name == *name);
            let field = field.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("non_finite names {name:?}, which is no input"),
                )
            })?;
            field.non_finite = *policy;
        }
        if let Some(rows) = &self.rows {
            rows.check(&model.inputs)?;
        }
        let written = self.write(&model, target, &Batch::Fixed, &[], Vec::new())?;
        let bloc = Bloc::open(written.path(), None)?;
        let choice = graph::choose(&bloc, &model.inputs)?;
        Ok(NetworkDraft { packer: self, model, written, bloc, choice })
    }

    fn write(
        &self,
        model: &OnnxModel,
        target: &Path,
        batch: &Batch,
        outputs: &[OutputField],
        members: Vec<(String, Body)>,
    ) -> Result<Unpublished> {
        let internal = |error: serde_json::Error| {
            Error::new(ErrorKind::Internal, format!("writing the manifest: {error}"))
        };
        let features = model.inputs.first().filter(|_| self.rows.is_some()).cloned();
        let spec = graph::Spec {
            kind: graph::Kind::Network,
            source: "onnx".to_owned(),
            features,
            outputs: outputs.to_vec(),
            batch: batch.clone(),
        };
        let (schema, preprocess) = match &self.rows {
            Some(rows) => (rows.schema.clone(), rows.preprocess.clone()),
            None => {
                let schema =
                    to_raw_value(&Schema { fields: [], tensors: &model.inputs }).map_err(internal)?;
                let none = r#"{"steps":[],"features":{"slots":[],"names":[],"dtype":"float32"}}"#;
                (schema, serde_json::from_str(none).map_err(internal)?)
            }
        };
        let draft = Draft {
            name: self.name.clone(),
            version: self.version.clone(),
            schema,
            sanity: self.rows.as_ref().and_then(|rows| rows.sanity.clone()),
            preprocess,
            model: to_raw_value(&spec).map_err(internal)?,
            metadata: self.metadata.clone(),
            provenance: self.provenance.clone(),
        };
        let mut writer = BlocWriter::default();
        writer.add(GRAPH_MEMBER, 1, true, model.graph.clone())?;
        writer.add(WEIGHTS_MEMBER, 1, true, model.weights.clone())?;
        if let Some(forests) = &model.forests {
            writer.add(FORESTS_MEMBER, FORESTS_VERSION, true, forests.clone())?;
        }
        if let Some(rows) = &self.rows {
            writer.add("params.bin", 1, true, rows.params.clone())?;
            writer.add(reference::MEMBER, reference::LAYOUT, false, rows.reference.clone())?;
        }
        for (name, body) in members {
            writer.add(&name, 1, false, body)?;
        }
        writer.write(target, draft)
    }
}

impl NetworkDraft {
    /// What the graph takes.
    pub fn inputs(&self) -> &[TensorField] {
        &self.model.inputs
    }

    /// What the graph gives.
    pub fn outputs(&self) -> &[OutputField] {
        &self.choice.outputs
    }

    /// The outputs that are dictionaries per row in the source, and scores here.
    pub fn zip_maps(&self) -> &[ZipMap] {
        &self.model.zip_maps
    }

    /// How rows will run.
    pub fn batch(&self) -> &Batch {
        &self.choice.batch
    }

    /// A made-up case: floats between -1 and 1, integers 0 and 1, the same for the same model.
    pub fn synthetic_case(&self) -> Result<Vec<Tensor>> {
        let batch = self.choice.batch.symbol();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        self.model.inputs.iter().map(|field| synthetic(field, batch, &mut state)).collect()
    }

    /// Writes the bloc at `target`, tuned, when it gives the outputs of `cases` (or where these have none,
    /// what the graph gives without optimisation) within the bound.
    ///
    /// # Errors
    /// [`ErrorKind::GoldenMismatch`] for other outputs; as [`NetworkPacker::read`]. The target is then as it
    /// was, and nothing is left behind.
    pub fn publish(self, target: &Path, cases: Vec<GoldenCase>) -> Result<PackedNetwork> {
        let NetworkDraft { packer, model, written, bloc, choice: Choice { batch, outputs, note } } = self;
        let mut notes: Vec<String> = note.into_iter().collect();
        notes.extend(model.zip_maps.iter().map(|ZipMap { output, labels }| {
            let n = labels.len();
            format!("output {output:?} is an array of {n} scores per row, in the order of the labels, where the source gives dictionaries")
        }));
        let cases = complete(&bloc, &model.inputs, &batch, cases)?;
        let folder = written.path().parent().unwrap_or(Path::new("."));
        let mut members = Vec::new();
        let Tuning { native, targets, command } = &packer.tuning;
        if *native || !targets.is_empty() {
            let name = if *native { "native.bin" } else { "constants.bin" };
            let body = graph::record(&bloc, &model.inputs, &batch, folder, *native)?;
            members.extend(body.map(|body| (format!("{TUNED_FOLDER}{name}"), body)));
        }
        drop(bloc);
        let scratch = tempfile::tempdir_in(folder)
            .map_err(|error| Error::io(folder, "creating a folder in", &error))?;
        if !targets.is_empty() {
            let staged = packer.write(&model, target, &batch, &outputs, members.clone())?;
            for name in targets {
                for (end, path) in graph::tune(name, staged.path(), command, scratch.path())? {
                    members.push((format!("{TUNED_FOLDER}{end}"), Body::of_file(&path)?));
                }
            }
        }
        let names =
            |fields: &[TensorField]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        let output_names: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
        let golden = golden::write_cases(&names(&model.inputs), &output_names, &cases)?;
        members.push((golden::MEMBER.to_owned(), golden.into()));
        drop(written);
        let unpublished = packer.write(&model, target, &batch, &outputs, members)?;
        let engine = Engine::load(unpublished.path(), &LoadOptions::default())?;
        let report = golden::replay(&engine)?;
        if !report.accepted {
            return Err(mismatch(&report));
        }
        let private = engine.load_report().constants.iter().filter(|constant| !constant.mapped);
        let private: u64 = private.map(|constant| constant.bytes).sum();
        if packer.tuning.native && private > 0 {
            notes.push(format!("{private} bytes of constants stay private in each process"));
        }
        let packed = Packed {
            digest: engine.bloc().digest().to_owned(),
            size_bytes: engine.bloc().size_bytes(),
            golden: report,
        };
        unpublished.publish()?;
        Ok(PackedNetwork { packed, batch, notes })
    }
}

fn mismatch(report: &GoldenReport) -> Error {
    Error::new(
        ErrorKind::GoldenMismatch,
        format!(
            "the engine's outputs on {} golden rows differ from the reference's by up to {:e} of an output's \
             greatest magnitude; at most {:e} is allowed; nothing was written",
            report.rows,
            report.max_rel_diff,
            golden::RELATIVE_BOUND
        ),
    )
}

/// The cases, with outputs where they had none.
fn complete(
    bloc: &Bloc,
    inputs: &[TensorField],
    batch: &Batch,
    mut cases: Vec<GoldenCase>,
) -> Result<Vec<GoldenCase>> {
    for case in &cases {
        if case.inputs.len() != inputs.len() {
            let message =
                format!("a golden case with {} inputs; expected {}", case.inputs.len(), inputs.len());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        graph::bind(inputs, &case.inputs)?;
    }
    if cases.iter().all(|case| !case.outputs.is_empty()) {
        return Ok(cases);
    }
    if let Batch::Rows { .. } = batch {
        cases = cases.iter().map(by_rows).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    }
    let given: Vec<Vec<Tensor>> = cases.iter().map(|case| case.inputs.clone()).collect();
    let outputs = graph::reference_outputs(bloc, inputs, batch, &given)?;
    for (case, outputs) in cases.iter_mut().zip(outputs) {
        case.outputs = outputs;
    }
    Ok(cases)
}

/// A case for each row.
fn by_rows(case: &GoldenCase) -> Result<Vec<GoldenCase>> {
    let n_rows = case.inputs.first().and_then(|input| input.shape().first().copied()).unwrap_or(0);
    let row = |row: usize| {
        let inputs = case.inputs.iter().map(|input| input.rows(row, row + 1)).collect::<Result<_>>()?;
        Ok(GoldenCase { inputs, outputs: Vec::new() })
    };
    (0..n_rows).map(row).collect()
}

fn synthetic(field: &TensorField, batch: Option<&str>, state: &mut u64) -> Result<Tensor> {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Size(size) => *size,
        Dimension::Symbol(symbol) if Some(symbol.as_str()) == batch => GOLDEN_ROWS,
        _ => GOLDEN_LENGTH,
    };
    let shape: Vec<usize> = field.shape.iter().map(size).collect();
    let count = shape.iter().product();
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state >> 40
    };
    let unit = |bits: u64| bits as f64 / f64::from(1 << 23) - 1.0;
    match field.dtype {
        DType::String => Tensor::from_texts(&shape, (0..count).map(|_| format!("{}", next() % 2)).collect()),
        DType::Float64 => Tensor::from_f64(&shape, (0..count).map(|_| unit(next())).collect()),
        DType::Float32 => Tensor::from_f32(&shape, (0..count).map(|_| unit(next()) as f32).collect()),
        DType::Float16 => {
            // Bits of numbers from 1/8 to 1/4.
            let halves: Vec<u8> =
                (0..count).flat_map(|_| ((next() % 0x400 + 0x3000) as u16).to_le_bytes()).collect();
            Tensor::from_bytes(DType::Float16, &shape, &halves)
        }
        dtype => {
            let value = |bit: u64| {
                let mut bytes = vec![0; dtype.size()];
                bytes[0] = (bit % 2) as u8;
                bytes
            };
            let bytes: Vec<u8> = (0..count).flat_map(|_| value(next())).collect();
            Tensor::from_bytes(dtype, &shape, &bytes)
        }
    }
}
