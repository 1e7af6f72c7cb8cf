//! Networks: running them on arrays, and packing ONNX models.

use crate::engine::Engine;
use crate::error::{exception, raise};
use crate::prediction::Prediction;
use crate::tensors;
use crate::verdicts::Verdicts;
use monobloc::error::guard;
use monobloc::golden::GoldenCase;
use monobloc::import::onnx::OnnxSource;
use monobloc::model::graph::{
    Batch, Labels, NEWEST_OPSET, OLDEST_OPSET, Operator, SUPPORTED_ML_OPERATORS, SUPPORTED_OPERATORS, ZipMap,
};
use monobloc::pack::{self, NetworkPacker, RowsBefore, Tuning};
use monobloc::schema::{NonFinite, TensorField};
use monobloc::{ErrorKind, Extra, NetworkPrediction};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Runs a network on tensors by name, or on rows where preprocessing stands before it.
pub fn run(py: Python<'_>, engine: &Engine, values: &Bound<'_, PyAny>) -> PyResult<Prediction> {
    let prediction = predict(py, engine, values)?;
    let outputs = PyDict::new(py);
    for (name, tensor) in &prediction.outputs {
        outputs.set_item(name, tensors::array(py, tensor)?)?;
    }
    let verdicts = Verdicts::new(prediction.n_rows, prediction.findings, Extra::default());
    Ok(Prediction {
        outputs: outputs.unbind(),
        verdicts: Py::new(py, verdicts)?,
        engine: engine.shared(),
        classes: Vec::new(),
    })
}

/// The only output of a network, or an error where rows are rejected.
pub fn only_output<'py>(
    py: Python<'py>,
    engine: &Engine,
    values: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let prediction = predict(py, engine, values)?;
    monobloc::sanity::accept(&prediction.findings).map_err(|error| exception(&error))?;
    match &*prediction.outputs {
        [(_, tensor)] => tensors::array(py, tensor),
        outputs => {
            let names: Vec<_> = outputs.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("the network has {} outputs ({}); use run", names.len(), names.join(", "));
            Err(raise(ErrorKind::InvalidArgument, text))
        }
    }
}

fn predict(py: Python<'_>, engine: &Engine, values: &Bound<'_, PyAny>) -> PyResult<NetworkPrediction> {
    let inner = engine.inner();
    let fields = inner.schema().tensors();
    if !fields.is_empty() {
        let inputs = tensors::read_all(fields, values);
        let inputs = inputs.inspect_err(|error| engine.count_failure(py, error))?;
        return py.detach(|| guard(|| inner.run_tensors(inputs))).map_err(|error| exception(&error));
    }
    let rows = engine.rows(values)?;
    let mut whole: Option<NetworkPrediction> = None;
    rows.for_each_chunk(py, inner, |input| {
        let first_row = input.first_row();
        let part = py.detach(|| guard(|| inner.run_rows(input))).map_err(|error| exception(&error))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.append(part, first_row).map_err(|error| exception(&error))?,
        }
        Ok(())
    })?;
    whole.ok_or_else(|| raise(ErrorKind::Internal, "no chunk of rows"))
}

/// A network that was read and checked, from which golden cases can be made.
#[pyclass(frozen, module = "monobloc._native")]
pub struct NetworkDraft {
    inner: Mutex<Option<pack::NetworkDraft>>,
    fields: Vec<TensorField>,
}

/// Reads an ONNX model (a path, or bytes) to be packed at `path`.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "what a packer is told, each by its own name")]
#[pyo3(signature = (source, path, *, name, version, metadata, provenance, shapes, non_finite, tune, tune_command, rows=None))]
pub fn read_network(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    path: PathBuf,
    name: String,
    version: String,
    metadata: BTreeMap<String, String>,
    provenance: BTreeMap<String, String>,
    shapes: &Bound<'_, PyDict>,
    non_finite: BTreeMap<String, String>,
    tune: Vec<String>,
    tune_command: Vec<String>,
    rows: Option<&Bound<'_, PyAny>>,
) -> PyResult<NetworkDraft> {
    let native = tune.iter().any(|target| target == "native");
    let targets = tune.into_iter().filter(|target| target != "native").collect();
    let command = tune_command.into_iter().map(Into::into).collect();
    let tuning = Tuning { native, targets, command };
    let mut packer =
        NetworkPacker { name, version, metadata, provenance, tuning, ..NetworkPacker::default() };
    for (input, shape) in shapes {
        packer.shapes.insert(input.extract()?, tensors::shape(&shape)?);
    }
    for (input, policy) in non_finite {
        let policy = match policy.as_str() {
            "flag" => NonFinite::Flag,
            "reject" => NonFinite::Reject,
            other => {
                let text = format!("non_finite of {input:?} is {other:?}; expected \"flag\" or \"reject\"");
                return Err(raise(ErrorKind::InvalidArgument, text));
            }
        };
        packer.non_finite.insert(input, policy);
    }
    if let Some(rows) = rows {
        let collected = rows.get_item("packer")?;
        let collected = collected.cast::<crate::packer::Packer>()?.get().take()?;
        let text = |key: &str| -> PyResult<String> { rows.get_item(key)?.extract() };
        packer.rows = Some(
            RowsBefore::new(
                collected,
                [&text("schema")?, &text("sanity")?, &text("preprocess")?],
                &crate::reference::parse(&text("reference")?)?,
            )
            .map_err(|error| exception(&error))?,
        );
    }
    let file: PathBuf;
    let source = if let Ok(bytes) = source.cast::<PyBytes>() {
        OnnxSource::Bytes(bytes.as_bytes())
    } else {
        file = source.extract()?;
        OnnxSource::File(&file)
    };
    let draft = py.detach(|| guard(|| packer.read(source, &path))).map_err(|error| exception(&error))?;
    Ok(NetworkDraft { fields: draft.inputs().to_vec(), inner: Mutex::new(Some(draft)) })
}

#[pymethods]
impl NetworkDraft {
    /// A made-up case: arrays by input.
    fn synthetic_case<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let draft = inner.as_ref().ok_or_else(used_up)?;
        let case = draft.synthetic_case().map_err(|error| exception(&error))?;
        let arrays = PyDict::new(py);
        for (field, tensor) in self.fields.iter().zip(&case) {
            arrays.set_item(&field.name, tensors::array(py, tensor)?)?;
        }
        Ok(arrays)
    }

    /// The names of the inputs.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    /// The names of the outputs.
    #[getter]
    fn outputs(&self) -> PyResult<Vec<String>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let draft = inner.as_ref().ok_or_else(used_up)?;
        Ok(draft.outputs().iter().map(|output| output.name.clone()).collect())
    }

    /// The labels, in the order of the columns, of each output that is a dictionary per row in the source.
    #[getter]
    fn zip_maps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = PyDict::new(py);
        for ZipMap { output, labels } in inner.as_ref().ok_or_else(used_up)?.zip_maps() {
            match labels {
                Labels::Integers(labels) => found.set_item(output, labels)?,
                Labels::Texts(labels) => found.set_item(output, labels)?,
            }
        }
        Ok(found)
    }

    /// Compares the cases (a pair each: arrays by input, and a list of outputs or None), and publishes the
    /// bloc. The draft is used up.
    fn publish<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        cases: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut golden = Vec::new();
        for case in cases {
            let (inputs, outputs): (Bound<'py, PyDict>, Option<Vec<Bound<'py, PyAny>>>) = case.extract()?;
            golden.push(self.case(&inputs, outputs)?);
        }
        let draft = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(used_up)?;
        let written =
            py.detach(|| guard(|| draft.publish(&path, golden))).map_err(|error| exception(&error))?;
        let report = PyDict::new(py);
        report.set_item("digest", written.packed.digest)?;
        report.set_item("size_bytes", written.packed.size_bytes)?;
        report.set_item("golden_rows", written.packed.golden.rows)?;
        report.set_item("exact", written.packed.golden.exact)?;
        report.set_item("max_abs_diff", written.packed.golden.max_abs_diff)?;
        report.set_item("max_rel_diff", written.packed.golden.max_rel_diff)?;
        report.set_item("batch", batch_name(&written.batch))?;
        report.set_item("notes", written.notes)?;
        Ok(report)
    }
}

impl NetworkDraft {
    fn case(
        &self,
        inputs: &Bound<'_, PyDict>,
        outputs: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<GoldenCase> {
        let mut tensors = Vec::new();
        for field in &self.fields {
            let value = inputs.get_item(&field.name)?.ok_or_else(|| {
                raise(ErrorKind::InvalidArgument, format!("a golden case lacks input {:?}", field.name))
            })?;
            tensors.push(tensors::read(field, &value)?);
        }
        let output = |array: &Bound<'_, PyAny>| {
            let dtype: String = array.getattr("dtype")?.getattr("name")?.extract()?;
            let kinds = monobloc::schema::DType::ALL.iter().copied();
            let dtype = kinds
                .into_iter()
                .find(|kind| kind.name() == dtype)
                .unwrap_or(monobloc::schema::DType::String);
            let field = TensorField {
                name: "output".to_owned(),
                dtype,
                shape: Vec::new(),
                non_finite: NonFinite::Flag,
            };
            tensors::read(&field, array)
        };
        let outputs = outputs.unwrap_or_default().iter().map(output).collect::<PyResult<_>>()?;
        Ok(GoldenCase { inputs: tensors, outputs })
    }
}

/// Operators, each with what of it is refused.
type Listed = Vec<(&'static str, &'static str)>;

/// The oldest and the newest version of ONNX's operator set that is read, and the operators that can be run of
/// `ai.onnx` and of `ai.onnx.ml`, each with what of it is refused.
#[pyfunction]
pub fn supported_operators() -> (i64, i64, Listed, Listed) {
    let list =
        |operators: &[Operator]| operators.iter().map(|operator| (operator.name, operator.limit)).collect();
    (OLDEST_OPSET, NEWEST_OPSET, list(SUPPORTED_OPERATORS), list(SUPPORTED_ML_OPERATORS))
}

/// How rows run, as the manifest says it.
fn batch_name(batch: &Batch) -> &'static str {
    match batch {
        Batch::Coupled { .. } => "coupled",
        Batch::Fixed => "fixed",
        Batch::Rows { .. } => "rows",
        Batch::Symbolic { .. } => "symbolic",
    }
}

fn used_up() -> PyErr {
    raise(ErrorKind::InvalidArgument, "this draft has been published")
}
