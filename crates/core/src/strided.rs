//! A caller's column of numbers, borrowed where it lies.
#![expect(unsafe_code, reason = "reads callers' arrays through pointers, since they may change meanwhile")]

use std::marker::PhantomData;

/// `len` values of `T`, the next one `stride` bytes after the one before.
///
/// Values are read one by one, each once, so that memory that changes meanwhile (an array that another
/// Python thread writes to) gives some value and nothing worse.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, T> {
    first: *const u8,
    stride: isize,
    len: usize,
    borrowed: PhantomData<&'a T>,
}

// SAFETY: it only reads, as `&[T]` would.
unsafe impl<T: Sync> Send for Strided<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Strided<'_, T> {}

/// Types any bytes of which are a value.
pub trait Plain: Copy + Sync + 'static {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for i8 {}
impl Plain for i16 {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}

impl<'a, T: Plain> From<&'a [T]> for Strided<'a, T> {
    fn from(values: &'a [T]) -> Self {
        let stride = size_of::<T>().cast_signed();
        Strided { first: values.as_ptr().cast(), stride, len: values.len(), borrowed: PhantomData }
    }
}

impl<'a, T: Plain> Strided<'a, T> {
    /// Values at `first`, `first + stride`, … (`stride` in bytes, of any sign; no alignment needed).
    ///
    /// # Safety
    /// For `'a`, each of the `len` places holds `size_of::<T>()` readable bytes.
    pub unsafe fn from_raw_parts(first: *const u8, stride: isize, len: usize) -> Self {
        Strided { first, stride, len, borrowed: PhantomData }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` values from `start`.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn range(&self, start: usize, len: usize) -> Self {
        assert!(
            start.checked_add(len).is_some_and(|end| end <= self.len),
            "{len} values from {start} of {}",
            self.len
        );
        let first = self.first.wrapping_offset(self.stride.wrapping_mul(start.cast_signed()));
        Strided { first, len, ..*self }
    }

    /// The value at `index`.
    ///
    /// # Panics
    /// When there are not so many.
    #[inline]
    pub fn at(&self, index: usize) -> T {
        assert!(index < self.len, "value {index} of {}", self.len);
        let place = self.first.wrapping_offset(self.stride.wrapping_mul(index.cast_signed()));
        // SAFETY: `index < len`, and the maker promised `len` readable places; any bytes are a `T`.
        unsafe { place.cast::<T>().read_unaligned() }
    }
}

/// Rows and columns of a caller's array, borrowed where they lie, and read as [`Strided`] values are.
#[derive(Clone, Copy, Debug)]
pub struct StridedMatrix<'a, T> {
    /// The first column, which gives the rows.
    rows: Strided<'a, T>,
    column_stride: isize,
    n_columns: usize,
}

impl<'a, T: Plain> StridedMatrix<'a, T> {
    /// Rows of `n_columns` values each, one row after another; `None` where the last one is short.
    pub fn of_rows(values: &'a [T], n_columns: usize) -> Option<Self> {
        let n_rows = values.len().checked_div(n_columns).unwrap_or(0);
        let (first, size) = (values.as_ptr().cast(), size_of::<T>().cast_signed());
        let stride = size.checked_mul(n_columns.cast_signed())?;
        // SAFETY: `n_rows * n_columns` values lie one after another.
        let whole = unsafe { Self::from_raw_parts(first, [stride, size], [n_rows, n_columns]) };
        (n_rows.checked_mul(n_columns) == Some(values.len())).then_some(whole)
    }

    /// Values at `first` plus a multiple of each stride (rows, then columns; in bytes, of any sign; no alignment
    /// needed).
    ///
    /// # Safety
    /// For `'a`, each of the places of `shape` holds `size_of::<T>()` readable bytes.
    pub unsafe fn from_raw_parts(first: *const u8, strides: [isize; 2], shape: [usize; 2]) -> Self {
        // SAFETY: the maker promised so, unless there are no columns, when nothing is read.
        let rows = unsafe { Strided::from_raw_parts(first, strides[0], shape[0]) };
        StridedMatrix { rows, column_stride: strides[1], n_columns: shape[1] }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.len
    }

    /// The number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// `len` rows from `start`.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn range(&self, start: usize, len: usize) -> Self {
        StridedMatrix { rows: self.rows.range(start, len), ..*self }
    }

    /// One row.
    ///
    /// # Panics
    /// When there are not so many.
    #[inline]
    pub fn row(&self, row: usize) -> Strided<'a, T> {
        let first = self.rows.range(row, 1).first;
        Strided { first, stride: self.column_stride, len: self.n_columns, borrowed: PhantomData }
    }

    /// One column, or `None` where there are not so many.
    #[inline]
    pub fn column(&self, column: usize) -> Option<Strided<'a, T>> {
        let offset = self.column_stride.wrapping_mul(column.cast_signed());
        let first = self.rows.first.wrapping_offset(offset);
        (column < self.n_columns).then_some(Strided { first, ..self.rows })
    }
}

#[cfg(feature = "ndarray")]
impl<'a, T: Plain> From<ndarray::ArrayView2<'a, T>> for StridedMatrix<'a, T> {
    /// The view's elements where they lie, whatever its strides.
    fn from(view: ndarray::ArrayView2<'a, T>) -> Self {
        let (n_rows, n_columns) = view.dim();
        let strides = [0, 1].map(|axis| view.strides()[axis] * size_of::<T>().cast_signed());
        // SAFETY: the view borrows its elements for `'a`; `as_ptr` leads to the first of them, whatever the signs of
        // the strides, which count elements.
        unsafe { Self::from_raw_parts(view.as_ptr().cast(), strides, [n_rows, n_columns]) }
    }
}

#[cfg(test)]
mod tests {
    use super::StridedMatrix;

    #[test]
    fn a_matrix_is_read_along_both_axes() {
        let values: Vec<i32> = (0..12).collect();
        let matrix = StridedMatrix::of_rows(&values, 4).expect("three rows");
        assert_eq!((matrix.n_rows(), matrix.n_columns()), (3, 4));
        let below = matrix.range(1, 2);
        assert_eq!([below.row(0).at(3), below.row(1).at(0)], [7, 8]);
        let column = below.column(2).expect("a third column");
        assert_eq!([column.len() as i32, column.at(0), column.at(1)], [2, 6, 10]);
        assert!(below.column(4).is_none());
        assert!(StridedMatrix::of_rows(&values, 5).is_none());
        assert!(StridedMatrix::of_rows(&values, 0).is_none());
        assert!(StridedMatrix::of_rows(&values[..0], 0).is_some_and(|empty| empty.n_rows() == 0));
    }
}
