//! The lines of a model's text, and blocks of `key=value` lines.

use crate::error::{Error, Result};
use std::collections::HashMap;
use std::str::FromStr;

/// The lines of a text, counted.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Lines<'a> {
        Lines { rest: text.lines(), number: 0 }
    }

    /// The number of the line that was read last, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn next(&mut self) -> Option<&'a str> {
        let line = self.rest.next()?;
        self.number += 1;
        Some(line.trim_end())
    }

    /// The next line that is not empty.
    pub fn next_filled(&mut self) -> Option<&'a str> {
        loop {
            let line = self.next()?;
            if !line.is_empty() {
                return Some(line);
            }
        }
    }
}

/// The beginning of what was found, for messages.
pub fn excerpt(found: &str) -> String {
    const LONGEST: usize = 60;
    match found.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &found[..end]),
        None => found.to_owned(),
    }
}

/// A block of `key=value` lines.
#[derive(Debug)]
pub struct Fields<'a> {
    place: String,
    values: HashMap<&'a str, (usize, &'a str)>,
}

impl<'a> Fields<'a> {
    /// Reads to the next empty line, or to the end. A line without a value is a key.
    pub fn read(place: String, lines: &mut Lines<'a>) -> Result<Fields<'a>> {
        let mut values = HashMap::new();
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if values.insert(key, (lines.number(), value)).is_some() {
                let at = lines.number();
                return Err(Error::corrupt(format!("{place}: line {at} repeats {:?}", excerpt(key))));
            }
        }
        Ok(Fields { place, values })
    }

    /// What the block describes.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub fn find(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(|&(_, value)| value)
    }

    pub fn value(&self, key: &str) -> Result<&'a str> {
        self.find(key).ok_or_else(|| Error::corrupt(format!("{} has no {key}", self.place)))
    }

    pub fn integer(&self, key: &str) -> Result<i64> {
        let value = self.value(key)?;
        value.trim().parse().map_err(|_| self.wrong(key, &format!("{:?}", excerpt(value)), "an integer"))
    }

    /// The words of `key`, of which there are `n`. Memory follows the text, not `n`.
    pub fn words(&self, key: &str, n: usize) -> Result<Vec<&'a str>> {
        let words: Vec<_> = self.value(key)?.split(' ').filter(|word| !word.is_empty()).collect();
        if words.len() != n {
            return Err(self.wrong(key, &format!("{} entries", words.len()), &n.to_string()));
        }
        Ok(words)
    }

    /// The numbers of `key`, of which there are `n`.
    pub fn numbers<T: FromStr>(&self, key: &str, n: usize) -> Result<Vec<T>> {
        let numbers = self.words(key, n)?.into_iter().enumerate().map(|(at, word)| {
            word.parse().map_err(|_| {
                let expected = if word.parse::<f64>().is_ok() { "an integer that fits" } else { "a number" };
                self.wrong(key, &format!("{:?} at place {at}", excerpt(word)), expected)
            })
        });
        numbers.collect()
    }

    /// The error that `key` holds `found` and not what it should.
    pub fn wrong(&self, key: &str, found: &str, expected: &str) -> Error {
        let line = self.values.get(key).map_or(0, |&(line, _)| line);
        Error::corrupt(format!("{}, line {line}: {key} is {found}; expected {expected}", self.place))
    }
}
