//! Text, as slices or in Arrow's layouts, borrowed where it lies.

use arrow_buffer::Buffer;

/// A text for each row. Rows without a value are [`crate::input::Nulls`].
///
/// Nothing about offsets and bytes is believed: each is checked at use, and what lies outside is no text.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'a> {
    /// One byte after another; where each text begins, and the last one ends.
    Large {
        /// One more than there are rows.
        offsets: &'a [i64],
        /// The bytes of all texts.
        bytes: &'a [u8],
    },
    /// The same with offsets of 32 bits.
    Small {
        /// One more than there are rows.
        offsets: &'a [i32],
        /// The bytes of all texts.
        bytes: &'a [u8],
    },
    /// Texts of their own.
    Apart(&'a [&'a str]),
    /// Lengths, with the bytes themselves where they are at most 12, or their place in one of the buffers.
    View {
        /// 16 bytes for each row.
        views: &'a [u8],
        /// The bytes of longer texts.
        buffers: &'a [Buffer],
    },
}

impl<'a> Texts<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Texts::Apart(texts) => texts.len(),
            Texts::Large { offsets, .. } => offsets.len().saturating_sub(1),
            Texts::Small { offsets, .. } => offsets.len().saturating_sub(1),
            Texts::View { views, .. } => views.len() / VIEW,
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a row's text, or `None` where there are none.
    #[inline]
    pub fn at(&self, row: usize) -> Option<&'a [u8]> {
        match self {
            Texts::Apart(texts) => texts.get(row).map(|text| text.as_bytes()),
            Texts::Large { offsets, bytes } => between(bytes, *offsets.get(row)?, *offsets.get(row + 1)?),
            Texts::Small { offsets, bytes } => {
                between(bytes, (*offsets.get(row)?).into(), (*offsets.get(row + 1)?).into())
            }
            Texts::View { views, buffers } => viewed(views.get(row * VIEW..)?.first_chunk()?, buffers),
        }
    }
}

/// Bytes of a view.
const VIEW: usize = 16;

#[inline]
fn between(bytes: &[u8], start: i64, end: i64) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The text of a view: its length in the first 4 bytes, then the text; or where that is longer, a prefix of it, the
/// number of a buffer and the place in it.
#[inline]
fn viewed<'a>(view: &'a [u8; VIEW], buffers: &'a [Buffer]) -> Option<&'a [u8]> {
    let number = |at: usize| view[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let len = number(0)?;
    match view[4..].get(..len) {
        Some(text) => Some(text),
        None => buffers.get(number(8)?)?.get(number(12)?..number(12)? + len),
    }
}
