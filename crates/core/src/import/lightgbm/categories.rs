//! What stands after the trees: parameters, and the levels of pandas' category columns.

use super::fields::{Lines, excerpt};
use super::header::Header;
use crate::error::{Error, ErrorKind, Result};
use serde_json::Value;

/// A level of a category column.
#[derive(Clone, Debug, PartialEq)]
pub enum Level {
    /// A truth value.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// A text.
    Text(String),
}

/// The text after the trees.
#[derive(Debug)]
pub struct Tail<'a> {
    categorical_feature: Option<&'a str>,
    /// The levels of each category column of the data frame.
    pub levels: Vec<Vec<Level>>,
}

impl<'a> Tail<'a> {
    pub fn read(lines: &mut Lines<'a>) -> Result<Tail<'a>> {
        let mut tail = Tail { categorical_feature: None, levels: Vec::new() };
        let (mut in_parameters, mut last) = (false, None);
        while let Some(line) = lines.next_filled() {
            let parameter =
                line.strip_prefix("[categorical_feature:").and_then(|rest| rest.strip_suffix(']'));
            match line {
                "parameters:" => in_parameters = true,
                "end of parameters" => in_parameters = false,
                _ if in_parameters && parameter.is_some() => tail.categorical_feature = parameter,
                _ => last = line.strip_prefix("pandas_categorical:").map(|json| (lines.number(), json)),
            }
        }
        if in_parameters {
            return Err(Error::corrupt("the text ends within its parameters; it is truncated"));
        }
        if let Some((line, json)) = last {
            let levels = levels(json);
            tail.levels = levels.map_err(|error| error.within(format!("line {line}: pandas_categorical")))?;
        }
        Ok(tail)
    }

    /// The features that were trained as categorical ones, ascending.
    pub fn categorical_features(&self, header: &Header<'_>) -> Vec<usize> {
        let named = self.categorical_feature.unwrap_or_default().split(',');
        // Names instead of numbers, which the command line takes, are left to the infos.
        let named = named.filter_map(|number| number.trim().parse().ok());
        let mut features: Vec<usize> = named.filter(|&number| number < header.n_features()).collect();
        let infos = header.feature_infos.iter().enumerate();
        features
            .extend(infos.filter(|(_, info)| !info.starts_with('[') && **info != "none").map(|(at, _)| at));
        features.sort_unstable();
        features.dedup();
        features
    }
}

fn levels(json: &str) -> Result<Vec<Vec<Level>>> {
    let parsed: Option<Vec<Vec<Value>>> = serde_json::from_str(json)
        .map_err(|error| Error::corrupt(format!("{error}; expected lists of levels as JSON")))?;
    let columns = parsed.unwrap_or_default().into_iter().enumerate();
    columns
        .map(|(column, values)| {
            let levels = values.into_iter().map(level).collect::<Result<_>>();
            levels.map_err(|error| error.within(format!("column {column}")))
        })
        .collect()
}

fn level(value: Value) -> Result<Level> {
    match value {
        Value::Bool(truth) => Ok(Level::Boolean(truth)),
        Value::String(text) => Ok(Level::Text(text)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Ok(Level::Integer(integer)),
            None if number.is_u64() => {
                Err(Error::new(ErrorKind::Unsupported, format!("level {number} is beyond 64-bit integers")))
            }
            None => number.as_f64().map(Level::Number).ok_or_else(|| Error::corrupt("a level is no number")),
        },
        Value::Array(_) | Value::Null | Value::Object(_) => {
            let found = excerpt(&value.to_string());
            let message = format!("level {found} is no text, number or truth value");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}
