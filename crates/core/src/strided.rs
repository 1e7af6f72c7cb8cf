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
