//! Labels, and what decides on them.

use super::super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Classes, Decide, Label};

/// The labels of `model_info`, in the order of the probabilities.
pub(super) fn read(info: &Value<'_>, n_outputs: usize) -> Result<Classes> {
    let n_classes = n_outputs.max(2);
    let Some(params) = info.find("class_params")? else { return Ok(Classes::numbered(n_classes)) };
    let classes = of(params).map_err(|error| error.within("class_params"))?;
    let seen = params.get("class_to_label", Value::doubles)?;
    if classes.values.len() != n_classes || seen.len() != n_classes {
        let message = format!(
            "{} classes of which {} have scores: training has to see an example of each class",
            classes.values.len(),
            seen.len().min(n_classes)
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(classes)
}

fn of(params: &Value<'_>) -> Result<Classes> {
    let names = match params.member("class_names")? {
        Value::Null => 0,
        names @ Value::Numbers(_) => names.doubles()?.len(),
        names => names.array()?.len(),
    };
    if names == 0 {
        let count = params.get("classes_count", Value::integer)?;
        let labels = params.get("class_to_label", Value::doubles)?;
        let labels = labels.len().max(usize::try_from(count).unwrap_or_default().min(1 << 16));
        return Ok(Classes::numbered(labels));
    }
    let kind = params.get("class_label_type", |kind| Ok(kind.text()?.to_owned()))?;
    let (dtype, values): (_, Vec<Label>) = match kind.as_str() {
        "Boolean" => {
            ("bool", params.get("class_names", Value::flags)?.into_iter().map(Label::Boolean).collect())
        }
        "Float" => {
            ("float64", params.get("class_names", Value::doubles)?.into_iter().map(Label::Float).collect())
        }
        "Integer" => {
            ("int64", params.get("class_names", Value::integers)?.into_iter().map(Label::Integer).collect())
        }
        "String" => {
            ("object", params.get("class_names", Value::texts)?.into_iter().map(Label::Text).collect())
        }
        other => {
            let message =
                format!("class_label_type: found {other:?}, expected Boolean, Float, Integer or String");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    Ok(Classes { dtype: dtype.to_owned(), values })
}

/// The first of the greatest scores; of one score the second label above the threshold's, which is 0 where the model
/// has none.
pub(super) fn decide(info: &Value<'_>, n_outputs: usize) -> Result<Decide> {
    let threshold: Option<f64> = info.get_optional("binclass_probability_threshold", Value::parsed)?;
    let Some(threshold) = threshold.filter(|_| n_outputs == 1) else { return Ok(Decide::RawScores) };
    if !(threshold > 0.0 && threshold < 1.0) {
        let message =
            format!("binclass_probability_threshold: found {threshold}, expected one between 0 and 1");
        return Err(Error::corrupt(message));
    }
    // `f64::ln` is the C library's, as CatBoost's is.
    let raw_score = -(1.0 / threshold - 1.0).ln();
    Ok(if raw_score == 0.0 { Decide::RawScores } else { Decide::Above { raw_score } })
}
