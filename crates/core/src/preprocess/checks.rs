//! Fields are looked at as they are loaded, by the rules.

use super::reading::Number;
use super::tile::Tile;
use crate::input::{Cell, Column, TextCell};
use crate::sanity::Value;

/// Looks at the numbers of a slot that was loaded. `has_odd` says that some came as no number.
pub(super) fn check_numbers(tile: &mut Tile<'_>, number: Number, has_odd: bool) {
    let (field, precision) = (number.field, number.precision);
    let watch = tile.sanity().watches(precision).get(field).copied();
    if !has_odd && watch.is_none_or(|watch| !watch.stops_any(tile.column(number))) {
        return;
    }
    let Some(column) = tile.column_of(field) else { return };
    let first = tile.rows().start;
    for row in 0..tile.n_rows() {
        let value = tile.column(number)[row];
        let cell = if has_odd { odd_cell(&column, first + row) } else { None };
        if watch.is_none_or(|watch| !watch.stops(value)) && cell.is_none() {
            continue;
        }
        let seen = (Value::of(&column, first + row), cell == Some(Cell::Absent));
        let (sanity, number_of_row) = (tile.sanity(), tile.number_of(row));
        let used = sanity.number(field, number_of_row, value, precision, seen, tile.findings());
        tile.column_mut(number)[row] = used;
    }
}

/// A cell that is no number.
fn odd_cell(column: &Column<'_>, row: usize) -> Option<Cell> {
    let Column::Cells(cells) = column else { return None };
    Some(cells.at(row)).filter(is_odd)
}

/// Whether a cell is no number, and not simply missing.
pub(super) fn is_odd(cell: &Cell) -> bool {
    matches!(cell, Cell::Absent | Cell::Other | Cell::Text { .. })
}

/// Whether a cell is neither number nor text.
fn is_neither(column: &Column<'_>, row: usize) -> bool {
    odd_cell(column, row) == Some(Cell::Other)
}

/// Looks at the texts of a field.
pub(super) fn check_texts(tile: &mut Tile<'_>, field: usize) {
    let sanity = tile.sanity();
    let Some(column) = tile.column_of(field) else { return };
    let may_be_absent = matches!(column, Column::Cells(_));
    if tile.has_replaced(field) || (!sanity.watches_text(field) && !may_be_absent) {
        return;
    }
    let most = sanity.most_characters(field);
    for (at, row) in tile.rows().enumerate() {
        let cell = match column.text(row) {
            // Characters are no more than bytes.
            TextCell::Text(text) if text.len() <= most => continue,
            TextCell::Other if !is_neither(&column, row) => continue,
            cell => cell,
        };
        let absent = odd_cell(&column, row) == Some(Cell::Absent);
        let number_of_row = tile.number_of(at);
        if let Some(cell) = sanity.text(field, number_of_row, cell, absent, tile.findings()) {
            tile.replace(field, at, cell);
        }
    }
}
