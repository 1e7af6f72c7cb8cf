//! Bytes that are no sound ONNX model: a typed error, never a panic, and memory in proportion.

use crate::networks::{load, mlp, mlp_with_table, pack};
use monobloc::ErrorKind;
use monobloc::import::onnx::OnnxSource;
use monobloc::pack::NetworkPacker;
use proptest::prelude::*;
use prost::Message;
use tempfile::TempDir;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

fn refused(bytes: &[u8]) -> monobloc::Error {
    let folder = TempDir::new().expect("a folder");
    let packer = NetworkPacker { name: "n".to_owned(), version: "1".to_owned(), ..NetworkPacker::default() };
    let read = packer.read(OnnxSource::Bytes(bytes), &folder.path().join("n.bloc"));
    let error = read.map(drop).expect_err("no sound model");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
    error
}

fn altered(alter: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
    let mut model = ModelProto::decode(&*mlp()).expect("a model");
    alter(model.graph.as_mut().expect("a graph"));
    model.encode_to_vec()
}

#[test]
fn each_fault_is_named() {
    type Alter = fn(&mut GraphProto);
    let cases: [(Alter, ErrorKind, &str); 9] = [
        (|graph| graph.node.swap(0, 2), ErrorKind::Corrupt, "cyclic or out of order"),
        (|graph| graph.node[0].input[1] = "nothing".to_owned(), ErrorKind::Corrupt, "\"nothing\""),
        (|graph| graph.initializer[0].dims = vec![1 << 20, 800], ErrorKind::Corrupt, "\"first\""),
        (|graph| graph.initializer[0].dims = vec![i64::MAX, 3], ErrorKind::Corrupt, "\"first\""),
        (|graph| graph.initializer[0].dims = vec![-1], ErrorKind::Corrupt, "no shape of a tensor"),
        (|graph| graph.node[1].output[0] = "a".to_owned(), ErrorKind::Corrupt, "\"a\" twice"),
        (|graph| graph.output[0].name = "absent".to_owned(), ErrorKind::Corrupt, "\"absent\""),
        (|graph| graph.node[1].op_type = "Frobnicate".to_owned(), ErrorKind::Unsupported, "Frobnicate"),
        (|graph| graph.node[1].domain = "com.example".to_owned(), ErrorKind::Unsupported, "com.example"),
    ];
    for (alter, kind, words) in cases {
        let error = refused(&altered(alter));
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error} lacks {words:?}");
    }
}

#[test]
fn graphs_within_graphs_are_bounded() {
    let mut graph = GraphProto::default();
    for depth in 0..200 {
        let attribute =
            AttributeProto { name: "body".to_owned(), g: Some(graph), ..AttributeProto::default() };
        let node = NodeProto {
            op_type: "If".to_owned(),
            name: format!("{depth}"),
            attribute: vec![attribute],
            ..NodeProto::default()
        };
        graph = GraphProto { node: vec![node], ..GraphProto::default() };
    }
    let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
    assert_eq!(refused(&model.encode_to_vec()).kind(), ErrorKind::Corrupt);
}

#[test]
fn every_truncation_is_refused() {
    let model = mlp();
    for len in (0..400).chain((400..model.len()).step_by(4999)) {
        let error = refused(&model[..len]);
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{len}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn altered_bytes_are_refused_or_run(places in prop::collection::vec((0_usize..700, any::<u8>()), 1..4)) {
        let mut model = mlp_with_table();
        let len = model.len();
        for (place, byte) in places {
            // The structure lies in the first bytes, between the weights, and at the end.
            let place = if place < 350 { place } else { len - 1 - (place - 350) };
            model[place] = byte;
        }
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("n.bloc");
        if pack(&model, &path, false).is_ok() {
            load(&path);
        }
    }
}
