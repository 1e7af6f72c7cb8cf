//! Any bytes as a LightGBM, XGBoost or CatBoost model: refused by an error, or laid out so that the walkers say what the
//! naive walk over the trees as read says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::View;
use monobloc::import::trees::{TreeModel, TreeOptions};
use monobloc::model::trees::build::ForestBuilder;
use monobloc::model::trees::{Forest, Scratch, fast};
use monobloc::precision::Precision;

const ROWS: usize = 5;
const VALUES: [f64; 8] = [f64::NAN, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-36, f64::INFINITY];

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = TreeModel::read(bytes, &TreeOptions::default()) else { return };
    let ensemble = model.ensemble;
    let Ok(section) = ForestBuilder::of(ensemble.clone()).and_then(ForestBuilder::finish) else { return };
    let forest = Forest::read(&View::of_bytes(&section)).expect("what was built is read");
    let rows: Vec<f64> = (0..ROWS * ensemble.n_features).map(|at| VALUES[at * 7 % 8]).collect();
    let mut found = ensemble.start.repeat(ROWS);
    match ensemble.features {
        Precision::Double => fast::add(&forest, &rows, &mut Scratch::default(), &mut found),
        Precision::Single => {
            let rows: Vec<f32> = rows.iter().map(|&value| value as f32).collect();
            fast::add(&forest, &rows, &mut Scratch::default(), &mut found);
        }
    }
    for (row, found) in rows.chunks(ensemble.n_features.max(1)).zip(found.chunks(ensemble.n_outputs)) {
        let expected = ensemble.raw_scores(row).expect("walks end");
        let mut found = found.to_vec();
        ensemble.combine.finish(&mut found, ensemble.trees.len() / ensemble.n_outputs, ensemble.sums);
        let same = expected.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan());
        assert!(same, "{expected:?} {found:?}");
    }
});
