//! The categories that files from 3.1 on hold.

use super::super::value::Value;
use crate::error::{Error, ErrorKind, Result};

/// The categories of a feature, in the order of their codes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Categories {
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

/// The categories of each feature from a booster model's `cats`.
pub(super) fn read(cats: &Value<'_>, n_features: usize) -> Result<Vec<Option<Categories>>> {
    let columns = cats.member("enc")?.array()?;
    if !columns.is_empty() && columns.len() != n_features {
        let message = format!("categories of {} features, and the model has {n_features}", columns.len());
        return Err(Error::corrupt(message));
    }
    let named = |(at, column)| feature(column).map_err(|error| error.within(format!("feature {at}")));
    let all: Vec<Option<Categories>> = columns.iter().enumerate().map(named).collect::<Result<_>>()?;
    Ok(if all.iter().all(Option::is_none) { Vec::new() } else { all })
}

fn feature(column: &Value<'_>) -> Result<Option<Categories>> {
    let Some(offsets) = column.get_optional("offsets", Value::integers)? else {
        // The kinds of arrays of floats, from XGBoost's `Value::ValueKind`.
        if matches!(column.get("type", Value::integer)?, 7 | 8) {
            return Err(Error::new(ErrorKind::Unsupported, "categories that are floats"));
        }
        let values = column.get("values", Value::integers)?;
        return Ok(Some(values).filter(|values| !values.is_empty()).map(Categories::Integers));
    };
    let bytes: Vec<u8> =
        column.get("values", Value::integers)?.into_iter().map(|value| value as u8).collect();
    let bounds = offsets.windows(2).map(|bounds| match *bounds {
        [start, end] => {
            let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let text = range.and_then(|(start, end)| bytes.get(start..end));
            let text = text.and_then(|text| std::str::from_utf8(text).ok());
            text.map(str::to_owned)
                .ok_or_else(|| Error::corrupt(format!("bytes {start} to {end} are no text")))
        }
        _ => Err(Error::corrupt("offsets without an end")),
    });
    let mut texts = Vec::new();
    let mut length = 0_usize;
    for text in bounds {
        let text = text?;
        length += text.len();
        // Segments that overlap could hold more than the file.
        if length > bytes.len() {
            return Err(Error::corrupt("categories that overlap"));
        }
        texts.push(text);
    }
    Ok(Some(texts).filter(|texts| !texts.is_empty()).map(Categories::Texts))
}
