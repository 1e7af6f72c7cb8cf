//! Texts and labels of the reference, by name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    table: Table,
}

/// Places of names by a hash, so that most texts are compared with one name or none.
#[derive(Clone, Debug, Default, PartialEq)]
struct Table {
    /// A place and one for nothing, as powers of two long.
    places: Vec<u16>,
    numbers: Vec<f64>,
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
        let table = Table::of(&names);
        Categories { names, counts, other, distinct, table }
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
        self.table.find(text, &self.names).unwrap_or(self.names.len())
    }

    /// The bin of a number, where names are numbers.
    pub(super) fn bin_of_number(&self, number: f64) -> Option<usize> {
        self.table.numbers.iter().position(|&name| name == number)
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

impl Table {
    const NOTHING: u16 = u16::MAX;

    fn of(names: &[String]) -> Table {
        let mut places = vec![Table::NOTHING; (names.len() * 4).next_power_of_two()];
        let mask = places.len() - 1;
        for (place, name) in names.iter().enumerate().take(usize::from(Table::NOTHING)) {
            let mut at = hash(name.as_bytes()) & mask;
            while places[at] != Table::NOTHING {
                at = (at + 1) & mask;
            }
            places[at] = place as u16;
        }
        let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        Table { places, numbers: numbers.unwrap_or_default() }
    }

    #[inline]
    fn find(&self, text: &[u8], names: &[String]) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut at = hash(text) & mask;
        loop {
            let place = usize::from(self.places[at]);
            match names.get(place) {
                None => return None,
                Some(name) if name.as_bytes() == text => return Some(place),
                Some(_) => at = (at + 1) & mask,
            }
        }
    }
}

/// A hash of the length and of up to sixteen bytes at the ends.
#[inline]
fn hash(text: &[u8]) -> usize {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        let n = bytes.len().min(8);
        word[..n].copy_from_slice(&bytes[..n]);
        u64::from_le_bytes(word)
    };
    let tail = word(&text[text.len().saturating_sub(8)..]);
    let mixed = (word(text) ^ (text.len() as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29) ^ tail).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)) as usize
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
        let table = Table::of(&names);
        Ok(Categories { names, counts, other, distinct, table })
    }
}
