#![doc = include_str!("../README.md")]
#![doc(test(attr(deny(warnings))))]

#[cfg(target_endian = "big")]
compile_error!("blocs are little-endian and mapped as they are");

#[cfg(feature = "ndarray")]
mod array;
pub mod arrow;
pub mod bench;
pub mod bloc;
pub mod budget;
mod control_group;
pub mod drift;
pub mod engine;
pub mod error;
pub mod exposition;
pub mod extra;
pub mod float_mode;
pub mod footprint;
pub mod golden;
pub mod import;
pub mod input;
mod mapped;
pub mod memory;
pub mod model;
pub mod monitor;
mod pace;
pub mod pack;
mod params;
mod per_process;
mod pool;
pub mod precision;
pub mod preprocess;
pub mod records;
pub mod reference;
pub mod request;
pub mod row;
pub mod sanity;
pub mod schema;
pub mod score;
pub mod strided;
mod vocabulary;

#[cfg(feature = "ndarray")]
pub use ::ndarray;
pub use bloc::Bloc;
pub use budget::CpuBudget;
#[cfg(feature = "onnx")]
pub use engine::NetworkPrediction;
pub use engine::{Engine, LoadOptions, LoadReport, Loading, Prediction, Verify};
pub use error::{Error, ErrorKind, Result};
pub use extra::Extra;
pub use footprint::Footprint;
pub use input::{Cell, Cells, Column, Input, Matrix};
pub use mapped::View;
#[cfg(feature = "onnx")]
pub use model::graph::Tensor;
pub use row::Row;
pub use sanity::{Finding, FindingKind, Status, Value};
pub use strided::{Strided, StridedMatrix};

/// The programs of `docs/rust.md` run as doctests.
#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../../../docs/rust.md")]
struct RustPage;
