//! Every byte of a bloc that lies outside its members, regenerated from what the manifest says.

use super::manifest::{self, Member};
use crate::error::{Error, Result};

/// Members other than the manifest begin at multiples of this, so that they can be mapped on machines
/// with pages of up to 64 KiB.
pub const ALIGNMENT: u64 = 65_536;

/// Bytes that lie at one place outside the members.
#[derive(Debug)]
pub struct Framing {
    /// Where the bytes lie in the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they are, for messages.
    pub what: String,
}

/// The shape of a whole file.
#[derive(Debug)]
pub struct Container {
    /// All framing, in the order of the file.
    pub framing: Vec<Framing>,
    /// Where each member begins, the manifest first.
    pub offsets: Vec<u64>,
    /// The length of the file.
    pub length: u64,
}

struct Entry<'a> {
    name: &'a str,
    length: u64,
    crc32: u32,
    header: u64,
}

impl Container {
    /// The shape of a bloc with this manifest and these members. Only the members' names, lengths and
    /// CRCs are read.
    pub fn new(manifest_length: u64, manifest_crc32: u32, members: &[Member]) -> Result<Container> {
        let all = std::iter::once((manifest::NAME, manifest_length, manifest_crc32))
            .chain(members.iter().map(|member| (member.name.as_str(), member.length, member.crc32)));
        let mut framing = Vec::new();
        let mut offsets = Vec::new();
        let mut entries = Vec::new();
        let mut end = 0_u64;
        for (name, length, crc32) in all {
            let header_length = local_header_length(name);
            let offset = if end == 0 {
                header_length
            } else {
                let earliest = end.checked_add(header_length).ok_or_else(too_long)?;
                earliest.checked_next_multiple_of(ALIGNMENT).ok_or_else(too_long)?
            };
            let entry = Entry { name, length, crc32, header: offset - header_length };
            let mut bytes = vec![0; usize::try_from(entry.header - end).map_err(|_| too_long())?];
            local_header(&entry, &mut bytes);
            framing.push(Framing { offset: end, bytes, what: format!("local header of {name}") });
            offsets.push(offset);
            entries.push(entry);
            end = offset.checked_add(length).ok_or_else(too_long)?;
        }
        let bytes = directory(&entries, end);
        let length = end.checked_add(bytes.len() as u64).ok_or_else(too_long)?;
        framing.push(Framing { offset: end, bytes, what: "central directory".to_owned() });
        Ok(Container { framing, offsets, length })
    }
}

/// The length of the local header of a member called `name`.
pub fn local_header_length(name: &str) -> u64 {
    30 + name.len() as u64 + 20
}

/// The manifest's CRC-32 and length, as the first bytes of a file claim them.
pub fn claimed_manifest(head: &[u8]) -> Option<(u32, u64)> {
    let crc32 = head.get(14..18)?.try_into().ok()?;
    let extra = 30 + manifest::NAME.len();
    let length = head.get(extra + 4..extra + 12)?.try_into().ok()?;
    Some((u32::from_le_bytes(crc32), u64::from_le_bytes(length)))
}

const LOCAL_HEADER: u32 = 0x0403_4B50;
const CENTRAL_HEADER: u32 = 0x0201_4B50;
const ZIP64_END: u32 = 0x0606_4B50;
const ZIP64_LOCATOR: u32 = 0x0706_4B50;
const END: u32 = 0x0605_4B50;
const VERSION_NEEDED: u16 = 45;
const MADE_BY_UNIX: u16 = 0x032D;
const FIRST_OF_1980: u16 = 0x0021;
const READ_ONLY_FILE: u32 = 0o100_444 << 16;
const IN_ZIP64: u32 = u32::MAX;
const ZIP64_EXTRA: u16 = 1;

fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&bytes);
}

fn local_header(entry: &Entry<'_>, out: &mut Vec<u8>) {
    put(out, LOCAL_HEADER.to_le_bytes());
    common(entry, 20, out);
    out.extend_from_slice(entry.name.as_bytes());
    put(out, ZIP64_EXTRA.to_le_bytes());
    put(out, 16_u16.to_le_bytes());
    put(out, entry.length.to_le_bytes());
    put(out, entry.length.to_le_bytes());
}

/// From "version needed" to the lengths of name and extra field, which both kinds of header share.
fn common(entry: &Entry<'_>, extra: u16, out: &mut Vec<u8>) {
    put(out, VERSION_NEEDED.to_le_bytes());
    put(out, [0; 2]);
    put(out, [0; 2]);
    put(out, [0; 2]);
    put(out, FIRST_OF_1980.to_le_bytes());
    put(out, entry.crc32.to_le_bytes());
    put(out, IN_ZIP64.to_le_bytes());
    put(out, IN_ZIP64.to_le_bytes());
    put(out, (entry.name.len() as u16).to_le_bytes());
    put(out, extra.to_le_bytes());
}

fn directory(entries: &[Entry<'_>], offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        put(&mut out, CENTRAL_HEADER.to_le_bytes());
        put(&mut out, MADE_BY_UNIX.to_le_bytes());
        common(entry, 28, &mut out);
        put(&mut out, [0; 2 + 2 + 2]);
        put(&mut out, READ_ONLY_FILE.to_le_bytes());
        put(&mut out, IN_ZIP64.to_le_bytes());
        out.extend_from_slice(entry.name.as_bytes());
        put(&mut out, ZIP64_EXTRA.to_le_bytes());
        put(&mut out, 24_u16.to_le_bytes());
        put(&mut out, entry.length.to_le_bytes());
        put(&mut out, entry.length.to_le_bytes());
        put(&mut out, entry.header.to_le_bytes());
    }
    let (count, length) = (entries.len() as u64, out.len() as u64);
    let zip64_end = offset + length;
    put(&mut out, ZIP64_END.to_le_bytes());
    put(&mut out, 44_u64.to_le_bytes());
    put(&mut out, MADE_BY_UNIX.to_le_bytes());
    put(&mut out, VERSION_NEEDED.to_le_bytes());
    put(&mut out, [0; 4 + 4]);
    put(&mut out, count.to_le_bytes());
    put(&mut out, count.to_le_bytes());
    put(&mut out, length.to_le_bytes());
    put(&mut out, offset.to_le_bytes());
    put(&mut out, ZIP64_LOCATOR.to_le_bytes());
    put(&mut out, [0; 4]);
    put(&mut out, zip64_end.to_le_bytes());
    put(&mut out, 1_u32.to_le_bytes());
    put(&mut out, END.to_le_bytes());
    put(&mut out, [0; 2 + 2]);
    put(&mut out, [0xFF; 2 + 2]);
    put(&mut out, [0xFF; 4 + 4]);
    put(&mut out, [0; 2]);
    out
}

fn too_long() -> Error {
    Error::corrupt("the lengths of the members add up to more than a file can have")
}
