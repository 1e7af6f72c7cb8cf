//! Processors that panels can be made for, whatever processor packs.
//!
//! tract asks once per process what its processor has, and can be told otherwise by environment variables
//! only. So panels for another processor are packed in a process of their own.

use super::build;
use super::plan::{Spec, input_names};
use super::recording::Recording;
use crate::bloc::Bloc;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A level of processors.
struct Target {
    name: &'static str,
    /// What tract takes from or adds to the features of the machine that packs.
    features: &'static str,
}

/// The levels of the x86-64 psABI, as far as tract's float kernels tell them apart.
const TARGETS: &[Target] = &[
    Target { name: "x86-64-v2", features: "-avx,-avx2,-fma,-f16c,-avx512f,-avx512vnni,-avx512fp16,-avxvnni" },
    Target { name: "x86-64-v3", features: "+avx,+avx2,+fma,+f16c,-avx512f,-avx512vnni,-avx512fp16,-avxvnni" },
    Target { name: "x86-64-v4", features: "+avx,+avx2,+fma,+f16c,+avx512f,-avx512vnni,-avx512fp16,-avxvnni" },
];

/// tract's choices differ by vendor, too.
const VENDORS: &[&str] = &["amd", "intel"];

/// The names of the targets.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|target| target.name)
}

/// Packs the panels of the bloc at `bloc` for target `name` in processes of their own, and gives the files
/// made, each with the end of its member's name. `command` is the beginning of a command line that ends in
/// [`tune_panels`]; entries of `beside` need not be made again.
pub(crate) fn tune(
    name: &str,
    bloc: &Path,
    command: &[OsString],
    folder: &Path,
) -> Result<Vec<(String, PathBuf)>> {
    let target = TARGETS.iter().find(|target| target.name == name && cfg!(target_arch = "x86_64"));
    let target = target.ok_or_else(|| {
        let known: Vec<&str> = target_names().filter(|_| cfg!(target_arch = "x86_64")).collect();
        let message = format!("tune names {name:?}; on this machine panels can be made for {known:?}");
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    let (program, arguments) = command.split_first().ok_or_else(|| {
        let message = "panels for named processors are packed by the command monobloc; none was named";
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    let mut made: Vec<(String, PathBuf)> = Vec::new();
    for vendor in VENDORS {
        let out = folder.join(format!("{name}-{vendor}.bin"));
        let output = Command::new(program)
            .args(arguments)
            .arg(bloc)
            .arg(&out)
            .args(made.iter().map(|(_, path)| path))
            .env("TRACT_CPU_ISA", target.features)
            .env("TRACT_X86_KIND", vendor)
            .output()
            .map_err(|error| Error::io(Path::new(program), "running", &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
            let message =
                format!("making panels for {name}: the process ended with {}: {said}", output.status);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if out.exists() {
            made.push((format!("{name}-{vendor}.bin"), out));
        }
    }
    Ok(made)
}

/// Packs the panels of the bloc at `bloc` as this process's tract wants them, and writes those that neither
/// the bloc nor the files `beside` it hold to `out`. Nothing is written where nothing is left to make.
///
/// # Errors
/// As [`Bloc::open`], and [`ErrorKind::InvalidArgument`] for a bloc that holds no network.
pub fn tune_panels(bloc: &Path, out: &Path, beside: &[PathBuf]) -> Result<()> {
    let bloc = Bloc::open(bloc, None)?;
    let spec: Spec = serde_json::from_str(bloc.manifest().model.get()).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, format!("{} holds no network: {error}", bloc.path().display()))
    })?;
    let schema = Schema::parse(bloc.manifest().schema.get())?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let recording = Recording::new(folder, &bloc)?;
    let names = input_names(&spec, schema.tensors());
    let draft = build::draft(&bloc, &names, spec.batch.fixed_axis(), Some(recording))?;
    for path in beside {
        let file = File::open(path).map_err(|error| Error::io(path, "opening", &error))?;
        draft.constants.lock().tuned.add(file, path, &bloc)?;
    }
    let (built, recording) = draft.build()?;
    drop(built);
    let Some(body) = recording.map_or(Ok(None), Recording::finish)? else { return Ok(()) };
    let fault = |error: std::io::Error| Error::io(out, "writing", &error);
    let mut file = BufWriter::new(File::create(out).map_err(fault)?);
    body.read(|bytes| file.write_all(bytes).map_err(fault))?;
    file.flush().map_err(fault)
}
