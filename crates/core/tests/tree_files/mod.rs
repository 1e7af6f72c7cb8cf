//! Model files with the raw scores that their library gave: `NAME.scores` beside the model has a row a line, its
//! features and scores as the hexadecimal bits of float64, apart by a colon.

use monobloc::model::trees::source::TreeEnsemble;
use std::path::{Path, PathBuf};

/// Where the files of `library` lie.
pub fn folder(library: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(library)
}

/// Holds the scores of `n_models` models, which `read` reads by their names, against the library's, by their bits.
pub fn hold_scores(library: &str, n_models: usize, read: impl Fn(&str) -> TreeEnsemble) {
    let mut n_held = 0;
    for entry in std::fs::read_dir(folder(library)).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "scores") {
            continue;
        }
        let ensemble = read(path.file_stem().and_then(|stem| stem.to_str()).expect("a name"));
        for (number, line) in std::fs::read_to_string(&path).expect("scores").lines().enumerate() {
            let (row, expected) = line.split_once(':').expect("a row and scores");
            let found = ensemble.raw_scores(&numbers(row)).expect("scores");
            let [found, expected] =
                [found, numbers(expected)].map(|scores| scores.into_iter().map(f64::to_bits));
            assert!(found.eq(expected), "{}, row {number}", path.display());
        }
        n_held += 1;
    }
    assert_eq!(n_held, n_models);
}

fn numbers(digits: &str) -> Vec<f64> {
    let number = |digits| f64::from_bits(u64::from_str_radix(digits, 16).expect("digits"));
    digits.split(' ').map(number).collect()
}
