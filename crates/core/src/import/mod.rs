//! Reading model files that other libraries write.

#[cfg(feature = "onnx")]
mod external;
pub mod lightgbm;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod trees;
pub mod xgboost;
