//! Tensor inputs: what a network takes.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! dtypes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $size:literal;)+) => {
        /// The type of a tensor's elements, under NumPy's names.
        #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum DType {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DType {
            /// Every type.
            pub const ALL: &'static [DType] = &[$(DType::$variant,)+];

            /// NumPy's name of the type; `"string"` for text.
            pub const fn name(self) -> &'static str {
                match self { $(DType::$variant => $name,)+ }
            }

            /// Bytes of an element; 0 for text.
            pub const fn size(self) -> usize {
                match self { $(DType::$variant => $size,)+ }
            }
        }
    };
}

dtypes! {
    /// Truth values, a byte each: 0 or 1.
    Bool = "bool", 1;
    /// IEEE 754 binary16.
    Float16 = "float16", 2;
    /// IEEE 754 binary32.
    Float32 = "float32", 4;
    /// IEEE 754 binary64.
    Float64 = "float64", 8;
    /// 16-bit integers.
    Int16 = "int16", 2;
    /// 32-bit integers.
    Int32 = "int32", 4;
    /// 64-bit integers.
    Int64 = "int64", 8;
    /// 8-bit integers.
    Int8 = "int8", 1;
    /// Text.
    String = "string", 0;
    /// Unsigned 16-bit integers.
    UInt16 = "uint16", 2;
    /// Unsigned 32-bit integers.
    UInt32 = "uint32", 4;
    /// Unsigned 64-bit integers.
    UInt64 = "uint64", 8;
    /// Unsigned 8-bit integers.
    UInt8 = "uint8", 1;
}

impl DType {
    /// Whether values may be NaN or infinite.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::Float16 | DType::Float32 | DType::Float64)
    }
}

/// One tensor that a network takes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TensorField {
    /// The name, unique in its schema.
    pub name: String,
    /// The type of the elements.
    pub dtype: DType,
    /// The axes.
    pub shape: Vec<Dimension>,
    /// What becomes of a row with a value that is NaN or infinite.
    #[serde(default)]
    pub non_finite: NonFinite,
}

/// The length of an axis.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Dimension {
    /// Always this.
    Size(usize),
    /// Any length, but the same wherever the symbol stands.
    Symbol(String),
    /// Any length.
    Any,
}

impl fmt::Display for Dimension {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dimension::Size(size) => write!(formatter, "{size}"),
            Dimension::Symbol(symbol) => formatter.write_str(symbol),
            Dimension::Any => formatter.write_str("?"),
        }
    }
}

/// What becomes of a row of a tensor with a value that is NaN or infinite.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    /// It is run, and its verdict says what was found.
    #[default]
    Flag,
    /// It gets no answer: its outputs are NaN, or zero where they are integers.
    Reject,
}
