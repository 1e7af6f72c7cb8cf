//! Golden cases of networks: tensors in, and the tensors that a reference gave.

use super::{GoldenReport, MEMBER, read_batch};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::model::graph::{Network, Tensor};
use crate::schema::DType;
use arrow_array::builder::{BinaryBuilder, Int64Builder, ListBuilder, StringBuilder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt32Type};
use arrow_array::{ArrayRef, RecordBatch};
use std::sync::Arc;

/// The greatest difference from the reference, relative to the greatest magnitude of an output, that a
/// network may have: kernels of other runtimes add in another order, and float32 keeps 24 bits.
pub const RELATIVE_BOUND: f64 = 1e-4;

/// One golden case of a network.
#[derive(Clone, Debug, Default)]
pub struct GoldenCase {
    /// The inputs, in the order of the schema.
    pub inputs: Vec<Tensor>,
    /// The outputs, in the order of the graph.
    pub outputs: Vec<Tensor>,
}

/// The member's bytes.
pub(crate) fn write(inputs: &[String], outputs: &[String], cases: &[GoldenCase]) -> Result<Vec<u8>> {
    let (mut number, mut name, mut dtype) =
        (UInt32Builder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut shape, mut data) = (ListBuilder::new(Int64Builder::new()), BinaryBuilder::new());
    for (at, case) in cases.iter().enumerate() {
        let named = inputs.iter().map(|name| format!("input:{name}")).zip(&case.inputs);
        for (label, tensor) in
            named.chain(outputs.iter().map(|name| format!("output:{name}")).zip(&case.outputs))
        {
            number.append_value(at as u32);
            name.append_value(label);
            dtype.append_value(tensor.dtype().name());
            shape.values().append_slice(&tensor.shape().iter().map(|&dim| dim as i64).collect::<Vec<_>>());
            shape.append(true);
            if tensor.dtype() == DType::String {
                let texts = serde_json::to_vec(tensor.texts())
                    .map_err(|error| Error::new(ErrorKind::Internal, format!("writing {MEMBER}: {error}")))?;
                data.append_value(texts);
            } else {
                data.append_value(tensor.bytes());
            }
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("case", Arc::new(number.finish())),
        ("tensor", Arc::new(name.finish())),
        ("dtype", Arc::new(dtype.finish())),
        ("shape", Arc::new(shape.finish())),
        ("data", Arc::new(data.finish())),
    ];
    super::write_batch(columns)
}

/// Replays the cases and compares.
pub(super) fn replay(engine: &Engine, network: &Network) -> Result<GoldenReport> {
    let names = names(engine, network);
    let cases = read(&read_batch(engine)?, &names, network)?;
    let mut report = GoldenReport {
        rows: 0,
        exact: true,
        max_abs_diff: 0.0,
        max_rel_diff: 0.0,
        max_ulp_diff: 0,
        accepted: true,
    };
    for case in cases {
        let inputs = names.iter().copied().zip(case.inputs).collect();
        let found = engine.run_golden(network, inputs)?;
        report.rows += found.n_rows;
        for ((name, found), wanted) in found.outputs.iter().zip(&case.outputs) {
            compare(name, found, wanted, &mut report)?;
        }
    }
    Ok(report)
}

/// The inputs of each case, by name.
pub(crate) fn inputs(engine: &Engine, network: &Network) -> Result<Vec<Vec<(String, Tensor)>>> {
    let names = names(engine, network);
    let cases = read(&read_batch(engine)?, &names, network)?;
    let named = |case: GoldenCase| names.iter().map(|&name| name.to_owned()).zip(case.inputs).collect();
    Ok(cases.into_iter().map(named).collect())
}

fn names<'e>(engine: &'e Engine, network: &'e Network) -> Vec<&'e str> {
    let fields = engine.schema().tensors();
    if fields.is_empty() {
        network.features().iter().map(|field| field.name.as_str()).collect()
    } else {
        fields.iter().map(|field| field.name.as_str()).collect()
    }
}

fn compare(name: &str, found: &Tensor, wanted: &Tensor, report: &mut GoldenReport) -> Result<()> {
    if found.dtype() != wanted.dtype() || found.shape() != wanted.shape() {
        return Err(Error::new(
            ErrorKind::GoldenMismatch,
            format!(
                "output {name:?} is {} {:?}; the reference gave {} {:?}",
                found.dtype().name(),
                found.shape(),
                wanted.dtype().name(),
                wanted.shape()
            ),
        ));
    }
    if found == wanted {
        return Ok(());
    }
    report.exact &= found.bytes() == wanted.bytes() && found.texts() == wanted.texts();
    if report.exact {
        return Ok(());
    }
    let (Some(a), Some(b), true) = (found.to_f64(), wanted.to_f64(), found.dtype().is_float()) else {
        report.accepted = false;
        report.max_abs_diff = f64::INFINITY;
        report.max_rel_diff = f64::INFINITY;
        return Ok(());
    };
    let difference = |(a, b): (&f64, &f64)| match (a - b).abs() {
        _ if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        difference if difference.is_nan() => f64::INFINITY,
        difference => difference,
    };
    let greatest = a.iter().zip(&b).map(difference).fold(0.0, f64::max);
    let magnitude =
        b.iter().filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
    let relative = if greatest == 0.0 { 0.0 } else { greatest / magnitude };
    report.max_abs_diff = report.max_abs_diff.max(greatest);
    report.max_rel_diff = report.max_rel_diff.max(relative);
    report.accepted &= relative <= bound(found.dtype());
    Ok(())
}

/// float16 keeps 11 bits, so a difference of a few units in the last place is larger.
fn bound(dtype: DType) -> f64 {
    if dtype == DType::Float16 { 1e-2 } else { RELATIVE_BOUND }
}

fn read(batch: &RecordBatch, inputs: &[&str], network: &Network) -> Result<Vec<GoldenCase>> {
    let wrong = |what: &str| Error::corrupt(format!("reading {MEMBER}: {what}"));
    let column =
        |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(&format!("it has no column {name:?}")));
    let (case, name) = (column("case")?, column("tensor")?);
    let case = case.as_primitive_opt::<UInt32Type>().ok_or_else(|| wrong("case is no UInt32"))?;
    let name = name.as_string_opt::<i32>().ok_or_else(|| wrong("tensor is no text"))?;
    let dtype = column("dtype")?.as_string_opt::<i32>().ok_or_else(|| wrong("dtype is no text"))?;
    let shape = column("shape")?.as_list_opt::<i32>().ok_or_else(|| wrong("shape is no list"))?;
    let data = column("data")?.as_binary_opt::<i32>().ok_or_else(|| wrong("data is not binary"))?;
    let n_cases = case.values().iter().max().map_or(0, |&last| last as usize + 1);
    if n_cases > batch.num_rows() {
        return Err(wrong("cases are not numbered from 0"));
    }
    let mut cases = vec![GoldenCase::default(); n_cases];
    for row in 0..batch.num_rows() {
        let of = DType::ALL.iter().find(|of| of.name() == dtype.value(row));
        let of = *of.ok_or_else(|| wrong(&format!("unknown dtype {:?}", dtype.value(row))))?;
        let sizes = shape.value(row);
        let sizes =
            sizes.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("shape is no list of Int64"))?;
        let sizes: Option<Vec<usize>> =
            sizes.values().iter().map(|&size| usize::try_from(size).ok()).collect();
        let sizes = sizes.ok_or_else(|| wrong("a shape with a negative length"))?;
        let tensor = if of == DType::String {
            let texts = serde_json::from_slice(data.value(row)).map_err(|error| wrong(&error.to_string()))?;
            Tensor::from_texts(&sizes, texts)
        } else {
            Tensor::from_bytes(of, &sizes, data.value(row))
        };
        let tensor = tensor.map_err(|error| wrong(&error.to_string()))?;
        let case = &mut cases[case.value(row) as usize];
        match name.value(row).split_once(':') {
            Some(("input", name)) if inputs.get(case.inputs.len()) == Some(&name) => case.inputs.push(tensor),
            Some(("output", name))
                if network.outputs().get(case.outputs.len()).is_some_and(|output| output.name == name) =>
            {
                case.outputs.push(tensor);
            }
            _ => return Err(wrong(&format!("tensor {:?} is out of place", name.value(row)))),
        }
    }
    let whole = |case: &GoldenCase| {
        case.inputs.len() == inputs.len() && case.outputs.len() == network.outputs().len()
    };
    if cases.iter().all(whole) { Ok(cases) } else { Err(wrong("a case lacks a tensor")) }
}
