//! Objectives: what a base score is as a margin, and what `predict` makes of margins.

use crate::error::{Error, ErrorKind, Result};
use crate::model::link::{Link, Summation};

/// How a base score becomes a margin.
#[derive(Clone, Copy)]
enum Intercept {
    Itself,
    Log,
    Logit,
}

const LOGISTIC: Link = Link::Logistic { scale: 1.0, complement: false };

/// Objectives that this version knows, by name.
const OBJECTIVES: &[(&str, Link, Intercept)] = &[
    ("binary:hinge", Link::Hinge { complement: false }, Intercept::Itself),
    ("binary:logistic", LOGISTIC, Intercept::Logit),
    ("binary:logitraw", Link::Identity, Intercept::Itself),
    ("count:poisson", Link::Exp, Intercept::Log),
    ("multi:softmax", Link::Argmax, Intercept::Itself),
    ("multi:softprob", Link::Softmax { summation: Summation::InOrder }, Intercept::Itself),
    ("rank:map", Link::Identity, Intercept::Itself),
    ("rank:ndcg", Link::Identity, Intercept::Itself),
    ("rank:pairwise", Link::Identity, Intercept::Itself),
    ("reg:absoluteerror", Link::Identity, Intercept::Itself),
    ("reg:gamma", Link::Exp, Intercept::Log),
    ("reg:linear", Link::Identity, Intercept::Itself),
    ("reg:logistic", LOGISTIC, Intercept::Logit),
    ("reg:pseudohubererror", Link::Identity, Intercept::Itself),
    ("reg:quantileerror", Link::Identity, Intercept::Itself),
    ("reg:squarederror", Link::Identity, Intercept::Itself),
    ("reg:squaredlogerror", Link::Identity, Intercept::Itself),
    ("reg:tweedie", Link::Exp, Intercept::Log),
    ("survival:aft", Link::Exp, Intercept::Log),
    ("survival:cox", Link::Exp, Intercept::Log),
];

/// An objective that this version knows.
pub(super) struct Objective {
    name: &'static str,
    pub link: Link,
    intercept: Intercept,
}

impl Objective {
    pub fn named(name: &str) -> Result<Objective> {
        let found = OBJECTIVES.iter().find(|(known, ..)| *known == name);
        let known = || OBJECTIVES.iter().map(|(known, ..)| *known).collect::<Vec<_>>().join(", ");
        let &(name, link, intercept) = found.ok_or_else(|| {
            let message = format!("the objective {name:?} is not one of {}", known());
            Error::new(ErrorKind::Unsupported, message)
        })?;
        Ok(Objective { name, link, intercept })
    }

    pub fn n_classes(&self, num_class: usize) -> Option<usize> {
        match self.name.split(':').next() {
            Some("binary") => Some(2),
            Some("multi") => Some(num_class),
            _ => None,
        }
    }

    /// The margin of a base score. `f32::ln` is the C library's `logf`, which is XGBoost's; it is not
    /// correctly rounded, so that a portable one would differ in the last bit for one base score of a thousand.
    pub fn margin(&self, base_score: f32, version: (u32, u32, u32)) -> Result<f32> {
        let margin = match self.intercept {
            Intercept::Itself => base_score,
            Intercept::Log => base_score.ln(),
            Intercept::Logit => {
                // 1e-6 is XGBoost's `kRtEps`.
                let bounded =
                    if version >= (3, 2, 0) { base_score.clamp(1e-6, 1.0 - 1e-6) } else { base_score };
                -(1.0 / bounded - 1.0).ln()
            }
        };
        if margin.is_finite() {
            return Ok(margin);
        }
        let message =
            format!("the base score {base_score} has no margin under {}; give a base_margin", self.name);
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }
}
