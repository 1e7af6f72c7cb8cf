//! A small model made without a training library: an imputed and scaled number, a number passed
//! through, and a one-hot encoded text, before a forest of three trees.

use monobloc::golden::GoldenRows;
use monobloc::model::trees::build::{ForestShape, SourceTree};
use monobloc::pack::{Categories, Packed, Packer};
use monobloc::precision::Precision;
use monobloc::reference::Reference;
use monobloc::{Cell, Cells, Column, Input, Result};
use std::path::Path;

/// Ages with a missing one, balances, and regions with an unknown one.
pub const AGES: [f64; 6] = [25.0, 40.0, f64::NAN, 61.5, 18.0, 33.0];
pub const BALANCES: [f64; 6] = [-10.0, 1e-310, 0.0, 2500.0, 1.0, -0.0];
pub const REGIONS: [&str; 6] = ["north", "south", "north", "east", "mars", "south"];

/// What the model says of the rows above: computed from the definition, in plain Rust.
pub fn expected() -> Vec<f64> {
    (0..AGES.len()).flat_map(|row| probabilities(AGES[row], BALANCES[row], REGIONS[row])).collect()
}

pub fn probabilities(age: f64, balance: f64, region: &str) -> [f64; 2] {
    let age = (if age.is_nan() { 36.0 } else { age } - 35.0) / 12.5;
    let on = |known: &str| f64::from(u8::from(region == known));
    let features = [age, balance, on("east"), on("north"), on("south")].map(|value| f64::from(value as f32));
    let mut sums = [0.0; 2];
    for (feature, threshold, left, right) in SPLITS {
        let leaf = if features[feature] <= threshold { left } else { right };
        sums[0] += 1.0 - leaf;
        sums[1] += leaf;
    }
    sums.map(|sum| sum / SPLITS.len() as f64)
}

/// Feature, threshold, probability on the left and on the right of each tree.
const SPLITS: [(usize, f64, f64, f64); 3] = [(0, 0.1, 0.2, 0.7), (1, 0.0, 0.1, 0.9), (3, 0.5, 0.3, 0.6)];

/// Packs the model at `path` with the rows above as golden rows.
pub fn pack(path: &Path) -> Result<Packed> {
    pack_with(path, expected(), None)
}

/// As [`pack`], with these outputs for the golden rows.
pub fn pack_with(path: &Path, outputs: Vec<f64>, reference: Option<&Reference>) -> Result<Packed> {
    let mut packer = Packer::default();
    let fill = json(&packer.floats(&[36.0]));
    let (mean, scale) = (json(&packer.floats(&[35.0])), json(&packer.floats(&[12.5])));
    let regions = json(&packer.vocabulary(Categories::Texts(&["east", "north", "south"]), None, None)?);
    let codes = json(&packer.integers(&[0, 1, 2]));
    packer.begin_forest(ForestShape {
        n_features: 5,
        features: Precision::Single,
        n_values: 2,
        n_outputs: 2,
        ..ForestShape::default()
    })?;
    for (feature, threshold, left, right) in SPLITS {
        packer.tree(SourceTree {
            left: &[1, -1, -1],
            right: &[2, -1, -1],
            feature: &[feature as i64, -2, -2],
            threshold: &[threshold, -2.0, -2.0],
            missing_left: &[false; 3],
            values: &[0.0, 0.0, 1.0 - left, left, 1.0 - right, right],
            cover: None,
            set: &[],
            output: 0,
        })?;
    }
    let field = |name: &str, kind: &str| {
        format!(r#"{{"name":"{name}","kind":"{kind}","dtype":"{kind}","null":"nan"}}"#)
    };
    let manifest = format!(
        r#"{{"name":"sample","version":"1","schema":{{"fields":[{},{},{}]}},
        "preprocess":{{"steps":[
          {{"step":"input","path":"age","fields":[0],"dtype":"float64"}},
          {{"step":"input","path":"balance","fields":[1],"dtype":"float64"}},
          {{"step":"input","path":"region","fields":[2],"dtype":"string"}},
          {{"step":"simple_imputer","path":"age","inputs":[0],"missing":{{"kind":"nan"}},"fill":{fill}}},
          {{"step":"standard_scaler","path":"age","inputs":[3],"mean":{mean},"scale":{scale},"scaling":"divide","arithmetic":"float64"}},
          {{"step":"one_hot_encoder","path":"region","inputs":[2],"dtype":"float64","columns":[
            {{"vocabulary":{regions},"codes":{codes},"width":3,"unknown":{{"policy":"code","code":-1}}}}]}}],
          "features":{{"slots":[4,1,5,6,7],"names":["age","balance","east","north","south"],"dtype":"float64"}}}},
        "model":{{"kind":"forest","source":"sample","task":"classification","combine":"mean",
          "classes":{{"dtype":"int64","values":[0,1]}},"missing":"refuse"}},
        "metadata":{{}},"provenance":{{}}}}"#,
        field("age", "float"),
        field("balance", "float"),
        field("region", "string"),
    );
    let (regions, text) = region_cells();
    let floats = |values: &[f64]| values.iter().map(|&value| Cell::Float(value)).collect();
    let golden = GoldenRows {
        columns: vec![floats(&AGES), floats(&BALANCES), regions],
        text,
        outputs,
        ..GoldenRows::default()
    };
    packer.write(path, &manifest, &golden, reference)
}

/// The regions as cells and their text.
pub fn region_cells() -> (Vec<Cell>, String) {
    let mut text = String::new();
    let cells = REGIONS.iter().map(|region| {
        let start = text.len();
        text.push_str(region);
        Cell::Text { start, end: text.len() }
    });
    (cells.collect(), text)
}

/// The rows above as input.
pub fn input<'a>(engine: &monobloc::Engine, cells: &'a [Cell], text: &'a str) -> Input<'a> {
    let columns = [
        ("age", Column::Float64(AGES[..].into())),
        ("balance", Column::Float64(BALANCES[..].into())),
        ("region", Column::Cells(Cells::new(cells, text))),
    ];
    Input::from_named(engine.schema(), AGES.len(), columns).expect("columns of one length")
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("JSON")
}
