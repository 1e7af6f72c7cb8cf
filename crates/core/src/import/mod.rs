//! Reading model files that other libraries write.

mod external;
pub mod onnx;
