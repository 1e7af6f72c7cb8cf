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

use monobloc::{Engine, Input, LoadOptions, Matrix, StridedMatrix};
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

/// Values, row after row.
enum Rows {
    Float32(Vec<f32>),
    Float64(Vec<f64>),
}

struct Timed {
    bloc: String,
    threads: usize,
    rows: Rows,
    n_rows: usize,
    n_columns: usize,
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
        let rows = match &*facts.dtype {
            "float32" => Rows::Float32(numbers(&bytes, f32::from_le_bytes)),
            "float64" => Rows::Float64(numbers(&bytes, f64::from_le_bytes)),
            other => return Err(format!("rows of {other} are not read").into()),
        };
        let n_values = match &rows {
            Rows::Float32(values) => values.len(),
            Rows::Float64(values) => values.len(),
        };
        let n_rows = n_values / facts.columns;
        Ok(Timed { bloc: bloc.to_owned(), threads, rows, n_rows, n_columns: facts.columns, engine: None })
    }

    fn follow(&mut self, words: &[&str]) -> Result<Value> {
        match *words {
            ["load"] => {
                let options = LoadOptions::default().threads(self.threads);
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

    fn input(&self, engine: &Engine, rows: Range<usize>) -> Result<Input<'_>> {
        let values = rows.start * self.n_columns..rows.end * self.n_columns;
        let matrix = match &self.rows {
            Rows::Float32(all) => StridedMatrix::of_rows(&all[values], self.n_columns).map(Matrix::Float32),
            Rows::Float64(all) => StridedMatrix::of_rows(&all[values], self.n_columns).map(Matrix::Float64),
        };
        Ok(Input::of_matrix(engine.schema(), matrix.ok_or("the last row is short")?)?)
    }

    fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().ok_or_else(|| "the bloc is not loaded yet".into())
    }
}

fn numbers<T, const SIZE: usize>(bytes: &[u8], read: fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|&value| read(value)).collect()
}

fn say(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
