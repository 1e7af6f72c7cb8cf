//! Networks: packing, running, and bytes that are no sound model.
#![cfg(feature = "onnx")]

mod bytes;
mod networks;
mod running;
