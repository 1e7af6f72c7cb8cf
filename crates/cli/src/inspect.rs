//! `monobloc inspect`: what a bloc holds, for people and as JSON.

use crate::printable;
use monobloc::schema::Schema;
use monobloc::{Engine, Error, ErrorKind, LoadOptions, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The text to print.
pub fn run(path: &Path, json: bool) -> Result<String> {
    let engine = Engine::load(path, &LoadOptions::default())?;
    if json { as_json(&engine) } else { Ok(as_text(&engine)) }
}

fn as_json(engine: &Engine) -> Result<String> {
    let internal =
        |error: serde_json::Error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
    let bloc = engine.bloc();
    let manifest: serde_json::Value = serde_json::from_str(bloc.manifest_json()).map_err(internal)?;
    let shown = serde_json::json!({
        "digest": bloc.digest(),
        "size_bytes": bloc.size_bytes(),
        "manifest": manifest,
    });
    serde_json::to_string_pretty(&shown).map(|text| text + "\n").map_err(internal)
}

fn as_text(engine: &Engine) -> String {
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
    line(format!("  = {} features, {:?}", engine.pipeline().n_features(), engine.pipeline().feature_type()));
    line("members".to_owned());
    for member in &manifest.members {
        line(format!("  {:16} {:>14} bytes  sha256:{}", member.name, member.length, member.sha256));
    }
    for (title, entries) in [("metadata", &manifest.metadata), ("provenance", &manifest.provenance)] {
        section(title, entries, &mut text);
    }
    text
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
    let (model, forest) = (engine.model(), engine.model().forest());
    let trees = format!(
        "{} trees, {} nodes, {} different leaves",
        forest.n_trees(),
        forest.n_nodes(),
        forest.n_distinct_leaves()
    );
    let source = printable(model.source());
    match model.classes() {
        Some(classes) => format!("{source}, {} classes, {trees}", classes.values.len()),
        None => format!("{source}, {trees}"),
    }
}

fn schema(schema: &Schema) -> String {
    let width = schema.fields().iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    let field = |field: &monobloc::schema::Field| {
        format!(
            "  {:width$}  {:8} {}",
            printable(&field.name),
            format!("{:?}", field.kind).to_lowercase(),
            printable(&field.dtype)
        )
    };
    schema.fields().iter().map(field).collect::<Vec<_>>().join("\n")
}
