//! Every backend against the source's own rules, on sound trees and on any bytes.

use super::super::source::{Column, Precision, Reading, Tree, TreeEnsemble};
use super::{Ranked, RankedBuilder, Scratch};
use crate::mapped::View;
use crate::model::trees::backend::Backend;
use crate::precision::Float;
use proptest::prelude::*;

/// Numbers from a seed.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What an ensemble is made from.
#[derive(Clone, Debug)]
struct Recipe {
    seed: u64,
    n_columns: usize,
    n_categories: usize,
    n_trees: usize,
    n_leaves: usize,
    n_outputs: usize,
    /// Thresholds are drawn from as many numbers.
    n_thresholds: usize,
    /// How often the newest leaf is split: deep trees.
    deep: bool,
    features: Precision,
    sums: Precision,
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let precision = || prop_oneof![Just(Precision::Single), Just(Precision::Double)];
    let leaves = prop_oneof![1_usize..10, 60_usize..65, 65_usize..130, 250_usize..257];
    let thresholds = prop_oneof![1_usize..20, 250_usize..260, 500_usize..3000];
    let shape = (1_usize..20, leaves, 1_usize..4, thresholds, any::<bool>());
    let columns = prop_oneof![4 => 1_usize..12, 1 => 100_usize..300];
    (any::<u64>(), columns, 0_usize..3, shape, precision(), precision()).prop_map(
        |(seed, n_columns, n_categories, shape, features, sums)| {
            let (n_trees, n_leaves, n_outputs, n_thresholds, deep) = shape;
            Recipe {
                seed,
                n_columns,
                n_categories: n_categories.min(n_columns),
                n_trees,
                n_leaves,
                n_outputs,
                n_thresholds,
                deep,
                features,
                sums,
            }
        },
    )
}

impl Recipe {
    fn threshold(&self, seeded: &mut Seeded) -> f64 {
        const SPECIAL: [f64; 8] =
            [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, f64::NAN, 1e-40];
        let value = if seeded.one_in(12) {
            SPECIAL[seeded.below(8)]
        } else {
            (seeded.below(self.n_thresholds) as f64 - 8.0) / 7.0
        };
        self.features.round(value)
    }

    fn ensemble(&self) -> TreeEnsemble {
        let seeded = &mut Seeded(self.seed);
        let mut ensemble = TreeEnsemble {
            n_features: self.n_columns,
            columns: (0..self.n_columns as u32)
                .map(|feature| Column { feature, reading: Reading::Plain })
                .collect(),
            features: self.features,
            n_outputs: self.n_outputs,
            start: (0..self.n_outputs).map(|output| output as f64).collect(),
            sums: self.sums,
            ..TreeEnsemble::default()
        };
        for number in 0..self.n_trees {
            let mut tree = Tree { output: number % self.n_outputs, ..Tree::default() };
            let mut leaves = vec![0];
            grow(&mut tree, self.sums, seeded);
            while leaves.len() < self.n_leaves {
                let at = if self.deep && !seeded.one_in(8) {
                    leaves.len() - 1
                } else {
                    seeded.below(leaves.len())
                };
                let node = leaves.swap_remove(at);
                let column = seeded.below(self.n_columns);
                tree.column[node] = column as i64;
                tree.threshold[node] = self.threshold(seeded);
                tree.missing_left[node] = seeded.one_in(2);
                if column < self.n_categories && !seeded.one_in(4) {
                    tree.set[node] = ensemble.sets.len() as i64;
                    let members: std::collections::BTreeSet<u32> =
                        (0..seeded.below(30)).map(|_| seeded.below(40) as u32).collect();
                    ensemble.sets.push(members.into_iter().collect());
                }
                let children = [grow(&mut tree, self.sums, seeded), grow(&mut tree, self.sums, seeded)];
                (tree.left[node], tree.right[node]) = (children[0] as i64, children[1] as i64);
                leaves.extend(children);
            }
            ensemble.trees.push(tree);
        }
        ensemble
    }

    fn rows(&self, n_rows: usize) -> Vec<f64> {
        let seeded = &mut Seeded(self.seed ^ 1);
        (0..n_rows * self.n_columns)
            .map(|at| match seeded.below(8) {
                0 => f64::NAN,
                1 if at % self.n_columns < self.n_categories => -1.0,
                2..5 if at % self.n_columns < self.n_categories => seeded.below(45) as f64,
                1 => self.features.round(self.threshold(seeded).next_up()),
                2 => self.features.round(self.threshold(seeded).next_down()),
                _ => self.threshold(seeded),
            })
            .collect()
    }
}

/// Appends a leaf.
fn grow(tree: &mut Tree, sums: Precision, seeded: &mut Seeded) -> usize {
    tree.left.push(-1);
    tree.right.push(-1);
    tree.column.push(-2);
    tree.threshold.push(-2.0);
    tree.missing_left.push(false);
    tree.set.push(-1);
    tree.values.push(sums.round((seeded.below(2000) as f64 - 1000.0) / 777.0));
    tree.left.len() - 1
}

fn section(ensemble: &TreeEnsemble) -> Option<Vec<u8>> {
    let (columns, outputs) = (ensemble.columns.len(), ensemble.n_outputs);
    let mut builder = RankedBuilder::new(ensemble.sums, columns, outputs);
    ensemble.trees.iter().for_each(|tree| builder.push(&tree.as_source()));
    builder.finish(&ensemble.sets)
}

fn scores<T: Float>(
    trees: &Ranked,
    backend: Backend,
    rows: &[T],
    start: &[f64],
    scratch: &mut Scratch,
) -> Vec<f64> {
    let mut sums = start.repeat(rows.len() / trees.n_columns());
    trees.add_with(backend, rows, &mut sums, scratch);
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_backend_gives_the_sources_bits(recipe in recipes(), n_rows in prop_oneof![0_usize..30, 50_usize..200, 500_usize..600]) {
        let ensemble = recipe.ensemble();
        let rows = recipe.rows(n_rows);
        let expected: Vec<u64> = rows
            .chunks(recipe.n_columns)
            .flat_map(|row| ensemble.raw_scores(row).expect("scores"))
            .map(f64::to_bits)
            .collect();
        let bytes = section(&ensemble).expect("a section");
        let trees = Ranked::read(&View::of_bytes(&bytes), recipe.n_columns, recipe.n_outputs).expect("trees");
        let narrow: Vec<f32> = rows.iter().map(|&value| value as f32).collect();
        let scratch = &mut Scratch::default();
        for backend in Backend::available() {
            let bits = |sums: Vec<f64>| sums.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            let found = bits(scores(&trees, backend, &rows, &ensemble.start, scratch));
            prop_assert_eq!(&found, &expected, "{:?}", backend);
            if recipe.features == Precision::Single {
                let found = bits(scores(&trees, backend, &narrow, &ensemble.start, scratch));
                prop_assert_eq!(&found, &expected, "{:?} of float32", backend);
            }
            let mut alone = Vec::new();
            for row in rows.chunks(recipe.n_columns).take(40) {
                alone.extend(scores(&trees, backend, row, &ensemble.start, scratch));
            }
            prop_assert_eq!(&bits(alone)[..], &expected[..n_rows.min(40) * recipe.n_outputs], "{:?} row by row", backend);
        }
    }

    #[test]
    fn any_bytes_are_walked_safely(recipe in recipes(), seed in any::<u64>(), whole in any::<bool>()) {
        let recipe = Recipe { n_trees: recipe.n_trees.min(4), ..recipe };
        let ensemble = recipe.ensemble();
        let mut bytes = section(&ensemble).expect("a section");
        let seeded = &mut Seeded(seed);
        if whole {
            let place = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[48 + at * 8 + i])) as usize;
            let ranges = [1, 2, 4, 5].map(|part: usize| place(2 * part)..place(2 * part) + 8 * place(2 * part + 1));
            for at in ranges.into_iter().flatten() {
                bytes[at] = seeded.next() as u8;
            }
        } else {
            for _ in 0..8 {
                let at = seeded.below(bytes.len());
                bytes[at] = seeded.next() as u8;
            }
        }
        if let Ok(trees) = Ranked::read(&View::of_bytes(&bytes), recipe.n_columns, recipe.n_outputs) {
            let scratch = &mut Scratch::default();
            for backend in Backend::available() {
                scores(&trees, backend, &recipe.rows(150), &ensemble.start, scratch);
                scores(&trees, backend, &recipe.rows(3), &ensemble.start, scratch);
            }
        }
    }
}
