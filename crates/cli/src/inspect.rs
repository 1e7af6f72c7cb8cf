//! `monobloc inspect`: what a bloc holds, for people and as JSON.

use crate::printable;
use monobloc::reference::{OutputSource, Reference};
use monobloc::schema::Schema;
use monobloc::{Engine, Error, ErrorKind, LoadOptions, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The text to print.
pub fn run(path: &Path, json: bool) -> Result<String> {
    let engine = Engine::load(path, &LoadOptions::default())?;
    let reference = Reference::in_bloc(engine.bloc(), engine.schema())?;
    if json { as_json(&engine, reference.as_ref()) } else { Ok(as_text(&engine, reference.as_ref())) }
}

fn as_json(engine: &Engine, reference: Option<&Reference>) -> Result<String> {
    let internal =
        |error: serde_json::Error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
    let bloc = engine.bloc();
    let manifest: serde_json::Value = serde_json::from_str(bloc.manifest_json()).map_err(internal)?;
    let shown = serde_json::json!({
        "digest": bloc.digest(),
        "size_bytes": bloc.size_bytes(),
        "manifest": manifest,
        "reference": reference.map(|reference| serde_json::json!({
            "rows": reference.rows(),
            "outputs": reference.outputs.as_ref().map(|outputs| serde_json::json!({
                "source": outputs.source,
                "rows": outputs.rows(),
            })),
        })),
    });
    serde_json::to_string_pretty(&shown).map(|text| text + "\n").map_err(internal)
}

fn as_text(engine: &Engine, reference: Option<&Reference>) -> String {
    let (bloc, manifest) = (engine.bloc(), engine.manifest());
    let mut text = String::new();
    let mut line = |line: String| text.push_str(&(line + "\n"));
    line(format!("{} {}", printable(&manifest.name), printable(&manifest.version)));
    line(format!("  digest   {}", bloc.digest()));
    line(format!("  size     {} bytes, format version {}", bloc.size_bytes(), manifest.format_version));
    line(format!("  model    {}", model(engine)));
    line("schema".to_owned());
    line(schema(engine.schema()));
    line("steps".to_owned());
    let width = engine.pipeline().steps().iter().map(|step| step.kind.len()).max().unwrap_or(0);
    for step in engine.pipeline().steps() {
        line(format!("  {:width$}  {}", step.kind, printable(&step.path)));
    }
    line(format!(
        "  = {} features, {}",
        engine.pipeline().n_features(),
        engine.pipeline().feature_type().name()
    ));
    if let Some(reference) = reference {
        line(format!("reference\n  {}", described(reference)));
    }
    line("members".to_owned());
    for member in &manifest.members {
        line(format!("  {:16} {:>14} bytes  sha256:{}", member.name, member.length, member.sha256));
    }
    for (title, entries) in [("metadata", &manifest.metadata), ("provenance", &manifest.provenance)] {
        section(title, entries, &mut text);
    }
    text
}

/// How many rows a reference describes, and the model's answers on how many.
fn described(reference: &Reference) -> String {
    let rows = reference.rows();
    match &reference.outputs {
        None => format!("{rows} rows, no outputs"),
        Some(outputs) => match outputs.source {
            OutputSource::Reference => format!(
                "{rows} rows, outputs on {} of them: shown, never judged, since the model may have seen these rows",
                outputs.rows()
            ),
            OutputSource::Validation => format!("{rows} rows, outputs on {} validation rows", outputs.rows()),
        },
    }
}

fn section(title: &str, entries: &BTreeMap<String, String>, text: &mut String) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}");
    let width = entries.keys().map(String::len).max().unwrap_or(0);
    for (key, value) in entries {
        let _ = writeln!(text, "  {:width$}  {}", printable(key), printable(value));
    }
}

fn model(engine: &Engine) -> String {
    let model = engine.model();
    let Some(ensemble) = model.ensemble() else { return network(engine) };
    let trees = match ensemble.forest() {
        Some(forest) => format!(
            "{} trees, {} nodes, {} different leaves",
            forest.n_trees(),
            forest.n_nodes(),
            forest.n_distinct_leaves()
        ),
        None => format!("a weight for each of {} features", engine.pipeline().n_features()),
    };
    let source = printable(model.source());
    match model.targets() {
        [] => format!("{source}, {trees}"),
        [classes] => format!("{source}, {} classes, {trees}", classes.values.len()),
        targets => format!("{source}, {} targets, {} classes, {trees}", targets.len(), model.n_outputs()),
    }
}

#[cfg(feature = "onnx")]
fn network(engine: &Engine) -> String {
    use monobloc::model::graph::Batch;
    let Some(network) = engine.model().network() else { return String::new() };
    let batch = match network.batch() {
        Batch::Coupled { symbol } => format!("rows along {symbol} run together and may depend on each other"),
        Batch::Fixed => "no batch axis".to_owned(),
        Batch::Rows { symbol } => format!("rows along {symbol} run one by one"),
        Batch::Symbolic { symbol } => format!("rows along {symbol} run together"),
    };
    let outputs = network.outputs().iter().map(|output| {
        let shape = output.shape.iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
        format!("\n  output   {} {} [{}]", printable(&output.name), output.dtype.name(), shape.join(", "))
    });
    format!("network from {}, {batch}{}", network.source(), outputs.collect::<String>())
}

#[cfg(not(feature = "onnx"))]
fn network(_: &Engine) -> String {
    "network".to_owned()
}

fn schema(schema: &Schema) -> String {
    let width = schema.fields().iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    let field = |field: &monobloc::schema::Field| {
        format!("  {:width$}  {:8} {}", printable(&field.name), field.kind.name(), printable(&field.dtype))
    };
    let tensor = |tensor: &monobloc::schema::TensorField| {
        let shape = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>();
        format!("  {} {} [{}]", printable(&tensor.name), tensor.dtype.name(), shape.join(", "))
    };
    let fields = schema.fields().iter().map(field);
    fields.chain(schema.tensors().iter().map(tensor)).collect::<Vec<_>>().join("\n")
}
