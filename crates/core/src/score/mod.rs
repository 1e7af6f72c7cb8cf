//! Files and pipes of rows, answered in bounded memory: what `monobloc predict` does. `docs/cli.md` is the specification.
//!
//! Rows are read in blocks. Each thread takes the next block in turn, reads its rows, answers them and writes them as
//! text; blocks are put out in order. So memory depends on the number of threads, and not on that of rows.

mod answers;
mod arrow;
mod blocks;
mod columns;
mod csv;
mod format;
mod json_lines;
mod output;
mod reading;
mod rows;
mod turns;

pub use csv::NA;
pub use format::Format;

use crate::drift::{DriftReport, Live, report};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::input::Input;
use crate::sanity::{Finding, Status, verdict};
use answers::Lines;
use arrow::{Encoder, Tables};
use arrow_array::RecordBatch;
use output::Output;
use reading::{Form, Opened, Part};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use turns::{Stop, in_order};

/// Threads that score at most: each holds some megabytes.
const MOST_THREADS: usize = 16;

/// What is read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, device or pipe.
    File(PathBuf),
    /// Standard input or output.
    Standard,
}

impl Place {
    fn open(&self) -> Result<Opened<'static>> {
        let Place::File(path) = self else { return Ok(Opened::Stream(Box::new(std::io::stdin()))) };
        let file = File::open(path).map_err(|error| Error::io(path, "opening", &error))?;
        Ok(match file.metadata().is_ok_and(|there| there.is_file()) {
            true => Opened::File(file),
            false => Opened::Stream(Box::new(file)),
        })
    }

    /// What an input is called in errors.
    fn name(&self) -> String {
        match self {
            Place::File(path) => path.display().to_string(),
            Place::Standard => "standard input".to_owned(),
        }
    }
}

/// Which rows to score, and where the answers go.
#[derive(Clone, Debug)]
pub struct Scoring {
    /// The rows.
    pub input: Place,
    /// Their format; by default what the name of the file ends in, CSV on standard input.
    pub input_format: Option<Format>,
    /// The answers.
    pub output: Place,
    /// Their format; by default what the name of the file ends in, on standard output that of the input.
    pub output_format: Option<Format>,
    /// What separates the fields of CSV that is read; by default the format's.
    pub delimiter: Option<u8>,
    /// Texts of CSV that are missing values, besides the empty one; by default [`NA`].
    pub na: Option<Vec<String>>,
    /// Columns of the input that the answers carry.
    pub ids: Vec<String>,
    /// Where rejected rows are told of, as JSON lines.
    pub rejects: Option<PathBuf>,
    /// Threads; by default those of the engine.
    pub threads: Option<usize>,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scored {
    /// Rows that were answered or rejected.
    pub rows: u64,
    /// Rows without an answer.
    pub rejected: u64,
    /// Rows of which a value was replaced before they were answered.
    pub repaired: u64,
    /// Rows in which something else was found.
    pub flagged: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Whether who reads the answers went away before their end.
    pub is_closed: bool,
}

impl Scoring {
    /// From `input` to `output`, with all else by default.
    pub fn new(input: Place, output: Place) -> Scoring {
        Scoring {
            input,
            input_format: None,
            output,
            output_format: None,
            delimiter: None,
            na: None,
            ids: Vec::new(),
            rejects: None,
            threads: None,
        }
    }

    /// Scores all rows. `progress` is told what has been done from time to time.
    ///
    /// # Errors
    /// What the operating system says; [`ErrorKind::MalformedRequest`] for rows that can't be read, with the line;
    /// [`ErrorKind::Schema`] for columns that are absent; [`ErrorKind::InvalidArgument`] for places, formats and models
    /// that can't be used. A file of answers is not there then, or what it was before.
    pub fn run(&self, engine: &Engine, progress: &(dyn Fn(&Scored) + Sync)) -> Result<Scored> {
        self.run_opened(engine, self.input.open()?, progress)
    }

    /// How the rows differ from the reference of the engine's bloc.
    ///
    /// # Errors
    /// As [`Scoring::run`] for the input, and [`Engine::count_into`].
    pub fn drift(&self, engine: &Engine) -> Result<DriftReport> {
        let mut live = Live::new(engine.reference());
        self.for_each_input(engine, &mut |input| {
            engine.count_into(input, &mut live)?;
            Ok(true)
        })?;
        report(engine.reference(), &live)
    }

    /// Reads the rows without answering them, part by part, until `each` says that it has enough.
    ///
    /// # Errors
    /// As [`Scoring::run`], and those of `each`.
    pub(crate) fn for_each_input(
        &self,
        engine: &Engine,
        each: &mut dyn FnMut(&Input<'_>) -> Result<bool>,
    ) -> Result<()> {
        let (format, _) = self.formats()?;
        let named = |error: Error| error.within(self.input.name());
        let (mut supply, form) = Form::begin(self, format, engine, self.input.open()?).map_err(named)?;
        let mut part = Part::default();
        while supply.next(&form, &mut part).map_err(named)? {
            form.read(&mut part).map_err(named)?;
            if !each(&form.input(&part)?)? {
                break;
            }
        }
        Ok(())
    }

    /// As [`Scoring::run`], with the bytes of `input`, which is only called as its place says.
    ///
    /// # Errors
    /// As [`Scoring::run`].
    pub fn run_from<'a>(
        &self,
        engine: &Engine,
        input: Box<dyn Read + Send + 'a>,
        progress: &(dyn Fn(&Scored) + Sync),
    ) -> Result<Scored> {
        self.run_opened(engine, Opened::Stream(input), progress)
    }

    fn run_opened(
        &self,
        engine: &Engine,
        input: Opened<'_>,
        progress: &(dyn Fn(&Scored) + Sync),
    ) -> Result<Scored> {
        let (input_format, output_format) = self.formats()?;
        let ensemble = engine.model().ensemble().ok_or_else(|| {
            let message =
                "the model is a network, whose inputs and outputs are no tables; run it from a program";
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        match output_format {
            Format::Arrow => Tables::check_names(ensemble, &self.ids)?,
            _ => Lines::check_names(ensemble, &self.ids, output_format.delimiter())?,
        }
        let named = |error: Error| error.within(self.input.name());
        let (mut supply, form) = Form::begin(self, input_format, engine, input).map_err(named)?;
        let mut output = Output::begin(&self.output)?;
        let rejects = self.rejects.clone().map(|path| Output::begin(&Place::File(path)));
        let mut rejects = rejects.transpose()?;

        let (answers, mut encoder) = match output_format {
            Format::Arrow => {
                let tables = Tables::new(ensemble, &form.carried_fields())?;
                let is_file = matches!(&self.output, Place::File(path) if Format::is_arrow_file(path));
                let encoder = Encoder::begin(tables.schema(), is_file)?;
                (Answers::Tables(tables), Some(encoder))
            }
            _ => (Answers::Lines(Lines::new(ensemble, &self.ids, output_format.delimiter())), None),
        };
        let begun = match &answers {
            Answers::Lines(lines) => output.write(&lines.header()),
            Answers::Tables(_) => Ok(()),
        };
        let mut scored = Scored::default();
        let has_labels = !ensemble.targets().is_empty();
        let width = ensemble.width(ensemble.whole_answer());
        let threads = self.threads.unwrap_or_else(|| engine.threads()).clamp(1, MOST_THREADS);
        let next = |work: &mut Work| supply.next(&form, &mut work.part).map_err(named);
        let work = |work: &mut Work| {
            let Work { part, values, findings, text, table } = work;
            form.read(part).map_err(named)?;
            let input = form.input(part)?;
            values.clear();
            values.resize(input.n_rows() * width, 0.0);
            *findings = match has_labels {
                true => engine.run_with_classes_into(&input, values)?,
                false => engine.run_into(&input, values)?,
            };
            match &answers {
                Answers::Lines(lines) => {
                    text.clear();
                    lines.append(text, form.carried_texts(part).map_err(named)?, values);
                }
                Answers::Tables(tables) => {
                    let columns = form.carried_columns(part)?;
                    *table = Some(tables.table(part.n_rows(), columns, values, findings)?);
                }
            }
            Ok(())
        };
        let write = |work: &mut Work| {
            if let (Some(encoder), Some(table)) = (&mut encoder, work.table.take()) {
                encoder.write(&table)?;
                std::mem::swap(encoder.bytes(), &mut work.text);
                encoder.bytes().clear();
            }
            output.write(&work.text)?;
            for found in work.findings.chunk_by(|one, next| one.row == next.row) {
                match found.iter().map(|finding| finding.status).max() {
                    Some(Status::Rejected) => scored.rejected += 1,
                    Some(Status::Repaired) => scored.repaired += 1,
                    Some(Status::Flagged) => scored.flagged += 1,
                    Some(Status::Ok) | None => {}
                }
            }
            if let Some(rejects) = &mut rejects {
                rejects.write(verdicts_of_rejected(&work.findings, scored.rows).as_bytes())?;
            }
            scored.rows += work.part.n_rows() as u64;
            scored.bytes = work.part.end();
            progress(&scored);
            Ok(())
        };
        match begun.and_then(|()| in_order(threads, next, work, write)) {
            Ok(()) => {}
            Err(Stop::Closed) => return Ok(Scored { is_closed: true, ..scored }),
            Err(Stop::Failed(error)) => return Err(error),
        }
        if let Some(encoder) = &mut encoder {
            encoder.end()?;
            match output.write(encoder.bytes()) {
                Ok(()) => {}
                Err(Stop::Closed) => return Ok(Scored { is_closed: true, ..scored }),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        output.end()?;
        rejects.map_or(Ok(()), Output::end)?;
        Ok(scored)
    }

    /// The formats of input and output.
    fn formats(&self) -> Result<(Format, Format)> {
        let known = |place: &Place, option: &str| match place {
            Place::Standard => Ok(None),
            Place::File(path) => match Format::of_path(path) {
                Some(format) => Ok(Some(format)),
                None => {
                    let endings = Format::ENDINGS.map(|(ending, _)| format!(".{ending}")).join(", ");
                    let message = format!(
                        "{}: its name does not say what format it has; expected one of {endings}, or {option}",
                        path.display()
                    );
                    Err(Error::new(ErrorKind::InvalidArgument, message))
                }
            },
        };
        let input = match self.input_format {
            Some(format) => format,
            None => known(&self.input, "--format")?.unwrap_or(Format::Csv),
        };
        let output = match self.output_format {
            Some(format) => format,
            None => known(&self.output, "--out-format")?.unwrap_or(if input == Format::Parquet {
                Format::Csv
            } else {
                input
            }),
        };
        if output == Format::Parquet {
            let message =
                "answers are not written as Parquet; expected csv, tsv, jsonl or arrow (--out-format)";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok((input, output))
    }
}

/// A part with its answers, in memory that serves one after another.
#[derive(Default)]
struct Work {
    part: Part,
    values: Vec<f64>,
    findings: Vec<Finding>,
    text: Vec<u8>,
    table: Option<RecordBatch>,
}

/// What answers are written as.
enum Answers<'e> {
    Lines(Lines<'e>),
    Tables(Tables<'e>),
}

/// For each rejected row its verdict as a line of JSON; rows count from `first_row`.
fn verdicts_of_rejected(findings: &[Finding], first_row: u64) -> String {
    let rows = findings.chunk_by(|one, next| one.row == next.row);
    let rejected = rows.filter(|found| found.iter().any(|finding| finding.status == Status::Rejected));
    let line = |found: &[Finding]| {
        let mut said = verdict(found);
        said["row"] = serde_json::json!(first_row + found[0].row as u64);
        said.to_string() + "\n"
    };
    rejected.map(line).collect()
}

fn unread(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("reading: {error}"))
}
