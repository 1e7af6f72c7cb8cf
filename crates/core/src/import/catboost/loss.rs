//! Losses: what `predict` makes of raw scores.

use crate::error::{Error, ErrorKind, Result};
use crate::model::link::{Link, Summation};

const ONE_PROBABILITY: Link = Link::Logistic { scale: 1.0, complement: true };
const EACH_PROBABILITY: Link = Link::Logistic { scale: 1.0, complement: false };
const SOFTMAX: Link = Link::Softmax { summation: Summation::InOrder };

/// Losses over classes, with their links.
const OVER_CLASSES: &[(&str, Link)] = &[
    ("CrossEntropy", ONE_PROBABILITY),
    ("Focal", ONE_PROBABILITY),
    ("Logloss", ONE_PROBABILITY),
    ("MultiClass", SOFTMAX),
    ("MultiClassOneVsAll", EACH_PROBABILITY),
];

/// Losses of regression whose predictions `CatBoostRegressor` gives by an exponential.
const BY_EXPONENTIAL: &[&str] = &["Poisson", "Tweedie"];

/// Losses of regression and ranking whose predictions are the raw scores.
const RAW: &[&str] = &[
    "Cox",
    "Expectile",
    "GroupQuantile",
    "Huber",
    "LambdaMart",
    "LogCosh",
    "LogLinQuantile",
    "Lq",
    "MAE",
    "MAPE",
    "MultiQuantile",
    "MultiRMSE",
    "MultiRMSEWithMissingValues",
    "PairLogit",
    "PairLogitPairwise",
    "Quantile",
    "QueryCrossEntropy",
    "QueryRMSE",
    "QuerySoftMax",
    "RMSE",
    "RMSPE",
    "StochasticFilter",
    "StochasticRank",
    "SurvivalAft",
    "YetiRank",
    "YetiRankPairwise",
];

/// What the raw scores of a loss mean.
pub(super) struct Meaning {
    pub link: Link,
    pub has_classes: bool,
}

impl Meaning {
    pub fn of(loss: &str, n_outputs: usize) -> Result<Meaning> {
        if let Some(&(_, link)) = OVER_CLASSES.iter().find(|(known, _)| *known == loss) {
            if loss.starts_with("MultiClass") != (n_outputs > 1) {
                let message = format!("the loss {loss} with {n_outputs} outputs");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            return Ok(Meaning { link, has_classes: true });
        }
        let link = match loss {
            loss if RAW.contains(&loss) => Link::Identity,
            loss if BY_EXPONENTIAL.contains(&loss) => Link::Exp,
            _ => {
                let known = OVER_CLASSES.iter().map(|(known, _)| known).chain(BY_EXPONENTIAL).chain(RAW);
                let known = known.copied().collect::<Vec<_>>().join(", ");
                let message = format!("the loss {loss:?} is not one of {known}");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        Ok(Meaning { link, has_classes: false })
    }
}
