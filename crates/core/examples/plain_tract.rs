//! A network through tract as it comes: what Monobloc is measured beside.
//!
//! ```text
//! plain_tract MODEL.onnx [SYMBOL=SIZE]...
//! ```
//!
//! Symbols that are given a size are fixed to it before tract optimises. It says as a line of JSON how it
//! loaded, then does what lines on standard input say, their words apart by tabs: `run COUNT FOLDER` runs
//! the inputs of a folder, and `answer FOLDER FILE` writes the bytes of their outputs, one after the other.
//! A folder of inputs holds `inputs.json`, with a type, a shape and a file of little-endian elements for
//! each.

use serde::Deserialize;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::Factoid;

#[derive(Deserialize)]
struct Input {
    dtype: String,
    shape: Vec<usize>,
    file: String,
}

fn main() -> TractResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, sizes) = arguments.split_first().ok_or_else(|| TractError::msg("which model?"))?;
    let start = Instant::now();
    let plan = load(path, sizes)?;
    let loaded = serde_json::json!({
        "load": start.elapsed().as_secs_f64(),
        "private": private()?,
    });
    say(&loaded)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let said = match *words {
            ["run", count, folder] => run(&plan, count.parse()?, folder)?,
            ["answer", folder, file] => answer(&plan, folder, file)?,
            _ => return Err(TractError::msg(format!("{line:?} is no command"))),
        };
        say(&said)?;
    }
    Ok(())
}

fn load(path: &str, sizes: &[String]) -> TractResult<Arc<TypedSimplePlan>> {
    let mut model = tract_onnx::onnx().model_for_path(path)?;
    for size in sizes {
        let (symbol, size) = size.split_once('=').ok_or_else(|| TractError::msg("a size is SYMBOL=SIZE"))?;
        fix(&mut model, symbol, size.parse()?)?;
    }
    TypedSimplePlan::new(model.into_typed()?.into_optimized()?)
}

/// Gives the symbol this size wherever it stands in an input.
fn fix(model: &mut InferenceModel, symbol: &str, size: i64) -> TractResult<()> {
    let symbol = model.symbols.sym(symbol);
    for input in 0..model.input_outlets()?.len() {
        let fact = model.input_fact(input)?;
        let (dtype, shape) = (fact.datum_type.concretize(), fact.shape.concretize());
        let (Some(dtype), Some(shape)) = (dtype, shape) else { continue };
        let shape: TractResult<TVec<TDim>> =
            shape.iter().map(|dim| dim.substitute(&symbol, &size.to_dim())).collect();
        model.set_input_fact(input, InferenceFact::dt_shape(dtype, shape?))?;
    }
    Ok(())
}

/// Runs that many times, and says how long each run took and how long the median and the best did.
fn run(plan: &Arc<TypedSimplePlan>, count: usize, folder: &str) -> TractResult<serde_json::Value> {
    let inputs = inputs(folder)?;
    let mut seconds = Vec::with_capacity(count);
    for _ in 0..count {
        let inputs = inputs.clone();
        let start = Instant::now();
        plan.run(inputs)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut sorted = seconds.clone();
    sorted.sort_by(f64::total_cmp);
    Ok(serde_json::json!({
        "seconds": seconds,
        "median": sorted.get(count / 2),
        "best": sorted.first(),
    }))
}

fn answer(plan: &Arc<TypedSimplePlan>, folder: &str, file: &str) -> TractResult<serde_json::Value> {
    let mut written = std::fs::File::create(file)?;
    for output in plan.run(inputs(folder)?)? {
        written.write_all(output.as_bytes())?;
    }
    Ok(serde_json::json!({"private": private()?}))
}

fn inputs(folder: &str) -> TractResult<TVec<TValue>> {
    let folder = Path::new(folder);
    let described: Vec<Input> = serde_json::from_slice(&std::fs::read(folder.join("inputs.json"))?)?;
    described.iter().map(|input| read(folder, input)).collect()
}

fn read(folder: &Path, input: &Input) -> TractResult<TValue> {
    let bytes = std::fs::read(folder.join(&input.file))?;
    let dtype = match &*input.dtype {
        "float32" => f32::datum_type(),
        "int64" => i64::datum_type(),
        other => return Err(TractError::msg(format!("inputs of {other} are not read"))),
    };
    let mut tensor = Tensor::zero_dt(dtype, &input.shape)?;
    tensor.as_bytes_mut().copy_from_slice(&bytes);
    Ok(tensor.into_tvalue())
}

/// Bytes that the process holds and no file backs.
fn private() -> TractResult<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes = |name: &str| -> u64 {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
    };
    Ok((kilobytes("RssAnon:") + kilobytes("RssShmem:")) * 1024)
}

fn say(line: &serde_json::Value) -> TractResult<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
