//! Columns of values, one for each field.

use crate::dtype::monobloc_dtype;
use crate::handle::{Growing, Numbers, Text, invalid};
use monobloc::Result;
use monobloc::input::{Column, Nulls, Texts};
use monobloc::schema::Null;
use monobloc::strided::{Plain, Strided};

/// The values of one field for all rows. Numbers are read where they lie, each time that rows are answered; texts are
/// copied when rows are made.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_column {
    /// `sizeof(monobloc_column)`.
    pub size: usize,
    /// The field's name. A column that is no field of the model is told as an extra one.
    pub name: Text,
    /// The type of the values: any `monobloc_dtype` but `MONOBLOC_FLOAT16`.
    pub dtype: u32,
    /// The first value.
    pub values: Numbers,
    /// Bytes from a value to the next, of any sign; 0 where they lie one after another.
    pub stride: isize,
    /// A bit for each row, 1 where it has a value, the lowest bit of a byte first; NULL where all have one.
    pub validity: Numbers,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_column {
    const NAME: &'static str = "monobloc_column";
}

/// The values of a field, borrowed, or copied where they are text.
pub struct Held {
    form: Form,
    /// A byte for each row, not 0 where it has no value; empty where all have one.
    nulls: Vec<u8>,
    null: Null,
}

enum Form {
    Numbers { dtype: monobloc_dtype, values: Numbers, stride: isize, n_rows: usize },
    Texts { offsets: Vec<i64>, bytes: Vec<u8> },
}

impl Held {
    /// The values of a column of `n_rows` rows. `null` is what rows without a value are taken for.
    pub fn read(column: &monobloc_column, name: &str, n_rows: usize, null: Null) -> Result<Held> {
        let dtype = monobloc_dtype::of_number(column.dtype, &format!("the dtype of column {name:?}"))?;
        let mut nulls = Vec::new();
        if let Some(bits) = column.validity.given() {
            let bits: &[u8] = bits.slice(n_rows.div_ceil(8), &format!("column.validity of {name:?}"))?;
            nulls.extend((0..n_rows).map(|row| u8::from(bits[row / 8] >> (row % 8) & 1 == 0)));
        }
        let stride = if column.stride == 0 { dtype.size().cast_signed() } else { column.stride };
        let form = match dtype {
            monobloc_dtype::MONOBLOC_FLOAT16 => {
                return Err(invalid(format!(
                    "column {name:?} is of MONOBLOC_FLOAT16; expected another type"
                )));
            }
            monobloc_dtype::MONOBLOC_STRING | monobloc_dtype::MONOBLOC_C_STRING => {
                let is_c = dtype == monobloc_dtype::MONOBLOC_C_STRING;
                texts(&column.values, is_c, stride, n_rows, name, &mut nulls)?
            }
            _ => {
                column.values.column::<u8>(stride, n_rows, &values_of(name))?;
                Form::Numbers { dtype, values: column.values, stride, n_rows }
            }
        };
        Ok(Held { form, nulls, null })
    }

    /// The values as a column.
    pub fn column(&self) -> Result<Column<'_>> {
        let (dtype, values, stride, n_rows) = match &self.form {
            Form::Texts { offsets, bytes } => return Ok(Column::Texts(Texts::Large { offsets, bytes })),
            Form::Numbers { dtype, values, stride, n_rows } => (*dtype, values, *stride, *n_rows),
        };
        fn of<'a, T: Plain>(values: &'a Numbers, stride: isize, n_rows: usize) -> Result<Strided<'a, T>> {
            values.column(stride, n_rows, "values")
        }
        Ok(match dtype {
            monobloc_dtype::MONOBLOC_BOOL => Column::Boolean(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_INT8 => Column::Int8(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_INT16 => Column::Int16(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_INT32 => Column::Int32(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_INT64 => Column::Int64(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_UINT8 => Column::UInt8(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_UINT16 => Column::UInt16(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_UINT32 => Column::UInt32(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_UINT64 => Column::UInt64(of(values, stride, n_rows)?),
            monobloc_dtype::MONOBLOC_FLOAT32 => Column::Float32(of(values, stride, n_rows)?),
            _ => Column::Float64(of(values, stride, n_rows)?),
        })
    }

    /// The rows without a value, where there may be some.
    pub fn nulls(&self) -> Option<Nulls<'_>> {
        let marks = Strided::from(self.nulls.as_slice());
        (!self.nulls.is_empty()).then(|| Nulls::of_bytes(marks, self.null))
    }
}

fn values_of(column: &str) -> String {
    format!("column.values of {column:?}")
}

/// Copies texts; those that are not there are marked in `nulls`.
fn texts(
    values: &Numbers,
    is_c: bool,
    stride: isize,
    n_rows: usize,
    name: &str,
    nulls: &mut Vec<u8>,
) -> Result<Form> {
    let whose = values_of(name);
    let mut offsets = Vec::with_capacity(n_rows + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for row in 0..n_rows {
        let is_null = nulls.get(row).is_some_and(|&null| null != 0);
        let text = if is_null { None } else { values.text(is_c, stride, row, &whose)? };
        match text {
            Some(text) => bytes.extend_from_slice(text),
            None => {
                nulls.resize(n_rows, 0);
                nulls[row] = 1;
            }
        }
        offsets.push(bytes.len() as i64);
    }
    Ok(Form::Texts { offsets, bytes })
}
