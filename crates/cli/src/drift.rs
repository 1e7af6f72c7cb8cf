//! `monobloc drift`: whether rows still look like the reference.

use monobloc::drift::DriftReport;
use monobloc::score::{Format, Place, Scoring};
use monobloc::{Engine, Error, ErrorKind, LoadOptions, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The bloc.
    bloc: PathBuf,
    /// What the workers of a service have counted: the folder that they load with as `state_dir`, or a file of it.
    #[arg(long, value_name = "STATE", required_unless_present = "rows", conflicts_with = "rows")]
    live: Option<PathBuf>,
    /// A file of rows, of any format that `monobloc predict` reads; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// The format of the rows; by default what the file's name ends in.
    #[arg(long, value_parser = crate::predict::format)]
    format: Option<Format>,
    /// Write the report as a page of its own, with pictures.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The text to print.
pub fn run(arguments: &Arguments) -> Result<String> {
    let Arguments { bloc, live, rows, format, html, json } = arguments;
    let engine = Engine::load(bloc, &LoadOptions::default().without_monitor())?;
    let report = match (live, rows) {
        (Some(state), _) => engine.drift_of_state(state)?,
        (None, rows) => {
            let rows = rows.as_deref().filter(|rows| *rows != Path::new("-"));
            let place = rows.map_or(Place::Standard, |rows| Place::File(rows.to_owned()));
            let scoring = Scoring { input_format: *format, ..Scoring::new(place, Place::Standard) };
            scoring.drift(&engine)?
        }
    };
    if let Some(html) = html {
        write(html, &report)?;
    }
    if *json { Ok(report.to_json()? + "\n") } else { Ok(format!("{report}\n")) }
}

/// The page appears whole, or not at all.
fn write(path: &Path, report: &DriftReport) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("writing the page {}: {error}", path.display()))
    };
    if path.is_dir() {
        let message = format!("writing the page: {} is a directory; expected a file's name", path.display());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(report.to_html().as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
