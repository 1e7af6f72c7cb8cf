//! Reading model files that other libraries write.

pub mod catboost;
#[cfg(feature = "onnx")]
mod external;
mod json;
pub mod lightgbm;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod trees;
mod unknown;
mod value;
pub mod xgboost;

pub use unknown::unrecognised;
