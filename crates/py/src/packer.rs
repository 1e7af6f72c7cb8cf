//! What the readers of fitted models hand over: numbers, vocabularies, trees, and the manifest.

use crate::arrays::read;
use crate::cells::cells;
use crate::error::{exception, raise};
use monobloc::ErrorKind;
use monobloc::error::guard;
use monobloc::golden::GoldenRows;
use monobloc::import::catboost::{CatboostModel, CatboostOptions};
use monobloc::import::lightgbm::{LightgbmModel, LightgbmOptions};
use monobloc::import::trees::{self, Levels, TreeModel, TreeOptions};
use monobloc::import::xgboost::{Interface, XgboostModel, XgboostOptions};
use monobloc::model::trees::source::Tree;
use monobloc::pack::{self, TreePacker};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Collects the parts of a model and writes a bloc.
#[pyclass(frozen, module = "monobloc._native")]
pub struct Packer {
    inner: Mutex<Option<pack::Packer>>,
}

#[pymethods]
impl Packer {
    #[new]
    fn new() -> Packer {
        Packer { inner: Mutex::new(Some(pack::Packer::default())) }
    }

    /// Keeps a float64 or int32 array; gives the reference for the manifest.
    fn numbers<'py>(&self, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = values.py();
        let reference = if let Ok(floats) = read::<f64>(values, "values") {
            self.with(|packer| Ok(packer.floats(&floats)))?
        } else {
            let integers = read::<i32>(values, "values")?;
            self.with(|packer| Ok(packer.integers(&integers)))?
        };
        json(py, &reference)
    }

    /// Keeps a vocabulary: text, or ascending numbers, with NaN and None last where they are
    /// categories.
    fn vocabulary<'py>(&self, categories: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = categories.py();
        let (mut texts, mut numbers, mut nan, mut none) = (Vec::new(), Vec::new(), None, None);
        for (index, category) in categories.try_iter()?.enumerate() {
            let category = category?;
            if category.is_none() {
                none = Some(index as u64);
            } else if let Ok(text) = category.cast::<PyString>() {
                texts.push(text.to_str()?.to_owned());
            } else {
                let number: f64 = category.extract()?;
                if number.is_nan() {
                    nan = Some(index as u64);
                } else {
                    numbers.push(number);
                }
            }
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let categories = match (texts.is_empty(), numbers.is_empty()) {
            (false, false) => {
                return Err(raise(ErrorKind::Unsupported, "categories that are text and numbers at once"));
            }
            (true, false) => pack::Categories::Numbers(&numbers),
            (_, true) => pack::Categories::Texts(&texts),
        };
        let reference = self.with(|packer| packer.vocabulary(categories, nan, none))?;
        json(py, &reference)
    }

    /// Begins the forest: JSON of what all its trees share.
    fn forest(&self, shape: &str) -> PyResult<()> {
        let shape = serde_json::from_str(shape)
            .map_err(|error| raise(ErrorKind::InvalidArgument, format!("the forest's shape: {error}")))?;
        self.with(|packer| packer.begin_forest(shape))
    }

    /// Appends a tree: arrays with an entry per node, and the values of each node.
    #[expect(clippy::too_many_arguments, reason = "the arrays of a tree as training libraries keep them")]
    #[pyo3(signature = (left, right, column, threshold, missing_left, values, *, set=None, output=0, cover=None))]
    fn tree(
        &self,
        left: &Bound<'_, PyAny>,
        right: &Bound<'_, PyAny>,
        column: &Bound<'_, PyAny>,
        threshold: &Bound<'_, PyAny>,
        missing_left: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        set: Option<&Bound<'_, PyAny>>,
        output: usize,
        cover: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let missing_left = read::<u8>(&missing_left.call_method1("view", ("u1",))?, "missing_left")?;
        let tree = Tree {
            left: read::<i64>(left, "left")?,
            right: read::<i64>(right, "right")?,
            column: read::<i64>(column, "column")?,
            threshold: read::<f64>(threshold, "threshold")?,
            missing_left: missing_left.into_iter().map(|left| left != 0).collect(),
            set: set.map(|set| read::<i64>(set, "set")).transpose()?.unwrap_or_default(),
            values: read::<f64>(values, "values")?,
            cover: cover.map(|cover| read::<f32>(cover, "cover")).transpose()?,
            output,
        };
        self.with(|packer| packer.tree(tree.as_source()))
    }

    /// Takes a CatBoost model's JSON for the forest; gives what it is.
    fn catboost<'py>(&self, py: Python<'py>, file: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let read = || CatboostModel::read(file, &CatboostOptions::default()).map(TreeModel::of_catboost);
        let model = guard(read);
        self.model(py, model, file)
    }

    /// Takes a LightGBM text model for the forest; gives what it is.
    fn lightgbm<'py>(&self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let read = || LightgbmModel::read(text, &LightgbmOptions::default()).map(TreeModel::of_lightgbm);
        let model = guard(read);
        self.model(py, model, text)
    }

    /// Takes an XGBoost model for the forest; gives what it is.
    #[pyo3(signature = (file, *, wrapper, missing=None, absent_is_missing=false))]
    fn xgboost<'py>(
        &self,
        py: Python<'py>,
        file: &[u8],
        wrapper: bool,
        missing: Option<f32>,
        absent_is_missing: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = XgboostOptions {
            missing,
            absent_is_missing,
            interface: Some(if wrapper { Interface::Wrapper } else { Interface::Booster }),
            ..XgboostOptions::default()
        };
        let model = guard(|| TreeModel::of_xgboost(XgboostModel::read(file, &options)?));
        self.model(py, model, file)
    }

    /// Leaves the model's own file out of the bloc.
    fn drop_source(&self) -> PyResult<()> {
        self.with(|packer| {
            packer.drop_source();
            Ok(())
        })
    }

    /// Writes the bloc, replays its golden rows, and publishes it, or raises and leaves nothing. The
    /// packer is used up.
    #[expect(clippy::too_many_arguments, reason = "the parts of a bloc, named by the caller")]
    #[pyo3(signature = (path, manifest, reference, *, golden_inputs, golden_outputs, golden_raw_scores=None, golden_classes=None))]
    fn write<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        manifest: &str,
        reference: &str,
        golden_inputs: Vec<Bound<'py, PyList>>,
        golden_outputs: &Bound<'py, PyAny>,
        golden_raw_scores: Option<&Bound<'py, PyAny>>,
        golden_classes: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (columns, text) = cells(&golden_inputs)?;
        let floats = |values: Option<&Bound<'py, PyAny>>, name: &str| {
            values.map(|values| read::<f64>(values, name)).transpose().map(Option::unwrap_or_default)
        };
        let golden = GoldenRows {
            columns,
            text,
            outputs: read::<f64>(golden_outputs, "golden_outputs")?,
            raw_scores: floats(golden_raw_scores, "golden_raw_scores")?,
            classes: floats(golden_classes, "golden_classes")?,
        };
        let reference = crate::reference::parse(reference)?;
        let packer = self.take()?;
        let packed = py
            .detach(|| guard(|| packer.write(&path, manifest, &golden, Some(&reference))))
            .map_err(|error| exception(&error))?;
        described(py, &packed)
    }
}

/// Whether these bytes are a tree ensemble's file rather than an ONNX model.
#[pyfunction]
pub fn is_tree_file(bytes: &[u8]) -> bool {
    trees::is_tree_file(bytes)
}

/// The levels of each category column that an XGBoost model keeps, in the columns' order.
#[pyfunction]
pub fn xgboost_levels<'py>(py: Python<'py>, file: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let options = XgboostOptions { interface: Some(Interface::Booster), ..XgboostOptions::default() };
    let model = guard(|| TreeModel::of_xgboost(XgboostModel::read(file, &options)?));
    let model = model.map_err(|error| exception(&error))?;
    let levels = model.categories.into_iter().flatten().map(|levels| match levels {
        Levels::Numbers(numbers) => numbers.into_bound_py_any(py),
        Levels::Texts(texts) => texts.into_bound_py_any(py),
    });
    PyList::new(py, levels.collect::<PyResult<Vec<_>>>()?)
}

/// Writes the bloc of a tree ensemble's file.
#[pyfunction]
#[pyo3(signature = (file, path, *, name, version, metadata, provenance, keep_source, iterations=None, missing=None, sanity=None))]
#[expect(clippy::too_many_arguments, reason = "what goes into a bloc, named by the caller")]
pub fn pack_trees<'py>(
    py: Python<'py>,
    file: &[u8],
    path: PathBuf,
    name: String,
    version: String,
    metadata: BTreeMap<String, String>,
    provenance: BTreeMap<String, String>,
    keep_source: bool,
    iterations: Option<(usize, usize)>,
    missing: Option<f32>,
    sanity: Option<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = TreeOptions { iterations: iterations.map(|(from, to)| from..to), missing };
    let packer = TreePacker {
        name,
        version,
        metadata,
        provenance,
        options,
        sanity: sanity.unwrap_or_default(),
        keep_source,
    };
    let packed = py.detach(|| guard(|| packer.write(file, &path))).map_err(|error| exception(&error))?;
    described(py, &packed)
}

/// A written bloc, for the report.
fn described<'py>(py: Python<'py>, packed: &pack::Packed) -> PyResult<Bound<'py, PyDict>> {
    let report = PyDict::new(py);
    report.set_item("digest", &packed.digest)?;
    report.set_item("size_bytes", packed.size_bytes)?;
    report.set_item("golden_rows", packed.golden.rows)?;
    report.set_item("exact", packed.golden.exact)?;
    report.set_item("max_abs_diff", packed.golden.max_abs_diff)?;
    report.set_item("max_rel_diff", packed.golden.max_rel_diff)?;
    report.set_item("max_ulp_diff", packed.golden.max_ulp_diff)?;
    Ok(report)
}

impl Packer {
    /// What was collected; the packer is used up.
    pub fn take(&self) -> PyResult<pack::Packer> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(used_up)
    }

    /// Keeps what was read from a model's file, and describes it to the readers in Python.
    fn model<'py>(
        &self,
        py: Python<'py>,
        model: monobloc::Result<TreeModel>,
        file: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        let model = model.map_err(|error| exception(&error))?;
        let (features, thresholds) = model.ensemble.splits(64);
        let description = serde_json::json!({
            "combine": model.ensemble.combine,
            "decide": model.decide,
            "link": model.link,
            "n_classes": model.classes.map(|classes| classes.values.len()),
            "splits": (features, thresholds),
        });
        self.with(|packer| {
            packer.keep_source(model.member, file.to_vec());
            packer.ensemble(model.ensemble)
        })?;
        json(py, &description)
    }

    fn with<R>(&self, action: impl FnOnce(&mut pack::Packer) -> monobloc::Result<R>) -> PyResult<R> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let packer = inner.as_mut().ok_or_else(used_up)?;
        guard(|| action(packer)).map_err(|error| exception(&error))
    }
}

fn used_up() -> PyErr {
    raise(ErrorKind::InvalidArgument, "this packer has written its bloc")
}

fn json<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(|error| raise(ErrorKind::Internal, error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
