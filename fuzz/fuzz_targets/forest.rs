//! Any bytes behind a sound header and table of trees: the fast walkers agree with the naive one and
//! touch nothing outside (AddressSanitizer watches).
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::View;
use monobloc::model::trees::{Forest, fast, naive};

const FEATURES: u32 = 3;
const OUTPUTS: u32 = 2;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[n_trees, nodes_per_tree, n_leaves, n_rows, narrow], noise)) = bytes.split_first_chunk() else { return };
    let (node_bytes, feature_bits) = if narrow % 2 == 0 { (16_u32, 0_u32) } else { (8, u32::from(narrow / 2 % 28) + 2) };
    let (n_trees, nodes_per_tree) = (u64::from(n_trees % 20) + 1, u64::from(nodes_per_tree) + 1);
    let n_leaves = u64::from(n_leaves) + 1;
    let noise_at = |at: usize| noise.get(at % noise.len().max(1)).copied().unwrap_or(0);
    let mut section = b"MBFOREST".to_vec();
    for number in [1, n_trees as u32, FEATURES, OUTPUTS] {
        section.extend(number.to_le_bytes());
    }
    let n_nodes = n_trees * nodes_per_tree;
    let table = 128;
    let nodes = (table + n_trees * 16).next_multiple_of(64);
    let leaves = (nodes + n_nodes * u64::from(node_bytes)).next_multiple_of(64);
    for number in [n_nodes, n_leaves, table, nodes, leaves, 0] {
        section.extend(number.to_le_bytes());
    }
    for number in [node_bytes, feature_bits] {
        section.extend(number.to_le_bytes());
    }
    section.resize(table as usize, 0);
    for tree in 0..n_trees {
        section.extend((tree * nodes_per_tree).to_le_bytes());
        section.extend((nodes_per_tree as u32).to_le_bytes());
        section.extend((nodes_per_tree as u32 - 1).to_le_bytes());
    }
    section.resize(nodes as usize, 0);
    let end = leaves + n_leaves * u64::from(OUTPUTS) * 8;
    section.extend((section.len()..end as usize).map(noise_at));
    let forest = Forest::read(&View::of_bytes(&section)).expect("a sound header and table");
    let n_rows = usize::from(n_rows) % 40 + 1;
    let value = |at: usize| f32::from_le_bytes(std::array::from_fn(|byte| noise_at(at * 4 + byte + 1)));
    let rows: Vec<f32> = (0..n_rows * FEATURES as usize).map(value).collect();
    let mut expected = vec![0.0; n_rows * OUTPUTS as usize];
    let mut found = expected.clone();
    naive::add(&forest, &rows, &mut expected);
    fast::add(&forest, &rows, &mut found);
    let same = expected.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
    assert!(same, "{expected:?} {found:?}");
});
