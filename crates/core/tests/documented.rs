//! The bloc that the documentation's examples load: `UPDATE_DATA=1 cargo test --test documented` packs it anew.

#[expect(dead_code, reason = "this file has rows of its own")]
mod sample;

use monobloc::records::Records;
use monobloc::reference::{Reference, ReferenceBuilder};
use monobloc::{Cell, Engine, LoadOptions};
use sample::{expected, pack, pack_with};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Six hundred adults of three regions.
fn reference(folder: &TempDir) -> Reference {
    let plain = folder.path().join("plain.bloc");
    pack(&plain).expect("packed");
    let engine = Engine::load(&plain, &LoadOptions::default()).expect("loaded");
    let mut rows = Records::default();
    rows.clear(3);
    for row in 0..600_i32 {
        let region = rows.text_cell(["east", "north", "south"][row as usize % 3]);
        let (age, balance) = (f64::from(18 + row * 7 % 60), f64::from(row * 37 % 1000 - 100));
        rows.push_row();
        for (field, cell) in [Cell::Float(age), Cell::Float(balance), region].into_iter().enumerate() {
            rows.set_last(field, cell);
        }
    }
    let mut builder = ReferenceBuilder::new(engine.schema());
    builder.add(&rows.input(engine.schema(), |_| true).expect("input"));
    builder.finish()
}

#[test]
fn the_documented_bloc_is_packed_anew() {
    let folder = TempDir::new().expect("a folder");
    let (reference, new) = (reference(&folder), folder.path().join("new.bloc"));
    pack_with(&new, expected(), Some(&reference)).expect("packed");
    let (new, path) = (fs::read(new).expect("readable"), Path::new("tests/data/sample.bloc"));
    if std::env::var_os("UPDATE_DATA").is_some() {
        fs::write(path, &new).expect("written");
    }
    let is_same = fs::read(path).is_ok_and(|found| found == new);
    assert!(is_same, "{}: UPDATE_DATA=1 cargo test --test documented packs it anew", path.display());
}
