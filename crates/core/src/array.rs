//! Arrays of the crate `ndarray`: rows that are borrowed where they lie, and answers. With the cargo feature `ndarray`.

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Input, Matrix};
use crate::sanity::Finding;
use crate::schema::Schema;
use crate::strided::StridedMatrix;
use ndarray::{Array2, ArrayView2};

impl<'a> From<ArrayView2<'a, f32>> for Matrix<'a> {
    fn from(view: ArrayView2<'a, f32>) -> Self {
        Matrix::Float32(StridedMatrix::from(view))
    }
}

impl<'a> From<ArrayView2<'a, f64>> for Matrix<'a> {
    fn from(view: ArrayView2<'a, f64>) -> Self {
        Matrix::Float64(StridedMatrix::from(view))
    }
}

impl<'a> Input<'a> {
    /// Rows of an array of `f32` or `f64`, with one column per field of `schema`, in its order. NaN is missing. The
    /// elements are read where they lie, whatever the strides.
    ///
    /// # Errors
    /// As [`Input::of_matrix`].
    ///
    /// ```
    /// use monobloc::ndarray::array;
    /// use monobloc::{Engine, Input, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let rows = array![[40.0, 1.0], [25.0, -10.0]];
    /// let error = Input::of_array(engine.schema(), rows.view()).expect_err("the model has three fields");
    /// assert!(error.to_string().contains("an array of 2 columns"));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn of_array<T>(schema: &Schema, rows: ArrayView2<'a, T>) -> Result<Self>
    where
        Matrix<'a>: From<ArrayView2<'a, T>>,
    {
        Input::of_matrix(schema, rows.into())
    }
}

impl Engine {
    /// As [`Engine::run`], with the outputs as an array of `n_rows` by [`n_outputs`](crate::model::Model::n_outputs),
    /// and what was found by ascending row.
    ///
    /// # Errors
    /// As [`Engine::run`].
    ///
    /// ```
    /// use monobloc::{Column, Engine, Input, LoadOptions, Status};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let (age, balance) = ([40.0, 25.0], [1.0, f64::NAN]);
    /// let columns = [
    ///     ("age", Column::Float64(age[..].into())),
    ///     ("balance", Column::Float64(balance[..].into())),
    ///     ("region", Column::Float64([f64::NAN; 2][..].into())),
    /// ];
    /// let input = Input::from_named(engine.schema(), 2, columns)?;
    /// let (outputs, findings) = engine.run_array(&input)?;
    /// assert_eq!(outputs.dim(), (2, 2));
    /// assert!(outputs.row(1).iter().all(|output| output.is_nan()));
    /// assert!(findings.iter().any(|finding| finding.row == 1 && finding.status == Status::Rejected));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn run_array(&self, input: &Input<'_>) -> Result<(Array2<f64>, Vec<Finding>)> {
        self.filled(input, self.model().n_outputs(), |outputs| self.run_into(input, outputs))
    }

    /// As [`Engine::predict_into`], with the outputs as an array of `n_rows` by
    /// [`n_outputs`](crate::model::Model::n_outputs).
    ///
    /// # Errors
    /// As [`Engine::predict_into`].
    pub fn predict_array(&self, input: &Input<'_>) -> Result<Array2<f64>> {
        let n_outputs = self.model().n_outputs();
        Ok(self.filled(input, n_outputs, |outputs| self.predict_into(input, outputs))?.0)
    }

    /// The feature matrix, as [`Engine::transform_into`] gives it.
    ///
    /// # Errors
    /// As [`Engine::transform_into`].
    pub fn transform_array(&self, input: &Input<'_>) -> Result<Array2<f64>> {
        let n_features = self.pipeline().n_features();
        Ok(self.filled(input, n_features, |features| self.transform_into(input, features))?.0)
    }

    /// An array of a row of `width` values for each row, filled by `fill`, and what that gives.
    fn filled<T>(
        &self,
        input: &Input<'_>,
        width: usize,
        fill: impl FnOnce(&mut [f64]) -> Result<T>,
    ) -> Result<(Array2<f64>, T)> {
        let mut values = vec![0.0; input.n_rows() * width];
        let told = fill(&mut values)?;
        let array = Array2::from_shape_vec((input.n_rows(), width), values)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("an array of answers: {error}")))?;
        Ok((array, told))
    }
}
