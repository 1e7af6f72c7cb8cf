//! What a person would say about a column.

use super::LiveCounts;
use super::report::ColumnDrift;
use crate::reference::Distribution;

/// A sentence for each column, in the order of `columns`, which is that of the distributions.
pub(super) fn sentences(_: &[Distribution], _: &[LiveCounts], columns: &[ColumnDrift]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}
