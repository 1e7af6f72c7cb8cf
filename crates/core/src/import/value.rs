//! A document as JSON and UBJSON hold it: arrays of numbers stay the file's bytes until they are asked
//! for, so reading a file takes memory in proportion to its size whatever it claims.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// A value of a document.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Numbers(Numbers<'a>),
    Array(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A number, rounded only when it is asked for as a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    /// In decimal digits, or `NaN` or `Infinity`.
    Decimal(&'a str),
    Integer(i64),
    Single(f32),
    Double(f64),
}

/// An array of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'a> {
    /// Decimal numbers with commas between.
    Decimal(&'a str),
    /// Big-endian numbers of one type.
    Typed(Type, &'a [u8]),
}

/// UBJSON's types of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Type {
    Int8,
    Uint8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
}

impl Type {
    pub fn of_marker(marker: u8) -> Option<Type> {
        Some(match marker {
            b'i' => Type::Int8,
            b'U' => Type::Uint8,
            b'I' => Type::Int16,
            b'l' => Type::Int32,
            b'L' => Type::Int64,
            b'd' => Type::Float32,
            b'D' => Type::Float64,
            _ => return None,
        })
    }

    pub fn size(self) -> usize {
        match self {
            Type::Int8 | Type::Uint8 => 1,
            Type::Int16 => 2,
            Type::Int32 | Type::Float32 => 4,
            Type::Int64 | Type::Float64 => 8,
        }
    }

    /// The number in `bytes`, which are [`Type::size`] many.
    pub fn read<'a>(self, bytes: &[u8]) -> Number<'a> {
        let bits = bytes.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        match self {
            Type::Int8 => Number::Integer(i64::from(bits as i8)),
            Type::Uint8 => Number::Integer(i64::from(bits as u8)),
            Type::Int16 => Number::Integer(i64::from(bits as i16)),
            Type::Int32 => Number::Integer(i64::from(bits as i32)),
            Type::Int64 => Number::Integer(bits as i64),
            Type::Float32 => Number::Single(f32::from_bits(bits as u32)),
            Type::Float64 => Number::Double(f64::from_bits(bits)),
        }
    }
}

impl Number<'_> {
    /// The nearest float32: decimal digits are rounded once.
    pub fn single(self) -> Result<f32> {
        match self {
            Number::Decimal(digits) => parse(digits),
            Number::Integer(value) => Ok(value as f32),
            Number::Single(value) => Ok(value),
            Number::Double(value) => Ok(value as f32),
        }
    }

    /// The nearest float64: decimal digits are rounded once.
    pub fn double(self) -> Result<f64> {
        match self {
            Number::Decimal(digits) => parse(digits),
            Number::Integer(value) => Ok(value as f64),
            Number::Single(value) => Ok(f64::from(value)),
            Number::Double(value) => Ok(value),
        }
    }

    pub fn integer(self) -> Result<i64> {
        match self {
            Number::Decimal(digits) => parse(digits),
            Number::Integer(value) => Ok(value),
            Number::Single(_) | Number::Double(_) => {
                Err(Error::corrupt("found a float, expected an integer"))
            }
        }
    }
}

/// A type that decimal digits are read as.
pub trait Decimal: std::str::FromStr {
    /// What the digits must be.
    const EXPECTED: &'static str;
}

macro_rules! decimals {
    ($expected:literal: $($number:ty)+) => {
        $(impl Decimal for $number {
            const EXPECTED: &'static str = $expected;
        })+
    };
}

decimals! { "a number": f32 f64 }
decimals! { "a whole number in range": i64 u32 usize }

fn parse<T: Decimal>(digits: &str) -> Result<T> {
    let shown: String = digits.chars().take(40).collect();
    digits.parse().map_err(|_| Error::corrupt(format!("found {shown:?}, expected {}", T::EXPECTED)))
}

impl<'a> Numbers<'a> {
    /// Each number as `of` reads it.
    fn read<T>(self, of: impl Fn(Number<'a>) -> Result<T>) -> Result<Vec<T>> {
        let at = |(at, number)| of(number).map_err(|error| error.within(format!("element {at}")));
        match self {
            Numbers::Decimal(text) if text.trim().is_empty() => Ok(Vec::new()),
            Numbers::Decimal(text) => {
                let numbers = text.split(',').map(|digits| Number::Decimal(digits.trim()));
                numbers.enumerate().map(at).collect()
            }
            Numbers::Typed(kind, bytes) => {
                let numbers = bytes.chunks_exact(kind.size()).map(|bytes| kind.read(bytes));
                numbers.enumerate().map(at).collect()
            }
        }
    }
}

impl<'a> Value<'a> {
    /// The member of an object, where it has it.
    pub fn find(&self, name: &str) -> Result<Option<&Value<'a>>> {
        let Value::Object(members) = self else {
            return Err(self.other_than("an object").within(format!("looking for {name:?}")));
        };
        let mut found = members.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = found.next();
        if found.next().is_some() {
            return Err(Error::corrupt(format!("{name:?} is there twice")));
        }
        Ok(value)
    }

    /// The member of an object.
    pub fn member(&self, name: &str) -> Result<&Value<'a>> {
        self.find(name)?.ok_or_else(|| Error::corrupt(format!("{name:?} is missing")))
    }

    /// What `read` makes of the member of an object; its errors say which.
    pub fn get<T>(&self, name: &str, read: impl Fn(&Value<'a>) -> Result<T>) -> Result<T> {
        read(self.member(name)?).map_err(|error| error.within(name))
    }

    /// As [`Value::get`], of a member that need not be there.
    pub fn get_optional<T>(&self, name: &str, read: impl Fn(&Value<'a>) -> Result<T>) -> Result<Option<T>> {
        self.find(name)?.map(|value| read(value).map_err(|error| error.within(name))).transpose()
    }

    pub fn text(&self) -> Result<&str> {
        match self {
            Value::Text(text) => Ok(text),
            other => Err(other.other_than("text")),
        }
    }

    /// A number that is written as text.
    pub fn parsed<T: Decimal>(&self) -> Result<T> {
        parse(self.text()?)
    }

    pub fn integer(&self) -> Result<i64> {
        match self {
            Value::Number(number) => number.integer(),
            other => Err(other.other_than("an integer")),
        }
    }

    pub fn single(&self) -> Result<f32> {
        match self {
            Value::Number(number) => number.single(),
            other => Err(other.other_than("a number")),
        }
    }

    pub fn double(&self) -> Result<f64> {
        match self {
            Value::Number(number) => number.double(),
            other => Err(other.other_than("a number")),
        }
    }

    /// 1 or true.
    pub fn flag(&self) -> Result<bool> {
        match self {
            Value::Bool(value) => Ok(*value),
            other => Ok(other.integer()? == 1),
        }
    }

    /// The values of an array that is not of numbers; empty arrays may be either.
    pub fn array(&self) -> Result<&[Value<'a>]> {
        match self {
            Value::Array(values) => Ok(values),
            Value::Numbers(numbers) if numbers.read(|_| Ok(()))?.is_empty() => Ok(&[]),
            other => Err(other.other_than("an array of objects or texts")),
        }
    }

    pub fn texts(&self) -> Result<Vec<String>> {
        let texts = self.array()?.iter().map(|value| value.text().map(str::to_owned));
        texts.collect()
    }

    pub fn integers(&self) -> Result<Vec<i64>> {
        self.list("an array of integers", Number::integer, Value::integer)
    }

    pub fn singles(&self) -> Result<Vec<f32>> {
        self.list("an array of numbers", Number::single, Value::single)
    }

    pub fn doubles(&self) -> Result<Vec<f64>> {
        self.list("an array of numbers", Number::double, Value::double)
    }

    pub fn flags(&self) -> Result<Vec<bool>> {
        self.list("an array of flags", |number| Ok(number.integer()? == 1), Value::flag)
    }

    fn list<T>(
        &self,
        expected: &str,
        of_number: impl Fn(Number<'a>) -> Result<T>,
        of_value: impl Fn(&Value<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self {
            Value::Numbers(numbers) => numbers.read(of_number),
            Value::Array(values) => values.iter().map(of_value).collect(),
            other => Err(other.other_than(expected)),
        }
    }

    pub fn other_than(&self, expected: &str) -> Error {
        let found = match self {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::Numbers(_) => "an array of numbers",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Error::corrupt(format!("found {found}, expected {expected}"))
    }
}
