//! Fields are looked at as they are loaded, by the rules.

use super::reading::Number;
use super::tile::Tile;
use crate::input::{Column, TextCell, Value};
use crate::sanity::Watch;

/// Rows that are looked at together.
const BLOCK: usize = 64;

/// Looks at the numbers of a slot that was loaded. `has_odd` says that some came as no number.
pub(super) fn check_numbers(tile: &mut Tile<'_>, number: Number, has_odd: bool) {
    let (field, precision) = (number.field, number.precision);
    let watch = tile.sanity().watches(precision).get(field).copied();
    if !has_odd && watch.is_none_or(|watch| !watch.stops_any(tile.column(number))) {
        return;
    }
    for begin in (0..tile.n_rows()).step_by(BLOCK) {
        let block = begin..(begin + BLOCK).min(tile.n_rows());
        let stops = watch.is_some_and(|watch| watch.stops_any(&tile.column(number)[block.clone()]));
        if has_odd || stops {
            block.for_each(|row| check_number(tile, number, row, watch, has_odd));
        }
    }
}

fn check_number(tile: &mut Tile<'_>, number: Number, row: usize, watch: Option<Watch>, has_odd: bool) {
    let (field, precision) = (number.field, number.precision);
    let (input, raw_row, value) = (tile.input(), tile.rows().start + row, tile.column(number)[row]);
    let absent = has_odd && input.is_absent(field, raw_row);
    let odd = absent || (has_odd && is_odd(input.value(field, raw_row)));
    if odd || watch.is_some_and(|watch| watch.stops(value)) {
        let (sanity, number_of_row) = (tile.sanity(), tile.number_of(row));
        let seen = (tile.seen(field, row), absent);
        let used = sanity.number(field, number_of_row, value, precision, seen, tile.findings());
        tile.column_mut(number)[row] = used;
    }
}

/// Whether a value is no number, and not simply missing.
pub(super) fn is_odd(value: Value<'_>) -> bool {
    matches!(value, Value::Other | Value::Text(_))
}

/// Looks at the texts of a field.
pub(super) fn check_texts(tile: &mut Tile<'_>, field: usize) {
    let (sanity, input, rows) = (tile.sanity(), tile.input(), tile.rows());
    let most = sanity.watches_length(field);
    let may_be_odd = matches!(input.column(field), Some(Column::Cells(_) | Column::Coded(_)));
    let watches = may_be_odd || sanity.watches_missing_text(field);
    let looks = most.is_some() || (watches && input.may_lack_text(field, rows.clone()));
    if !looks || !tile.replaced(field).is_empty() {
        return;
    }
    let mut replaced = Vec::new();
    input.for_each_text(field, rows.clone(), |row, cell| match cell {
        // Characters are no more than bytes.
        TextCell::Text(text) if most.is_none_or(|most| text.len() <= most) => {}
        cell => {
            let is_scalar = || !matches!(input.value(field, rows.start + row), Value::Other);
            if cell == TextCell::Other && is_scalar() {
                return;
            }
            let (number, absent) = (tile.number_of(row), input.is_absent(field, rows.start + row));
            if let Some(cell) = sanity.text(field, number, cell, absent, tile.findings()) {
                replaced.push((row, cell));
            }
        }
    });
    tile.replace(field, replaced);
}
