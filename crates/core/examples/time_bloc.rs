//! A tree ensemble through the Rust face: what benches measure beside the Python face.
//!
//! ```text
//! time_bloc BLOC FOLDER THREADS
//! ```
//!
//! The folder holds `facts.json` with the number of `columns` and their `dtype`, and `rows.bin`, a row-major
//! matrix. It does what lines on standard input say, their words apart by tabs, and prints a line of JSON for
//! each: `load`; `answer both FILE BATCH` writes the outputs of all rows, computed in batches, and `answer
//! raw FILE BATCH` their raw scores; `run BATCH FIRST COUNT` says how long each of `COUNT` calls took, which
//! have the next `BATCH` rows each, from batch `FIRST` on. What fails is a line with an `error`.

use monobloc::{Column, Engine, Input, LoadOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use std::error::Error;
use std::io::{BufRead, Write};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
struct Facts {
    columns: usize,
    dtype: String,
}

/// Rows, column after column.
enum Columns {
    Float32(Vec<Vec<f32>>),
    Float64(Vec<Vec<f64>>),
}

struct Timed {
    bloc: String,
    threads: usize,
    columns: Columns,
    n_rows: usize,
    engine: Option<Engine>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bloc, folder, threads] = &arguments[..] else {
        return Err("which bloc, folder and threads?".into());
    };
    let mut timed = Timed::new(bloc, Path::new(folder), threads.parse()?)?;
    say(&json!({}))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let said = timed.follow(&words).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        say(&said)?;
    }
    Ok(())
}

impl Timed {
    fn new(bloc: &str, folder: &Path, threads: usize) -> Result<Timed> {
        let facts: Facts = serde_json::from_slice(&std::fs::read(folder.join("facts.json"))?)?;
        let bytes = std::fs::read(folder.join("rows.bin"))?;
        let columns = match &*facts.dtype {
            "float32" => Columns::Float32(columns(&bytes, facts.columns, f32::from_le_bytes)),
            "float64" => Columns::Float64(columns(&bytes, facts.columns, f64::from_le_bytes)),
            other => return Err(format!("rows of {other} are not read").into()),
        };
        let n_rows = match &columns {
            Columns::Float32(columns) => columns.first().map_or(0, Vec::len),
            Columns::Float64(columns) => columns.first().map_or(0, Vec::len),
        };
        Ok(Timed { bloc: bloc.to_owned(), threads, columns, n_rows, engine: None })
    }

    fn follow(&mut self, words: &[&str]) -> Result<Value> {
        match *words {
            ["load"] => {
                let options = LoadOptions { threads: Some(self.threads), ..LoadOptions::default() };
                let start = Instant::now();
                self.engine = Some(Engine::load(&self.bloc, &options)?);
                Ok(json!({ "load": start.elapsed().as_secs_f64() }))
            }
            ["answer", "both", file, batch] => {
                let width = self.engine()?.model().n_outputs();
                self.answer(width, batch.parse()?, file, |rows, out| self.predict(rows, out))
            }
            ["answer", "raw", file, batch] => {
                let width = self.engine()?.model().n_raw_scores();
                self.answer(width, batch.parse()?, file, |rows, out| {
                    let engine = self.engine()?;
                    let refused = engine.raw_scores_into(&self.input(engine, rows)?, out)?;
                    if refused.is_empty() { Ok(()) } else { Err("rows are refused".into()) }
                })
            }
            ["run", batch, first, count] => self.run(batch.parse()?, first.parse()?, count.parse()?),
            _ => Err(format!("{words:?} is no command").into()),
        }
    }

    fn answer(
        &self,
        width: usize,
        batch: usize,
        file: &str,
        run: impl Fn(Range<usize>, &mut [f64]) -> Result<()>,
    ) -> Result<Value> {
        let mut outputs = vec![0.0; self.n_rows * width];
        for (number, outputs) in outputs.chunks_mut(batch * width).enumerate() {
            let first = number * batch;
            run(first..first + outputs.len() / width, outputs)?;
        }
        let bytes: Vec<u8> = outputs.iter().flat_map(|output| output.to_le_bytes()).collect();
        std::fs::write(file, bytes)?;
        Ok(json!({}))
    }

    fn run(&self, batch: usize, first: usize, count: usize) -> Result<Value> {
        let mut outputs = vec![0.0; batch * self.engine()?.model().n_outputs()];
        let batches = self.n_rows / batch;
        let mut seconds = Vec::with_capacity(count);
        for call in first..first + count {
            let row = call % batches * batch;
            let start = Instant::now();
            self.predict(row..row + batch, &mut outputs)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(json!({ "seconds": seconds }))
    }

    fn predict(&self, rows: Range<usize>, outputs: &mut [f64]) -> Result<()> {
        let engine = self.engine()?;
        Ok(engine.predict_into(&self.input(engine, rows)?, outputs)?)
    }

    /// Part of what is timed, since a caller that has columns must do so too.
    fn input(&self, engine: &Engine, rows: Range<usize>) -> Result<Input<'_>> {
        let n_rows = rows.len();
        let columns = match &self.columns {
            Columns::Float32(columns) => {
                columns.iter().map(|column| Some(Column::Float32(column[rows.clone()].into()))).collect()
            }
            Columns::Float64(columns) => {
                columns.iter().map(|column| Some(Column::Float64(column[rows.clone()].into()))).collect()
            }
        };
        Ok(Input::new(engine.schema(), n_rows, columns)?)
    }

    fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().ok_or_else(|| "the bloc is not loaded yet".into())
    }
}

/// The columns of a row-major matrix of little-endian numbers.
fn columns<T, const SIZE: usize>(bytes: &[u8], n_columns: usize, read: fn([u8; SIZE]) -> T) -> Vec<Vec<T>> {
    let (values, _) = bytes.as_chunks::<SIZE>();
    let column = |at: usize| values.iter().skip(at).step_by(n_columns).map(|&value| read(value)).collect();
    (0..n_columns).map(column).collect()
}

fn say(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
