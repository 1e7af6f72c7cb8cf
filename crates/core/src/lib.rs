#![doc = include_str!("../../../README.md")]
#![doc(test(attr(deny(warnings))))]

#[cfg(target_endian = "big")]
compile_error!("blocs are little-endian and mapped as they are");

pub mod arrow;
pub mod bloc;
pub mod budget;
pub mod engine;
pub mod error;
pub mod float_mode;
pub mod golden;
pub mod import;
pub mod input;
mod mapped;
pub mod model;
pub mod pack;
mod params;
mod pool;
pub mod precision;
pub mod preprocess;
pub mod records;
pub mod request;
pub mod schema;
pub mod strided;
mod vocabulary;

pub use bloc::Bloc;
pub use engine::{Engine, LoadOptions, LoadReport, Prediction, Rejection, Verify};
#[cfg(feature = "onnx")]
pub use engine::{Finding, NetworkPrediction};
pub use error::{Error, ErrorKind, Result};
pub use input::{Cell, Cells, Column, Input, Matrix};
pub use mapped::View;
#[cfg(feature = "onnx")]
pub use model::graph::Tensor;
pub use strided::{Strided, StridedMatrix};
