//! Opening: the whole decision about whether a file is trusted.

use super::container::{self, ALIGNMENT, Container};
use super::digest::{Hasher, sha256};
use super::manifest::{self, Manifest, Member};
use crate::error::{Error, ErrorKind, Result};
use crate::mapped::View;
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// An open bloc whose container is proven and whose bytes are mapped.
///
/// It is `Send` and `Sync`. It stays what it was when its path is replaced by another file.
///
/// ```
/// use monobloc::Bloc;
///
/// let bloc = Bloc::open("tests/data/sample.bloc", None)?;
/// assert_eq!(bloc.manifest().name, "sample");
/// assert!(bloc.section("forest.bin").is_some_and(|forest| !forest.is_empty()));
/// bloc.verify()?;
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Debug)]
pub struct Bloc {
    path: PathBuf,
    file: File,
    opened: Metadata,
    view: View,
    manifest: Manifest,
    manifest_json: String,
    digest: String,
}

/// What [`Bloc::health`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// What is wrong, one sentence each. Empty when all is well.
    pub findings: Vec<String>,
    /// Whether the file is no longer the one that was opened. Nothing else makes a process unready.
    pub file_changed: bool,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Bloc {
    /// Opens and proves the bloc at `path`, in time independent of its size: the manifest is read and
    /// every byte outside the members is regenerated from it and compared. With `digest`
    /// (`sha256:` and 64 hexadecimal digits) any other manifest is refused.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`] and [`ErrorKind::Io`] from the
    /// operating system; [`ErrorKind::NotABloc`], [`ErrorKind::Corrupt`],
    /// [`ErrorKind::VersionTooNew`] from the proof; [`ErrorKind::DigestMismatch`];
    /// [`ErrorKind::InvalidArgument`] for a malformed `digest`.
    pub fn open(path: impl AsRef<Path>, digest: Option<&str>) -> Result<Bloc> {
        let path = path.as_ref();
        let wanted = digest.map(parse_digest).transpose()?;
        let within = |error: Error| error.within(path.display());
        let (file, opened) = open_regular(path)?;
        let manifest_json = read_manifest(&file, opened.len(), path)?;
        let found = sha256(manifest_json.as_bytes());
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            return Err(Error::new(
                ErrorKind::DigestMismatch,
                format!("{}: the bloc's digest is sha256:{found}, not sha256:{wanted}", path.display()),
            ));
        }
        let manifest = Manifest::parse(manifest_json.as_bytes()).map_err(within)?;
        prove(&file, opened.len(), manifest_json.as_bytes(), &manifest.members, path)?;
        let view = View::of_file(&file).map_err(|error| Error::io(path, "mapping", &error))?;
        if view.len() as u64 != opened.len() {
            return Err(within(Error::corrupt("the file's length changed while it was opened")));
        }
        let digest = format!("sha256:{found}");
        Ok(Bloc { path: path.to_owned(), file, opened, view, manifest, manifest_json, digest })
    }

    /// The path that the bloc was opened at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's own text.
    pub fn manifest_json(&self) -> &str {
        &self.manifest_json
    }

    /// `sha256:` and the SHA-256 of the manifest, which holds every other member's.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The length of the file in bytes, all of them mapped.
    pub fn size_bytes(&self) -> u64 {
        self.opened.len()
    }

    /// The bytes of the member called `name`, mapped.
    pub fn section(&self, name: &str) -> Option<View> {
        let member = self.manifest.member(name)?;
        self.view.slice(member.offset, member.length)
    }

    /// The file that the bloc was opened at, whatever is at its path now.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// A private copy of the member called `name`, for small members.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(member) = self.manifest.member(name) else { return Ok(None) };
        let mut bytes = vec![0; member.length as usize];
        read_at(&self.file, &mut bytes, member.offset, &self.path)?;
        Ok(Some(bytes))
    }

    /// Reads every member and compares it with its digest.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] names the first member that differs; [`ErrorKind::Io`].
    pub fn verify(&self) -> Result<()> {
        self.manifest.members.iter().try_for_each(|member| self.verify_member(member))
    }

    /// Whether the file is still the one that was opened. Overwriting it in place (with `cp`, say)
    /// changes the model under its reader; replacing it by rename does not.
    pub fn health(&self) -> Health {
        let mut health = Health::default();
        let path = self.path.display();
        match self.file.metadata() {
            Err(error) => health.findings.push(format!("{path}: {error}")),
            Ok(now) if now.len() != self.opened.len() || modified(&now) != modified(&self.opened) => {
                health.findings.push(format!(
                    "{path}: the file was overwritten while in use: restart, and publish with mv"
                ));
            }
            Ok(now) if changed(&now) != changed(&self.opened) && now.nlink() == self.opened.nlink() => {
                health.findings.push(format!(
                    "{path}: the file's status changed while in use: verify it, and publish with mv"
                ));
            }
            Ok(_) => {}
        }
        health.file_changed = !health.findings.is_empty();
        health
    }

    fn verify_member(&self, member: &Member) -> Result<()> {
        let mut hasher = Hasher::default();
        let mut crc32 = crc32fast::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        let mut done = 0;
        while done < member.length {
            let piece = &mut buffer[..(member.length - done).min(1 << 20) as usize];
            read_at(&self.file, piece, member.offset + done, &self.path)?;
            hasher.update(piece);
            crc32.update(piece);
            done += piece.len() as u64;
        }
        let found = hasher.hex();
        if found != member.sha256 || crc32.finalize() != member.crc32 {
            return Err(Error::corrupt(format!(
                "{}: member {} has SHA-256 {found}, the manifest says {}: the file was altered; copy or pack it again",
                self.path.display(),
                member.name,
                member.sha256
            )));
        }
        Ok(())
    }
}

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

fn changed(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

fn parse_digest(digest: &str) -> Result<&str> {
    let hex =
        |digits: &&str| digits.len() == 64 && digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    digest.strip_prefix("sha256:").filter(hex).ok_or_else(|| {
        let expected = "expected \"sha256:\" and 64 lower-case hexadecimal digits";
        Error::new(ErrorKind::InvalidArgument, format!("digest {digest:?}: {expected}"))
    })
}

/// Opens without ever waiting (a FIFO without a writer would make a plain open wait).
fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|error| Error::io(path, "opening", &error))?;
    let metadata = file.metadata().map_err(|error| Error::io(path, "opening", &error))?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    let kind = if metadata.is_dir() { "a directory" } else { "no regular file" };
    Err(not_a_bloc(path, kind))
}

fn not_a_bloc(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::NotABloc,
        format!("{} is {what}; expected a bloc made by monobloc.pack", path.display()),
    )
}

fn read_manifest(file: &File, file_length: u64, path: &Path) -> Result<String> {
    let corrupt = |message: String| Error::corrupt(format!("{}: {message}", path.display()));
    if file_length == 0 {
        return Err(not_a_bloc(path, "empty"));
    }
    let header_length = container::local_header_length(manifest::NAME);
    let mut head = vec![0; header_length.min(file_length) as usize];
    read_at(file, &mut head, 0, path)?;
    if !b"PK\x03\x04".starts_with(head.get(..4).unwrap_or(&head)) {
        return Err(not_a_bloc(path, "another kind of file"));
    }
    let truncated =
        || corrupt(format!("the file ends inside {}: it is truncated; copy it again", manifest::NAME));
    let name = head.get(30..30 + manifest::NAME.len()).ok_or_else(truncated)?;
    if name != manifest::NAME.as_bytes() {
        return Err(not_a_bloc(path, "another ZIP file (its first member is not manifest.json)"));
    }
    let (_, length) = container::claimed_manifest(&head).ok_or_else(truncated)?;
    let after_name = 30 + manifest::NAME.len();
    if head[8..10] != [0, 0] || head[after_name..after_name + 4] != [1, 0, 16, 0] {
        return Err(corrupt(format!(
            "local header of {} is none that monobloc writes: the archive was compressed or zipped again; copy the original",
            manifest::NAME
        )));
    }
    if length > manifest::MAX_BYTES {
        let most = manifest::MAX_BYTES;
        return Err(corrupt(format!("{} claims {length} bytes; at most {most} are allowed", manifest::NAME)));
    }
    if header_length + length > file_length {
        return Err(truncated());
    }
    let mut bytes = vec![0; length as usize];
    read_at(file, &mut bytes, header_length, path)?;
    String::from_utf8(bytes).map_err(|error| corrupt(format!("{} is not UTF-8: {error}", manifest::NAME)))
}

/// Compares every byte outside the members with what the manifest makes them.
fn prove(file: &File, file_length: u64, manifest_json: &[u8], members: &[Member], path: &Path) -> Result<()> {
    let corrupt = |message: String| Error::corrupt(format!("{}: {message}", path.display()));
    let expected = Container::new(manifest_json.len() as u64, crc32fast::hash(manifest_json), members)
        .map_err(|error| error.within(path.display()))?;
    for (member, &offset) in members.iter().zip(&expected.offsets[1..]) {
        if member.offset != offset {
            return Err(corrupt(format!(
                "member {} is said to begin at byte {}; expected byte {offset}, the next multiple of {ALIGNMENT}",
                member.name, member.offset
            )));
        }
    }
    if expected.length != file_length {
        let fault = if file_length < expected.length { "it is truncated" } else { "something was appended" };
        let inside = members.iter().find(|member| member.offset + member.length > file_length);
        let place = inside.map_or(String::new(), |member| format!(" (inside {})", member.name));
        return Err(corrupt(format!(
            "the file has {file_length} bytes{place}, the manifest describes {}: {fault}; copy it again",
            expected.length
        )));
    }
    let mut found = Vec::new();
    for framing in &expected.framing {
        found.resize(framing.bytes.len(), 0);
        read_at(file, &mut found, framing.offset, path)?;
        if let Some(at) = found.iter().zip(&framing.bytes).position(|(found, expected)| found != expected) {
            return Err(corrupt(format!(
                "{} differs from the manifest at byte {}: found {:#04x}, expected {:#04x}; the file was altered or not written by monobloc",
                framing.what,
                framing.offset + at as u64,
                found[at],
                framing.bytes[at]
            )));
        }
    }
    Ok(())
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64, path: &Path) -> Result<()> {
    file.read_exact_at(buffer, offset).map_err(|error| Error::io(path, "reading", &error))
}
