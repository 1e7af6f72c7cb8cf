//! Linear models: for each output a weighted sum of the features, and an intercept.

use crate::error::{Error, Result};
use crate::params::{NumbersRef, Params};
use crate::precision::{Float, Precision};
use serde::{Deserialize, Serialize};

/// Partial sums of a row that are kept apart, so that vectors of any width give the same bits.
const LANES: usize = 8;

/// Weights and intercepts. `Send` and `Sync`.
#[derive(Debug)]
pub struct Linear {
    n_features: usize,
    /// Output after output.
    weights: Box<[f64]>,
    intercepts: Box<[f64]>,
    features: Precision,
    sums: Precision,
}

/// What the manifest says of a linear model.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinearSpec {
    /// A weight for each feature, output after output.
    weights: NumbersRef,
    /// One for each output.
    intercepts: NumbersRef,
    /// The type that features have.
    features: Precision,
    /// The type that the source gives its sums in.
    sums: Precision,
}

impl LinearSpec {
    /// The number of outputs.
    pub fn n_outputs(&self) -> usize {
        usize::try_from(self.intercepts.count).unwrap_or(usize::MAX)
    }
}

impl Linear {
    /// Reads the numbers that `spec` names, into private memory.
    pub(crate) fn read(spec: &LinearSpec, params: &Params, n_features: usize) -> Result<Linear> {
        let n_outputs = spec.n_outputs();
        let n_weights = n_outputs.checked_mul(n_features).filter(|_| n_outputs > 0);
        let n_weights = n_weights.ok_or_else(|| {
            Error::corrupt(format!("a linear model of {n_outputs} outputs over {n_features} features"))
        })?;
        crate::memory::check(n_weights as u64 * 8, || format!("{n_weights} weights"))?;
        Ok(Linear {
            n_features,
            weights: params.private_floats(spec.weights, n_weights)?.into(),
            intercepts: params.private_floats(spec.intercepts, n_outputs)?.into(),
            features: spec.features,
            sums: spec.sums,
        })
    }

    /// The number of features of a row.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The number of sums of a row.
    pub fn n_outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// The type that features have.
    pub fn features(&self) -> Precision {
        self.features
    }

    /// The type that the source gives its sums in. They are computed in `f64`, and rounded to it.
    pub fn sums(&self) -> Precision {
        self.sums
    }

    /// Bytes that are kept in private memory.
    pub fn private_bytes(&self) -> usize {
        size_of_val(&*self.weights) + size_of_val(&*self.intercepts)
    }

    /// Writes the sums of each row of `features` to `out`, row after row. The order of summation is the same for every
    /// row, batch, thread and machine; sources leave theirs to a BLAS library, see [`Linear::bounds`].
    pub(crate) fn raw_scores<V: Float>(&self, features: &[V], out: &mut [f64]) {
        self.for_each_sum(features, out, |row, weights, intercept| {
            self.sums.round(dot(row, weights) + intercept)
        });
    }

    /// How far each sum may lie from the source's: twice γ times the sum of the magnitudes of its terms, the source's
    /// error and this one's. γ is nu / (1 - nu) of n = features + 1 terms, whatever the order of summation (Higham,
    /// "Accuracy and Stability of Numerical Algorithms", 2nd edition, sections 3.1 and 4.2), and u the unit
    /// roundoff of the source's type.
    pub(crate) fn bounds<V: Float>(&self, features: &[V], out: &mut [f64]) {
        let unit = match self.sums {
            Precision::Single => f64::from(f32::EPSILON) / 2.0,
            Precision::Double => f64::EPSILON / 2.0,
        };
        let n = (self.n_features + 1) as f64 * unit;
        let gamma = if n < 1.0 { n / (1.0 - n) } else { f64::INFINITY };
        self.for_each_sum(features, out, |row, weights, intercept| {
            let terms = row.iter().zip(weights).map(|(value, weight)| (value.to_f64() * weight).abs());
            2.0 * gamma * (terms.sum::<f64>() + intercept.abs())
        });
    }

    fn for_each_sum<V: Float>(
        &self,
        features: &[V],
        out: &mut [f64],
        sum: impl Fn(&[V], &[f64], f64) -> f64,
    ) {
        let rows = features.chunks_exact(self.n_features.max(1)).zip(out.chunks_exact_mut(self.n_outputs()));
        for (row, out) in rows {
            let outputs = self.weights.chunks_exact(self.n_features.max(1)).zip(&self.intercepts);
            for (out, (weights, &intercept)) in out.iter_mut().zip(outputs) {
                *out = sum(row, weights, intercept);
            }
        }
    }
}

/// The scalar product, in as many partial sums as there are lanes.
fn dot<V: Float>(row: &[V], weights: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (rows, weight_chunks) = (row.chunks_exact(LANES), weights.chunks_exact(LANES));
    let rest = rows.remainder().iter().zip(weight_chunks.remainder());
    for (values, weights) in rows.clone().zip(weight_chunks.clone()) {
        for (lane, (value, weight)) in lanes.iter_mut().zip(values.iter().zip(weights)) {
            *lane += value.to_f64() * weight;
        }
    }
    for (lane, (value, weight)) in lanes.iter_mut().zip(rest) {
        *lane += value.to_f64() * weight;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn linear(n_features: usize, weights: Vec<f64>, intercepts: Vec<f64>) -> Linear {
        let (weights, intercepts) = (weights.into(), intercepts.into());
        let (features, sums) = (Precision::Double, Precision::Double);
        Linear { n_features, weights, intercepts, features, sums }
    }

    #[test]
    fn each_output_has_its_weights() {
        let model = linear(2, vec![1.0, 10.0, 0.5, -1.0], vec![100.0, 0.0]);
        let mut out = [0.0; 4];
        model.raw_scores(&[1.0, 2.0, 3.0, 4.0], &mut out);
        assert_eq!(out, [121.0, -1.5, 143.0, -2.5]);
    }

    #[test]
    fn no_features_leave_the_intercepts() {
        let model = linear(0, Vec::new(), vec![3.0]);
        assert_eq!((model.n_features(), model.n_outputs()), (0, 1));
    }

    proptest! {
        /// Beside one sum after the other, in either order; and a row's sum is that of any batch.
        #[test]
        fn sums_lie_within_the_bound(
            terms in prop::collection::vec((-1e9..1e9_f64, -1e3..1e3_f64), 1..200),
            intercept in -1e6..1e6_f64,
        ) {
            let (row, weights): (Vec<f64>, Vec<f64>) = terms.iter().copied().unzip();
            let model = linear(row.len(), weights, vec![intercept]);
            let (mut sum, mut bound, mut three) = ([0.0], [0.0], [0.0; 3]);
            model.raw_scores(&row, &mut sum);
            model.bounds(&row, &mut bound);
            model.raw_scores(&[row.as_slice(), &row, &row].concat(), &mut three);
            prop_assert_eq!(three, [sum[0]; 3]);
            let forwards = terms.iter().fold(0.0, |sum, (x, w)| sum + x * w) + intercept;
            let backwards = terms.iter().rev().fold(0.0, |sum, (x, w)| sum + x * w) + intercept;
            for naive in [forwards, backwards] {
                prop_assert!((sum[0] - naive).abs() <= bound[0], "{} {naive} {}", sum[0], bound[0]);
            }
        }
    }
}
