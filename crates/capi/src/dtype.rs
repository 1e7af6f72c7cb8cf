//! Types of values.

use crate::handle::invalid;
use monobloc::Result;
use monobloc::schema::DType;

/// The type of values in memory, in the machine's byte order.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_dtype {
    /// Truth values, a byte each: 0 is false.
    MONOBLOC_BOOL = 1,
    /// `int8_t`.
    MONOBLOC_INT8 = 2,
    /// `int16_t`.
    MONOBLOC_INT16 = 3,
    /// `int32_t`.
    MONOBLOC_INT32 = 4,
    /// `int64_t`.
    MONOBLOC_INT64 = 5,
    /// `uint8_t`.
    MONOBLOC_UINT8 = 6,
    /// `uint16_t`.
    MONOBLOC_UINT16 = 7,
    /// `uint32_t`.
    MONOBLOC_UINT32 = 8,
    /// `uint64_t`.
    MONOBLOC_UINT64 = 9,
    /// IEEE 754 binary16; of tensors alone.
    MONOBLOC_FLOAT16 = 10,
    /// `float`; NaN is missing.
    MONOBLOC_FLOAT32 = 11,
    /// `double`; NaN is missing.
    MONOBLOC_FLOAT64 = 12,
    /// `monobloc_str`, in UTF-8; one whose `data` is NULL is missing.
    MONOBLOC_STRING = 13,
    /// `const char *`, texts in UTF-8 that end with a zero byte; NULL is missing. Of columns alone.
    MONOBLOC_C_STRING = 14,
}

use monobloc_dtype as D;

impl monobloc_dtype {
    /// Every one.
    pub const ALL: [monobloc_dtype; 14] = [
        D::MONOBLOC_BOOL,
        D::MONOBLOC_INT8,
        D::MONOBLOC_INT16,
        D::MONOBLOC_INT32,
        D::MONOBLOC_INT64,
        D::MONOBLOC_UINT8,
        D::MONOBLOC_UINT16,
        D::MONOBLOC_UINT32,
        D::MONOBLOC_UINT64,
        D::MONOBLOC_FLOAT16,
        D::MONOBLOC_FLOAT32,
        D::MONOBLOC_FLOAT64,
        D::MONOBLOC_STRING,
        D::MONOBLOC_C_STRING,
    ];

    /// The type of this number.
    pub fn of_number(number: u32, name: &str) -> Result<monobloc_dtype> {
        let found = Self::ALL.into_iter().find(|&dtype| dtype as u32 == number);
        found.ok_or_else(|| invalid(format!("{name} is {number}, which is no monobloc_dtype")))
    }

    /// Bytes of a value.
    pub fn size(self) -> usize {
        match self {
            D::MONOBLOC_STRING => size_of::<crate::text::monobloc_str>(),
            D::MONOBLOC_C_STRING => size_of::<*const u8>(),
            other => other.of_tensor().map_or(0, DType::size),
        }
    }

    /// What the core calls it, where tensors have it.
    pub fn of_tensor(self) -> Option<DType> {
        DType::ALL.iter().copied().find(|&dtype| monobloc_dtype::from(dtype) == self)
    }
}

impl From<DType> for monobloc_dtype {
    fn from(dtype: DType) -> Self {
        match dtype {
            DType::Bool => D::MONOBLOC_BOOL,
            DType::Float16 => D::MONOBLOC_FLOAT16,
            DType::Float32 => D::MONOBLOC_FLOAT32,
            DType::Float64 => D::MONOBLOC_FLOAT64,
            DType::Int16 => D::MONOBLOC_INT16,
            DType::Int32 => D::MONOBLOC_INT32,
            DType::Int64 => D::MONOBLOC_INT64,
            DType::Int8 => D::MONOBLOC_INT8,
            DType::String => D::MONOBLOC_STRING,
            DType::UInt16 => D::MONOBLOC_UINT16,
            DType::UInt32 => D::MONOBLOC_UINT32,
            DType::UInt64 => D::MONOBLOC_UINT64,
            DType::UInt8 => D::MONOBLOC_UINT8,
        }
    }
}
