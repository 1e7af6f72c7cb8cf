//! Columns of answers.

use crate::error::{Error, ErrorKind, Result};
use crate::precision::Precision;
use crate::sanity::{Finding, Status, Value};
use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{
    ArrayRef, FixedSizeListArray, Float32Array, Float64Array, RecordBatch, RecordBatchOptions,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

/// A column of outputs.
pub(crate) struct Outputs {
    pub name: String,
    /// Row after row.
    pub values: Vec<f64>,
    /// How many a row has, where they are lists.
    pub width: Option<usize>,
}

/// The table of answers, as `docs/arrow.md` specifies: columns of labels where there are some, of outputs, statuses and
/// findings. Rejected rows have no outputs.
///
/// # Errors
/// [`ErrorKind::Internal`] for columns of different lengths.
pub(crate) fn table(
    n_rows: usize,
    labels: Vec<(String, ArrayRef)>,
    outputs: Vec<Outputs>,
    precision: Precision,
    findings: &[Finding],
) -> Result<RecordBatch> {
    let mut answered = vec![true; n_rows];
    let rejected = findings.iter().filter(|finding| finding.status == Status::Rejected);
    rejected.for_each(|finding| answered[finding.row] = false);
    let nulls = answered.contains(&false).then(|| NullBuffer::from(answered));
    let labels = labels.into_iter().map(|(name, labels)| (name, labels, true));
    let outputs = outputs
        .into_iter()
        .map(|Outputs { name, values, width }| (name, floats(values, precision, width, nulls.clone()), true));
    let verdicts = verdicts(n_rows, findings).map(|(name, array)| (name.to_owned(), array, false));
    let columns = labels.chain(outputs).chain(verdicts);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .map(|(name, array, nullable)| (Field::new(name, array.data_type().clone(), nullable), array))
        .unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("writing the answers: {error}")))
}

/// Outputs as a column of numbers, or of lists of `width` of them. Rows that are null in `nulls` have none.
fn floats(
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

/// The columns `status` and `findings` of `n_rows` rows: what became of each, and a list of what was found in it, as
/// structs of text. Findings come by ascending row.
fn verdicts(n_rows: usize, findings: &[Finding]) -> [(&'static str, ArrayRef); 2] {
    let (mut statuses, mut lists) = (StringBuilder::new(), ListBuilder::new(Row::builder()));
    let mut rows = findings.chunk_by(|one, next| one.row == next.row).peekable();
    for row in 0..n_rows {
        let found = rows.next_if(|found| found[0].row == row).unwrap_or_default();
        let status = found.iter().map(|finding| finding.status).max().unwrap_or_default();
        statuses.append_value(status.name());
        found.iter().for_each(|finding| Row::append(lists.values(), finding));
        lists.append(true);
    }
    [("status", Arc::new(statuses.finish())), ("findings", Arc::new(lists.finish()))]
}

/// A finding as a struct of text.
struct Row;

impl Row {
    const NAMES: [&str; 5] = ["field", "kind", "seen", "used", "reason"];

    fn builder() -> StructBuilder {
        let fields = Row::NAMES.map(|name| Field::new(name, DataType::Utf8, matches!(name, "seen" | "used")));
        StructBuilder::from_fields(fields.to_vec(), 0)
    }

    fn append(into: &mut StructBuilder, finding: &Finding) {
        let text = |value: &Value| match value {
            Value::Missing => None,
            Value::Text(text) => Some(text.to_string()),
            value => Some(value.to_string()),
        };
        let values = [
            Some(finding.field.to_string()),
            Some(finding.kind.name().to_owned()),
            text(&finding.seen),
            finding.used.as_ref().and_then(text),
            Some(finding.reason()),
        ];
        for (at, value) in values.into_iter().enumerate() {
            if let Some(column) = into.field_builder::<StringBuilder>(at) {
                column.append_option(value);
            }
        }
        into.append(true);
    }
}
