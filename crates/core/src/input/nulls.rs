//! Which rows of a column have no value.

use crate::schema::Null;
use crate::strided::Strided;
use arrow_buffer::NullBuffer;

/// The rows of a column that have no value, whatever the column holds there.
#[derive(Clone, Copy, Debug)]
pub struct Nulls<'a> {
    marks: Marks<'a>,
    kind: Null,
}

#[derive(Clone, Copy, Debug)]
enum Marks<'a> {
    /// Not 0 where there is no value.
    Bytes(Strided<'a, u8>),
    /// 0 where there is no value.
    Validity(&'a NullBuffer),
}

impl<'a> Nulls<'a> {
    /// No value where a byte is not 0, one for each row. `kind` is what it is taken for.
    pub fn of_bytes(marks: Strided<'a, u8>, kind: Null) -> Self {
        Nulls { marks: Marks::Bytes(marks), kind }
    }

    /// Arrow's bitmap, one bit for each row.
    pub fn of_validity(bits: &'a NullBuffer, kind: Null) -> Self {
        Nulls { marks: Marks::Validity(bits), kind }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self.marks {
            Marks::Bytes(marks) => marks.len(),
            Marks::Validity(bits) => bits.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the missing values are taken for.
    pub fn kind(&self) -> Null {
        self.kind
    }

    /// Whether `row` has no value.
    ///
    /// # Panics
    /// When there are not so many rows.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match self.marks {
            Marks::Bytes(marks) => marks.at(row) != 0,
            Marks::Validity(bits) => bits.is_null(row),
        }
    }
}
