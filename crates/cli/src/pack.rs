//! `monobloc pack`: from a model file to a bloc.

#[cfg(feature = "onnx")]
mod network;

#[cfg(feature = "onnx")]
pub use network::{TuneArguments, tune_panels};

use monobloc::import::trees::{TreeOptions, is_tree_file};
use monobloc::pack::TreePacker;
use monobloc::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// The model: LightGBM's text, XGBoost's UBJSON or JSON, CatBoost's JSON, or ONNX, whose external data lies in its folder.
    model: PathBuf,
    /// Where the bloc goes. A file there is replaced in one step.
    bloc: PathBuf,
    /// The model's name; by default the bloc's file name.
    #[arg(long)]
    name: Option<String>,
    /// The model's version.
    #[arg(long, default_value = "1")]
    version: String,
    /// An entry for the manifest: KEY=VALUE.
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,
    /// Boosting iterations to keep, as 0..100; by default those that the library itself would use.
    #[arg(long, value_name = "FROM..TO")]
    iterations: Option<String>,
    /// A number that is missing besides NaN: XGBoost's `missing`, which files have only where a wrapper before
    /// XGBoost 2.0 saved them.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    missing: Option<f32>,
    /// Leave the model's own file out of the bloc; by default a tree ensemble's is kept as source/...
    #[arg(long)]
    no_source: bool,
    #[cfg(feature = "onnx")]
    #[command(flatten)]
    network: network::Options,
}

/// The text to print when the bloc is written.
pub fn run(arguments: Arguments) -> Result<String> {
    let stem = arguments.bloc.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = arguments.name.clone().or(stem).unwrap_or_default();
    let metadata = arguments.metadata.iter().map(|entry| pair(entry)).collect::<Result<_>>()?;
    let beginning = beginning(&arguments.model)?;
    if is_tree_file(&beginning) {
        return trees(arguments, name, metadata);
    }
    let given = [
        ("--iterations", arguments.iterations.is_some()),
        ("--missing", arguments.missing.is_some()),
        ("--no-source", arguments.no_source),
    ];
    refuse(&given, "tree ensembles", &arguments.model)?;
    #[cfg(feature = "onnx")]
    return network::run(&arguments, name, metadata);
    #[cfg(not(feature = "onnx"))]
    return Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "{}: this build reads no ONNX, and {}",
            arguments.model.display(),
            monobloc::import::unrecognised(&beginning)
        ),
    ));
}

fn trees(arguments: Arguments, name: String, metadata: BTreeMap<String, String>) -> Result<String> {
    #[cfg(feature = "onnx")]
    refuse(&arguments.network.given(), "ONNX models", &arguments.model)?;
    let Arguments { model, bloc, version, iterations, missing, no_source, .. } = arguments;
    let iterations = iterations.map(|range| {
        let ends = range.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
        ends.ok_or_else(|| {
            let message = format!("--iterations {range:?}; expected FROM..TO, such as 0..100");
            Error::new(ErrorKind::InvalidArgument, message)
        })
    });
    let packer = TreePacker {
        name,
        version,
        metadata,
        options: TreeOptions { iterations: iterations.transpose()?, missing },
        keep_source: !no_source,
        ..TreePacker::default()
    };
    let file = std::fs::read(&model).map_err(|error| unreadable(&model, &error))?;
    let packed = packer.write(&file, &bloc).map_err(|error| error.within(model.display()))?;
    Ok(format!(
        "{}: {} bytes\n{} golden rows have the raw scores of the model's file, read node after node\n{}\n",
        bloc.display(),
        packed.size_bytes,
        packed.golden.rows,
        packed.digest
    ))
}

/// Refuses options that are for other models.
fn refuse(given: &[(&str, bool)], kind: &str, model: &Path) -> Result<()> {
    let Some((option, _)) = given.iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!("{option} is for {kind}, and {} is none", model.display());
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// The first bytes of a file.
fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(64).read_to_end(&mut bytes));
    file.map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("reading {}: {error}", path.display()))
}

fn pair(entry: &str) -> Result<(String, String)> {
    let split = entry.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    split
        .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, format!("{entry:?} lacks the = of NAME=VALUE")))
}
