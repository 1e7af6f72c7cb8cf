//! What the readers of fitted models hand over: numbers, vocabularies, trees, and the manifest.

use crate::error::{exception, raise};
use crate::rows::cells;
use monobloc::ErrorKind;
use monobloc::error::guard;
use monobloc::golden::GoldenRows;
use monobloc::model::trees::build::SourceTree;
use monobloc::pack;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
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

    /// Begins the forest.
    fn forest(&self, n_features: usize, n_outputs: usize) -> PyResult<()> {
        self.with(|packer| packer.begin_forest(n_features, n_outputs))
    }

    /// Appends a tree: arrays with an entry per node, and `n_outputs` values per node.
    #[expect(clippy::too_many_arguments, reason = "the arrays of a tree as training libraries keep them")]
    #[pyo3(signature = (left, right, feature, threshold, missing_left, values, cover=None))]
    fn tree(
        &self,
        left: &Bound<'_, PyAny>,
        right: &Bound<'_, PyAny>,
        feature: &Bound<'_, PyAny>,
        threshold: &Bound<'_, PyAny>,
        missing_left: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        cover: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let missing_left: Vec<bool> =
            read::<u8>(&missing_left.call_method1("view", ("u1",))?, "missing_left")?
                .iter()
                .map(|&left| left != 0)
                .collect();
        let cover = cover.map(|cover| read::<f32>(cover, "cover")).transpose()?;
        let tree = (
            read::<i64>(left, "left")?,
            read::<i64>(right, "right")?,
            read::<i64>(feature, "feature")?,
            read::<f64>(threshold, "threshold")?,
            read::<f64>(values, "values")?,
        );
        self.with(|packer| {
            packer.tree(SourceTree {
                left: &tree.0,
                right: &tree.1,
                feature: &tree.2,
                threshold: &tree.3,
                missing_left: &missing_left,
                values: &tree.4,
                cover: cover.as_deref(),
                set: &[],
                output: 0,
            })
        })
    }

    /// Writes the bloc, replays its golden rows, and publishes it, or raises and leaves nothing. The
    /// packer is used up.
    fn write<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        manifest: &str,
        golden_inputs: Vec<Bound<'py, PyList>>,
        golden_outputs: &Bound<'py, PyAny>,
        reference: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (columns, text) = cells(&golden_inputs)?;
        let golden = GoldenRows { columns, text, outputs: read::<f64>(golden_outputs, "golden_outputs")? };
        let packer = self.take()?;
        let packed = py
            .detach(|| guard(|| packer.write(&path, manifest, &golden, reference)))
            .map_err(|error| exception(&error))?;
        let report = PyDict::new(py);
        report.set_item("digest", packed.digest)?;
        report.set_item("size_bytes", packed.size_bytes)?;
        report.set_item("golden_rows", packed.golden.rows)?;
        report.set_item("exact", packed.golden.exact)?;
        report.set_item("max_abs_diff", packed.golden.max_abs_diff)?;
        report.set_item("max_rel_diff", packed.golden.max_rel_diff)?;
        Ok(report)
    }
}

impl Packer {
    /// What was collected; the packer is used up.
    pub fn take(&self) -> PyResult<pack::Packer> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(used_up)
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

/// A copy of a contiguous array of exactly this type.
fn read<T: Element + Copy>(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<T>> {
    let wrong =
        || raise(ErrorKind::InvalidArgument, format!("{name} is no array of {}", std::any::type_name::<T>()));
    let buffer = PyBuffer::<T>::get(array).map_err(|_| wrong())?;
    buffer.to_vec(array.py())
}

fn json<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(|error| raise(ErrorKind::Internal, error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
