//! Packing ONNX models.

use super::{Arguments, pair};
use monobloc::golden::GoldenCase;
use monobloc::import::onnx::OnnxSource;
use monobloc::model::graph::Batch;
use monobloc::pack::{NetworkPacker, Tuning};
use monobloc::schema::{Dimension, NonFinite};
use monobloc::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    /// The shape of a network's input, where the model's own is not meant: NAME=batch,3,224,224. ? is any length.
    #[arg(long, value_name = "NAME=SHAPE")]
    input: Vec<String>,
    /// A network's rows with NaN or infinite values get no answer; by default they are run and flagged.
    #[arg(long)]
    reject_non_finite: bool,
    /// Leave a network's weights as the model has them: a smaller file, which each process packs for itself.
    #[arg(long)]
    no_tune: bool,
    /// Hold panels for this processor instead of the present one: native, x86-64-v2, x86-64-v3 or x86-64-v4.
    /// May be given several times.
    #[arg(long, value_name = "PROCESSOR", conflicts_with = "no_tune")]
    tune: Vec<String>,
}

impl Options {
    /// The options, and whether each was given.
    pub fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("--input", !self.input.is_empty()),
            ("--reject-non-finite", self.reject_non_finite),
            ("--no-tune", self.no_tune),
            ("--tune", !self.tune.is_empty()),
        ]
    }
}

/// The text to print when the bloc is written.
pub fn run(arguments: &Arguments, name: String, metadata: BTreeMap<String, String>) -> Result<String> {
    let Arguments { model, bloc, version, network, .. } = arguments;
    let mut packer = NetworkPacker {
        name,
        version: version.clone(),
        metadata,
        tuning: tuning(network.no_tune, network.tune.clone())?,
        ..NetworkPacker::default()
    };
    for entry in &network.input {
        let (input, shape) = pair(entry)?;
        packer.shapes.insert(input, shape.split(',').map(dimension).collect());
    }
    if network.reject_non_finite {
        packer.non_finite = BTreeMap::from([("*".to_owned(), NonFinite::Reject)]);
    }
    let draft = packer.read(OnnxSource::File(model), bloc)?;
    let case = GoldenCase { inputs: draft.synthetic_case()?, outputs: Vec::new() };
    let written = draft.publish(bloc, vec![case])?;
    let batch = match written.batch {
        Batch::Coupled { .. } => "rows run together and may depend on each other",
        Batch::Fixed => "no batch axis",
        Batch::Rows { .. } => "rows run one by one",
        Batch::Symbolic { .. } => "rows run together, independent of each other",
    };
    let mut text = format!(
        "{}: {} bytes; {batch}\n{} golden rows differ from the unoptimised graph's by at most {:.1e} of an output's greatest magnitude\n{}\n",
        bloc.display(),
        written.packed.size_bytes,
        written.packed.golden.rows,
        written.packed.golden.max_rel_diff,
        written.packed.digest
    );
    for note in written.notes {
        let _ = writeln!(text, "note: {note}");
    }
    Ok(text)
}

fn tuning(none: bool, names: Vec<String>) -> Result<Tuning> {
    let native = !none && (names.is_empty() || names.iter().any(|name| name == "native"));
    let targets: Vec<String> = names.into_iter().filter(|name| name != "native").collect();
    let program = std::env::current_exe()
        .map_err(|error| Error::new(ErrorKind::Io, format!("finding this program: {error}")))?;
    Ok(Tuning { native, targets, command: vec![program.into(), "tune-panels".into()] })
}

/// Makes panels as this process's environment says: what `pack` runs for processors named by `--tune`.
#[derive(clap::Args)]
pub struct TuneArguments {
    /// The bloc.
    bloc: PathBuf,
    /// Where the panels go.
    out: PathBuf,
    /// Files with panels that need not be made again.
    beside: Vec<PathBuf>,
}

/// Nothing is printed.
pub fn tune_panels(arguments: &TuneArguments) -> Result<String> {
    let TuneArguments { bloc, out, beside } = arguments;
    monobloc::model::graph::tune_panels(bloc, out, beside).map(|()| String::new())
}

fn dimension(text: &str) -> Dimension {
    match text.trim() {
        "?" => Dimension::Any,
        text => text.parse().map_or_else(|_| Dimension::Symbol(text.to_owned()), Dimension::Size),
    }
}
