//! The manifest: what the bloc is, and where its members lie.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};

/// The format version that this library writes.
pub const FORMAT_VERSION: u32 = 1;
/// The oldest format version that this library reads.
pub const OLDEST_READABLE: u32 = 1;

pub(super) const NAME: &str = "manifest.json";
pub(super) const MAX_BYTES: u64 = 64 << 20;
pub(super) const MAX_MEMBERS: usize = 64;
const MAX_NAME: usize = 128;

/// The sections that this version knows, with the newest layout that it reads.
const SECTIONS: &[(&str, u32)] = &[
    ("forest.bin", 2),
    ("forests.bin", 1),
    ("golden.arrow", 1),
    ("model.onnx", 1),
    ("model.onnx.data", 1),
    ("params.bin", 1),
    ("reference.json", 2),
];

/// What a bloc is, and where its members lie.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format that the bloc is written in.
    pub format_version: u32,
    /// The oldest format version whose readers understand the bloc.
    pub oldest_reader: u32,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The input fields, as JSON of [`crate::schema::Schema`].
    pub schema: Box<RawValue>,
    /// The sanity rules, as JSON of [`crate::sanity::Rules`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanity: Option<Box<RawValue>>,
    /// The preprocessing steps and the feature matrix, as JSON.
    pub preprocess: Box<RawValue>,
    /// The model and its outputs, as JSON.
    pub model: Box<RawValue>,
    /// Free entries.
    pub metadata: BTreeMap<String, String>,
    /// Where the model came from: versions of libraries, and what the packer was told.
    pub provenance: BTreeMap<String, String>,
    /// Every other member, in the order of the file.
    pub members: Vec<Member>,
}

/// What a writer says of a bloc; the rest of the manifest follows from the members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The input fields, as JSON of [`crate::schema::Schema`].
    pub schema: Box<RawValue>,
    /// The sanity rules, as JSON of [`crate::sanity::Rules`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanity: Option<Box<RawValue>>,
    /// The preprocessing steps and the feature matrix, as JSON.
    pub preprocess: Box<RawValue>,
    /// The model and its outputs, as JSON.
    pub model: Box<RawValue>,
    /// Free entries.
    pub metadata: BTreeMap<String, String>,
    /// Where the model came from.
    pub provenance: BTreeMap<String, String>,
}

/// One member of a bloc.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The member's name in the archive.
    pub name: String,
    /// The version of the section's own layout.
    pub version: u32,
    /// Whether a reader that does not know the section must refuse the bloc.
    pub critical: bool,
    /// Where the member begins in the file, in bytes.
    pub offset: u64,
    /// The member's length in bytes.
    pub length: u64,
    /// The CRC-32 of its bytes, as ZIP wants it.
    pub crc32: u32,
    /// The SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Versions {
    format_version: u32,
    oldest_reader: u32,
}

impl Manifest {
    pub(super) fn new(draft: Draft, members: Vec<Member>) -> Manifest {
        let Draft { name, version, schema, sanity, preprocess, model, metadata, provenance } = draft;
        Manifest {
            format_version: FORMAT_VERSION,
            oldest_reader: OLDEST_READABLE,
            name,
            version,
            schema,
            sanity,
            preprocess,
            model,
            metadata,
            provenance,
            members,
        }
    }

    /// Reads `manifest.json`, the format version first, so that a newer bloc is called newer and not
    /// malformed.
    pub(super) fn parse(json: &[u8]) -> Result<Manifest> {
        let malformed = |error: serde_json::Error| Error::corrupt(format!("reading {NAME}: {error}"));
        let versions: Versions = serde_json::from_slice(json).map_err(malformed)?;
        if versions.oldest_reader > FORMAT_VERSION || versions.format_version < OLDEST_READABLE {
            return Err(Error::new(
                ErrorKind::VersionTooNew,
                format!(
                    "reading {NAME}: format version {} needs a reader of version {} or later; this library \
                     reads versions {OLDEST_READABLE} to {FORMAT_VERSION}: upgrade monobloc",
                    versions.format_version, versions.oldest_reader
                ),
            ));
        }
        let manifest: Manifest = serde_json::from_slice(json).map_err(malformed)?;
        check_members(&manifest.members)?;
        Ok(manifest)
    }

    /// The member called `name`.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

pub(super) fn check_members(members: &[Member]) -> Result<()> {
    if members.len() >= MAX_MEMBERS {
        return Err(Error::corrupt(format!("{} members; a bloc has at most {MAX_MEMBERS}", members.len())));
    }
    let mut names = HashSet::from([NAME]);
    for member in members {
        check_name(&member.name)?;
        if !names.insert(&member.name) {
            return Err(Error::corrupt(format!("member {} is listed twice", member.name)));
        }
        let known = SECTIONS.iter().find(|(name, _)| *name == member.name);
        if member.critical && known.is_none_or(|&(_, newest)| member.version > newest) {
            return Err(Error::new(
                ErrorKind::VersionTooNew,
                format!(
                    "member {} of layout version {} is needed and not known to this library: upgrade monobloc",
                    member.name, member.version
                ),
            ));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
    if name.len() <= MAX_NAME && name.split('/').all(part) {
        return Ok(());
    }
    Err(Error::corrupt(format!("{name:?} is no name for a member")))
}
