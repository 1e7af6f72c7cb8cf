//! `monobloc predict`: rows of a file or pipe in, answers out.

use crate::progress::Bar;
use monobloc::score::{Format, Place, Scoring};
use monobloc::{Engine, Error, ErrorKind, LoadOptions, Result};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The bloc.
    bloc: PathBuf,
    /// The rows: a file of CSV whose header names the model's fields, or of JSON lines whose objects have them as keys. -
    /// is standard input.
    input: PathBuf,
    /// Where the answers go, one for each row. A file there is replaced in one step, once all rows are answered. - is
    /// standard output.
    #[arg(long, short, default_value = "-")]
    out: PathBuf,
    /// The format of the rows: csv, tsv or jsonl (ndjson); by default what the file's name ends in, csv on standard input.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// The format of the answers, as those of the rows; by default what the file's name ends in, on standard output that of
    /// the rows.
    #[arg(long, value_parser = format)]
    out_format: Option<Format>,
    /// What separates the fields of the rows: one ASCII character, or `tab`; by default a comma, a tab in a tsv.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// A text that is a missing value (repeatable). Without it those of pandas are: NA, NaN, null, None, N/A, ...
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    na: Option<Vec<String>>,
    /// A column or key of the input that the answers carry (repeatable).
    #[arg(long, value_name = "COLUMN")]
    id: Vec<String>,
    /// Write the number and the verdict of each rejected row to a file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Threads; by default the budget that `monobloc budget` explains.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

/// What to tell when all rows are answered; `None` where who reads the answers went away before.
pub fn run(arguments: Arguments) -> Result<Option<String>> {
    let Arguments { bloc, input, out, format, out_format, delimiter, na, id, rejects, threads } = arguments;
    if rejects.as_ref().is_some_and(|rejects| is_same_file(rejects, &out)) {
        let message = format!("--rejects and --out are both {}; expected two files", out.display());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let place = |path: PathBuf| if path.as_os_str() == "-" { Place::Standard } else { Place::File(path) };
    let threads = threads.map(NonZeroUsize::get);
    let total = std::fs::metadata(&input).ok().filter(std::fs::Metadata::is_file).map(|there| there.len());
    let scoring = Scoring {
        input_format: format,
        output_format: out_format,
        delimiter,
        na,
        ids: id,
        rejects: rejects.clone(),
        threads,
        ..Scoring::new(place(input), place(out))
    };
    // Each block is answered on the thread that read it.
    let threads = threads.unwrap_or_else(|| monobloc::CpuBudget::read(None).threads);
    let engine = Engine::load(&bloc, &LoadOptions::default().without_monitor().threads(1))?;
    let bar = Bar::new(total);
    let scored = Scoring { threads: Some(threads), ..scoring }.run(&engine, &|scored| bar.show(scored));
    bar.end();
    let scored = scored?;
    if scored.is_closed {
        return Ok(None);
    }
    let rejects = rejects.map_or_else(
        || " (--rejects FILE tells which and why)".to_owned(),
        |rejects| format!(" ({})", rejects.display()),
    );
    let counts = [
        (scored.rejected, "rejected", &*rejects),
        (scored.repaired, "repaired", ""),
        (scored.flagged, "flagged", ""),
    ];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what, more)| format!("{count} {what}{more}")).collect();
    let said = match counts.is_empty() {
        true => format!("{} rows", scored.rows),
        false => format!("{} rows: {}", scored.rows, counts.join(", ")),
    };
    Ok(Some(said))
}

/// Whether two paths lead to one place, there or not yet.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    resolved(one).ok().zip(resolved(other).ok()).is_some_and(|(one, other)| one == other)
}

pub(crate) fn format(name: &str) -> std::result::Result<Format, String> {
    let expected = || format!("expected one of {}", Format::ENDINGS.map(|(ending, _)| ending).join(", "));
    Format::of_name(name).ok_or_else(expected)
}

fn delimiter(text: &str) -> Result<u8> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() => Ok(byte),
        _ => Err(Error::new(ErrorKind::InvalidArgument, "expected one ASCII character, or tab")),
    }
}
