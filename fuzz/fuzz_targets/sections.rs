//! Any schema, steps, model, parameters and forest in a sound container: what loads also predicts, for
//! any cells, with a value or a rejection for every row.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monobloc::bloc::BlocWriter;
use monobloc::{Cell, Cells, Column, Engine, Input, LoadOptions};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(4, |&byte| byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (manifest, params, cells, forest) = (part(), part(), part(), part());
    let Ok(draft) = serde_json::from_slice(manifest) else { return };
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fuzz.bloc");
    let mut writer = BlocWriter::default();
    writer.add("params.bin", 1, true, params.to_vec()).expect("added");
    writer.add("forest.bin", 1, true, forest.to_vec()).expect("added");
    let Ok(unpublished) = writer.write(&path, draft) else { return };
    let Ok(engine) = Engine::load(unpublished.path(), &LoadOptions::default()) else { return };
    let text = String::from_utf8_lossy(cells);
    let column: Vec<Cell> = cells.iter().map(|&byte| cell(byte, &text)).collect();
    let columns = engine.schema().fields().iter().map(|_| Some(Column::Cells(Cells::new(&column, &text))));
    let input = Input::new(engine.schema(), column.len(), columns.collect()).expect("columns of one length");
    let prediction = engine.run(&input).expect("run never fails for a row");
    assert_eq!(prediction.outputs.len(), column.len() * engine.model().n_outputs());
});

fn cell(byte: u8, text: &str) -> Cell {
    match byte % 6 {
        0 => Cell::None,
        1 => Cell::Float(f64::NAN),
        2 => Cell::Integer(i64::from(byte)),
        3 => Cell::Boolean(byte > 127),
        4 => Cell::Other,
        _ => Cell::Text { start: 0, end: usize::from(byte).min(text.len()) },
    }
}
