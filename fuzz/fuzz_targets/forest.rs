//! Any bytes behind a sound header and table of trees: the fast walkers agree with the naive one and
//! touch nothing outside (AddressSanitizer watches).
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::View;
use monobloc::model::trees::{Forest, Scratch, fast, naive};

const FEATURES: u64 = 3;
const OUTPUTS: u64 = 2;
const SETS: u64 = 2;
const SET_WORDS: u64 = 4;
const HEADER: u64 = 192;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[n_trees, nodes_per_tree, n_leaves, n_rows, narrow], noise)) = bytes.split_first_chunk() else { return };
    let narrow = u64::from(narrow);
    let (node_bytes, column_bits) = if narrow % 2 == 0 { (16, 0) } else { (8, narrow / 2 % 26 + 3) };
    let (n_trees, nodes_per_tree) = (u64::from(n_trees % 20) + 1, u64::from(nodes_per_tree) + 1);
    let (n_leaves, n_sets) = (u64::from(n_leaves) + 1, narrow / 128 * SETS);
    let noise_at = |at: usize| noise.get(at % noise.len().max(1)).copied().unwrap_or(0);
    let pair = |low: u64, high: u64| low | high << 32;
    let n_nodes = n_trees * nodes_per_tree;
    let mut end = HEADER;
    let mut place = |bytes: u64| {
        let begin = end;
        end = (end + bytes).next_multiple_of(64);
        begin
    };
    let table = place(n_trees * 24);
    let start = place(OUTPUTS * 8);
    let nodes = place(n_nodes * node_bytes);
    let leaves = place(n_leaves * OUTPUTS * 8);
    let sets = place(n_sets * 16);
    let set_words = place(SET_WORDS * 8);
    let header = [
        u64::from_le_bytes(*b"MBFOREST"),
        pair(2, n_trees),
        pair(FEATURES, OUTPUTS),
        pair(OUTPUTS, 0),
        pair(n_sets, 1),
        pair(node_bytes, column_bits),
        n_nodes,
        n_leaves,
        SET_WORDS,
        table,
        nodes,
        leaves,
        0,
        HEADER,
        sets,
        set_words,
        start,
        HEADER,
    ];
    let mut section: Vec<u8> = header.into_iter().flat_map(u64::to_le_bytes).collect();
    section.resize(table as usize, 0);
    for tree in 0..n_trees {
        for word in [tree * nodes_per_tree, pair(nodes_per_tree, nodes_per_tree - 1), 0] {
            section.extend(word.to_le_bytes());
        }
    }
    section.resize(nodes as usize, 0);
    section.extend((section.len()..end as usize).map(noise_at));
    let forest = Forest::read(&View::of_bytes(&section)).expect("a sound header and table");
    let n_rows = usize::from(n_rows) % 40 + 1;
    let value = |at: usize| f32::from_le_bytes(std::array::from_fn(|byte| noise_at(at * 4 + byte + 1)));
    let rows: Vec<f32> = (0..n_rows * FEATURES as usize).map(value).collect();
    let mut expected = vec![0.0; n_rows * OUTPUTS as usize];
    let mut found = expected.clone();
    naive::add(&forest, &rows, &mut expected);
    fast::add(&forest, &rows, &mut Scratch::default(), &mut found);
    let same = expected.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
    assert!(same, "{expected:?} {found:?}");
});
