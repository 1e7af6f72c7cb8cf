//! `monobloc pack`: from an ONNX model to a bloc.

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
pub struct Arguments {
    /// The ONNX model; external data lies in its folder.
    model: PathBuf,
    /// Where the bloc goes. A file there is replaced in one step.
    bloc: PathBuf,
    /// The model's name; by default the bloc's file name.
    #[arg(long)]
    name: Option<String>,
    /// The model's version.
    #[arg(long, default_value = "1")]
    version: String,
    /// The shape of an input, where the model's own is not meant: NAME=batch,3,224,224. ? is any length.
    #[arg(long, value_name = "NAME=SHAPE")]
    input: Vec<String>,
    /// Rows with NaN or infinite values get no answer; by default they are run and flagged.
    #[arg(long)]
    reject_non_finite: bool,
    /// Leave the weights as the model has them: a smaller file, which each process packs for itself.
    #[arg(long)]
    no_tune: bool,
    /// Hold panels for this processor instead of the present one: native, x86-64-v2, x86-64-v3 or x86-64-v4.
    /// May be given several times.
    #[arg(long, value_name = "PROCESSOR", conflicts_with = "no_tune")]
    tune: Vec<String>,
    /// An entry for the manifest: KEY=VALUE.
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,
}

/// The text to print when the bloc is written.
pub fn run(arguments: Arguments) -> Result<String> {
    let Arguments { model, bloc, name, version, input, reject_non_finite, no_tune, tune, metadata } =
        arguments;
    let stem = bloc.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut packer = NetworkPacker {
        name: name.or(stem).unwrap_or_default(),
        version,
        metadata: metadata.iter().map(|entry| pair(entry)).collect::<Result<_>>()?,
        tuning: tuning(no_tune, tune)?,
        ..NetworkPacker::default()
    };
    for entry in &input {
        let (input, shape) = pair(entry)?;
        packer.shapes.insert(input, shape.split(',').map(dimension).collect());
    }
    if reject_non_finite {
        packer.non_finite = BTreeMap::from([("*".to_owned(), NonFinite::Reject)]);
    }
    let draft = packer.read(OnnxSource::File(&model), &bloc)?;
    let case = GoldenCase { inputs: draft.synthetic_case()?, outputs: Vec::new() };
    let written = draft.publish(&bloc, vec![case])?;
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

fn pair(entry: &str) -> Result<(String, String)> {
    let split = entry.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    split
        .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, format!("{entry:?} lacks the = of NAME=VALUE")))
}

fn dimension(text: &str) -> Dimension {
    match text.trim() {
        "?" => Dimension::Any,
        text => text.parse().map_or_else(|_| Dimension::Symbol(text.to_owned()), Dimension::Size),
    }
}
