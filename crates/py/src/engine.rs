//! `monobloc.Engine`.

use crate::answers;
use crate::arrays::filled;
use crate::drift::{self, DriftReport, finished};
use crate::error::{exception, kind_of, raise};
use crate::events::Listeners;
use crate::footprint::{Footprint, footprint};
use crate::labels::names;
use crate::monitoring::Monitoring;
use crate::prediction::Prediction;
use crate::report::{Health, LoadReport};
use crate::rows::Rows;
use crate::verdicts::Verdicts;
use monobloc::drift::Live;
use monobloc::error::guard;
use monobloc::model::Task;
use monobloc::precision::Precision;
use monobloc::{ErrorKind, Input, LoadOptions};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Work during which other Python threads may run. To let go of the interpreter takes 0.1 µs, but to have it back
/// takes as long as another thread keeps it: up to 5 ms, `sys.getswitchinterval()`.
const WORTH_LETTING_GO: Duration = Duration::from_micros(100);
/// The same as bytes of a request body, of which reading takes about 4 ns each.
const DETACH_BYTES: usize = 1 << 14;
/// Bytes that a value takes at least in a request body, its name included.
const VALUE_BYTES: usize = 8;

/// A model with its preprocessing, ready to predict. Engines are immutable and may be used from any
/// number of threads, and from processes forked after loading.
#[pyclass(frozen, subclass, module = "monobloc")]
pub struct Engine {
    pub inner: Arc<monobloc::Engine>,
    pub options: LoadOptions,
    pub events: Listeners,
    pub monitoring: Monitoring,
    /// Where the bloc is, whatever the working directory becomes.
    pub absolute_path: PathBuf,
}

#[pymethods]
impl Engine {
    /// The label, or for regression the value, of each row, as the source model's `predict` gives it; of a model that
    /// decides on several targets a row of them.
    /// Raises `RowsRejected` where rows have no answer.
    #[pyo3(name = "predict")]
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn predict<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        #[cfg(feature = "onnx")]
        if self.inner.model().network().is_some() {
            return crate::network::only_output(py, self, X);
        }
        let rows = self.rows(X)?;
        match self.inner.model().targets() {
            [] => answers::values(py, self, &rows, self.inner.model().n_outputs(), true, &|input, out| {
                self.inner.run_into(input, out)
            }),
            targets => answers::labels(py, self, &rows, targets),
        }
    }

    /// What the trees of each row add up to, before it becomes a probability or a prediction; one value
    /// per row, or one per class. They are the training library's bit for bit: CatBoost's
    /// `RawFormulaVal`, LightGBM's `raw_score=True`, XGBoost's `output_margin=True`, scikit-learn's
    /// `decision_function` of gradient boosting. Raises `RowsRejected` where rows have no answer.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn raw_score<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let rows = self.rows(X)?;
        answers::values(py, self, &rows, self.inner.model().n_raw_scores(), true, &|input, out| {
            self.inner.raw_scores_into(input, out)
        })
    }

    /// The outputs of each row and a verdict on it. Never raises for a row: the outputs of a row that
    /// the source model would refuse are NaN (labels: None).
    ///
    /// >>> prediction = monobloc.load("credit.bloc").run(X)
    /// >>> sorted(prediction.outputs), prediction.verdicts.rejected
    /// (['label', 'probabilities'], [])
    #[pyo3(name = "run")]
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn run<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Prediction> {
        #[cfg(feature = "onnx")]
        if self.inner.model().network().is_some() {
            return crate::network::run(py, self, X);
        }
        answers::run(py, self, &self.rows(X)?)
    }

    /// A verdict on each row, without predicting: what `run` would say of it.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn check<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Verdicts> {
        if !self.inner.schema().tensors().is_empty() {
            let message = "the model takes tensors; `run` tells what is found in them";
            return Err(raise(ErrorKind::InvalidArgument, message));
        }
        let rows = Rows::read(&*self.inner, X)?;
        let mut findings = Vec::new();
        self.for_each_chunk(py, &rows, |input| {
            findings.extend(detached(py, self, input, || self.inner.check(input))?);
            Ok(())
        })?;
        Ok(Verdicts::new(rows.n_rows(), findings, rows.extra()))
    }

    /// The sanity rules: a dict with `fields` (rules by name), `on_extra` and `max_out_of_distribution`, as
    /// `docs/sanity.md` describes them.
    #[getter]
    fn sanity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rules = serde_json::to_string(self.inner.sanity().rules());
        let rules = rules.map_err(|error| raise(ErrorKind::Internal, error.to_string()))?;
        py.import("json")?.call_method1("loads", (rules,))
    }

    /// The response body for a JSON request body, without a Python object in between. Never raises for a row:
    /// the outputs of a row that the source model would refuse are null, and its verdict says why. Exceptions
    /// have an `http_status`. `docs/json.md` specifies both bodies.
    ///
    /// >>> monobloc.load("credit.bloc").run_json(b'[]')
    /// b'{"outputs":{"label":[],"probabilities":[]},"rows":0,"verdicts":[]}'
    fn run_json<'py>(&self, py: Python<'py>, body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let body = body_bytes(body)?;
        let call = || guard(|| self.inner.run_json(&body));
        let response = if self.is_quick_body(body.len()) { call() } else { py.detach(call) };
        Ok(PyBytes::new(py, &response.map_err(|error| exception(&error))?))
    }

    /// A coroutine that gives what `run` gives, without blocking the event loop meanwhile: it is run on a thread of the
    /// loop's default executor. What is cancelled runs to its end there.
    ///
    /// >>> import asyncio
    /// >>> prediction = asyncio.run(monobloc.load("credit.bloc").run_async(X))
    #[pyo3(name = "run_async")]
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn run_async<'py>(slf: &Bound<'py, Self>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let run = slf.getattr(intern!(slf.py(), "run"))?;
        slf.py().import(intern!(slf.py(), "asyncio"))?.call_method1(intern!(slf.py(), "to_thread"), (run, X))
    }

    /// The answers for a body of record batches, both in Arrow's IPC format: a stream or a file is taken, a
    /// stream is given. Never raises for a row: the outputs of a row that the source model would refuse are
    /// null. `docs/arrow.md` specifies both bodies.
    fn run_arrow<'py>(&self, py: Python<'py>, body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let body = body_bytes(body)?;
        let call = || guard(|| self.inner.run_arrow(&body));
        let response = if self.is_quick_body(body.len()) { call() } else { py.detach(call) };
        Ok(PyBytes::new(py, &response.map_err(|error| exception(&error))?))
    }

    /// A JSON Schema (draft 2020-12) of the request bodies that `run_json` takes, as text.
    fn json_schema(&self) -> String {
        self.inner.json_schema()
    }

    /// The feature matrix that the model sees, as the source's preprocessing gives it (dense).
    #[pyo3(name = "transform")]
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn transform<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let rows = Rows::read(&*self.inner, X)?;
        let width = self.inner.pipeline().n_features();
        match self.inner.pipeline().feature_type() {
            Precision::Single => filled::<f32>(py, rows.n_rows(), Some(width), |out| {
                self.for_each_chunk(py, &rows, |input| {
                    let out = &mut out[input.first_row() * width..][..input.n_rows() * width];
                    detached(py, self, input, || self.inner.transform_into_f32(input, out))
                })
            }),
            Precision::Double => filled::<f64>(py, rows.n_rows(), Some(width), |out| {
                self.for_each_chunk(py, &rows, |input| {
                    let out = &mut out[input.first_row() * width..][..input.n_rows() * width];
                    detached(py, self, input, || self.inner.transform_into(input, out))
                })
            }),
        }
    }

    /// Whether the bloc's file is still the one that was loaded, and whether the rows of the last five minutes are
    /// like the reference: above the bloc's limit (`sanity["max_out_of_distribution"]`) it is degraded.
    ///
    /// >>> monobloc.load("credit.bloc").health().status
    /// 'ok'
    fn health(&self) -> Health {
        Health::new(&self.inner)
    }

    /// How rows differ from the reference, as a report: those of the window, which all workers that were forked after
    /// loading (or load with the same `state_dir`) counted together, or `X`, which is not counted. See
    /// `docs/drift.md`.
    ///
    /// >>> monobloc.load("credit.bloc").drift(X).drifted
    /// []
    #[pyo3(signature = (X=None))]
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn drift<'py>(&self, py: Python<'py>, X: Option<&Bound<'py, PyAny>>) -> PyResult<DriftReport> {
        let Some(X) = X else { return finished(self.inner.drift()) };
        let rows = Rows::read(&*self.inner, X)?;
        let mut live = Live::new(self.inner.reference());
        self.for_each_chunk(py, &rows, |input| {
            detached(py, self, input, || self.inner.count_into(input, &mut live))
        })?;
        finished(monobloc::drift::report(self.inner.reference(), &live))
    }

    /// Metrics of all workers that count together, as text for those who scrape them: `"prometheus"`, or
    /// `"openmetrics"`. See `docs/monitoring.md`.
    #[pyo3(signature = (format="prometheus"))]
    fn metrics(&self, py: Python<'_>, format: &str) -> PyResult<String> {
        let metrics = || guard(|| self.inner.metrics(format.parse()?));
        py.detach(metrics).map_err(|error| exception(&error))
    }

    /// What `metrics` tells, for `monobloc.prometheus`: name, help, kind, and samples of suffix, labels and value.
    fn _metric_families<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let families =
            py.detach(|| guard(|| self.inner.metric_families())).map_err(|error| exception(&error))?;
        drift::families(py, &families)
    }

    /// What all workers that count together have counted: a dict of numbers, or None where monitoring is off. Those that
    /// begin with `window_` are of the window, `workers` and `in_flight` of now, others since counting began.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        drift::snapshot(py, &self.inner)
    }

    /// How many events were told, sampled out, and over the rate: a dict.
    #[getter]
    fn event_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let monobloc::monitor::EventCounts { told, sampled_out, over_rate, .. } = self.inner.event_counts();
        let counts = PyDict::new(py);
        counts.set_item("told", told)?;
        counts.set_item("sampled_out", sampled_out)?;
        counts.set_item("over_rate", over_rate)?;
        Ok(counts)
    }

    /// The names of the features that `transform` gives.
    #[pyo3(signature = (input_features=None))]
    fn get_feature_names_out<'py>(
        &self,
        py: Python<'py>,
        input_features: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = input_features;
        let features: Vec<&str> = self.inner.pipeline().feature_names().iter().map(String::as_str).collect();
        names(py, &features)
    }

    /// The names of the input fields.
    #[getter]
    fn feature_names_in_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let schema = self.inner.schema();
        let fields = schema.fields().iter().map(|field| field.name.as_str());
        let tensors = schema.tensors().iter().map(|field| field.name.as_str());
        names(py, &fields.chain(tensors).collect::<Vec<_>>())
    }

    /// The number of input fields.
    #[getter]
    fn n_features_in_(&self) -> usize {
        self.inner.schema().fields().len() + self.inner.schema().tensors().len()
    }

    /// The input fields: a dict with a list `fields` of name, kind, dtype and null.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.manifest(py)?.get_item("schema")
    }

    /// The bloc's manifest.
    #[getter]
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.inner.bloc().manifest_json(),))
    }

    /// The memory that `workers` processes will take which each serve this engine's bloc, as `monobloc.footprint` tells it.
    #[pyo3(signature = (workers=None, *, threads=None, process_bytes=None))]
    fn footprint(
        slf: &Bound<'_, Self>,
        workers: Option<i64>,
        threads: Option<i64>,
        process_bytes: Option<u64>,
    ) -> PyResult<Footprint> {
        footprint(slf.py(), slf.as_any(), workers, threads, process_bytes)
    }

    /// Threads that batches take together now.
    #[getter]
    fn threads(&self) -> usize {
        self.inner.threads()
    }

    /// What loading cost.
    #[getter]
    fn load_report(&self) -> LoadReport {
        LoadReport::new(self.inner.load_report())
    }

    /// The path that the bloc was loaded from.
    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.bloc().path().to_owned()
    }

    /// The bloc's digest.
    #[getter]
    fn digest(&self) -> &str {
        self.inner.bloc().digest()
    }

    /// The model's name.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.manifest().name
    }

    /// The model's version.
    #[getter]
    fn version(&self) -> &str {
        &self.inner.manifest().version
    }

    /// `"classifier"`, `"outlier_detector"` or `"regressor"`, for scikit-learn before 1.6.
    #[getter]
    fn _estimator_type(&self) -> &'static str {
        match self.inner.model().ensemble().map(monobloc::model::Ensemble::task) {
            Some(Task::Classification) => "classifier",
            Some(Task::OutlierDetection) => "outlier_detector",
            _ => "regressor",
        }
    }

    /// scikit-learn's tags.
    fn __sklearn_tags__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let utils = py.import("sklearn.utils")?;
        let arguments = PyDict::new(py);
        arguments.set_item("estimator_type", self._estimator_type())?;
        let target_tags = utils.getattr("TargetTags")?.call1((true,))?;
        let (classifier, regressor) = match self.inner.model().targets() {
            [] => (None, Some(utils.getattr("RegressorTags")?.call0()?)),
            _ if !self.inner.is_classifier() => (None, None),
            targets => {
                let tags = utils.getattr("ClassifierTags")?.call0()?;
                tags.setattr("multi_class", targets.iter().any(|classes| classes.values.len() > 2))?;
                tags.setattr("multi_label", targets.len() > 1)?;
                target_tags.setattr("multi_output", targets.len() > 1)?;
                (Some(tags), None)
            }
        };
        arguments.set_item("target_tags", target_tags)?;
        arguments.set_item("classifier_tags", classifier)?;
        arguments.set_item("regressor_tags", regressor)?;
        arguments.set_item("transformer_tags", py.None())?;
        utils.getattr("Tags")?.call((), Some(&arguments))
    }

    /// Whether the model is fitted: an engine always is.
    fn __sklearn_is_fitted__(&self) -> bool {
        true
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let reload = py.import("monobloc._native")?.getattr("_reload")?;
        let LoadOptions { threads, workers, max_body_bytes, .. } = &self.options;
        let Listeners { on_event, log, event_sample, events_per_second } = &self.events;
        let events = (on_event, log, event_sample, events_per_second);
        let Monitoring { monitor, state_dir, window_seconds, window_rows } = &self.monitoring;
        let monitoring = (monitor, state_dir, window_seconds, window_rows);
        let arguments =
            (&self.absolute_path, self.digest(), (threads, workers), max_body_bytes, events, monitoring)
                .into_bound_py_any(py)?;
        PyTuple::new(py, [reload, arguments])
    }

    fn __repr__(&self) -> String {
        let manifest = self.inner.manifest();
        let source = self.inner.model().source();
        format!(
            "Engine({:?}, version {:?}, {source}, {})",
            manifest.name,
            manifest.version,
            self.inner.bloc().path().display()
        )
    }
}

impl Engine {
    /// The engine of the core.
    pub fn inner(&self) -> &monobloc::Engine {
        &self.inner
    }

    /// The engine of the core, kept alive.
    pub fn shared(&self) -> Arc<monobloc::Engine> {
        Arc::clone(&self.inner)
    }

    /// The score below which a row is an outlier.
    pub fn offset(&self) -> PyResult<f64> {
        let offset = self.inner.model().ensemble().and_then(monobloc::model::Ensemble::offset);
        offset.ok_or_else(|| raise(ErrorKind::Internal, "an outlier detector without an offset"))
    }

    /// Whether rows are done before it pays to let go of the interpreter.
    fn is_quick(&self, n_rows: usize) -> bool {
        self.inner.expected_duration(n_rows) < WORTH_LETTING_GO
    }

    /// The same of a request body, which holds fewer rows than it seems to.
    fn is_quick_body(&self, n_bytes: usize) -> bool {
        let n_values = self.inner.schema().fields().len().max(1);
        n_bytes < DETACH_BYTES && self.is_quick(1 + n_bytes / (VALUE_BYTES * n_values))
    }

    /// The rows of a call that is to answer them; a call without is counted as failed.
    pub fn rows<'py>(&self, rows: &Bound<'py, PyAny>) -> PyResult<Rows<'py>> {
        let py = rows.py();
        Rows::read(&*self.inner, rows).inspect_err(|error| self.count_failure(py, error))
    }

    /// Counts a call that failed before the core was asked.
    pub fn count_failure(&self, py: Python<'_>, error: &PyErr) {
        if let Some(kind) = kind_of(py, error) {
            self.inner.count_failure(kind);
        }
    }

    /// Calls `each` with some rows at a time.
    pub fn for_each_chunk<'py>(
        &self,
        py: Python<'py>,
        rows: &Rows<'py>,
        each: impl FnMut(&Input<'_>) -> PyResult<()>,
    ) -> PyResult<()> {
        rows.for_each_chunk(py, &*self.inner, each)
    }
}

/// Calls the core, letting other Python threads run meanwhile where that pays.
pub fn detached<R: Send>(
    py: Python<'_>,
    engine: &Engine,
    input: &Input<'_>,
    call: impl FnOnce() -> monobloc::Result<R> + Send,
) -> PyResult<R> {
    let result = if engine.is_quick(input.n_rows()) { guard(call) } else { py.detach(|| guard(call)) };
    result.map_err(|error| exception(&error))
}

/// The bytes of a request body.
pub fn body_bytes<'py>(body: &'py Bound<'_, PyAny>) -> PyResult<Cow<'py, [u8]>> {
    if let Ok(text) = body.cast::<PyString>() {
        return Ok(Cow::Owned(text.to_str()?.as_bytes().to_vec()));
    }
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(buffer) = PyBuffer::<u8>::get(body) {
        return buffer.to_vec(body.py()).map(Cow::Owned);
    }
    let found = body.get_type().name()?;
    Err(raise(ErrorKind::InvalidArgument, format!("a request body given as {found}; expected bytes")))
}
