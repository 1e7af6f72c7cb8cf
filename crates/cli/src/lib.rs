//! The `monobloc` command. The Python package installs the same program.
//!
//! Exit status: 0 when all is well, 1 when a bloc is refused or fails its verification, 2 for a
//! command line that can't be read. What went wrong is one line on standard error.

mod bench;
mod budget;
mod drift;
mod inspect;
mod pack;
mod plan;
mod predict;
mod progress;
mod sanity;
mod verify;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

/// Packs networks, looks into blocs and verifies them.
#[derive(Parser)]
#[command(name = "monobloc", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures how fast a bloc answers on this machine: batches, and rows one by one.
    Bench(bench::Arguments),
    /// Explains how many threads batches take: quotas of control groups, cpusets, affinity and variables, file by file.
    Budget(budget::Arguments),
    /// Tells whether rows still look like the reference: those that workers have counted, or those of a file.
    Drift(drift::Arguments),
    /// Shows what a bloc holds: schema, steps, model, members, digests and provenance.
    Inspect {
        /// The bloc.
        bloc: PathBuf,
        /// Print the manifest as JSON, with the bloc's digest and size.
        #[arg(long)]
        json: bool,
    },
    /// Packs a model file: a tree ensemble of CatBoost, LightGBM or XGBoost, or an ONNX model. The bloc is loaded and
    /// compared with the file's trees walked node after node, or with the graph run without optimisation.
    Pack(pack::Arguments),
    /// Tells the memory that workers which serve blocs will take, beside the limit that holds here.
    Plan(plan::Arguments),
    /// Answers the rows of a file or pipe, in bounded memory.
    Predict(predict::Arguments),
    #[cfg(feature = "onnx")]
    #[command(hide = true)]
    TunePanels(pack::TuneArguments),
    /// Shows the sanity rules of a bloc, or writes a new bloc with others.
    Sanity(sanity::Arguments),
    /// Reads every byte of a bloc against its digest and replays its golden rows.
    Verify {
        /// The bloc.
        bloc: PathBuf,
        /// The digest that the bloc must have: sha256: and 64 hexadecimal digits.
        #[arg(long)]
        digest: Option<String>,
    },
}

/// Runs the command with `arguments` (without the program's name) and gives its exit status.
pub fn run<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> u8 {
    let program = std::iter::once(OsString::from("monobloc"));
    let arguments = program.chain(arguments.into_iter().map(Into::into));
    let command = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command,
        Err(error) => {
            // A closed standard output leaves nobody to tell.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let mut is_closed = false;
    let result = monobloc::error::guard(|| match command {
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Budget(arguments) => budget::run(&arguments),
        Command::Drift(arguments) => drift::run(&arguments),
        Command::Inspect { bloc, json } => inspect::run(&bloc, json),
        Command::Pack(arguments) => pack::run(arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Predict(arguments) => predict::run(arguments).map(|said| match said {
            Some(said) => {
                // Standard output may hold the answers.
                let _ = writeln!(std::io::stderr(), "monobloc: {}", printable(&said));
                String::new()
            }
            None => {
                is_closed = true;
                String::new()
            }
        }),
        #[cfg(feature = "onnx")]
        Command::TunePanels(arguments) => pack::tune_panels(&arguments),
        Command::Sanity(arguments) => sanity::run(&arguments),
        Command::Verify { bloc, digest } => verify::run(&bloc, digest.as_deref()),
    });
    let shown = result.and_then(|text| match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(monobloc::Error::new(monobloc::ErrorKind::Io, format!("writing to standard output: {error}")))
        }
        _ => Ok(()),
    });
    match shown {
        Ok(()) => u8::from(is_closed),
        Err(error) => {
            let line = printable(&error.to_string().replace('\n', " "));
            let _ = writeln!(std::io::stderr(), "monobloc: {line} [{}]", error.kind().code());
            1
        }
    }
}

/// Text from a file, without what could steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}
