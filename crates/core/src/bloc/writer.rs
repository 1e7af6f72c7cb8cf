//! Writing: the same input gives the same bytes, and a target is replaced whole or not at all.

use super::body::Body;
use super::container::Container;
use super::digest::Hasher;
use super::manifest::{self, Draft, Manifest, Member};
use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Collects members and writes a bloc.
#[derive(Debug, Default)]
pub struct BlocWriter {
    members: Vec<(Member, Body)>,
}

impl BlocWriter {
    /// Adds a member. Members lie in the file in the order in which they are added.
    ///
    /// # Errors
    /// What the operating system says of the files that the body is read from.
    pub fn add(&mut self, name: &str, version: u32, critical: bool, body: impl Into<Body>) -> Result<()> {
        let body = body.into();
        let (mut sha256, mut crc32) = (Hasher::default(), crc32fast::Hasher::new());
        body.read(|bytes| {
            sha256.update(bytes);
            crc32.update(bytes);
            Ok(())
        })?;
        let member = Member {
            name: name.to_owned(),
            version,
            critical,
            offset: 0,
            length: body.len(),
            crc32: crc32.finalize(),
            sha256: sha256.hex(),
        };
        self.members.push((member, body));
        Ok(())
    }

    /// Writes the bloc to a temporary file beside `target`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a target that is no place for a file, otherwise what the
    /// operating system says. Nothing is left behind.
    pub fn write(self, target: &Path, draft: Draft) -> Result<Unpublished> {
        let (members, bodies): (Vec<_>, Vec<_>) = self.members.into_iter().unzip();
        let checksums: Vec<u32> = members.iter().map(|member| member.crc32).collect();
        let (manifest_json, container) = describe(draft, members)?;
        let folder = folder_of(target)?;
        let io = |doing: &'static str| move |error: std::io::Error| Error::io(target, doing, &error);
        let temporary = tempfile::Builder::new()
            .prefix(".monobloc-")
            .suffix(".tmp")
            .tempfile_in(&folder)
            .map_err(|error| Error::io(&folder, "creating a temporary file in", &error))?;
        let mut out = BufWriter::with_capacity(1 << 20, temporary.as_file());
        let mut framing = container.framing.iter();
        let mut frame = |out: &mut BufWriter<_>| match framing.next() {
            Some(framing) => out.write_all(&framing.bytes).map_err(io("writing")),
            None => Ok(()),
        };
        frame(&mut out)?;
        out.write_all(&manifest_json).map_err(io("writing"))?;
        for (body, checksum) in bodies.iter().zip(checksums) {
            frame(&mut out)?;
            let mut crc32 = crc32fast::Hasher::new();
            body.read(|bytes| {
                crc32.update(bytes);
                out.write_all(bytes).map_err(io("writing"))
            })?;
            if crc32.finalize() != checksum {
                let message =
                    format!("writing {}: a file that is packed changed meanwhile", target.display());
                return Err(Error::new(ErrorKind::Io, message));
            }
        }
        frame(&mut out)?;
        out.flush().map_err(io("writing"))?;
        drop(out);
        temporary.as_file().set_permissions(Permissions::from_mode(0o444)).map_err(io("writing"))?;
        temporary.as_file().sync_all().map_err(io("writing"))?;
        Ok(Unpublished { temporary, target: target.to_owned(), folder })
    }
}

/// A bloc that is written and durable but not yet at its place. Dropping it removes it.
#[derive(Debug)]
pub struct Unpublished {
    temporary: NamedTempFile,
    target: PathBuf,
    folder: PathBuf,
}

impl Unpublished {
    /// Where the bloc lies for now.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Moves the bloc to its target by rename, replacing what is there.
    ///
    /// # Errors
    /// What the operating system says; then nothing is left behind.
    pub fn publish(self) -> Result<()> {
        let Unpublished { temporary, target, folder } = self;
        temporary.persist(&target).map_err(|error| Error::io(&target, "publishing", &error.error))?;
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io(&folder, "syncing", &error))
    }
}

/// The manifest's text and the container's shape. Offsets depend on the manifest's length, which
/// depends on the offsets' digits, so both are made until they agree; offsets only ever grow.
fn describe(draft: Draft, members: Vec<Member>) -> Result<(Vec<u8>, Container)> {
    let mut manifest = Manifest::new(draft, members);
    manifest::check_members(&manifest.members)?;
    loop {
        let mut json = serde_json::to_vec_pretty(&manifest).map_err(|error| {
            Error::new(ErrorKind::Internal, format!("writing {}: {error}", manifest::NAME))
        })?;
        json.push(b'\n');
        let container = Container::new(json.len() as u64, crc32fast::hash(&json), &manifest.members)?;
        let settled = manifest
            .members
            .iter()
            .zip(&container.offsets[1..])
            .all(|(member, &offset)| member.offset == offset);
        if settled {
            if json.len() as u64 > manifest::MAX_BYTES {
                let message = format!(
                    "the manifest would have {} bytes; at most {} are allowed",
                    json.len(),
                    manifest::MAX_BYTES
                );
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            return Ok((json, container));
        }
        for (member, &offset) in manifest.members.iter_mut().zip(&container.offsets[1..]) {
            member.offset = offset;
        }
    }
}

fn folder_of(target: &Path) -> Result<PathBuf> {
    let refuse = |what: &str| Error::new(ErrorKind::InvalidArgument, format!("{} {what}", target.display()));
    if target.file_name().is_none() || target.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(refuse("is no path for a file"));
    }
    if target.is_dir() {
        return Err(refuse("is a directory; expected a path for the bloc"));
    }
    Ok(match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    })
}
