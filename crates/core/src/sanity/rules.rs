//! Rules as the manifest holds them, and as people write them.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Field, Kind, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of the values of each field, and what is done about others.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Of each field that something is said of, by its name.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldRules>,
    /// What is done about columns and keys that are no field.
    #[serde(default)]
    pub on_extra: OnExtra,
    /// The share of rows unlike the reference above which an engine's health is degraded.
    #[serde(default = "max_out_of_distribution")]
    pub max_out_of_distribution: f64,
}

/// 10 %: a share at which a change upstream is more likely than chance.
fn max_out_of_distribution() -> f64 {
    0.1
}

impl Default for Rules {
    fn default() -> Self {
        let max_out_of_distribution = max_out_of_distribution();
        Rules { fields: BTreeMap::new(), on_extra: OnExtra::default(), max_out_of_distribution }
    }
}

/// What is known of a field's values, and what is done about others. Where a policy is not given, a value that
/// the source model takes is only flagged; where the source model would refuse the row, missing, infinite and
/// wrongly typed values become `impute`, and unknown categories are rejected.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldRules {
    /// The least number in range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number in range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Characters that a text has at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The share of missing values in the reference. Where it is 0, a missing value is a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_rate: Option<f64>,
    /// What the policy `impute` puts in a value's place: the reference's median or mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impute: Option<Scalar>,
    /// What the policy `default` puts in a value's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Scalar>,
    /// Categories by other texts that stand for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// In what a text may differ from the category that it stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub normalize: Vec<Normalization>,
    /// Whether values stay out of events.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redact: bool,
    /// About missing values: `impute`, `default`, `flag` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<Policy>,
    /// About infinite numbers: `impute`, `default`, `flag` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_infinite: Option<Policy>,
    /// About values of another type: `impute`, `default` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_type: Option<Policy>,
    /// About numbers out of range: any policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_range: Option<Policy>,
    /// About what is no category: `impute`, `default`, `flag` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<Policy>,
    /// About texts that are too long: `impute`, `default`, `flag` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_length: Option<Policy>,
}

/// What is done about a value.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The nearest number in range takes its place.
    Clip,
    /// The rule's `default` takes its place.
    Default,
    /// It stays, and is a finding.
    Flag,
    /// The rule's `impute` takes its place.
    Impute,
    /// The row has no answer.
    Reject,
}

/// What is done about columns and keys that are no field.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExtra {
    /// They are findings.
    Flag,
    /// They are counted.
    #[default]
    Ignore,
    /// Rows with them have no answer.
    Reject,
}

/// In what a text may differ from a category.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Upper and lower case.
    Case,
    /// Compatibility forms of characters (Unicode's NFKC).
    Unicode,
    /// White space at the ends, and how much of it is between words.
    Whitespace,
}

/// A value of a rule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl Rules {
    /// Reads the manifest's `sanity`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for what is no rules of this schema.
    pub fn parse(json: &str, schema: &Schema) -> Result<Rules> {
        let rules: Rules = serde_json::from_str(json)
            .map_err(|error| Error::corrupt(format!("reading the manifest's sanity rules: {error}")))?;
        rules.check(schema).map_err(|error| Error::corrupt(error.to_string()))?;
        Ok(rules)
    }

    /// These rules with those of `text` in their place, which is YAML (or JSON, which is YAML): rules by field, or
    /// an object of `fields`, `on_extra` and `max_out_of_distribution`. A rule that is null is taken away.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for what is no rule, names no field of `schema`, or contradicts itself.
    pub fn amended(&self, text: &str, schema: &Schema) -> Result<Rules> {
        let invalid =
            |message: String| Error::new(ErrorKind::InvalidArgument, format!("sanity rules: {message}"));
        let patch: serde_json::Value =
            serde_saphyr::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let is_whole = |patch: &serde_json::Map<String, serde_json::Value>| {
            let known = ["fields", "on_extra", "max_out_of_distribution"];
            patch.keys().all(|key| known.contains(&key.as_str()) && schema.number(key).is_none())
        };
        let patch = match patch {
            serde_json::Value::Null => return Ok(self.clone()),
            serde_json::Value::Object(patch) if is_whole(&patch) => serde_json::Value::Object(patch),
            serde_json::Value::Object(patch) => serde_json::json!({ "fields": patch }),
            other => return Err(invalid(format!("found {other}; expected rules by field"))),
        };
        let mut whole = serde_json::to_value(self).map_err(|error| invalid(error.to_string()))?;
        merge(&mut whole, patch);
        let rules: Rules =
            serde_path_to_error(whole).map_err(|(path, error)| invalid(format!("{path}{error}")))?;
        rules.check(schema)?;
        Ok(rules)
    }

    /// The rules as YAML, to be read and edited.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`], where they cannot be written.
    pub fn to_yaml(&self) -> Result<String> {
        serde_saphyr::to_string(self)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("writing sanity rules: {error}")))
    }

    /// Whether the rules fit the fields of `schema` and do not contradict themselves.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let invalid =
            |message: String| Error::new(ErrorKind::InvalidArgument, format!("sanity rules: {message}"));
        let most = self.max_out_of_distribution;
        if !(0.0..=1.0).contains(&most) {
            return Err(invalid(format!("max_out_of_distribution is {most}; expected a share from 0 to 1")));
        }
        for (name, rules) in &self.fields {
            let Some(field) = schema.number(name).map(|number| &schema.fields()[number]) else {
                let names: Vec<_> = schema.fields().iter().map(|field| format!("{:?}", field.name)).collect();
                return Err(invalid(format!("{name:?} is no field; the fields are {}", names.join(", "))));
            };
            rules
                .check(field)
                .map_err(|message| invalid(format!("field {name:?}: {message}")).at(name, None))?;
        }
        Ok(())
    }
}

/// Reads one field after another, so that an error can say whose it is.
fn serde_path_to_error(whole: serde_json::Value) -> std::result::Result<Rules, (String, serde_json::Error)> {
    let serde_json::Value::Object(mut whole) = whole else { return Ok(Rules::default()) };
    let fields = whole.remove("fields").unwrap_or_default();
    let mut rules: Rules = serde_json::from_value(whole.into()).map_err(|error| (String::new(), error))?;
    let fields: BTreeMap<String, serde_json::Value> =
        serde_json::from_value(fields).map_err(|error| ("fields: ".to_owned(), error))?;
    for (name, field) in fields {
        let field = serde_json::from_value(field).map_err(|error| (format!("field {name:?}: "), error))?;
        rules.fields.insert(name, field);
    }
    Ok(rules)
}

impl FieldRules {
    fn check(&self, field: &Field) -> std::result::Result<(), String> {
        let is_text = field.kind == Kind::String;
        let policies = [
            ("on_missing", self.on_missing),
            ("on_infinite", self.on_infinite),
            ("on_type", self.on_type),
            ("on_range", self.on_range),
            ("on_unknown", self.on_unknown),
            ("on_length", self.on_length),
        ];
        for (name, policy) in policies {
            match policy {
                Some(Policy::Clip) if name != "on_range" => {
                    return Err(format!("{name} is clip; only numbers out of range can be clipped"));
                }
                Some(Policy::Flag) if name == "on_type" => {
                    return Err(
                        "on_type is flag, which leaves no value; expected impute, default or reject".into()
                    );
                }
                Some(Policy::Default) if self.default.is_none() => {
                    return Err(format!("{name} is default, but no default is given"));
                }
                Some(Policy::Impute) if self.impute.is_none() => {
                    let what = "no median or mode of a reference is known; give impute a value";
                    return Err(format!("{name} is impute, but {what}"));
                }
                Some(_) if is_text && matches!(name, "on_range" | "on_infinite") => {
                    return Err(format!("{name} is for fields of numbers; this one holds text"));
                }
                Some(_) if !is_text && name == "on_length" => {
                    return Err(format!("{name} is for fields of text; this one holds numbers"));
                }
                _ => {}
            }
        }
        let bounds = [self.min, self.max];
        if bounds.into_iter().flatten().any(f64::is_nan)
            || self.min.zip(self.max).is_some_and(|(min, max)| min > max)
        {
            return Err(format!("min {:?} and max {:?} leave no number", bounds[0], bounds[1]));
        }
        if is_text && bounds != [None, None] {
            return Err("min and max are for fields of numbers; this one holds text".into());
        }
        if !is_text && (!self.aliases.is_empty() || !self.normalize.is_empty() || self.max_length.is_some()) {
            return Err(
                "aliases, normalize and max_length are for fields of text; this one holds numbers".into()
            );
        }
        for (name, value) in [("impute", &self.impute), ("default", &self.default)] {
            let fits = match value {
                Some(Scalar::Text(_)) => is_text,
                Some(Scalar::Number(number)) => !is_text && number.is_finite(),
                Some(Scalar::Boolean(_)) => !is_text,
                None => true,
            };
            if !fits {
                let expected = if is_text { "text" } else { "a finite number" };
                return Err(format!("{name} is {value:?}; expected {expected}"));
            }
        }
        Ok(())
    }
}

impl Scalar {
    /// As a number; `None` of text.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Scalar::Boolean(value) => Some(f64::from(u8::from(*value))),
            Scalar::Number(value) => Some(*value),
            Scalar::Text(_) => None,
        }
    }
}

/// Lays `patch` over `whole`, as RFC 7386 has it: objects by their keys, null takes away.
fn merge(whole: &mut serde_json::Value, patch: serde_json::Value) {
    let serde_json::Value::Object(patch) = patch else {
        *whole = patch;
        return;
    };
    if !whole.is_object() {
        *whole = serde_json::json!({});
    }
    let Some(whole) = whole.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            whole.remove(&key);
        } else {
            merge(whole.entry(key).or_insert(serde_json::Value::Null), value);
        }
    }
}
