//! Pointers of C callers: the only place where they become references.
//!
//! Handles come in as `Option<&T>` and `Option<Box<T>>`, which are C's nullable pointers. For all else there are types
//! here that nothing but a call from C makes, so that what the header asks of the caller is what each of them holds.

use crate::text::monobloc_str;
use monobloc::strided::{Plain, Strided, StridedMatrix};
use monobloc::{Error, ErrorKind, Result};
use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

/// Makes a handle of a value.
pub fn handle<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// A handle that was given, or an error that names the argument.
pub fn given<'a, T>(handle: Option<&'a T>, name: &str) -> Result<&'a T> {
    handle.ok_or_else(|| null(name))
}

/// The same of a handle that is changed.
pub fn given_mut<'a, T>(handle: Option<&'a mut T>, name: &str) -> Result<&'a mut T> {
    handle.ok_or_else(|| null(name))
}

/// A place for a value that the library gives, or NULL.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Debug)]
pub struct Out<'a, T>(Option<&'a mut MaybeUninit<T>>);

impl<'a, T> Out<'a, T> {
    /// The place, to be asked for before there is something to write.
    pub fn place(self, name: &str) -> Result<&'a mut MaybeUninit<T>> {
        self.0.ok_or_else(|| null(name))
    }

    /// The place, where the caller wants the value.
    pub fn optional(self) -> Option<&'a mut MaybeUninit<T>> {
        self.0
    }

    /// This place.
    pub fn to(place: &'a mut MaybeUninit<T>) -> Self {
        Out(Some(place))
    }

    /// No place.
    pub fn nowhere() -> Self {
        Out(None)
    }
}

/// Makes a value where there is a place for it, and writes it there.
pub fn give<T>(place: Out<'_, T>, name: &str, make: impl FnOnce() -> T) -> Result<()> {
    place.place(name)?.write(make());
    Ok(())
}

/// The error of an argument that is NULL and must not be.
#[cold]
pub fn null(name: &str) -> Error {
    invalid(format!("the argument {name} is NULL"))
}

/// The error of an argument that is not usable.
#[cold]
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// A text that ends with a zero byte, or NULL.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Text(*const c_char);

impl Text {
    /// The text.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.optional(name)?.ok_or_else(|| null(name))
    }

    /// The text, or none where it is NULL.
    pub fn optional(&self, name: &str) -> Result<Option<&str>> {
        if self.0.is_null() {
            return Ok(None);
        }
        // SAFETY: it comes from C, where the header asks for a text that ends with a zero byte and stays as it is
        // during the call.
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map(Some).map_err(|error| not_utf8(name, &error))
    }
}

fn not_utf8(name: &str, error: &std::str::Utf8Error) -> Error {
    invalid(format!("{name}: byte {} is not UTF-8", error.valid_up_to()))
}

/// An array to be read during the call, or NULL where it is empty.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Array<T>(*const T);

impl<T> Array<T> {
    /// Its `len` values.
    pub fn slice(&self, len: usize, name: &str) -> Result<&[T]> {
        if len == 0 {
            return Ok(&[]);
        }
        check_array(self.0, len, name)?;
        // SAFETY: no NULL, aligned, of a size that exists; that the values are there and stay as they are is what the
        // header asks for.
        Ok(unsafe { std::slice::from_raw_parts(self.0, len) })
    }
}

/// An array to be written during the call, or NULL where it is empty.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Debug)]
pub struct ArrayMut<T>(*mut T);

impl<T> ArrayMut<T> {
    /// Its `len` values.
    pub fn slice(&mut self, len: usize, name: &str) -> Result<&mut [T]> {
        if len == 0 {
            return Ok(&mut []);
        }
        check_array(self.0, len, name)?;
        // SAFETY: no NULL, aligned, of a size that exists; that the values are there and used by nobody else is what
        // the header asks for.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0, len) })
    }
}

fn check_array<T>(first: *const T, len: usize, name: &str) -> Result<()> {
    if first.is_null() {
        return Err(null(name));
    }
    if !first.is_aligned() {
        return Err(invalid(format!("{name} is not aligned to {} bytes", align_of::<T>())));
    }
    let bytes = len.checked_mul(size_of::<T>()).and_then(|bytes| isize::try_from(bytes).ok());
    bytes.map(|_| ()).ok_or_else(|| invalid(format!("{name} has {len} values; no memory holds as many")))
}

/// The beginning of values that lie anywhere, and stay there as long as what was made of them.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Numbers(*const c_void);

// SAFETY: they are only read.
unsafe impl Send for Numbers {}
// SAFETY: as above.
unsafe impl Sync for Numbers {}

impl Numbers {
    /// `len` of them, `stride` bytes apart.
    pub fn column<T: Plain>(&self, stride: isize, len: usize, name: &str) -> Result<Strided<'_, T>> {
        self.check(len, name)?;
        // SAFETY: the header asks for as many readable places.
        Ok(unsafe { Strided::from_raw_parts(self.0.cast(), stride, len) })
    }

    /// Rows and columns of them, `strides` bytes apart.
    pub fn matrix<T: Plain>(
        &self,
        strides: [isize; 2],
        shape: [usize; 2],
        name: &str,
    ) -> Result<StridedMatrix<'_, T>> {
        self.check(shape[0].saturating_mul(shape[1]), name)?;
        // SAFETY: as above.
        Ok(unsafe { StridedMatrix::from_raw_parts(self.0.cast(), strides, shape) })
    }

    fn check(&self, len: usize, name: &str) -> Result<()> {
        if len > 0 && self.0.is_null() { Err(null(name)) } else { Ok(()) }
    }

    /// These, unless they are NULL.
    pub fn given(&self) -> Option<&Self> {
        (!self.0.is_null()).then_some(self)
    }

    /// Text number `row` of texts that are `stride` bytes apart: `monobloc_str`, or pointers to texts that end with a
    /// zero byte. `None` of NULL.
    pub fn text(&self, is_c: bool, stride: isize, row: usize, name: &str) -> Result<Option<&[u8]>> {
        let place = self.0.wrapping_byte_offset(stride.wrapping_mul(row.cast_signed()));
        if self.0.is_null() {
            return Err(null(name));
        }
        if is_c {
            // SAFETY: the header asks for as many readable pointers.
            let text = Text(unsafe { place.cast::<*const c_char>().read_unaligned() });
            // SAFETY: the header asks for texts that stay as they are until rows are made of them.
            return Ok((!text.0.is_null()).then(|| unsafe { CStr::from_ptr(text.0) }.to_bytes()));
        }
        // SAFETY: the header asks for as many readable structures.
        let view = unsafe { place.cast::<monobloc_str>().read_unaligned() };
        if view.data.is_null() {
            return Ok(None);
        }
        check_array(view.data, view.len, name)?;
        // SAFETY: no NULL, of a size that exists; else as above.
        Ok(Some(unsafe { std::slice::from_raw_parts(view.data.cast(), view.len) }))
    }

    /// `len` values one after another, read during the call.
    pub fn slice<T: Copy>(&self, len: usize, name: &str) -> Result<&[T]> {
        if len == 0 {
            return Ok(&[]);
        }
        check_array(self.0.cast::<T>(), len, name)?;
        // SAFETY: no NULL, aligned, of a size that exists; the header asks for values of this type.
        Ok(unsafe { std::slice::from_raw_parts(self.0.cast(), len) })
    }
}

impl Array<c_char> {
    /// `len` bytes of UTF-8.
    pub fn text(&self, len: usize, name: &str) -> Result<&str> {
        if len == 0 {
            return Ok("");
        }
        check_array(self.0, len, name)?;
        // SAFETY: as for `slice`.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.cast::<u8>(), len) };
        std::str::from_utf8(bytes).map_err(|error| not_utf8(name, &error))
    }
}

/// What the caller hands to its own callbacks.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Userdata(*mut c_void);

// SAFETY: it is only handed on; the header asks for callbacks that any thread may call.
unsafe impl Send for Userdata {}
// SAFETY: as above.
unsafe impl Sync for Userdata {}

/// A `repr(C)` structure that begins with its size, so that later versions can have more members.
///
/// # Safety
/// It begins with a `usize`, and zero bytes are a value of all other members.
pub unsafe trait Growing: Copy {
    /// The name in C.
    const NAME: &'static str;
}

/// A structure of the caller's to be read.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct In<T>(*const T);

impl<T: Growing> In<T> {
    /// The members that the caller's structure has, and zero for those that it has not; `None` of NULL.
    pub fn optional(&self, name: &str) -> Result<Option<T>> {
        if self.0.is_null() { Ok(None) } else { self.get(name).map(Some) }
    }

    /// The same, where NULL is an error.
    pub fn get(&self, name: &str) -> Result<T> {
        let size = size_in(self.0, name)?;
        read(self.0, size, name)
    }

    /// `n` of them, one after another, each of the size that the first one has.
    pub fn each(&self, n: usize, name: &str) -> Result<Vec<T>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let size = size_in(self.0, name)?;
        let at = |number: usize| read(self.0.wrapping_byte_add(number * size), size, name);
        (0..n).map(at).collect()
    }
}

/// A structure of the caller's to be written; its size is set.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
#[derive(Debug)]
pub struct OutSized<T>(*mut T);

impl<T: Growing> OutSized<T> {
    /// Writes the members that the caller's structure has. Its size stays.
    pub fn give(&mut self, name: &str, value: T) -> Result<()> {
        let known = size_in(self.0, name)?.min(size_of::<T>());
        let (from, head) = (std::ptr::from_ref(&value).cast::<u8>(), size_of::<usize>());
        let to = self.0.cast::<u8>().wrapping_add(head);
        // SAFETY: the members after the size, as many as both structures have.
        unsafe { to.copy_from_nonoverlapping(from.wrapping_add(head), known - head) };
        Ok(())
    }
}

/// Bytes of a structure at most: a larger one was not initialised.
const MOST_SIZE: usize = 4096;

fn size_in<T: Growing>(place: *const T, name: &str) -> Result<usize> {
    if place.is_null() {
        return Err(null(name));
    }
    if !place.is_aligned() {
        return Err(invalid(format!("{name} is not aligned to {} bytes", align_of::<T>())));
    }
    // SAFETY: the header asks for a structure of this type, which begins with its size.
    let size = unsafe { place.cast::<usize>().read() };
    if !(size_of::<usize>()..=MOST_SIZE).contains(&size) || !size.is_multiple_of(align_of::<T>()) {
        let message =
            format!("{name}.size is {size}; expected sizeof({}), which is {}", T::NAME, size_of::<T>());
        return Err(invalid(message));
    }
    Ok(size)
}

fn read<T: Growing>(place: *const T, size: usize, name: &str) -> Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let known = size.min(size_of::<T>());
    // SAFETY: the caller's structure has `size` bytes, and this one `size_of::<T>()`.
    unsafe { value.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(place.cast(), known) };
    let beyond = Array(place.cast::<u8>().wrapping_add(known));
    if beyond.slice(size - known, name)?.iter().any(|&byte| byte != 0) {
        let message = format!(
            "{name}: a {} of {size} bytes sets members that this library, whose own has {}, does not know; leave them \
             zero, or use a newer library",
            T::NAME,
            size_of::<T>()
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    // SAFETY: each byte was copied or is zero, and zero bytes are a value.
    Ok(unsafe { value.assume_init() })
}
