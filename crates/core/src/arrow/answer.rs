//! Columns of answers.

use crate::precision::Precision;
use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Float64Array, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::Field;
use std::sync::Arc;

/// Outputs as a column of numbers, or of lists of `width` of them. Rows that are null in `nulls` have none.
pub fn floats(
    values: Vec<f64>,
    precision: Precision,
    width: Option<usize>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let of_values = nulls.clone().filter(|_| width.is_none());
    let array: ArrayRef = match precision {
        Precision::Double => Arc::new(Float64Array::new(values.into(), of_values)),
        Precision::Single => {
            let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
            Arc::new(Float32Array::new(values.into(), of_values))
        }
    };
    let Some(width) = width else { return array };
    let item = Arc::new(Field::new("item", array.data_type().clone(), true));
    let n_rows = array.len() / width.max(1);
    match FixedSizeListArray::try_new_with_length(item, width as i32, Arc::clone(&array), nulls, n_rows) {
        Ok(lists) => Arc::new(lists),
        Err(_) => array,
    }
}

/// What became of each row, the refused ones being given in ascending order.
pub fn statuses(n_rows: usize, rejected: impl IntoIterator<Item = usize>) -> ArrayRef {
    let mut rejected = rejected.into_iter().peekable();
    let status = |row: usize| {
        let mut is_rejected = false;
        while rejected.next_if(|&next| next <= row).is_some() {
            is_rejected = true;
        }
        if is_rejected { "rejected" } else { "ok" }
    };
    Arc::new(StringArray::from_iter_values((0..n_rows).map(status)))
}
