//! Texts and labels of the reference, by name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;

/// Most categories that are counted by name; the rarest of more are counted together.
pub const MOST_NAMED: usize = 100;
/// A category of fewer rows is not named, so that no record can be told from it.
pub const FEWEST_ROWS: u64 = 5;

/// The categories of a field, or labels.
///
/// Bin `i` is the category `names[i]`; the last bin is of all others, known to the reference or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories {
    names: Vec<String>,
    counts: Vec<u64>,
    other: u64,
    distinct: u64,
    places: HashMap<String, usize>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Json {
    names: Vec<String>,
    counts: Vec<u64>,
    other: u64,
    distinct: u64,
}

impl Categories {
    /// Categories with their counts. `other` rows hold one that is not named; there are `distinct` ones in all.
    pub fn new(named: Vec<(String, u64)>, other: u64, distinct: u64) -> Categories {
        let (names, counts): (Vec<String>, Vec<u64>) = named.into_iter().unzip();
        let places = names.iter().cloned().zip(0..).collect();
        Categories { names, counts, other, distinct, places }
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether every category of the reference is named, so that any other is new.
    pub fn is_complete(&self) -> bool {
        self.other == 0
    }

    /// How many categories the reference has, named ones and others.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// The number of bins.
    pub fn n_bins(&self) -> usize {
        self.names.len() + 1
    }

    /// The counts in these bins.
    pub fn bin_counts(&self) -> Vec<u64> {
        self.counts.iter().copied().chain([self.other]).collect()
    }

    /// The bin of a text.
    #[inline]
    pub fn bin(&self, text: &[u8]) -> usize {
        let place = std::str::from_utf8(text).ok().and_then(|text| self.places.get(text));
        place.copied().unwrap_or(self.names.len())
    }

    /// The bin of a number, where names are numbers.
    pub(super) fn bin_of_number(&self, number: f64) -> Option<usize> {
        self.names.iter().position(|name| name.parse() == Ok(number))
    }

    /// What a bin holds, for people.
    pub fn bin_name(&self, bin: usize) -> String {
        match self.names.get(bin) {
            Some(name) => format!("{name:?}"),
            None if self.is_complete() => "a new category".to_owned(),
            None => "other categories".to_owned(),
        }
    }

    /// The number of values, or what is wrong.
    pub(super) fn check(&self) -> Result<u64, String> {
        if self.names.len() != self.counts.len() || self.names.len() > MOST_NAMED {
            let (names, counts) = (self.names.len(), self.counts.len());
            return Err(format!(
                "{names} names and {counts} counts; expected equally many, {MOST_NAMED} at most"
            ));
        }
        let sum = self.counts.iter().try_fold(self.other, |sum, &count| sum.checked_add(count));
        sum.ok_or_else(|| "more values than can be counted".to_owned())
    }
}

impl Serialize for Categories {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Categories { names, counts, other, distinct, .. } = self;
        Json { names: names.clone(), counts: counts.clone(), other: *other, distinct: *distinct }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Categories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Categories, D::Error> {
        let Json { names, counts, other, distinct } = Json::deserialize(deserializer)?;
        let places = names.iter().cloned().zip(0..).collect();
        Ok(Categories { names, counts, other, distinct, places })
    }
}
