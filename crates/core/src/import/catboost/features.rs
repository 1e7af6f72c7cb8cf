//! The features of a model, and the splits that trees name by their numbers.

use super::super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::{Column, Reading};

/// The features of a model, all of them numbers.
pub(super) struct Features {
    /// A name for each feature.
    pub names: Vec<String>,
    splits: Vec<Split>,
}

/// A comparison that trees make.
#[derive(Clone, Copy)]
pub(super) struct Split {
    pub feature: u32,
    pub border: f32,
    pub missing_left: bool,
}

impl Features {
    /// Reads `features_info`.
    pub fn read(value: &Value<'_>) -> Result<Features> {
        for (kind, what) in [("categorical_features", "categorical"), ("ctrs", "statistics of categories")] {
            let listed = value.get_optional(kind, |features| match features {
                Value::Null => Ok(0),
                features => Ok(features.array()?.len()),
            })?;
            if listed.is_some_and(|listed| listed > 0) {
                let message = format!(
                    "{kind}: features that are {what}, and only numbers are read. Encode them before the model, as \
                     with OneHotEncoder or OrdinalEncoder in a Pipeline, and fit without cat_features"
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        let listed = match value.member("float_features")? {
            Value::Null => &[],
            features => features.array().map_err(|error| error.within("float_features"))?,
        };
        let mut features = Features { names: Vec::with_capacity(listed.len()), splits: Vec::new() };
        for (number, feature) in listed.iter().enumerate() {
            features
                .push(feature)
                .map_err(|error| error.within(format!("float_features, element {number}")))?;
        }
        Ok(features)
    }

    fn push(&mut self, feature: &Value<'_>) -> Result<()> {
        let number = self.names.len();
        for place in ["feature_index", "flat_feature_index"] {
            let found = feature.get(place, Value::integer)?;
            if usize::try_from(found) != Ok(number) {
                let message =
                    format!("{place} {found}, expected {number}: features that are not numbers lie between");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        let name =
            feature.get_optional("feature_id", |name| Ok(name.text()?.to_owned()))?.unwrap_or_default();
        let borders = feature.get_optional("borders", |borders| match borders {
            Value::Null => Ok(Vec::new()),
            borders => borders.singles(),
        })?;
        let borders = borders.unwrap_or_default();
        if !borders.is_sorted_by(|one, next| one < next) || borders.iter().any(|border| border.is_nan()) {
            return Err(Error::corrupt("borders that do not ascend"));
        }
        let has_nans = feature.get("has_nans", Value::flag)?;
        let treatment = feature.get("nan_value_treatment", |name| Ok(name.text()?.to_owned()))?;
        let above = match treatment.as_str() {
            "AsTrue" => has_nans,
            "AsFalse" | "AsIs" => false,
            other => {
                let message =
                    format!("nan_value_treatment: found {other:?}, expected AsFalse, AsIs or AsTrue");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let feature = u32::try_from(number).map_err(|_| Error::corrupt("more than 2^32 features"))?;
        // A missing value is infinite where it is above: it is greater than any border but an infinite one. Others
        // are greater than none.
        self.splits.extend(borders.into_iter().map(|border| Split {
            feature,
            border,
            missing_left: !above || border == f32::INFINITY,
        }));
        self.names.push(if name.is_empty() { number.to_string() } else { name });
        Ok(())
    }

    /// What nodes look at: the features.
    pub fn columns(&self) -> Vec<Column> {
        (0..self.names.len() as u32).map(|feature| Column { feature, reading: Reading::Plain }).collect()
    }

    /// The split that a tree writes, which says the same as the split of its number.
    pub fn split(&self, value: &Value<'_>) -> Result<Split> {
        let kind = value.get("split_type", |kind| Ok(kind.text()?.to_owned()))?;
        if kind != "FloatFeature" {
            let message = format!("split_type: found {kind:?}, expected FloatFeature; only numbers are read");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let index = value.get("split_index", Value::integer)?;
        let split =
            usize::try_from(index).ok().and_then(|index| self.splits.get(index)).ok_or_else(|| {
                Error::corrupt(format!(
                    "split_index {index}, and the features have {} borders",
                    self.splits.len()
                ))
            })?;
        let feature = value.get("float_feature_index", Value::integer)?;
        let border = value.get("border", Value::single)?;
        if feature != i64::from(split.feature) || border != split.border {
            let message = format!(
                "split {index} is at {border} of feature {feature}, and the features have it at {} of feature {}",
                split.border, split.feature
            );
            return Err(Error::corrupt(message));
        }
        Ok(*split)
    }
}
