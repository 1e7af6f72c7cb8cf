//! The attributes of a node, by name.

use super::outputs::Labels;
use crate::error::{Error, ErrorKind, Result};
use crate::model::graph::proto::{self, NodeProto, TensorProto, TypeValue, attribute};
use std::borrow::Cow;
use tract_onnx::pb::TypeProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto;

/// The attributes of a node. One that is absent, or of another type, is empty.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub &'a NodeProto);

/// Numbers of an attribute.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub values: Vec<f64>,
    /// Whether they are float64, not float32.
    pub is_double: bool,
}

impl<'a> Attributes<'a> {
    pub fn integers(self, name: &str) -> &'a [i64] {
        attribute(self.0, name).map_or(&[], |found| &found.ints)
    }

    pub fn integer(self, name: &str, default: i64) -> i64 {
        attribute(self.0, name).map_or(default, |found| found.i)
    }

    pub fn texts(self, name: &str) -> &'a [Vec<u8>] {
        attribute(self.0, name).map_or(&[], |found| &found.strings)
    }

    pub fn text(self, name: &str, default: &'static str) -> Cow<'a, str> {
        attribute(self.0, name).map_or(Cow::Borrowed(default), |found| String::from_utf8_lossy(&found.s))
    }

    /// The float32 numbers of `name`, or the float64 ones of `name_as_tensor`.
    pub fn numbers(self, name: &str) -> Result<Numbers> {
        let plain = attribute(self.0, name).map_or(&[][..], |found| &found.floats);
        let name_of_tensor = format!("{name}_as_tensor");
        match (plain.is_empty(), self.tensor(&name_of_tensor)?) {
            (_, None) => {
                Ok(Numbers { values: plain.iter().map(|&x| f64::from(x)).collect(), is_double: false })
            }
            (true, Some(numbers)) => Ok(numbers),
            (false, Some(_)) => {
                Err(malformed(format!("it has both {name} and {name_of_tensor}; expected one")))
            }
        }
    }

    /// The numbers of a tensor.
    pub fn tensor(self, name: &str) -> Result<Option<Numbers>> {
        let Some(tensor) = attribute(self.0, name).and_then(|found| found.t.as_ref()) else {
            return Ok(None);
        };
        let dtype = DataType::try_from(tensor.data_type);
        let bytes = proto::take_bytes(&mut TensorProto::clone(tensor)).unwrap_or_default();
        let values = match dtype {
            Ok(DataType::Double) => {
                bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()
            }
            Ok(DataType::Float) => {
                bytes.as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect()
            }
            Ok(DataType::Uint8) => bytes.iter().map(|&byte| f64::from(byte)).collect(),
            _ => {
                let message = format!(
                    "{name} has ONNX data type {}; float32 and float64 are supported",
                    tensor.data_type
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        Ok(Some(Numbers { values, is_double: dtype == Ok(DataType::Double) }))
    }

    /// The labels of `classlabels_int64s`, or of `classlabels_strings` (also without `class`, as `ZipMap` has them).
    pub fn labels(self) -> Labels {
        let texts = self.texts("classlabels_strings");
        if texts.is_empty() {
            return Labels::Integers(self.integers("classlabels_int64s").to_vec());
        }
        Labels::Texts(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    /// Refuses arrays of other lengths than `wanted`.
    pub fn expect_lengths(wanted: usize, of: &str, lengths: &[(&str, usize)]) -> Result<()> {
        match lengths.iter().find(|(_, length)| *length != wanted) {
            None => Ok(()),
            Some((name, length)) => {
                Err(malformed(format!("{name} has {length} entries; {of} has {wanted}: expected as many")))
            }
        }
    }

    /// Whether NaN follows the true branch, for each of `n` nodes.
    pub fn missing_tracks(self, n: usize) -> Result<Vec<bool>> {
        const NAME: &str = "nodes_missing_value_tracks_true";
        let tracks = self.integers(NAME);
        if tracks.is_empty() {
            return Ok(vec![false; n]);
        }
        Self::expect_lengths(n, "nodes_featureids", &[(NAME, tracks.len())])?;
        Ok(tracks.iter().map(|&track| track != 0).collect())
    }
}

/// An error about attributes that are no tree ensemble.
pub(super) fn malformed(what: String) -> Error {
    Error::corrupt(what)
}

/// The type of a tensor of float32 of any shape.
pub(super) fn float_tensor() -> TypeProto {
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: None };
    TypeProto { value: Some(TypeValue::TensorType(tensor)), ..TypeProto::default() }
}
