//! One altered file per way in which a container can lie.

use super::container::{Container, local_header_length};
use super::manifest::{FORMAT_VERSION, Manifest, Member};
use super::{Bloc, BlocWriter, Draft};
use crate::error::ErrorKind;
use proptest::prelude::*;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const MEMBERS: [(&str, usize); 3] = [("params.bin", 24), ("forest.bin", 70_000), ("reference.json", 2)];

fn draft() -> Draft {
    let json = r#"{"name":"m","version":"1","schema":{},"preprocess":{},"model":{},"metadata":{"k":"v"},"provenance":{}}"#;
    serde_json::from_str(json).expect("a draft")
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

fn publish(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("model.bloc");
    let mut writer = BlocWriter::default();
    for (name, len) in MEMBERS {
        writer.add(name, 1, true, body(len)).expect("added");
    }
    writer.write(&path, draft()).and_then(super::Unpublished::publish).expect("a bloc");
    path
}

/// A file whose framing is right for whatever `alter` makes of the manifest.
fn forge(folder: &TempDir, alter: impl Fn(&mut serde_json::Value)) -> PathBuf {
    let original = Bloc::open(publish(folder), None).expect("a bloc");
    let mut json: serde_json::Value = serde_json::from_str(original.manifest_json()).expect("JSON");
    alter(&mut json);
    let text = serde_json::to_vec(&json).expect("JSON");
    let members: Vec<Member> = serde_json::from_value(json["members"].clone()).unwrap_or_default();
    let shape = Container::new(text.len() as u64, crc32fast::hash(&text), &members).expect("a shape");
    let mut bytes = vec![0; shape.length as usize];
    for framing in &shape.framing {
        bytes[framing.offset as usize..][..framing.bytes.len()].copy_from_slice(&framing.bytes);
    }
    bytes[local_header_length("manifest.json") as usize..][..text.len()].copy_from_slice(&text);
    let path = folder.path().join("forged.bloc");
    fs::write(&path, bytes).expect("a file");
    path
}

fn altered(folder: &TempDir, alter: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(publish(folder)).expect("a bloc");
    alter(&mut bytes);
    let path = folder.path().join("altered.bloc");
    fs::write(&path, bytes).expect("a file");
    path
}

#[track_caller]
fn refused(path: &Path, kind: ErrorKind, words: &[&str]) {
    let error = Bloc::open(path, None).map(drop).expect_err("the file is no sound bloc");
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error:?} lacks {word:?}");
    }
}

#[test]
fn what_is_written_is_read() {
    let folder = TempDir::new().expect("a folder");
    let path = publish(&folder);
    let bloc = Bloc::open(&path, None).expect("a bloc");
    bloc.verify().expect("sound members");
    for (name, len) in MEMBERS {
        assert_eq!(bloc.read(name).expect("readable"), Some(body(len)));
        assert_eq!(bloc.manifest().member(name).map(|member| member.offset % 65_536), Some(0));
    }
    assert!(Bloc::open(&path, Some(bloc.digest())).is_ok());
    assert!(fs::metadata(&path).expect("metadata").permissions().readonly());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left behind");
}

#[test]
fn same_input_gives_same_bytes() {
    let (one, two) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    assert_eq!(fs::read(publish(&one)).expect("bytes"), fs::read(publish(&two)).expect("bytes"));
}

#[test]
fn other_zip_readers_accept_it() {
    let folder = TempDir::new().expect("a folder");
    let path = publish(&folder);
    let mut archive = zip::ZipArchive::new(fs::File::open(&path).expect("a file")).expect("a ZIP archive");
    assert_eq!(archive.len(), MEMBERS.len() + 1);
    for (name, len) in MEMBERS {
        let mut bytes = Vec::new();
        archive.by_name(name).expect("a member").read_to_end(&mut bytes).expect("CRC and length agree");
        assert_eq!(bytes, body(len));
    }
}

#[test]
fn truncation_is_named() {
    let folder = TempDir::new().expect("a folder");
    let bloc = Bloc::open(publish(&folder), None).expect("a bloc");
    refused(&altered(&folder, Vec::clear), ErrorKind::NotABloc, &["empty"]);
    for len in [1, 4, 30, 62, 63, 64, 500] {
        let kind = if len < 4 { ErrorKind::NotABloc } else { ErrorKind::Corrupt };
        let path = altered(&folder, |bytes| bytes.truncate(len));
        let error = Bloc::open(&path, None).map(drop).expect_err("truncated");
        assert!(error.kind() == kind || len < 4, "{len}: {error}");
    }
    for member in &bloc.manifest().members {
        for len in [member.offset, member.offset + 1, member.offset + member.length] {
            let path = altered(&folder, |bytes| bytes.truncate(len as usize));
            refused(&path, ErrorKind::Corrupt, &["truncated"]);
        }
    }
}

#[test]
fn every_byte_outside_the_members_is_proven() {
    let folder = TempDir::new().expect("a folder");
    let bloc = Bloc::open(publish(&folder), None).expect("a bloc");
    let members = &bloc.manifest().members;
    let sound = fs::read(bloc.path()).expect("bytes");
    let inside = |at: usize| members.iter().any(|m| (m.offset..m.offset + m.length).contains(&(at as u64)));
    let path = folder.path().join("altered.bloc");
    let near = |at: usize| at.is_multiple_of(997) || sound[at] != 0;
    for at in (0..sound.len()).filter(|&at| !inside(at) && near(at)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, bytes).expect("a file");
        let refused = Bloc::open(&path, Some(bloc.digest())).map(drop);
        assert!(refused.is_err(), "byte {at} of the framing can be altered");
    }
}

#[test]
fn altered_members_fail_full_verification() {
    let folder = TempDir::new().expect("a folder");
    let members = Bloc::open(publish(&folder), None).expect("a bloc").manifest().members.clone();
    for member in members {
        let path = altered(&folder, |bytes| bytes[(member.offset + member.length - 1) as usize] ^= 1);
        let bloc = Bloc::open(&path, None).expect("structure alone does not read members");
        let error = bloc.verify().expect_err("an altered member");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(&member.name), "{error}");
    }
}

#[test]
fn lies_of_the_manifest_are_named() {
    let folder = TempDir::new().expect("a folder");
    type Lie<'a> = (&'a dyn Fn(&mut serde_json::Value), ErrorKind, &'a [&'a str]);
    let cases: [Lie<'_>; 8] = [
        (&|json| json["surprise"] = 1.into(), ErrorKind::Corrupt, &["surprise"]),
        (&|json| json["members"][0]["surprise"] = 1.into(), ErrorKind::Corrupt, &["surprise"]),
        (&|json| json["oldest_reader"] = 2.into(), ErrorKind::VersionTooNew, &["version 2", "upgrade"]),
        (&|json| json["members"][0]["version"] = 7.into(), ErrorKind::VersionTooNew, &["params.bin", "7"]),
        (&|json| json["members"][0]["name"] = "novel.bin".into(), ErrorKind::VersionTooNew, &["novel.bin"]),
        (
            &|json| json["members"][1]["name"] = "params.bin".into(),
            ErrorKind::Corrupt,
            &["params.bin", "twice"],
        ),
        (&|json| json["members"][1]["name"] = "../forest.bin".into(), ErrorKind::Corrupt, &["../forest.bin"]),
        (&|json| json["members"][1]["offset"] = 65_536.into(), ErrorKind::Corrupt, &["forest.bin", "65536"]),
    ];
    for (alter, kind, words) in cases {
        refused(&forge(&folder, alter), kind, words);
    }
    let huge = forge(&folder, |json| json["name"] = "x".into());
    let mut bytes = fs::read(&huge).expect("bytes");
    bytes[30 + 13 + 4..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&huge, bytes).expect("a file");
    refused(&huge, ErrorKind::Corrupt, &["manifest.json"]);
}

#[test]
fn a_wrong_length_is_found_in_the_framing() {
    let folder = TempDir::new().expect("a folder");
    let manifest = |path: &Path| Bloc::open(path, None).expect("a bloc").manifest_json().to_owned();
    let text = manifest(&publish(&folder));
    let at = text.find("\"length\": 24").expect("params.bin's length");
    let path = altered(&folder, |bytes| bytes[63 + at + 11] = b'5');
    refused(&path, ErrorKind::Corrupt, &["manifest.json"]);
}

#[test]
fn compressed_or_foreign_archives_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("foreign.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).expect("a file"));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("other.txt", stored).expect("a member");
    archive.write_all(b"hello").expect("written");
    archive.finish().expect("a ZIP archive");
    refused(&path, ErrorKind::NotABloc, &["another ZIP file"]);
    let method = altered(&folder, |bytes| bytes[8] = 8);
    refused(&method, ErrorKind::Corrupt, &["local header of manifest.json"]);
}

#[test]
fn appended_and_prepended_bytes_are_refused() {
    let folder = TempDir::new().expect("a folder");
    refused(&altered(&folder, |bytes| bytes.push(0)), ErrorKind::Corrupt, &["appended"]);
    refused(&altered(&folder, |bytes| bytes.insert(0, b'#')), ErrorKind::NotABloc, &["another kind of file"]);
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = TempDir::new().expect("a folder");
    refused(folder.path(), ErrorKind::NotABloc, &["a directory"]);
    refused(&folder.path().join("absent.bloc"), ErrorKind::NotFound, &["absent.bloc"]);
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    refused(&fifo, ErrorKind::NotABloc, &["no regular file"]);
}

#[test]
fn another_digest_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = publish(&folder);
    let other = format!("sha256:{}", "0".repeat(64));
    let error = Bloc::open(&path, Some(&other)).map(drop).expect_err("another digest");
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    let error = Bloc::open(&path, Some("md5:1")).map(drop).expect_err("no digest");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn replacing_changes_nothing_and_overwriting_is_noticed() {
    let folder = TempDir::new().expect("a folder");
    let path = publish(&folder);
    let bloc = Bloc::open(&path, None).expect("a bloc");
    assert!(bloc.health().is_ok());
    let next = folder.path().join("next.bloc");
    fs::copy(&path, &next).expect("a copy");
    fs::rename(&next, &path).expect("replaced");
    assert!(bloc.health().is_ok(), "{:?}", bloc.health());
    bloc.verify().expect("the opened file is as it was");

    let bloc = Bloc::open(&path, None).expect("a bloc");
    let mut permissions = fs::metadata(&path).expect("metadata").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&path, permissions).expect("writable");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"PK"))
        .expect("overwritten");
    assert!(!bloc.health().is_ok());
}

#[test]
fn a_failed_write_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let targets = [folder.path().join("absent/model.bloc"), folder.path().to_owned(), PathBuf::from("/")];
    for target in targets {
        assert!(BlocWriter::default().write(&target, draft()).map(drop).is_err(), "{}", target.display());
    }
    let target = folder.path().join("model.bloc");
    let unpublished = BlocWriter::default().write(&target, draft()).expect("written");
    drop(unpublished);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn the_manifest_states_the_present_version() {
    let manifest = Manifest::new(draft(), Vec::new());
    assert_eq!(manifest.format_version, FORMAT_VERSION);
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/formats");
    assert!(
        samples.join(format!("v{FORMAT_VERSION}")).is_dir() || env!("CARGO_PKG_VERSION").starts_with("0."),
        "a released format version needs a sample in tests/formats"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_sound(bytes in proptest::collection::vec(any::<u8>(), 0..400), sound_head in any::<bool>()) {
        let folder = TempDir::new().expect("a folder");
        let path = altered(&folder, |file| if sound_head { file.splice(80.., bytes); } else { *file = bytes; });
        prop_assert!(Bloc::open(&path, None).is_err());
    }

    #[test]
    fn any_sizes_and_names_round_trip(
        sizes in proptest::collection::vec(0_usize..140_000, 0..5),
        depth in 1_usize..4,
    ) {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("model.bloc");
        let mut writer = BlocWriter::default();
        let name = |at: usize| format!("{}member-{at}.bin", "source/".repeat(depth - 1));
        for (at, &size) in sizes.iter().enumerate() {
            writer.add(&name(at), 1, false, body(size)).expect("added");
        }
        writer.write(&path, draft()).and_then(super::Unpublished::publish).expect("a bloc");
        let bloc = Bloc::open(&path, None).expect("a bloc");
        for (at, &size) in sizes.iter().enumerate() {
            prop_assert_eq!(bloc.read(&name(at)).expect("readable"), Some(body(size)));
            prop_assert_eq!(bloc.section(&name(at)).map(|view| view.len()), Some(size));
        }
    }
}
