//! Engines: loaded, shared, asked what they are.

use crate::handle::{Growing, In, Out, OutSized, Text, give, given, handle};
use crate::options::{self, monobloc_load_options};
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::text::{monobloc_bytes, monobloc_str};
use monobloc::Engine;
use monobloc::model::{Ensemble, Task};
use monobloc::schema::Dimension;
use std::path::Path;
use std::sync::Arc;

/// A model with its preprocessing, ready to predict.
///
/// An engine does not change: any number of threads may use it at once, and processes that are forked after loading
/// share its memory. Each handle is freed with `monobloc_engine_free`; the engine goes with the last of its handles, and
/// of the rows, prepared rows and calls that use it.
pub struct monobloc_engine(pub Arc<Loaded>);

/// What handles share.
pub struct Loaded {
    /// The engine.
    pub engine: Engine,
    /// The axes of each tensor that a network takes: lengths, or -1 where any will do.
    pub shapes: Vec<Vec<i64>>,
}

impl monobloc_engine {
    /// A handle's content.
    pub fn new(engine: Engine) -> monobloc_engine {
        let axis = |dimension: &Dimension| match dimension {
            Dimension::Size(size) => *size as i64,
            Dimension::Any | Dimension::Symbol(_) => -1,
        };
        let tensors = engine.schema().tensors().iter();
        let shapes = tensors.map(|tensor| tensor.shape.iter().map(axis).collect()).collect();
        monobloc_engine(Arc::new(Loaded { engine, shapes }))
    }
}

/// What a model gives.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_task {
    /// Probabilities of classes.
    MONOBLOC_CLASSIFICATION = 1,
    /// A score that is lower the more abnormal a row is.
    MONOBLOC_OUTLIER_DETECTION = 2,
    /// A number.
    MONOBLOC_REGRESSION = 3,
    /// Tensors, by `monobloc_engine_run_tensors` or `monobloc_engine_run_network`.
    MONOBLOC_NETWORK = 4,
}

/// Loads the bloc at `path`: proves its container and structure, and maps the rest. `options` may be NULL.
///
/// `*out_engine` is written on success alone.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_load(
    path: Text,
    options: In<monobloc_load_options>,
    out_engine: Out<'_, *mut monobloc_engine>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let options = options::read(options.optional("options")?)?;
        let out_engine = out_engine.place("out_engine")?;
        let engine = Engine::load(Path::new(path.get("path")?), &options)?;
        crate::log::loaded(&engine);
        out_engine.write(handle(monobloc_engine::new(engine)));
        Ok(())
    })
}

/// Another handle of the same engine; NULL of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_clone(engine: Option<&monobloc_engine>) -> *mut monobloc_engine {
    engine.map_or(std::ptr::null_mut(), |engine| handle(monobloc_engine(Arc::clone(&engine.0))))
}

/// Frees a handle; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_free(engine: Option<Box<monobloc_engine>>) {
    total((), || drop(engine));
}

/// The model's name; no text of NULL, as for all texts of an engine.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_name(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.map(|engine| engine.0.engine.manifest().name.as_str()).into()
}

/// The model's version.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_version(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.map(|engine| engine.0.engine.manifest().version.as_str()).into()
}

/// The bloc's digest: `sha256:` and 64 hexadecimal digits.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_digest(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.map(|engine| engine.0.engine.bloc().digest()).into()
}

/// The path that the bloc was loaded from; no text where it is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_path(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.and_then(|engine| engine.0.engine.bloc().path().to_str()).into()
}

/// The class or format that the model was read from.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_source(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.map(|engine| engine.0.engine.model().source()).into()
}

/// The bloc's manifest, as JSON: schema, preprocessing, rules and provenance.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_manifest_json(engine: Option<&monobloc_engine>) -> monobloc_str {
    engine.map(|engine| engine.0.engine.bloc().manifest_json()).into()
}

/// A JSON Schema (draft 2020-12) of the request bodies that `monobloc_engine_run_json` takes.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_json_schema(
    engine: Option<&monobloc_engine>,
    out_json: Out<'_, *mut monobloc_bytes>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = given(engine, "engine")?;
        give(out_json, "out_json", || monobloc_bytes::new(engine.0.engine.json_schema()))
    })
}

/// What the model gives; `MONOBLOC_REGRESSION` of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_task(engine: Option<&monobloc_engine>) -> monobloc_task {
    let Some(engine) = engine else { return monobloc_task::MONOBLOC_REGRESSION };
    match engine.0.engine.model().ensemble().map(Ensemble::task) {
        Some(Task::Classification) => monobloc_task::MONOBLOC_CLASSIFICATION,
        Some(Task::OutlierDetection) => monobloc_task::MONOBLOC_OUTLIER_DETECTION,
        Some(Task::Regression) => monobloc_task::MONOBLOC_REGRESSION,
        None => monobloc_task::MONOBLOC_NETWORK,
    }
}

/// Threads that batches take together now; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_threads(engine: Option<&monobloc_engine>) -> usize {
    engine.map_or(0, |engine| total(0, || engine.0.engine.threads()))
}

/// What loading cost.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_load_report {
    /// `sizeof(monobloc_load_report)`.
    pub size: usize,
    /// Wall time.
    pub seconds: f64,
    /// Bytes of the file that are mapped, and shared with other processes.
    pub mapped_bytes: u64,
    /// Bytes that the engine keeps for itself, estimated from the sizes of its parts.
    pub private_bytes: u64,
    /// How many warnings there were; `monobloc_set_log` tells them.
    pub n_warnings: usize,
}

// SAFETY: it begins with its size; zeros are numbers.
unsafe impl Growing for monobloc_load_report {
    const NAME: &'static str = "monobloc_load_report";
}

/// Writes what loading cost to `*out_report`, whose size is set.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_load_report(
    engine: Option<&monobloc_engine>,
    mut out_report: OutSized<monobloc_load_report>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let report = given(engine, "engine")?.0.engine.load_report();
        let report = monobloc_load_report {
            size: 0,
            seconds: report.duration.as_secs_f64(),
            mapped_bytes: report.mapped_bytes,
            private_bytes: report.private_bytes,
            n_warnings: report.warnings.len() + report.kernel_variables.len(),
        };
        out_report.give("out_report", report)
    })
}
