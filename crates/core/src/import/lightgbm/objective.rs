//! What makes predictions of raw scores: LightGBM's `ConvertOutput`.

use super::fields::excerpt;
use crate::error::{Error, ErrorKind, Result};
use crate::model::link::{Link, Summation};

/// The link of an objective as a model names it, with its parameters.
pub fn link(objective: Option<&str>, n_outputs: usize) -> Result<Link> {
    let mut words = objective.unwrap_or("none").split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    let parameters: Vec<_> = words.collect();
    let on_roots = parameters.contains(&"sqrt");
    let logistic = |scale| Link::Logistic { scale, complement: false };
    let link = match name {
        "none" | "null" | "na" | "custom" => return Ok(Link::Identity),
        "regression" | "regression_l1" | "quantile" | "fair" | "mape" if on_roots => Link::SquareWithSign,
        "regression" | "regression_l1" | "quantile" | "fair" | "mape" | "huber" | "lambdarank"
        | "rank_xendcg" => Link::Identity,
        "binary" | "multiclassova" => logistic(sigmoid(&parameters)?),
        "cross_entropy" => logistic(1.0),
        "cross_entropy_lambda" => Link::Log1pExp,
        "gamma" | "poisson" | "tweedie" => Link::Exp,
        "multiclass" => Link::Softmax { summation: Summation::InOrder },
        _ => {
            let message = format!("its objective is {:?}, which is not known", excerpt(name));
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    let n_scores = match name {
        "multiclass" | "multiclassova" => {
            parameter(&parameters, "num_class").and_then(|number| number.parse().ok())
        }
        _ => Some(1),
    };
    if n_scores == Some(n_outputs) {
        Ok(link)
    } else {
        let objective = excerpt(objective.unwrap_or_default());
        Err(Error::corrupt(format!(
            "the header: objective {objective:?} with {n_outputs} trees per iteration"
        )))
    }
}

fn parameter<'a>(parameters: &[&'a str], name: &str) -> Option<&'a str> {
    let mut pairs = parameters.iter().filter_map(|word| word.split_once(':'));
    pairs.find(|&(key, _)| key == name).map(|(_, value)| value)
}

fn sigmoid(parameters: &[&str]) -> Result<f64> {
    let found = parameter(parameters, "sigmoid");
    let value = found.and_then(decimal).filter(|&value| value > 0.0 && value.is_finite());
    value.ok_or_else(|| {
        let found = found.map(excerpt);
        Error::corrupt(format!("the header: sigmoid is {found:?}, expected a positive number"))
    })
}

/// A number as LightGBM's `Common::Atof` reads it, which rounds the integer part, the fraction and the power of
/// ten apart.
fn decimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| -> Option<f64> {
        text.bytes()
            .try_fold(0.0, |value, byte| byte.is_ascii_digit().then(|| value * 10.0 + f64::from(byte - b'0')))
    };
    if whole.is_empty() || fraction.len() > 20 {
        return None;
    }
    let value = digits(whole)? + digits(fraction)? / power(10.0, fraction.len());
    let exponent: i32 = exponent.parse().ok()?;
    let mut left = exponent.unsigned_abs().min(308);
    let mut scale = 1.0;
    for (step, factor) in [(50, 1e50), (8, 1e8), (1, 10.0)] {
        while left >= step {
            scale *= factor;
            left -= step;
        }
    }
    Some(if exponent < 0 { value / scale } else { value * scale })
}

/// Powers in the order of multiplication of LightGBM's `Common::Pow`.
fn power(base: f64, exponent: usize) -> f64 {
    match exponent {
        0 => 1.0,
        even if even.is_multiple_of(2) => power(base * base, even / 2),
        third if third.is_multiple_of(3) => power(base * base * base, third / 3),
        other => base * power(base, other - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rounded_in_parts() {
        assert_eq!(decimal("1"), Some(1.0));
        assert_eq!(decimal("0.7"), Some(0.7));
        assert_eq!(decimal("1e-05"), Some(1.0 / (1e5)));
        assert_eq!(decimal("2.5e+10"), Some(2.5e10));
        let parts = (1..100_000).filter(|n| {
            let text = format!("{}.{:05}", n / 100_000 + 3, n % 100_000);
            decimal(&text) != text.parse().ok()
        });
        assert!(parts.count() > 0, "some differ from the nearest double");
        for wrong in ["", "x", "1.x", "-1", ".5", "1e", "1e99999999999"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn objectives_have_links() {
        let of = |objective, n| link(Some(objective), n).map_err(|error| error.kind());
        let logistic = |scale| Ok(Link::Logistic { scale, complement: false });
        assert_eq!(of("binary sigmoid:2", 1), logistic(2.0));
        assert_eq!(of("multiclassova num_class:3 sigmoid:1", 3), logistic(1.0));
        assert_eq!(of("regression sqrt", 1), Ok(Link::SquareWithSign));
        assert_eq!(of("huber sqrt", 1), Ok(Link::Identity));
        assert_eq!(of("tweedie", 1), Ok(Link::Exp));
        assert_eq!(of("multiclass num_class:3", 3), Ok(Link::Softmax { summation: Summation::InOrder }));
        assert_eq!(link(None, 5).ok(), Some(Link::Identity));
        for (objective, n) in
            [("binary", 1), ("binary sigmoid:0", 1), ("binary sigmoid:1", 2), ("multiclass num_class:3", 4)]
        {
            assert_eq!(of(objective, n), Err(ErrorKind::Corrupt), "{objective}");
        }
        assert_eq!(of("magic", 1), Err(ErrorKind::Unsupported));
    }
}
