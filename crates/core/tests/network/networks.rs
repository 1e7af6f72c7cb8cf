//! Networks made for tests, packed into blocs.

use monobloc::golden::GoldenCase;
use monobloc::import::onnx::OnnxSource;
use monobloc::pack::{NetworkPacker, PackedNetwork, Tuning};
use monobloc::{Engine, LoadOptions, Tensor};
use prost::Message;
use std::path::Path;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

/// Columns of the input of [`mlp`].
pub const WIDTH: usize = 64;
const HIDDEN: usize = 600;

/// A graph with its weights inside: two layers, and a second output that is a weight itself.
pub fn mlp() -> Vec<u8> {
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: op.to_owned(),
        name: output.to_owned(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![
            node("MatMul", &["x", "first"], "a"),
            node("Relu", &["a"], "b"),
            node("MatMul", &["b", "second"], "y"),
            node("Identity", &["table"], "t"),
        ],
        initializer: vec![
            weights("first", &[WIDTH, HIDDEN]),
            weights("second", &[HIDDEN, WIDTH]),
            weights("table", &[HIDDEN, WIDTH]),
        ],
        input: vec![value("x", Some(&[None, Some(WIDTH)]))],
        output: vec![value("y", None)],
        ..GraphProto::default()
    };
    encode(graph)
}

/// As [`mlp`], with the weight as its second output.
pub fn mlp_with_table() -> Vec<u8> {
    let mut model = ModelProto::decode(&*mlp()).expect("a model");
    model.graph.as_mut().expect("a graph").output.push(value("t", None));
    model.encode_to_vec()
}

fn encode(graph: GraphProto) -> Vec<u8> {
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..ModelProto::default() }
        .encode_to_vec()
}

fn weights(name: &str, shape: &[usize]) -> TensorProto {
    let count: usize = shape.iter().product();
    let value = |at: usize| ((at * 7919 + name.len() * 31) % 1009) as f32 / 5045.0 - 0.1;
    TensorProto {
        name: name.to_owned(),
        dims: shape.iter().map(|&dim| dim as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: (0..count).flat_map(|at| value(at).to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn value(name: &str, shape: Option<&[Option<usize>]>) -> ValueInfoProto {
    let dimension = |size: &Option<usize>| {
        let value = match size {
            Some(size) => DimValue::DimValue(*size as i64),
            None => DimValue::DimParam("batch".to_owned()),
        };
        tensor_shape_proto::Dimension { value: Some(value), ..Default::default() }
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value: Some(TypeValue::TensorType(tensor)), ..Default::default() }),
        ..ValueInfoProto::default()
    }
}

/// Packs the model, tuned for this machine or not.
pub fn pack(model: &[u8], path: &Path, native: bool) -> monobloc::Result<PackedNetwork> {
    let packer = NetworkPacker {
        name: "network".to_owned(),
        version: "1".to_owned(),
        tuning: Tuning { native, ..Tuning::default() },
        ..NetworkPacker::default()
    };
    let draft = packer.read(OnnxSource::Bytes(model), path)?;
    let case = GoldenCase { inputs: draft.synthetic_case()?, outputs: Vec::new() };
    draft.publish(path, vec![case])
}

/// Loads the bloc.
pub fn load(path: &Path) -> Engine {
    Engine::load(path, &LoadOptions::default()).expect("an engine")
}

/// `n_rows` rows for [`mlp`], the same for the same numbers.
pub fn rows(n_rows: usize) -> Tensor {
    let values = (0..n_rows * WIDTH).map(|at| ((at * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect();
    Tensor::from_f32(&[n_rows, WIDTH], values).expect("rows")
}

/// The only output for [`rows`].
pub fn answer(engine: &Engine, input: Tensor) -> Tensor {
    let mut prediction = engine.run_tensors(vec![("x", input)]).expect("a prediction");
    prediction.outputs.swap_remove(0).1
}

/// Loads, runs and drops engines, with allocations of other sizes in between, which are checked: memory that
/// went back to the allocator must be as good as new.
pub fn rounds(path: &Path, count: usize) {
    let expected = answer(&load(path), rows(3));
    let mut others: Vec<Vec<u8>> = Vec::new();
    for round in 0..count {
        let engine = load(path);
        assert_eq!(answer(&engine, rows(3)), expected, "round {round}");
        others.push(vec![round as u8; 1 << (8 + round % 12)]);
        drop(engine);
        others.push(vec![round as u8; 60_000 + 977 * (round % 200)]);
        if others.len() > 40 {
            let old = others.swap_remove(round % 40);
            assert!(old.iter().all(|&byte| byte == old[0]));
        }
    }
}
