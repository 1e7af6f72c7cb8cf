//! The formats of rows and answers.

use std::path::Path;

/// How rows or answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Arrow's IPC format: a stream or a file, of version 1 or newer. Feather's second version is the same.
    Arrow,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object on each line.
    JsonLines,
    /// Parquet. Rows are read so, by builds with the feature `parquet`; answers are not written.
    Parquet,
    /// As CSV, separated by tabs.
    Tsv,
}

impl Format {
    /// The endings of file names, in lower case, and their formats.
    pub const ENDINGS: [(&'static str, Format); 9] = [
        ("csv", Format::Csv),
        ("tsv", Format::Tsv),
        ("jsonl", Format::JsonLines),
        ("ndjson", Format::JsonLines),
        ("arrow", Format::Arrow),
        ("arrows", Format::Arrow),
        ("feather", Format::Arrow),
        ("ipc", Format::Arrow),
        ("parquet", Format::Parquet),
    ];

    /// What the name of a file ends in.
    pub fn of_path(path: &Path) -> Option<Format> {
        Format::of_name(path.extension()?.to_str()?)
    }

    /// The format that an ending of file names stands for.
    pub fn of_name(name: &str) -> Option<Format> {
        let is = |(ending, _): &&(&str, Format)| ending.eq_ignore_ascii_case(name);
        Format::ENDINGS.iter().find(is).map(|(_, format)| *format)
    }

    /// What separates fields.
    pub(super) fn delimiter(self) -> Option<u8> {
        match self {
            Format::Csv => Some(b','),
            Format::Arrow | Format::JsonLines | Format::Parquet => None,
            Format::Tsv => Some(b'\t'),
        }
    }

    /// Whether Arrow's tables are written to a path as a file, which its end describes, and not as a stream.
    pub(super) fn is_arrow_file(path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        Format::of_name(ending) == Some(Format::Arrow) && !ending.eq_ignore_ascii_case("arrows")
    }
}
