//! Other sanity rules for a bloc: a new bloc that differs in nothing else.

use super::Packed;
use crate::bloc::{Bloc, BlocWriter, Body, Draft, SourceFile};
use crate::engine::{Engine, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::golden;
use crate::sanity::Rules;
use crate::schema::Schema;
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::Arc;

/// Writes the bloc at `source` to `target` with `rules` in place of its own. Every byte of the source is verified,
/// and the golden rows are replayed before the new bloc is published.
///
/// # Errors
/// As [`Bloc::open`] and [`Bloc::verify`]; [`ErrorKind::InvalidArgument`] for rules that cannot be used;
/// [`ErrorKind::GoldenMismatch`]; what the operating system says. The target is then as it was.
pub fn with_rules(source: &Path, target: &Path, rules: &Rules) -> Result<Packed> {
    let bloc = Bloc::open(source, None)?;
    bloc.verify()?;
    let manifest = bloc.manifest();
    let schema = Schema::parse(manifest.schema.get())?;
    rules.check(&schema)?;
    let draft = Draft {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        schema: manifest.schema.clone(),
        sanity: Some(raw(rules)?),
        preprocess: manifest.preprocess.clone(),
        model: manifest.model.clone(),
        metadata: manifest.metadata.clone(),
        provenance: manifest.provenance.clone(),
    };
    let file = bloc.file().try_clone().map_err(|error| Error::io(source, "reading", &error))?;
    let file = Arc::new(SourceFile { file, path: source.to_owned() });
    let mut writer = BlocWriter::default();
    for member in &manifest.members {
        let mut body = Body::default();
        body.push_file(&file, member.offset, member.length);
        writer.add(&member.name, member.version, member.critical, body)?;
    }
    let unpublished = writer.write(target, draft)?;
    let engine = Engine::load(unpublished.path(), &LoadOptions::default())?;
    let report = golden::replay(&engine)?;
    if !report.accepted {
        let message = format!(
            "writing {}: outputs on {} golden rows differ by up to {:e}; nothing was written",
            target.display(),
            report.rows,
            report.max_abs_diff
        );
        return Err(Error::new(ErrorKind::GoldenMismatch, message));
    }
    let (digest, size_bytes) = (engine.bloc().digest().to_owned(), engine.bloc().size_bytes());
    unpublished.publish()?;
    Ok(Packed { digest, size_bytes, golden: report })
}

/// Rules as the manifest holds them.
pub(super) fn raw(rules: &Rules) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(rules)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("writing sanity rules: {error}")))
}
