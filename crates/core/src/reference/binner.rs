//! The bins of a row's values, found fast: what [`Distribution::bin_of`] says, from tables that lie close together.

use super::{Distribution, MISSING, OWN, Reference, UNUSABLE, Values};
use crate::input::Value;

/// Numbers of a line of the cache.
const LINE: usize = 8;

/// Tables for all distributions of a reference.
#[derive(Debug, Default)]
pub(crate) struct Binner {
    each: Vec<Of>,
    lines: Vec<[f64; LINE]>,
    texts: Vec<Text>,
}

/// Where a distribution's tables are.
#[derive(Clone, Copy, Debug)]
enum Of {
    Categories {
        /// The first of its texts, as many as a power of two.
        first: u32,
        mask: u32,
        /// The bin of texts that are not there.
        other: u16,
    },
    Numbers {
        least: f64,
        /// The line of the greatest edge of each line of edges; those lines follow.
        first: u32,
        n_top: u16,
        /// Bins whose distances are added up one by one.
        wide: [u16; 2],
        above: u16,
        mean: f64,
        per_scale: f64,
    },
}

/// A category, or nothing where `bin` is 0: its first and last bytes, which up to sixteen of them are all.
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    head: u64,
    tail: u64,
    len: u32,
    bin: u16,
}

/// What a value counts as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Binned {
    pub bin: usize,
    /// Of numbers in wide bins the distance from the mean, else 0.
    pub distance: f64,
}

impl Binner {
    /// The tables of a reference's distributions.
    pub fn new(reference: &Reference) -> Binner {
        let mut binner = Binner::default();
        for distribution in reference.distributions() {
            let of = match &distribution.values {
                Values::Categories(categories) => binner.add_texts(categories.names()),
                Values::Numbers(numbers) => {
                    let first = binner.lines.len() as u32;
                    let groups = numbers.edges.chunks(LINE);
                    let tops: Vec<f64> = groups.clone().filter_map(|group| group.last().copied()).collect();
                    for group in tops.chunks(LINE).chain(groups) {
                        binner
                            .lines
                            .push(std::array::from_fn(|at| group.get(at).copied().unwrap_or(f64::INFINITY)));
                    }
                    let last = numbers.edges.len();
                    let wide = |bin| if numbers.is_wide(bin) { bin as u16 } else { 0 };
                    Of::Numbers {
                        least: numbers.min,
                        first,
                        n_top: tops.len().div_ceil(LINE) as u16,
                        wide: [wide(1), wide(last)],
                        above: last as u16 + 1,
                        mean: numbers.mean,
                        per_scale: 1.0 / numbers.scale(),
                    }
                }
            };
            binner.each.push(of);
        }
        binner
    }

    fn add_texts(&mut self, names: &[String]) -> Of {
        let n_places = (names.len() * 4).next_power_of_two();
        let (first, mask) = (self.texts.len(), n_places - 1);
        self.texts.resize(first + n_places, Text::default());
        for (at, name) in names.iter().enumerate() {
            let mut text = Text::of(name.as_bytes());
            text.bin = (OWN + at) as u16;
            let mut place = text.hash() & mask;
            while self.texts[first + place].bin != 0 {
                place = (place + 1) & mask;
            }
            self.texts[first + place] = text;
        }
        Of::Categories { first: first as u32, mask: mask as u32, other: (OWN + names.len()) as u16 }
    }

    /// What a value of distribution `number` of `reference` counts as.
    #[inline]
    pub fn bin_of(&self, reference: &Reference, number: usize, value: Value<'_>) -> Binned {
        let bin = |bin: usize| Binned { bin, distance: 0.0 };
        let x = match (value, self.each[number]) {
            (Value::Missing(_), _) => return bin(MISSING),
            (Value::Text(text), Of::Categories { first, mask, other }) => {
                return bin(self.bin_of_text(reference, number, text, (first, mask, other)));
            }
            (Value::Other, _) | (Value::Text(_), Of::Numbers { .. }) => return bin(UNUSABLE),
            (Value::Boolean(value), _) => f64::from(u8::from(value)),
            (Value::Float(value), _) => value,
            (Value::Integer(value), _) => value as f64,
        };
        self.bin_of_number(reference, number, x)
    }

    /// What a number counts as.
    #[inline]
    pub fn bin_of_number(&self, reference: &Reference, number: usize, x: f64) -> Binned {
        let Of::Numbers { least, first, n_top, wide, above, mean, per_scale } = self.each[number] else {
            return Binned {
                bin: distribution(reference, number).map_or(UNUSABLE, |of| of.bin_of_number(x)),
                distance: 0.0,
            };
        };
        if !x.is_finite() {
            return Binned { bin: if x.is_nan() { MISSING } else { UNUSABLE }, distance: 0.0 };
        }
        let (first, n_top) = (first as usize, usize::from(n_top));
        let below = |line: usize| -> usize {
            self.lines.get(line).map_or(0, |line| line.iter().map(|&edge| usize::from(edge < x)).sum())
        };
        let group: usize = (first..first + n_top).map(below).sum();
        let within = if group * LINE < usize::from(above) { below(first + n_top + group) } else { 0 };
        let at = (group * LINE + within).min(usize::from(above) - 1);
        let bin = if x < least { 0 } else { 1 + at };
        let is_wide = bin == 0 || bin == usize::from(above) || wide.contains(&(bin as u16));
        let distance =
            if is_wide { ((x - mean) * per_scale).clamp(-super::FARTHEST, super::FARTHEST) } else { 0.0 };
        Binned { bin: OWN + bin, distance }
    }

    fn bin_of_text(&self, reference: &Reference, number: usize, text: &[u8], of: (u32, u32, u16)) -> usize {
        let (first, mask, other) = (of.0 as usize, of.1 as usize, usize::from(of.2));
        let wanted = Text::of(text);
        let mut place = wanted.hash() & mask;
        loop {
            let Some(found) = self.texts.get(first + place).filter(|found| found.bin != 0) else {
                return other;
            };
            if (found.head, found.tail, found.len) == (wanted.head, wanted.tail, wanted.len) {
                // Longer texts may differ between their ends.
                return match text.len() {
                    0..=16 => usize::from(found.bin),
                    _ => distribution(reference, number).map_or(other, |of| of.bin_of_text(text)),
                };
            }
            place = (place + 1) & mask;
        }
    }
}

fn distribution(reference: &Reference, number: usize) -> Option<&Distribution> {
    let outputs = || number.checked_sub(reference.fields.len());
    reference.fields.get(number).or_else(|| reference.outputs.as_ref()?.distributions.get(outputs()?))
}

impl Text {
    #[inline]
    fn of(text: &[u8]) -> Text {
        let word = |bytes: &[u8]| match bytes.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        let tail = text.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Text { head: word(text), tail, len: text.len().min(u32::MAX as usize) as u32, bin: 0 }
    }

    #[inline]
    fn hash(self) -> usize {
        let mixed = (self.head ^ u64::from(self.len)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29) ^ self.tail).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 32)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Categories, Numbers};
    use proptest::prelude::*;

    fn of(values: Values) -> Reference {
        let fields = vec![Distribution { name: "x".to_owned(), rows: 0, missing: 0, values, noise: None }];
        Reference { fields, outputs: None }
    }

    fn values() -> impl Strategy<Value = f64> {
        prop_oneof![-9.0..9.0_f64, (-9..9).prop_map(f64::from), any::<f64>()]
    }

    proptest! {
        #[test]
        fn numbers_are_where_the_plain_search_finds_them(
            edges in prop::collection::btree_set(-9..9_i32, 0..17),
            extra in 0..90_usize, lower in 0..2_i32, mean in -1.0..1.0, xs in prop::collection::vec(values(), 1..40),
        ) {
            let mut edges: Vec<f64> = edges.into_iter().map(f64::from).collect();
            let last = edges.last().copied().unwrap_or(0.0);
            if !edges.is_empty() {
                edges.extend((1..=extra).map(|i| last + i as f64 * 0.125));
            }
            let min = edges.first().map_or(0.0, |first| first - f64::from(lower));
            let (n, means) = (edges.len(), edges.clone());
            let numbers = Numbers {
                not_finite: 0, mean, standard_deviation: 2.0, min, edges, counts: vec![0; n], means,
            };
            let wide: Vec<bool> = (0..n + 2).map(|bin| numbers.is_wide(bin)).collect();
            let reference = of(Values::Numbers(numbers));
            let binner = Binner::new(&reference);
            for x in xs.into_iter().chain([last, min, f64::NAN, f64::INFINITY]) {
                let expected = reference.fields[0].bin_of(Value::Float(x)).0;
                let found = binner.bin_of(&reference, 0, Value::Float(x));
                prop_assert_eq!(found.bin, expected, "{}", x);
                let is_wide = expected >= OWN && wide[expected - OWN];
                let distance = if is_wide { reference.fields[0].distance(x) } else { 0.0 };
                prop_assert!((found.distance - distance).abs() <= 1e-12 * distance.abs());
            }
        }

        #[test]
        fn texts_are_where_the_plain_search_finds_them(
            names in prop::collection::btree_set("[ab]{0,20}", 0..40), texts in prop::collection::vec("[ab]{0,20}", 1..40),
        ) {
            let named: Vec<(String, u64)> = names.into_iter().map(|name| (name, 0)).collect();
            let mut texts: Vec<String> = texts;
            texts.extend(named.iter().map(|(name, _)| name.clone()));
            let reference = of(Values::Categories(Categories::new(named, 0, 0)));
            let binner = Binner::new(&reference);
            for text in texts {
                let value = Value::Text(text.as_bytes());
                prop_assert_eq!(binner.bin_of(&reference, 0, value).bin, reference.fields[0].bin_of(value).0);
            }
            for value in [Value::Float(1.0), Value::Other, Value::Boolean(true), Value::Float(f64::NAN)] {
                prop_assert_eq!(binner.bin_of(&reference, 0, value).bin, reference.fields[0].bin_of(value).0);
            }
        }
    }
}
