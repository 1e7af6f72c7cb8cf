//! `params.bin`: the numbers that enter arithmetic, and vocabularies.

use crate::error::{Error, Result};
use crate::mapped::{View, Words};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// A reference to numbers in `params.bin`, as JSON holds it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NumbersRef {
    /// Where the numbers begin, in bytes; a multiple of 8.
    pub offset: u64,
    /// How many there are.
    pub count: u64,
    /// What they are.
    pub dtype: NumberType,
}

/// The types of numbers in `params.bin`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberType {
    /// IEEE 754 binary64.
    Float64,
    /// 32-bit integers.
    Int32,
}

/// The section, mapped.
#[derive(Clone, Debug)]
pub(crate) struct Params(View);

/// Floats in the mapping.
#[derive(Clone, Debug)]
pub(crate) struct Floats(Words);

/// 32-bit integers in the mapping.
#[derive(Clone, Debug)]
pub(crate) struct Integers {
    words: Words,
    count: usize,
}

impl Params {
    pub fn new(section: View) -> Params {
        Params(section)
    }

    /// `count` floats in private memory; anything else is an error.
    pub fn private_floats(&self, reference: NumbersRef, count: usize) -> Result<Vec<f64>> {
        let floats = self.floats(reference, count)?;
        Ok((0..count).map(|index| floats.at(index)).collect())
    }

    /// `count` floats where they lie; anything else is an error.
    pub fn floats(&self, reference: NumbersRef, count: usize) -> Result<Floats> {
        expect(reference, NumberType::Float64, count)?;
        self.words(reference.offset, count as u64).map(Floats)
    }

    /// `count` integers where they lie; anything else is an error.
    pub fn integers(&self, reference: NumbersRef, count: usize) -> Result<Integers> {
        expect(reference, NumberType::Int32, count)?;
        let words = self.words(reference.offset, (count as u64).div_ceil(2))?;
        Ok(Integers { words, count })
    }

    /// `count` words from byte `offset`.
    pub fn words(&self, offset: u64, count: u64) -> Result<Words> {
        let section = count.checked_mul(8).and_then(|len| self.0.slice(offset, len));
        section.and_then(|section| section.words()).ok_or_else(|| {
            let len = self.0.len();
            Error::corrupt(format!("params.bin has no {count} words at byte {offset}; it has {len} bytes"))
        })
    }
}

impl Floats {
    /// The float at `index`, or the last one where there are fewer.
    #[inline]
    pub fn at(&self, index: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        f64::from_bits(self.0.get(index.min(last)).map_or(0, |word| word.load(Ordering::Relaxed)))
    }
}

impl Integers {
    /// The integer at `index`, or the last one where there are fewer.
    #[inline]
    pub fn at(&self, index: usize) -> i32 {
        let index = index.min(self.count.saturating_sub(1));
        let word = self.words.get(index / 2).map_or(0, |word| word.load(Ordering::Relaxed));
        (word >> (32 * (index % 2))) as u32 as i32
    }
}

fn expect(reference: NumbersRef, dtype: NumberType, count: usize) -> Result<()> {
    if reference.dtype == dtype && reference.count == count as u64 {
        return Ok(());
    }
    let found = (reference.count, reference.dtype);
    Err(Error::corrupt(format!(
        "a reference to {found:?} in params.bin where {:?} are needed",
        (count, dtype)
    )))
}
