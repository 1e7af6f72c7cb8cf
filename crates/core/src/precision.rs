//! The two floating-point types that models compute in.

use serde::{Deserialize, Serialize};

/// A floating-point type.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Precision {
    /// 32-bit floats.
    #[serde(rename = "float32")]
    Single,
    /// 64-bit floats.
    #[default]
    #[serde(rename = "float64")]
    Double,
}

impl Precision {
    /// The distance of 1 from the next number.
    pub const fn epsilon(self) -> f64 {
        match self {
            Precision::Single => f32::EPSILON as f64,
            Precision::Double => f64::EPSILON,
        }
    }

    /// NumPy's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Single => "float32",
            Precision::Double => "float64",
        }
    }

    /// `value` rounded to this type.
    #[inline]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Precision::Single => f64::from(value as f32),
            Precision::Double => value,
        }
    }
}

/// A value of either type.
pub trait Float: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// Which type it is.
    const PRECISION: Precision;

    /// `value` rounded to this type.
    fn from_f64(value: f64) -> Self;
    /// The same value in 64 bits.
    fn to_f64(self) -> f64;
    /// The value rounded to 32 bits.
    fn to_f32(self) -> f32;
    /// The same values, where they are of 32 bits.
    fn single(values: &[Self]) -> Option<&[f32]>;
}

impl Float for f64 {
    const PRECISION: Precision = Precision::Double;

    #[inline]
    fn from_f64(value: f64) -> f64 {
        value
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline]
    fn to_f32(self) -> f32 {
        self as f32
    }

    #[inline]
    fn single(_: &[f64]) -> Option<&[f32]> {
        None
    }
}

impl Float for f32 {
    const PRECISION: Precision = Precision::Single;

    #[inline]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }

    #[inline]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline]
    fn single(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
}
