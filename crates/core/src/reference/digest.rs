//! The digest of a reference: of all values as they were read, column by column, so that it depends neither on how
//! many rows came at once, nor on the form that they came in.

use crate::bloc::Hasher;
use crate::input::Value;

/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 14;

/// The values of a column.
#[derive(Debug, Default)]
pub(super) struct ColumnDigest {
    hasher: Hasher,
    bytes: Vec<u8>,
}

impl ColumnDigest {
    pub fn add(&mut self, value: Value<'_>) {
        match value {
            Value::Missing(_) => self.bytes.push(0),
            Value::Float(value) => self.number(value),
            Value::Boolean(value) => self.number(f64::from(u8::from(value))),
            Value::Integer(value) if (value as f64) as i128 == i128::from(value) => self.number(value as f64),
            Value::Integer(value) => self.tagged(2, value.to_le_bytes()),
            Value::Text(text) => {
                self.tagged(3, (text.len() as u64).to_le_bytes());
                self.bytes.extend_from_slice(text);
            }
            Value::Other => self.bytes.push(4),
        }
        if self.bytes.len() >= BLOCK {
            self.hasher.update(&self.bytes);
            self.bytes.clear();
        }
    }

    fn number(&mut self, value: f64) {
        if value.is_nan() {
            return self.bytes.push(0);
        }
        self.tagged(1, value.to_le_bytes());
    }

    fn tagged(&mut self, tag: u8, bytes: [u8; 8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&bytes);
    }

    fn hex(&self) -> String {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.bytes);
        hasher.hex()
    }
}

/// The digest of named columns.
pub(super) fn of_columns<'a>(columns: impl Iterator<Item = (&'a str, &'a ColumnDigest)>) -> String {
    let mut hasher = Hasher::default();
    for (name, column) in columns {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(column.hex().as_bytes());
    }
    format!("sha256:{}", hasher.hex())
}
