//! The post transforms of ONNX's tree ensembles, in the formulas of its reference implementation (the module
//! `_common_classifier` of `onnx.reference`), which are onnxruntime's too.

use crate::model::exponential::{exp, exp_f32, ln_1p};
use crate::precision::Precision;

/// What becomes of a row's scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Softmax,
    Logistic,
    SoftmaxZero,
    Probit,
}

/// At most this far from zero, `SOFTMAX_ZERO` takes a score for zero.
const ZERO: f64 = 1e-7;

impl Transform {
    /// The transforms in the order of their numbers in version 5, with their names before it.
    const NAMES: [(&str, Transform); 5] = [
        ("NONE", Transform::None),
        ("SOFTMAX", Transform::Softmax),
        ("LOGISTIC", Transform::Logistic),
        ("SOFTMAX_ZERO", Transform::SoftmaxZero),
        ("PROBIT", Transform::Probit),
    ];

    pub fn of_name(name: &str) -> Option<Transform> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, transform)| *transform)
    }

    pub fn of_number(number: i64) -> Option<Transform> {
        Self::NAMES.get(usize::try_from(number).ok()?).map(|(_, transform)| *transform)
    }

    /// Transforms the scores of one row, each operation rounded to `precision`.
    pub fn apply(self, scores: &mut [f64], precision: Precision) {
        let round = |value: f64| precision.round(value);
        let exp = |value: f64| match precision {
            Precision::Single => f64::from(exp_f32(value as f32)),
            Precision::Double => exp(value),
        };
        let greatest = || scores.iter().fold(f64::NEG_INFINITY, |most, &x| if x > most { x } else { most });
        match self {
            Transform::None => {}
            Transform::Softmax => {
                let greatest = greatest();
                scores.iter_mut().for_each(|score| *score = exp(round(*score - greatest)));
                let sum = scores.iter().fold(0.0, |sum, score| round(sum + score));
                scores.iter_mut().for_each(|score| *score = round(*score / sum));
            }
            Transform::SoftmaxZero => {
                let greatest = greatest();
                let zero = exp(-greatest);
                scores.iter_mut().for_each(|score| {
                    let is_zero = score.abs() <= round(ZERO);
                    *score = if is_zero { round(*score * zero) } else { exp(round(*score - greatest)) };
                });
                let sum = scores.iter().fold(0.0, |sum, score| round(sum + score));
                let share = |score: f64| if sum == 0.0 { 0.5 } else { round(score / sum) };
                scores.iter_mut().for_each(|score| *score = share(*score));
            }
            Transform::Logistic => scores.iter_mut().for_each(|score| {
                let upper = round(1.0 / round(1.0 + exp(-score.abs())));
                *score = if *score < 0.0 { round(1.0 - upper) } else { upper };
            }),
            Transform::Probit => scores.iter_mut().for_each(|score| {
                *score = round(
                    std::f64::consts::SQRT_2 * inverse_erf(round(round(2.0 * *score) - 1.0), precision),
                );
            }),
        }
    }
}

/// The inverse of the error function as ONNX's reference has it, after Winitzki's approximation; 0 at both ends.
fn inverse_erf(x: f64, precision: Precision) -> f64 {
    const A: f64 = 0.147;
    let rest = precision.round(precision.round(1.0 - x) * precision.round(1.0 + x));
    if rest == 0.0 {
        return 0.0;
    }
    let logarithm = -ln_1p(1.0 / rest - 1.0);
    let half = 2.0 / (std::f64::consts::PI * A) + 0.5 * logarithm;
    let root = ((half * half - logarithm / A).sqrt() - half).sqrt();
    if x < 0.0 { -root } else { root }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transform: Transform, scores: &[f64], expected: &[f64]) {
        for precision in [Precision::Single, Precision::Double] {
            let mut found = scores.to_vec();
            transform.apply(&mut found, precision);
            for (found, expected) in found.iter().zip(expected) {
                let close = (found - expected).abs() <= 2e-6 * expected.abs();
                assert!(close, "{transform:?} of {scores:?} is {found}; expected {expected}");
            }
        }
    }

    #[test]
    fn known_values() {
        check(Transform::None, &[0.25, -3.0], &[0.25, -3.0]);
        check(Transform::Logistic, &[0.0, 1.0, 100.0, -2.0], &[0.5, 0.731_058_58, 1.0, 0.119_202_92]);
        check(Transform::Softmax, &[1.0, 1.0], &[0.5, 0.5]);
        check(Transform::Softmax, &[1000.0, 0.0], &[1.0, 0.0]);
        check(Transform::SoftmaxZero, &[0.0, 2.0, 1.0], &[0.0, 0.731_058_58, 0.268_941_43]);
        check(Transform::SoftmaxZero, &[0.0, 0.0], &[0.5, 0.5]);
        check(Transform::Probit, &[0.5, 0.2, 0.8], &[0.0, -0.841_755_9, 0.841_755_9]);
        check(Transform::Probit, &[0.0, 1.0], &[0.0, 0.0]);
    }
}
