//! The file: a ZIP archive of stored members in one fixed shape, described by its manifest.
//!
//! [`Bloc::open`] proves a file or refuses it, and hands out sections as bytes and raw JSON; each
//! section's owner reads its own. FORMAT.md is the normative description.

mod body;
mod container;
mod digest;
mod manifest;
mod reader;
mod writer;

pub use body::{Body, SourceFile};
pub use container::ALIGNMENT;
pub(crate) use digest::Hasher;
pub use manifest::{Draft, FORMAT_VERSION, Manifest, Member, OLDEST_READABLE};
pub use reader::{Bloc, Health};
pub use writer::{BlocWriter, Unpublished};

#[cfg(test)]
mod tests;
