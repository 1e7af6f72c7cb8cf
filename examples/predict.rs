//! Scores the rows of a CSV file: `predict BLOC ROWS.csv`.
//!
//! The first line of the file names the columns; commas separate them, and nothing is quoted. Columns that are no field
//! of the model are left out. An empty cell is a missing value. Cells of string fields are text, and all others numbers.
//!
//! The same program exists in C, C++ and Python, and all print the same bytes, lines that end with `\n`:
//!
//! 1. for each field of the schema `name kind dtype`, where kind is `boolean`, `float`, `integer` or `string`;
//! 2. for each row its outputs, separated by a space: as Rust's `{:?}` writes an `f64`, which is with the fewest digits
//!    that read back as the same number and at least one after the point (`1.0`, `-0.0`), with an exponent (`1e-5`,
//!    `1.5e16`) below 1e-4 and from 1e16 on; `NaN` for a row without an answer, `inf` and `-inf`;
//! 3. for each thing found in a row, by ascending row, `row N: status: field: reason`, where N counts from 0 and status
//!    is `flagged`, `repaired` or `rejected`.
//!
//! What goes wrong is said on standard error, and the exit status is then 1.

use monobloc::records::Records;
use monobloc::schema::{Field, Kind, Schema};
use monobloc::{Cell, Engine, LoadOptions};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [bloc, rows] = &arguments[..] else {
        eprintln!("usage: predict BLOC ROWS.csv");
        return ExitCode::from(2);
    };
    match predict(bloc.as_ref(), rows.as_ref()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("predict: {error}");
            ExitCode::FAILURE
        }
    }
}

fn predict(bloc: &Path, rows: &Path) -> Result<String, Box<dyn Error>> {
    // Loading maps the file and proves its structure, which costs little whatever the model's size.
    let engine = Engine::load(bloc, &LoadOptions::default())?;
    let mut text = String::new();
    for Field { name, kind, dtype, .. } in engine.schema().fields() {
        writeln!(text, "{name} {} {dtype}", kind.name())?;
    }

    let csv = std::fs::read_to_string(rows).map_err(|error| format!("{}: {error}", rows.display()))?;
    let (records, has) = read(&csv, engine.schema())?;
    let input = records.input(engine.schema(), |field| has[field])?;

    // A bad row is no error: its outputs are NaN, and what was found in it is told.
    let prediction = engine.run(&input)?;
    for outputs in prediction.outputs.chunks_exact(engine.model().n_outputs()) {
        let outputs: Vec<String> = outputs.iter().map(|output| format!("{output:?}")).collect();
        writeln!(text, "{}", outputs.join(" "))?;
    }
    for finding in &prediction.findings {
        let (row, status, field) = (finding.row, finding.status.name(), &finding.field);
        writeln!(text, "row {row}: {status}: {field}: {}", finding.reason())?;
    }
    Ok(text)
}

/// The rows, and for each field whether the file has a column for it.
fn read(csv: &str, schema: &Schema) -> Result<(Records, Vec<bool>), Box<dyn Error>> {
    let mut lines = csv.lines().enumerate();
    let (_, header) = lines.next().ok_or("the file of rows is empty; expected a line of names")?;
    let columns: Vec<Option<usize>> = header.split(',').map(|name| schema.number(name)).collect();
    let fields = schema.fields();
    let has = (0..fields.len()).map(|field| columns.contains(&Some(field))).collect();

    let mut records = Records::default();
    records.clear(fields.len());
    for (number, line) in lines {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() != columns.len() {
            let (line, found, wanted) = (number + 1, cells.len(), columns.len());
            return Err(format!("line {line} has {found} cells; expected {wanted}").into());
        }
        records.push_row();
        for (&column, text) in columns.iter().zip(cells) {
            let Some(field) = column else { continue };
            let Field { name, kind, .. } = &fields[field];
            let cell = match kind {
                _ if text.is_empty() => Cell::Float(f64::NAN),
                Kind::String => records.text_cell(text),
                _ => Cell::Float(text.parse().map_err(|_| {
                    format!("line {}, field {name:?}: found {text:?}, expected a number", number + 1)
                })?),
            };
            records.set_last(field, cell);
        }
    }
    Ok((records, has))
}
