//! Answers to rows: outputs, labels, raw scores, features, and what was found on the way.

use super::tiles::{SCRATCH, TileScratch};
use super::{Engine, Prediction};
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Cell, Cells, Column, Input};
use crate::model::{Answer, Ensemble, Task};
use crate::monitor::{Answered, Call};
use crate::precision::{Float, Precision};
use crate::preprocess::{Checks, Scratch};
use crate::sanity::{Finding, FindingKind, Refused, Rules, Sanity, Status, Value, accept, settled};
use std::ops::Range;

impl Engine {
    /// The outputs for all rows. A bad row is no error: what is found in it is told, and where the rules and the
    /// source model leave no answer its outputs are NaN.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when a column that the model reads is absent.
    ///
    /// ```
    /// use monobloc::{Column, Engine, Input, LoadOptions, Status};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let (age, balance) = ([40.0, 25.0], [1.0, f64::INFINITY]);
    /// let columns = [
    ///     ("age", Column::Float64(age[..].into())),
    ///     ("balance", Column::Float64(balance[..].into())),
    ///     ("region", Column::from(&["north", "south"][..])),
    /// ];
    /// let input = Input::from_named(engine.schema(), 2, columns)?;
    /// let prediction = engine.run(&input)?;
    /// assert!(prediction.outputs[..2] == [0.26666666666666666, 0.7333333333333334]);
    /// assert!(prediction.outputs[2].is_nan());
    /// let found = &prediction.findings[0];
    /// assert_eq!((found.row, &*found.field, found.status), (1, "balance", Status::Rejected));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn run(&self, input: &Input<'_>) -> Result<Prediction> {
        let n_outputs = self.model.n_outputs();
        let mut outputs = vec![0.0; input.n_rows() * n_outputs];
        let findings = self.run_into(input, &mut outputs)?;
        Ok(Prediction { outputs, findings })
    }

    /// As [`Engine::run`], into `outputs`: `n_rows * n_outputs` places.
    ///
    /// # Errors
    /// As [`Engine::run`], and [`ErrorKind::InvalidArgument`] for another number of places.
    ///
    /// ```
    /// use monobloc::{Engine, Input, LoadOptions, Matrix, StridedMatrix};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// // A string field of a matrix of numbers can only be missing.
    /// let rows = [40.0, 1.0, f64::NAN];
    /// let matrix = StridedMatrix::of_rows(&rows, 3).expect("rows of three values");
    /// let input = Input::of_matrix(engine.schema(), Matrix::Float64(matrix))?;
    /// let mut outputs = vec![0.0; input.n_rows() * engine.model().n_outputs()];
    /// let findings = engine.run_into(&input, &mut outputs)?;
    /// assert!(findings.is_empty() && outputs[0] < outputs[1]);
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn run_into(&self, input: &Input<'_>, outputs: &mut [f64]) -> Result<Vec<Finding>> {
        self.answer_into(input, Answer::Outputs, outputs)
    }

    /// The outputs of each row followed by the number of its label, as [`Engine::class_numbers_into`] gives
    /// it: `n_rows * (n_outputs + 1)` places; of a model that decides on k targets `n_rows * (n_outputs + k)`.
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn run_with_classes_into(&self, input: &Input<'_>, out: &mut [f64]) -> Result<Vec<Finding>> {
        self.answer_into(input, Answer::OutputsAndClass, out)
    }

    /// The number of each row's label among [`crate::model::Model::classes`], as the source's `predict` decides:
    /// `n_rows` places, each a whole number, or NaN for a rejected row. Of a model that decides on k targets each row
    /// has k places, one for each of [`crate::model::Model::targets`].
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn class_numbers_into(&self, input: &Input<'_>, numbers: &mut [f64]) -> Result<Vec<Finding>> {
        self.answer_into(input, Answer::Class, numbers)
    }

    /// What the trees of each row add up to, before the link: [`crate::model::Model::n_raw_scores`] values per row,
    /// NaN for rejected rows. They are the training library's bit for bit: CatBoost's `RawFormulaVal`, LightGBM's
    /// `raw_score=True`, XGBoost's `output_margin=True`, scikit-learn's `decision_function` of gradient boosting.
    ///
    /// # Errors
    /// As [`Engine::run_into`].
    pub fn raw_scores_into(&self, input: &Input<'_>, scores: &mut [f64]) -> Result<Vec<Finding>> {
        self.answer_into(input, Answer::RawScores, scores)
    }

    /// The natural logarithms of the outputs, as [`Engine::run_into`] gives them: negative infinity of a probability
    /// of 0. Less than 0.6 units in the last place from the true value.
    ///
    /// # Errors
    /// As [`Engine::run_into`]; [`ErrorKind::InvalidArgument`] of a model that gives no probabilities.
    pub fn log_probabilities_into(&self, input: &Input<'_>, logarithms: &mut [f64]) -> Result<Vec<Finding>> {
        let ensemble = self.model.ensemble().filter(|ensemble| ensemble.task() == Task::Classification);
        let Some(ensemble) = ensemble else {
            let message = "the model is no classifier; only probabilities have logarithms to give";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        };
        let findings = self.run_into(input, logarithms)?;
        ensemble.take_logarithms(logarithms);
        Ok(findings)
    }

    /// What is found in the rows, without predicting.
    ///
    /// # Errors
    /// As [`Engine::run`]; [`ErrorKind::InvalidArgument`] for a network that takes tensors.
    ///
    /// ```
    /// use monobloc::{Engine, FindingKind, Input, LoadOptions, Matrix, StridedMatrix};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let rows = [40.0, f64::NAN, f64::NAN];
    /// let matrix = StridedMatrix::of_rows(&rows, 3).expect("rows of three values");
    /// let input = Input::of_matrix(engine.schema(), Matrix::Float64(matrix))?;
    /// let findings = engine.check(&input)?;
    /// assert_eq!((&*findings[0].field, findings[0].kind), ("balance", FindingKind::Missing));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn check(&self, input: &Input<'_>) -> Result<Vec<Finding>> {
        if !self.schema.tensors().is_empty() {
            let message = "the model takes tensors; what is found in them is told when they are run";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let ensemble = self.model.ensemble();
        let features = ensemble.map_or(self.pipeline.feature_type(), Ensemble::features);
        let n_places = input.n_rows() * self.pipeline.n_features();
        match features {
            Precision::Single => self.features(input, &mut vec![0_f32; n_places], &self.sanity),
            Precision::Double => self.features(input, &mut vec![0_f64; n_places], &self.sanity),
        }
    }

    pub(super) fn answer_into(
        &self,
        input: &Input<'_>,
        answer: Answer,
        out: &mut [f64],
    ) -> Result<Vec<Finding>> {
        let call = self.monitor.begin();
        let result = self.counted(&call, input, answer, out);
        let findings = call.ended(result)?;
        self.monitor.tell(&self.sanity, &findings);
        Ok(findings)
    }

    /// Answers, and counts them; nobody is told yet.
    pub(super) fn counted(
        &self,
        call: &Call<'_>,
        input: &Input<'_>,
        answer: Answer,
        out: &mut [f64],
    ) -> Result<Vec<Finding>> {
        let findings = self.answer_with(&self.sanity, input, answer, out)?;
        let (n_outputs, n_classes) = (self.model.n_outputs(), self.model.targets().len());
        let answered = match answer {
            Answer::Class => Answered { values: out, n_outputs: 0, n_classes },
            Answer::Outputs => Answered { values: out, n_outputs, n_classes: 0 },
            Answer::OutputsAndClass => Answered { values: out, n_outputs, n_classes },
            Answer::RawScores => Answered::default(),
        };
        call.answered(&self.sanity, input.n_rows(), Some(input), answered, &findings);
        Ok(findings)
    }

    /// The source model's own answers: no rule changes a value.
    pub(crate) fn answer_without_rules(
        &self,
        input: &Input<'_>,
        answer: Answer,
        out: &mut [f64],
    ) -> Result<Vec<Finding>> {
        self.answer_with(&self.no_rules, input, answer, out)
    }

    pub(super) fn answer_with(
        &self,
        sanity: &Sanity,
        input: &Input<'_>,
        answer: Answer,
        out: &mut [f64],
    ) -> Result<Vec<Finding>> {
        let ensemble = self.ensemble()?;
        let width = ensemble.width(answer);
        let findings = self.in_tiles(&self.pace, input, out, width, |rows, out, findings| {
            let checks = Checks { sanity, findings };
            SCRATCH.with_borrow_mut(|(scratch, single, double)| match ensemble.features() {
                Precision::Single => self.tile(ensemble, input, rows, answer, scratch, single, out, checks),
                Precision::Double => self.tile(ensemble, input, rows, answer, scratch, double, out, checks),
            });
        })?;
        let findings = all_found(sanity, input, findings);
        for finding in findings.iter().filter(|finding| finding.status == Status::Rejected) {
            out[(finding.row - input.first_row()) * width..][..width].fill(f64::NAN);
        }
        Ok(findings)
    }

    /// How far raw scores may lie from the source's, for models whose source leaves the order of summation open.
    pub(crate) fn raw_score_bounds(&self, input: &Input<'_>) -> Result<Option<Vec<f64>>> {
        let Some(linear) = self.model.ensemble().and_then(Ensemble::linear) else { return Ok(None) };
        let mut features = vec![0_f64; input.n_rows() * linear.n_features()];
        self.features(input, &mut features, &self.no_rules)?;
        let mut bounds = vec![0.0; input.n_rows() * linear.n_outputs()];
        linear.bounds(&features, &mut bounds);
        Ok(Some(bounds))
    }

    /// The outputs for all rows, or an error that names the rejected ones.
    ///
    /// # Errors
    /// As [`Engine::run_into`], and [`ErrorKind::RowsRejected`] with field and row of the first.
    ///
    /// ```
    /// use monobloc::{Engine, ErrorKind, Input, LoadOptions, Matrix, StridedMatrix};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let rows = [40.0, f64::NAN, f64::NAN];
    /// let matrix = StridedMatrix::of_rows(&rows, 3).expect("rows of three values");
    /// let input = Input::of_matrix(engine.schema(), Matrix::Float64(matrix))?;
    /// let error = engine.predict_into(&input, &mut [0.0; 2]).expect_err("the model takes no missing balance");
    /// assert_eq!(error.kind(), ErrorKind::RowsRejected);
    /// let place = error.location().expect("a place");
    /// assert_eq!((place.field.as_str(), place.row), ("balance", Some(0)));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn predict_into(&self, input: &Input<'_>, outputs: &mut [f64]) -> Result<()> {
        accept(&self.run_into(input, outputs)?)
    }

    /// The feature matrix, row after row, in `f64`: `n_rows * n_features` places.
    ///
    /// # Errors
    /// As [`Engine::predict_into`].
    ///
    /// ```
    /// use monobloc::{Engine, Input, LoadOptions, Matrix, StridedMatrix};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// // A string field of a matrix of numbers can only be missing.
    /// let rows = [40.0, 1.0, f64::NAN];
    /// let matrix = StridedMatrix::of_rows(&rows, 3).expect("rows of three values");
    /// let input = Input::of_matrix(engine.schema(), Matrix::Float64(matrix))?;
    /// let mut features = vec![0.0; engine.pipeline().n_features()];
    /// engine.transform_into(&input, &mut features)?;
    /// assert_eq!(engine.pipeline().feature_names()[0], "age");
    /// assert_eq!(features, [0.4, 1.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn transform_into(&self, input: &Input<'_>, features: &mut [f64]) -> Result<()> {
        self.transform(input, features)
    }

    /// The feature matrix in `f32`, which is exact when that is the pipeline's type.
    ///
    /// # Errors
    /// As [`Engine::predict_into`].
    pub fn transform_into_f32(&self, input: &Input<'_>, features: &mut [f32]) -> Result<()> {
        self.transform(input, features)
    }

    fn transform<T: Float>(&self, input: &Input<'_>, features: &mut [T]) -> Result<()> {
        let width = self.pipeline.n_features();
        let findings =
            self.in_tiles(&self.features_pace, input, features, width, |rows, out, findings| {
                let checks = Checks { sanity: &self.sanity, findings };
                SCRATCH.with_borrow_mut(|(scratch, ..)| self.pipeline.run(input, rows, scratch, out, checks));
            })?;
        accept(&all_found(&self.sanity, input, findings))
    }

    /// Writes the feature matrix, and gives what is found and what the model would refuse.
    pub(super) fn features<T: Float>(
        &self,
        input: &Input<'_>,
        features: &mut [T],
        sanity: &Sanity,
    ) -> Result<Vec<Finding>> {
        let width = self.pipeline.n_features();
        let findings =
            self.in_tiles(&self.features_pace, input, features, width, |rows, out, findings| {
                SCRATCH.with_borrow_mut(|(scratch, ..)| {
                    self.pipeline.run(input, rows.clone(), scratch, out, Checks { sanity, findings });
                    if let Some(ensemble) = self.model.ensemble() {
                        self.refuse_features(ensemble, input, &rows, out, Checks { sanity, findings });
                    }
                });
            })?;
        Ok(all_found(sanity, input, findings))
    }

    #[expect(clippy::too_many_arguments, reason = "a tile: its rows, what is asked, and the memory for it")]
    pub(super) fn tile<V: Float>(
        &self,
        ensemble: &Ensemble,
        input: &Input<'_>,
        rows: Range<usize>,
        answer: Answer,
        scratch: &mut Scratch,
        TileScratch { features, model }: &mut TileScratch<V>,
        out: &mut [f64],
        Checks { sanity, findings }: Checks<'_>,
    ) {
        let needed = rows.len() * self.pipeline.n_features();
        if features.len() < needed {
            features.resize(needed, V::default());
        }
        let features = &mut features[..needed];
        self.pipeline.run(input, rows.clone(), scratch, features, Checks { sanity, findings });
        self.refuse_features(ensemble, input, &rows, features, Checks { sanity, findings });
        ensemble.run(features, answer, model, out);
        if matches!(answer, Answer::Outputs | Answer::OutputsAndClass) {
            let number = input.first_row() + rows.start;
            find_non_finite_outputs(ensemble, number, out, ensemble.width(answer), findings);
        }
    }

    /// Rejects the rows with features that the model does not take.
    fn refuse_features<V: Float>(
        &self,
        ensemble: &Ensemble,
        input: &Input<'_>,
        rows: &Range<usize>,
        features: &[V],
        Checks { sanity, findings }: Checks<'_>,
    ) {
        let refuses = |any: bool, &value: &V| any | ensemble.refuses(value);
        if !ensemble.refuses_some() || !features.iter().fold(false, refuses) {
            return;
        }
        let width = self.pipeline.n_features();
        for (at, &value) in features.iter().enumerate().filter(|(_, value)| ensemble.refuses(**value)) {
            let (name, value) = (&self.pipeline.feature_names()[at % width], value.to_f64());
            let field = self.pipeline.field_of(at % width);
            let row = rows.start + at / width;
            let seen = Value::from(input.value(field, row));
            let (kind, expected) = if value.is_nan() {
                (FindingKind::Missing, "the model takes no missing values".to_owned())
            } else if matches!(seen, Value::Float(seen) if seen.is_infinite()) {
                (FindingKind::Infinite, format!("a finite {}", V::PRECISION.name()))
            } else {
                let expected = format!("expected a finite {}", V::PRECISION.name());
                (FindingKind::Refused, format!("feature {name:?} is {value}; {expected}"))
            };
            findings.push(Finding {
                row: input.first_row() + row,
                field: sanity.name(field).clone(),
                kind,
                seen,
                used: None,
                status: Status::Rejected,
                expected: Some(expected.into()),
            });
        }
    }

    /// The rules together with what this engine's model refuses: it is shown a row of missing values of either
    /// kind, and one of infinite numbers.
    pub(super) fn ruled_by(&self, rules: Rules) -> Result<Sanity> {
        let fields = self.schema.fields();
        let mut refused = vec![Refused::default(); fields.len()];
        let probes = [Cell::Float(f64::NAN), Cell::None, Cell::Float(f64::INFINITY)];
        if self.pipeline.n_features() > 0 {
            let columns = fields.iter().map(|_| Some(Column::Cells(Cells::new(&probes, "")))).collect();
            let input = Input::new(&self.schema, probes.len(), columns)?;
            let mut features = vec![0_f64; probes.len() * self.pipeline.n_features()];
            for finding in self.features(&input, &mut features, &self.no_rules)? {
                let number = self.schema.number(&finding.field);
                let Some(refused) = number.and_then(|number| refused.get_mut(number)) else { continue };
                match (finding.status, finding.row) {
                    (Status::Rejected, 0) => refused.nan = true,
                    (Status::Rejected, 1) => refused.none = true,
                    (Status::Rejected, _) => refused.infinite = true,
                    _ => {}
                }
            }
        }
        let mut sanity = Sanity::new(rules, &self.schema, &refused);
        for (field, categories) in self.pipeline.text_categories() {
            for (alias, category) in sanity.aliases(field) {
                if !categories.knows(category) || categories.knows(alias) {
                    let name = &fields[field].name;
                    let message = format!(
                        "sanity rules: field {name:?}: {alias:?} is an alias of {category:?}; expected an alias that \
                         is no category, of one that the model was fitted on"
                    );
                    return Err(Error::new(ErrorKind::InvalidArgument, message).at(name, None));
                }
            }
            if sanity.wants_categories(field) {
                categories.texts().for_each(|category| sanity.learn_category(field, &category));
            }
        }
        Ok(sanity)
    }
}

/// What was found in the rows' values, and what came under names that are no field, in order.
fn all_found(sanity: &Sanity, input: &Input<'_>, mut findings: Vec<Finding>) -> Vec<Finding> {
    if let Some(extra) = input.extra() {
        sanity.extra(extra, input.first_row(), input.n_rows(), &mut findings);
    }
    settled(findings)
}

/// Flags the rows whose outputs are not finite, unless they are rejected.
fn find_non_finite_outputs(
    ensemble: &Ensemble,
    first_row: usize,
    out: &[f64],
    width: usize,
    findings: &mut Vec<Finding>,
) {
    if out.iter().fold(true, |all, value| all & value.is_finite()) {
        return;
    }
    for (row, values) in (first_row..).zip(out.chunks_exact(width.max(1))) {
        let Some(&bad) = values[..ensemble.n_outputs()].iter().find(|value| !value.is_finite()) else {
            continue;
        };
        findings.push(Finding {
            row,
            field: ensemble.output_name().into(),
            kind: FindingKind::NonFiniteOutput,
            seen: Value::float(bad),
            used: None,
            status: Status::Flagged,
            expected: None,
        });
    }
}
