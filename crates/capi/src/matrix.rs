//! Numbers in rows and columns.

use crate::dtype::monobloc_dtype;
use crate::handle::{Growing, Numbers, invalid};
use monobloc::schema::Schema;
use monobloc::{Input, Matrix, Result};

/// A matrix of doubles or floats with a column for each of the model's fields, in their order. It is read where it lies.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_matrix {
    /// `sizeof(monobloc_matrix)`.
    pub size: usize,
    /// `MONOBLOC_FLOAT64` or `MONOBLOC_FLOAT32`.
    pub dtype: u32,
    /// The first value of the first row. NaN is missing.
    pub values: Numbers,
    /// The number of rows.
    pub n_rows: usize,
    /// The number of columns.
    pub n_columns: usize,
    /// Bytes from a row to the next, of any sign; 0 where rows lie one after another.
    pub row_stride: isize,
    /// Bytes from a column to the next, of any sign; 0 where the values of a row lie one after another.
    pub column_stride: isize,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_matrix {
    const NAME: &'static str = "monobloc_matrix";
}

impl monobloc_matrix {
    /// The matrix as input.
    pub fn input<'a>(&'a self, schema: &Schema) -> Result<Input<'a>> {
        let shape = [self.n_rows, self.n_columns];
        let matrix = match monobloc_dtype::of_number(self.dtype, "matrix.dtype")? {
            monobloc_dtype::MONOBLOC_FLOAT32 => Matrix::Float32(self.values.matrix(
                self.strides(size_of::<f32>())?,
                shape,
                "matrix.values",
            )?),
            monobloc_dtype::MONOBLOC_FLOAT64 => Matrix::Float64(self.values.matrix(
                self.strides(size_of::<f64>())?,
                shape,
                "matrix.values",
            )?),
            other => {
                let message =
                    format!("matrix.dtype is {other:?}; expected MONOBLOC_FLOAT64 or MONOBLOC_FLOAT32");
                return Err(invalid(message));
            }
        };
        Input::of_matrix(schema, matrix)
    }

    fn strides(&self, size: usize) -> Result<[isize; 2]> {
        let column = if self.column_stride == 0 { size.cast_signed() } else { self.column_stride };
        let whole = size.checked_mul(self.n_columns).and_then(|bytes| isize::try_from(bytes).ok());
        let row = if self.row_stride == 0 { whole } else { Some(self.row_stride) };
        let row = row.ok_or_else(|| {
            invalid(format!("matrix.n_columns is {}; no memory holds as many values", self.n_columns))
        })?;
        Ok([row, column])
    }
}
