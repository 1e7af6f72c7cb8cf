//! Rules of the C face that no compiler holds.

use monobloc::{ErrorKind, FindingKind, Status};
use monobloc_capi::status::monobloc_status;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(crate_dir().join("src")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

/// The exported functions with their bodies.
fn exported() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (_, text) in sources() {
        for part in text.split("#[unsafe(no_mangle)]\npub extern \"C\" fn ").skip(1) {
            let (name, rest) = part.split_once('(').expect("a name");
            let body = rest.split_once("\n}").expect("a body").0;
            found.push((name.to_owned(), body.to_owned()));
        }
    }
    found
}

#[test]
fn panics_are_caught_wherever_there_can_be_any() {
    let all = exported();
    assert!(all.len() > 60, "{} functions", all.len());
    for (name, body) in &all {
        assert!(name.starts_with("monobloc_"), "{name}");
        if body.contains("out_error") {
            assert!(body.contains("guard(out_error, ||"), "{name} gives errors and is not guarded");
        } else {
            let is_guarded = ["total(", "set(row, |row|"].iter().any(|guard| body.contains(guard));
            let (_, statements) = body.split_once("{\n").expect("statements");
            let reads_only = statements.lines().count() <= 9
                && !statements.contains('?')
                && !statements.contains("assert");
            assert!(is_guarded || reads_only, "{name} is neither guarded nor a mere reader:\n{body}");
        }
    }
}

#[test]
fn pointers_become_references_in_one_place() {
    for (path, text) in sources() {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        for line in text.lines().map(str::trim).filter(|line| line.contains("unsafe")) {
            let exports = line == "#[unsafe(no_mangle)]";
            let states = line.starts_with("unsafe impl ") && !line.contains('*');
            let is_home = ["handle.rs", "arrow.rs", "lib.rs"].contains(&file);
            assert!(exports || states || is_home, "{file}: {line}");
        }
    }
}

#[test]
fn numbers_are_those_of_the_core() {
    assert_eq!(monobloc_status::ALL.len(), ErrorKind::ALL.len() + 1);
    for (number, status) in monobloc_status::ALL.into_iter().enumerate() {
        assert_eq!(status as usize, number);
    }
    let header = fs::read_to_string(crate_dir().join("../../include/monobloc.h")).expect("the header");
    let has = |name: &str, number: u32| {
        let line = format!("  MONOBLOC_{} = {number},", name.to_uppercase());
        assert!(header.contains(&line), "the header lacks {line:?}");
    };
    ErrorKind::ALL.iter().for_each(|kind| has(kind.code(), kind.number()));
    FindingKind::ALL.iter().for_each(|kind| has(kind.name(), kind.number()));
    Status::ALL.iter().for_each(|status| has(&format!("row_{}", status.name()), status.number()));
}

/// Names that were ever exported stay; new ones are recorded when they are (`UPDATE_SYMBOLS=1`).
#[test]
fn exported_names_are_recorded() {
    let path = crate_dir().join("symbols.txt");
    let now: BTreeSet<String> = exported().into_iter().map(|(name, _)| name).collect();
    if std::env::var_os("UPDATE_SYMBOLS").is_some() {
        let text: String = now.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&path, text).expect("written");
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let recorded: BTreeSet<String> = recorded.lines().map(str::to_owned).collect();
    let gone: Vec<_> = recorded.difference(&now).collect();
    assert!(gone.is_empty(), "{gone:?} are gone: programs that call them would not start");
    let new: Vec<_> = now.difference(&recorded).collect();
    assert!(new.is_empty(), "{new:?} are not in symbols.txt: UPDATE_SYMBOLS=1 records them");
}
