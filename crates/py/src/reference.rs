//! Making references: rows are read by their schema alone, before there is an engine.

use crate::arrays::read;
use crate::error::{exception, raise};
use crate::rows::{Reading, Rows};
use monobloc::ErrorKind;
use monobloc::error::guard;
use monobloc::pack;
use monobloc::reference::{self, OutputSource};
use monobloc::schema::Schema;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Collects what rows look like, in one pass over any number of them.
#[pyclass(frozen, module = "monobloc._native")]
pub struct ReferenceBuilder {
    schema: Schema,
    fields: Vec<usize>,
    inner: Mutex<Option<reference::ReferenceBuilder>>,
}

#[pymethods]
impl ReferenceBuilder {
    /// Nothing yet of the fields of a schema, which is JSON as the manifest has it.
    #[new]
    fn new(schema: &str) -> PyResult<ReferenceBuilder> {
        let schema = Schema::parse(schema).map_err(|error| exception(&error))?;
        let fields = (0..schema.fields().len()).collect();
        let inner = Mutex::new(Some(reference::ReferenceBuilder::new(&schema)));
        Ok(ReferenceBuilder { schema, fields, inner })
    }

    /// Adds rows, in any form that engines take.
    fn add(&self, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = rows.py();
        let reading = Reading { schema: &self.schema, needed: &self.fields, max_body_bytes: usize::MAX };
        Rows::read(reading, rows)?.for_each_chunk(py, reading, |input| {
            self.with(py, |builder| {
                builder.add(input);
                Ok(())
            })
        })
    }

    /// Adds a model's answers on rows: its outputs, row after row, its raw scores, and the numbers of its labels. `model` is the
    /// manifest's, as JSON; `validation` says that the model did not see these rows.
    #[expect(clippy::too_many_arguments, reason = "the parts of an answer")]
    #[pyo3(signature = (model, rows, outputs, raw_scores=None, classes=None, *, validation))]
    fn add_outputs(
        &self,
        py: Python<'_>,
        model: &str,
        rows: usize,
        outputs: &Bound<'_, PyAny>,
        raw_scores: Option<&Bound<'_, PyAny>>,
        classes: Option<&Bound<'_, PyAny>>,
        validation: bool,
    ) -> PyResult<()> {
        let source = if validation { OutputSource::Validation } else { OutputSource::Reference };
        let outputs = read::<f64>(outputs, "outputs")?;
        let floats = |values: Option<&Bound<'_, PyAny>>, name: &str| {
            values.map(|values| read::<f64>(values, name)).transpose().map(Option::unwrap_or_default)
        };
        let (raw_scores, classes) = (floats(raw_scores, "raw_scores")?, floats(classes, "classes")?);
        let answers = pack::SourceAnswers {
            n_rows: rows,
            outputs: &outputs,
            raw_scores: &raw_scores,
            classes: &classes,
        };
        self.with(py, |builder| pack::add_outputs(builder, source, model, &answers))
    }

    /// How many rows were added.
    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |builder| Ok(builder.rows()))
    }

    /// The digest of all rows that were added.
    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |builder| Ok(builder.digest()))
    }

    /// The reference, as JSON. The builder is used up.
    fn finish(&self, py: Python<'_>) -> PyResult<String> {
        let builder = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(used_up)?;
        let finish = || {
            let mut reference = builder.finish();
            monobloc::drift::calibrate(&mut reference);
            reference.to_json()
        };
        py.detach(|| guard(finish)).map_err(|error| exception(&error))
    }
}

impl ReferenceBuilder {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        action: impl FnOnce(&mut reference::ReferenceBuilder) -> monobloc::Result<R> + Send,
    ) -> PyResult<R> {
        py.detach(|| {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.as_mut().map(|builder| guard(|| action(builder)))
        })
        .ok_or_else(used_up)?
        .map_err(|error| exception(&error))
    }
}

fn used_up() -> PyErr {
    raise(ErrorKind::InvalidArgument, "this builder has made its reference")
}

/// The reference in `reference.json`, which must read.
pub fn parse(json: &str) -> PyResult<reference::Reference> {
    reference::Reference::parse(json.as_bytes()).map_err(|error| exception(&error))
}
