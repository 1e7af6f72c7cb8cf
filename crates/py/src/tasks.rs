//! What engines of classifiers and of outlier detectors have beside.

use crate::answers;
use crate::engine::Engine;
use crate::error::raise;
use crate::labels::labels;
use monobloc::ErrorKind;
use pyo3::exceptions::PyAttributeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// An engine whose model gives probabilities of classes.
#[pyclass(frozen, extends = Engine, module = "monobloc")]
pub struct ClassifierEngine;

/// An engine whose model tells outliers (-1) from inliers (1).
#[pyclass(frozen, extends = Engine, module = "monobloc")]
pub struct OutlierDetectorEngine;

#[pymethods]
impl ClassifierEngine {
    /// The probability of each class, in the order of `classes_`, for each row; of a model that decides on several
    /// targets a list of such arrays, one for each. Raises `SchemaError` for a row that the source model would refuse.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn predict_proba<'py>(slf: PyRef<'py, Self>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let engine = slf.as_super();
        let (core, rows) = (engine.inner(), engine.rows(X)?);
        answers::probabilities(X.py(), engine, &rows, &|input, out| core.run_into(input, out))
    }

    /// The natural logarithms of what `predict_proba` gives: negative infinity of a probability of 0.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn predict_log_proba<'py>(slf: PyRef<'py, Self>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let engine = slf.as_super();
        let (core, rows) = (engine.inner(), engine.rows(X)?);
        answers::probabilities(X.py(), engine, &rows, &|input, out| core.log_probabilities_into(input, out))
    }

    /// A method that gives the raw score of each row, of more than two classes one for each, where the source has a
    /// `decision_function`: scikit-learn's linear models and gradient boosting, and `LGBMClassifier`. Absent
    /// elsewhere, as it is there.
    #[getter]
    fn decision_function<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let model = slf.as_super().get().inner.model();
        if model.ensemble().is_some_and(monobloc::model::Ensemble::has_decision_function) {
            return slf.getattr(intern!(slf.py(), "raw_score"));
        }
        Err(PyAttributeError::new_err(format!(
            "a {} has no decision_function; predict_proba gives its probabilities, and raw_score what they are made of",
            model.source()
        )))
    }

    /// The labels, in the order of the probabilities; of several targets a list of each one's.
    #[getter]
    fn classes_<'py>(slf: PyRef<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        match slf.as_super().inner.model().targets() {
            [] => Err(raise(ErrorKind::Internal, "a classifier without classes")),
            [classes] => labels(slf.py(), classes),
            targets => {
                let each = targets.iter().map(|classes| labels(slf.py(), classes));
                Ok(PyList::new(slf.py(), each.collect::<PyResult<Vec<_>>>()?)?.into_any())
            }
        }
    }
}

#[pymethods]
impl OutlierDetectorEngine {
    /// The score of each row: the lower, the more abnormal. Raises `SchemaError` for a row that the source
    /// model would refuse.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn score_samples<'py>(slf: PyRef<'py, Self>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let engine = slf.as_super();
        let (core, rows) = (engine.inner(), engine.rows(X)?);
        answers::values(X.py(), engine, &rows, 1, true, &|input, out| core.run_into(input, out))
    }

    /// The score of each row less `offset_`: negative for outliers.
    #[expect(non_snake_case, reason = "scikit-learn's name")]
    fn decision_function<'py>(slf: PyRef<'py, Self>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let engine = slf.as_super();
        let (core, rows) = (engine.inner(), engine.rows(X)?);
        let offset = engine.offset()?;
        answers::values(X.py(), engine, &rows, 1, true, &|input, out| {
            let findings = core.run_into(input, out)?;
            out.iter_mut().for_each(|score| *score -= offset);
            Ok(findings)
        })
    }

    /// What `decision_function` subtracts.
    #[getter]
    fn offset_(slf: PyRef<'_, Self>) -> PyResult<f64> {
        slf.as_super().offset()
    }
}
