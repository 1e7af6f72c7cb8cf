//! What makes predictions of raw scores: the inverse link functions of the training libraries.
//!
//! Each does its source's operations in the source's order and types; only `exp`, `log1p` and powers are this
//! library's own, see `exponential.rs`. Where the source's differ in the last place, which depends on its
//! version and on the system that it runs on, so do predictions: over 10^5 and more raw scores up to 800 by at
//! most 2 units in the last place (rarely 3 for XGBoost's logistic; 6 for a softmax of NumPy's with
//! AVX-512, whose `exp` is its own). Where 1 - p is given too, it inherits p's absolute difference.
//!
//! LightGBM's formulas are those of 3.3 to 4.7 (`ConvertOutput` of its objectives), XGBoost's of 1.7 to 3.4
//! (`PredTransform` and `common/math.h`), scikit-learn's of 1.3 to 1.9 (`_loss`, `extmath.softmax`).

use super::argmax;
use super::exponential::{exp, exp_f32, exp_m1, exp2, ln_1p};
use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// An inverse link function.
///
/// With [`Precision::Single`] raw scores are float32 and each operation rounds to float32. Links that no source
/// has in float32 are then computed in float64, and their results rounded.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Link {
    /// The place of the greatest raw score, the first of equal ones: XGBoost's `multi:softmax`.
    Argmax,
    /// e^x: CatBoost's `Poisson` and `Tweedie`, LightGBM's `poisson`, `gamma` and `tweedie`, scikit-learn's gradient boosting with the losses
    /// `poisson` and `gamma`, and XGBoost's `count:poisson`, `reg:gamma`, `reg:tweedie`, `survival:cox` and
    /// `survival:aft` in float32.
    Exp,
    /// e^(x - (ln s + m)), where m is the row's greatest raw score and s the sum of e^(x - m), in order:
    /// `GradientBoostingClassifier` of scikit-learn 1.3 for more than two classes (`MultinomialDeviance` of its
    /// `_gb_losses.py`, by way of SciPy's `logsumexp`).
    ExpLessLogSum,
    /// e^x - 1: scikit-learn's `TransformedTargetRegressor` with `inverse_func=numpy.expm1`.
    ExpM1,
    /// 1 where the raw score is positive, else 0: XGBoost's `binary:hinge`.
    Hinge {
        /// Whether 1 - h comes first, as classifiers give both classes.
        complement: bool,
    },
    /// The raw score itself.
    #[default]
    Identity,
    /// Of the sum of a row's path lengths, `score_samples`: -2^-(x / denominator). Where the denominator is 0 the
    /// exponent is -1. scikit-learn's `IsolationForest`.
    IsolationForest {
        /// The average path length of as many samples as a tree was fitted on, times the number of trees.
        denominator: f64,
    },
    /// ln(1 + e^x): LightGBM's `cross_entropy_lambda`.
    Log1pExp,
    /// 1 / (1 + e^(-scale x)) of each raw score: CatBoost's `Logloss` and its like, LightGBM's `binary`, `cross_entropy` and `multiclassova`;
    /// scikit-learn's gradient boosting for two classes, with a scale of 2 for the loss `exponential`.
    ///
    /// In float32 -scale x is at most 88.7: XGBoost's `binary:logistic` and `reg:logistic`. (The 1e-16 that it
    /// adds to the divisor is lost in rounding.)
    Logistic {
        /// LightGBM's `sigmoid`; 1 elsewhere.
        scale: f64,
        /// Whether 1 - p comes first, as classifiers give both classes.
        complement: bool,
    },
    /// 1 / (1 + e^(-x)) of each raw score over the sum of the row's, which is added in pairs: scikit-learn's linear
    /// classifiers that are fitted for each class against the rest (`LinearClassifierMixin._predict_proba_lr`).
    LogisticOverSum,
    /// factor x + offset: `TransformedTargetRegressor` with scikit-learn's StandardScaler, RobustScaler or MaxAbsScaler.
    Scaled {
        /// The scale; 1 for none.
        factor: f64,
        /// The centre; -0 for none, which leaves zeros their sign.
        offset: f64,
    },
    /// e^(x - m) over the sum of the row's, where m is the row's greatest raw score: CatBoost's
    /// `MultiClass` and LightGBM's `multiclass` (summed in order), scikit-learn's gradient boosting for more classes (`GradientBoostingClassifier` from 1.4
    /// on, see [`Link::ExpLessLogSum`]).
    ///
    /// In float32 the sum is in order, in float64, and rounded before the division: XGBoost's `multi:softprob`.
    Softmax {
        /// The order of summation in float64.
        summation: Summation,
    },
    /// x^2: `TransformedTargetRegressor` with `inverse_func=numpy.square`.
    Square,
    /// x |x|, computed as (sign x) x: LightGBM's `reg_sqrt`.
    SquareWithSign,
    /// (x - offset) / divisor: `TransformedTargetRegressor` with scikit-learn's MinMaxScaler.
    Unscaled {
        /// `min_`.
        offset: f64,
        /// `scale_`.
        divisor: f64,
    },
}

/// The order that numbers are added in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summation {
    /// One after the other: CatBoost, LightGBM, and NumPy over the rows of a Fortran-ordered array of several rows, which
    /// is what scikit-learn's `HistGradientBoostingClassifier` has. (A single row is summed in pairs there.)
    #[default]
    InOrder,
    /// In pairs, which differs from 8 numbers on: NumPy over contiguous numbers, which is what scikit-learn's
    /// `GradientBoostingClassifier` has.
    Pairwise,
}

impl Link {
    /// The number of outputs per row of `n_raw` raw scores.
    pub fn n_outputs(&self, n_raw: usize) -> usize {
        match self {
            Link::Argmax => 1,
            Link::Hinge { complement: true } | Link::Logistic { complement: true, .. } => 2 * n_raw,
            _ => n_raw,
        }
    }

    /// How far an output may lie from the source's, in units in the last place of its type, where the source's
    /// exponential is good to the last place. `exp` and its like err by at most 0.51 units here; the sources' by up to
    /// 1 (glibc's), which a quotient can double. The greatest distances seen over 10^5 to 8 * 10^5 values: CatBoost's
    /// logistic 2 (its other links, and [`Link::ExpLessLogSum`], are those of
    /// [`Ensemble::max_ulps`](crate::model::Ensemble::max_ulps)); LightGBM 2,
    /// and 3 of its softmax; XGBoost 3 of its logistic (above 1 in 4 of 10^5), 2 of its softmax; scikit-learn 2, and
    /// of its softmax 4 with NumPy 2.4 and 6 with NumPy 1.26, whose `exp` for AVX-512 is a unit off in 24 % of its
    /// values.
    pub fn max_ulps(&self, precision: Precision) -> u64 {
        match (self, precision) {
            (Link::Argmax | Link::Hinge { .. } | Link::Identity | Link::Scaled { .. }, _) => 0,
            (Link::Square | Link::SquareWithSign | Link::Unscaled { .. }, _) => 0,
            (Link::ExpLessLogSum, _) => 16,
            (Link::LogisticOverSum | Link::Softmax { .. }, Precision::Double) => 6,
            (Link::Logistic { .. }, Precision::Single) => 3,
            _ => 2,
        }
    }

    /// How much an output changes at most when all of a row's raw scores `raw` change by at most `bound`, for the
    /// links of linear models: the greatest slope, by the mean value theorem, and what rounding adds to it.
    pub(crate) fn change(&self, raw: &[f64], bound: f64, epsilon: f64) -> f64 {
        let magnitude = raw.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        match *self {
            Link::Exp | Link::ExpM1 => bound * exp(raw.iter().fold(f64::MIN, |most, &x| most.max(x)) + bound),
            Link::Logistic { scale, .. } => bound * scale.abs() / 4.0,
            Link::LogisticOverSum => bound * 2.0,
            Link::Scaled { factor, offset } => {
                bound * factor.abs() + 2.0 * epsilon * (magnitude * factor.abs() + offset.abs())
            }
            Link::Softmax { .. } => bound / 2.0,
            Link::Square => bound * (2.0 * magnitude + bound),
            Link::Unscaled { offset, divisor } => {
                (bound + 2.0 * epsilon * (magnitude + offset.abs())) / divisor.abs()
            }
            _ => bound,
        }
    }

    /// The same with pairs of 1 - p and p for outputs, where it gives a p.
    pub fn with_complement(self) -> Link {
        match self {
            Link::Hinge { .. } => Link::Hinge { complement: true },
            Link::Logistic { scale, .. } => Link::Logistic { scale, complement: true },
            link => link,
        }
    }

    /// Whether outputs are pairs of 1 - p and p.
    pub fn has_complement(&self) -> bool {
        matches!(self, Link::Hinge { complement: true } | Link::Logistic { complement: true, .. })
    }

    /// Writes the outputs of `raw`, which has `n_raw` scores per row, to `out`, which has
    /// [`n_outputs`](Link::n_outputs) per row. Where one is longer than the other, the rest is left alone.
    pub fn apply(&self, raw: &[f64], n_raw: usize, precision: Precision, out: &mut [f64]) {
        let single = precision == Precision::Single;
        let rounded = |value| precision.round(value);
        match *self {
            Link::Argmax => {
                let rows = raw.chunks_exact(n_raw.max(1));
                out.iter_mut().zip(rows).for_each(|(out, row)| *out = argmax(row) as f64);
            }
            Link::Exp if single => each(raw, out, |x| f64::from(exp_f32(x as f32))),
            Link::Exp => each(raw, out, exp),
            Link::ExpM1 => each(raw, out, |x| rounded(exp_m1(x))),
            Link::ExpLessLogSum => {
                let rows = raw.chunks_exact(n_raw.max(1)).zip(out.chunks_exact_mut(n_raw.max(1)));
                rows.for_each(|(row, out)| exp_less_log_sum(row, precision, out));
            }
            Link::Hinge { complement } => {
                let hinge = |x| if x > 0.0 { 1.0 } else { 0.0 };
                each_with_complement(raw, out, complement, precision, hinge);
            }
            Link::Identity => each(raw, out, |x| x),
            Link::IsolationForest { denominator } => each(raw, out, |depths| {
                let ratio = if denominator == 0.0 { 1.0 } else { depths / denominator };
                rounded(-exp2(-ratio))
            }),
            Link::Log1pExp => each(raw, out, |x| rounded(ln_1p(exp(x)))),
            Link::Logistic { scale, complement } if single => {
                let scale = scale as f32;
                let logistic = |x| f64::from(logistic_f32(scale * x as f32));
                each_with_complement(raw, out, complement, precision, logistic);
            }
            Link::Logistic { scale, complement } => {
                let logistic = |x| 1.0 / (1.0 + exp(-scale * x));
                each_with_complement(raw, out, complement, precision, logistic);
            }
            Link::LogisticOverSum => {
                each(raw, out, |x| 1.0 / (1.0 + exp(-x)));
                for row in out.chunks_exact_mut(n_raw.max(1)) {
                    let sum = Summation::Pairwise.sum(row);
                    row.iter_mut().for_each(|value| *value = rounded(*value / sum));
                }
            }
            Link::Softmax { summation } => {
                let rows = raw.chunks_exact(n_raw.max(1)).zip(out.chunks_exact_mut(n_raw.max(1)));
                for (row, out) in rows {
                    if single { softmax_f32(row, out) } else { softmax(row, summation, out) }
                }
            }
            Link::Scaled { factor, offset } => each(raw, out, |x| rounded(rounded(x * factor) + offset)),
            Link::Square => each(raw, out, |x| rounded(x * x)),
            Link::SquareWithSign => each(raw, out, |x| rounded(sign(x) * x * x)),
            Link::Unscaled { offset, divisor } => each(raw, out, |x| rounded(rounded(x - offset) / divisor)),
        }
    }
}

impl Summation {
    fn sum(self, values: &[f64]) -> f64 {
        match self {
            Summation::InOrder => values.iter().fold(0.0, |sum, value| sum + value),
            Summation::Pairwise => pairwise_sum(values),
        }
    }
}

#[inline]
fn each(raw: &[f64], out: &mut [f64], of: impl Fn(f64) -> f64) {
    out.iter_mut().zip(raw).for_each(|(out, &x)| *out = of(x));
}

#[inline]
fn each_with_complement(
    raw: &[f64],
    out: &mut [f64],
    complement: bool,
    precision: Precision,
    of: impl Fn(f64) -> f64,
) {
    if !complement {
        return each(raw, out, of);
    }
    for (out, &x) in out.chunks_exact_mut(2).zip(raw) {
        let value = of(x);
        out.copy_from_slice(&[precision.round(1.0 - value), value]);
    }
}

#[inline]
fn logistic_f32(x: f32) -> f32 {
    let negated = if 88.7 < -x { 88.7 } else { -x };
    1.0 / (exp_f32(negated) + 1.0)
}

fn greatest(row: &[f64]) -> f64 {
    row.iter().fold(f64::NEG_INFINITY, |greatest, &x| if x < greatest { greatest } else { x })
}

fn softmax(row: &[f64], summation: Summation, out: &mut [f64]) {
    let greatest = greatest(row);
    each(row, out, |x| exp(x - greatest));
    let sum = summation.sum(out);
    out.iter_mut().for_each(|out| *out /= sum);
}

fn exp_less_log_sum(row: &[f64], precision: Precision, out: &mut [f64]) {
    let greatest = greatest(row);
    each(row, out, |x| exp(x - greatest));
    let sum = Summation::InOrder.sum(out);
    // One of the exponentials is 1, so the subtraction is exact.
    let log_sum = ln_1p(sum - 1.0) + greatest;
    each(row, out, |x| precision.round(exp(x - log_sum)));
}

fn softmax_f32(row: &[f64], out: &mut [f64]) {
    let greatest = greatest(row) as f32;
    each(row, out, |x| f64::from(exp_f32(x as f32 - greatest)));
    let sum = Summation::InOrder.sum(out) as f32;
    out.iter_mut().for_each(|out| *out = f64::from(*out as f32 / sum));
}

/// The sign as a factor, which is 0 for zeros and NaN.
fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// NumPy's sum of contiguous numbers: in eight strands up to 128 of them, in halves beyond.
fn pairwise_sum(values: &[f64]) -> f64 {
    const STRANDS: usize = 8;
    if values.len() > 128 {
        let half = values.len() / 2;
        let (left, right) = values.split_at(half - half % STRANDS);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let mut strides = values.chunks_exact(STRANDS);
    let Some(first) = strides.next() else {
        return values.iter().fold(0.0, |sum, value| sum + value);
    };
    let mut strands = [0.0; STRANDS];
    strands.copy_from_slice(first);
    for stride in strides.by_ref() {
        strands.iter_mut().zip(stride).for_each(|(strand, value)| *strand += value);
    }
    let [a, b, c, d, e, f, g, h] = strands;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    strides.remainder().iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Precision = Precision::Double;
    const SINGLE: Precision = Precision::Single;

    fn apply(link: Link, raw: &[f64], n_raw: usize, precision: Precision) -> Vec<f64> {
        let mut out = vec![f64::NAN; raw.len() / n_raw * link.n_outputs(n_raw)];
        link.apply(raw, n_raw, precision, &mut out);
        out
    }

    fn check(link: Link, raw: &[f64], n_raw: usize, precision: Precision, expected: &[f64]) {
        let found = apply(link, raw, n_raw, precision);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(expected), "{link:?} of {raw:?}: {found:?}; expected {expected:?}");
    }

    #[test]
    fn known_values() {
        let logistic = |scale, complement| Link::Logistic { scale, complement };
        check(Link::Identity, &[-0.0, 3.5], 1, DOUBLE, &[-0.0, 3.5]);
        check(Link::Argmax, &[1.0, 2.0, 2.0, 0.0, -1.0, -2.0], 3, SINGLE, &[1.0, 0.0]);
        check(Link::Hinge { complement: false }, &[0.0, 1e-30, -2.0], 1, SINGLE, &[0.0, 1.0, 0.0]);
        check(Link::Hinge { complement: true }, &[-2.0, 2.0], 1, SINGLE, &[1.0, 0.0, 0.0, 1.0]);
        check(Link::SquareWithSign, &[-3.0, 3.0, -0.0, 0.0], 1, DOUBLE, &[-9.0, 9.0, 0.0, 0.0]);
        check(logistic(1.0, true), &[0.0, 800.0, -800.0], 1, DOUBLE, &[0.5, 0.5, 0.0, 1.0, 1.0, 0.0]);
        check(logistic(2.0, false), &[0.5], 1, DOUBLE, &[0.731_058_578_630_004_9]);
        let least = f64::from(1.0 / exp_f32(88.7));
        check(logistic(1.0, true), &[-800.0, 800.0], 1, SINGLE, &[1.0, least, 0.0, 1.0]);
        check(Link::Exp, &[1.0, 710.0, -746.0], 1, DOUBLE, &[std::f64::consts::E, f64::INFINITY, 0.0]);
        check(Link::Exp, &[1.0, 89.0], 1, SINGLE, &[f64::from(std::f32::consts::E), f64::INFINITY]);
        check(Link::ExpM1, &[0.0, -0.0, 800.0, -800.0], 1, DOUBLE, &[0.0, -0.0, f64::INFINITY, -1.0]);
        check(Link::Square, &[-3.0, 0.1], 1, SINGLE, &[9.0, f64::from(0.01_f32)]);
        check(Link::Scaled { factor: 3.0, offset: -0.0 }, &[-0.0, 0.1], 1, DOUBLE, &[-0.0, 0.1 * 3.0]);
        check(Link::Scaled { factor: 2.0, offset: 0.5 }, &[4.0], 1, DOUBLE, &[8.5]);
        check(Link::Unscaled { offset: 0.5, divisor: 4.0 }, &[4.0], 1, DOUBLE, &[0.875]);
        check(Link::Log1pExp, &[0.0, 700.0, -745.2], 1, DOUBLE, &[std::f64::consts::LN_2, 700.0, 0.0]);
        let forest = |denominator| Link::IsolationForest { denominator };
        check(forest(4.0), &[4.0, 8.0], 1, DOUBLE, &[-0.5, -0.25]);
        check(forest(0.0), &[0.0], 1, DOUBLE, &[-0.5]);
    }

    #[test]
    fn softmax_of_equal_scores_is_uniform() {
        for summation in [Summation::InOrder, Summation::Pairwise] {
            for n in [1, 3, 7, 8, 9, 16, 128, 129, 300] {
                let raw = vec![-700.0; 2 * n];
                let link = Link::Softmax { summation };
                check(link, &raw, n, DOUBLE, &vec![1.0 / n as f64; 2 * n]);
                check(link, &raw, n, SINGLE, &vec![f64::from(1.0 / n as f32); 2 * n]);
            }
        }
    }

    #[test]
    fn an_exponential_less_a_logarithm_of_the_sum_is_near_the_softmax() {
        let raw = [0.5, -2.0, 30.0, 29.0, 1.0, -1.0];
        let softmax = apply(Link::Softmax { summation: Summation::InOrder }, &raw, 3, DOUBLE);
        let found = apply(Link::ExpLessLogSum, &raw, 3, DOUBLE);
        for (found, softmax) in found.iter().zip(&softmax) {
            assert!((found / softmax - 1.0).abs() < 4.0 * 30.0 * f64::EPSILON, "{found} for {softmax}");
        }
        assert_ne!(found, softmax);
    }

    #[test]
    fn orders_of_summation_differ() {
        let values: Vec<_> = (0..300).map(|n| 1.0 / f64::from(n + 3)).collect();
        let sums = |n| (Summation::InOrder.sum(&values[..n]), Summation::Pairwise.sum(&values[..n]));
        assert_eq!(sums(7).0, sums(7).1);
        assert_ne!(sums(300).0, sums(300).1);
        assert!((sums(300).0 - sums(300).1).abs() < 1e-14);
    }

    #[test]
    fn wrong_lengths_do_not_panic() {
        let links = [
            Link::Argmax,
            Link::Identity,
            Link::Logistic { scale: 1.0, complement: true },
            Link::IsolationForest { denominator: 1.0 },
            Link::Softmax { summation: Summation::Pairwise },
            Link::ExpLessLogSum,
        ];
        for (link, n_raw) in links.into_iter().flat_map(|link| [0, 1, 3].map(|n_raw| (link, n_raw))) {
            link.apply(&[1.0; 5], n_raw, DOUBLE, &mut [0.0; 3]);
            link.apply(&[], n_raw, SINGLE, &mut [0.0; 3]);
        }
    }

    #[test]
    fn names_in_json() {
        let softmax = Link::Softmax { summation: Summation::InOrder };
        assert_eq!(serde_json::to_string(&softmax).expect("JSON"), r#"{"softmax":{"summation":"in_order"}}"#);
        assert_eq!(
            serde_json::from_str::<Link>(r#""square_with_sign""#).expect("JSON"),
            Link::SquareWithSign
        );
        assert_eq!(serde_json::to_string(&Link::Log1pExp).expect("JSON"), r#""log1p_exp""#);
        assert!(serde_json::from_str::<Link>(r#"{"hinge":{"complement":true,"scale":1}}"#).is_err());
    }
}
