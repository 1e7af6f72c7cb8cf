//! `monobloc verify`: every byte against its digest, and the golden rows against the source's outputs.

use monobloc::{Engine, LoadOptions, Result, Verify, golden};
use std::path::Path;

/// The text to print when all is well.
pub fn run(path: &Path, digest: Option<&str>) -> Result<String> {
    let mut options = LoadOptions::default().verify(Verify::Full);
    options.digest = digest.map(str::to_owned);
    let engine = Engine::load(path, &options)?;
    let report = golden::replay(&engine)?;
    report.check(path)?;
    let answers = if report.exact {
        "give the source's very bytes".to_owned()
    } else {
        format!("give the reference's outputs within {:.1e} of their greatest magnitude", report.max_rel_diff)
    };
    Ok(format!(
        "{}: {} bytes match their digests; {} golden rows {answers}\n{}\n",
        path.display(),
        engine.bloc().size_bytes(),
        report.rows,
        engine.bloc().digest()
    ))
}
