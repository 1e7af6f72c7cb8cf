//! Rules of the house that a compiler does not hold.

use monobloc::ErrorKind;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file at most; tests are exempt.
const LONGEST: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The first cells in backquotes of the rows of the table that follows `heading` in ARCHITECTURE.md.
fn table(heading: &str) -> Vec<String> {
    let text = read("ARCHITECTURE.md");
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}"));
    let section = section.split("\n#").next().unwrap_or(section);
    let cell = |line: &str| line.split('`').nth(1).map(str::to_owned);
    section.lines().filter(|line| line.starts_with('|')).filter_map(cell).collect()
}

#[test]
fn modules_name_only_modules_on_floors_below() {
    let floors = table("### Floors of");
    let source = root().join("crates/core/src");
    let listed: BTreeSet<_> = floors.iter().map(String::as_str).collect();
    let declared = read("crates/core/src/lib.rs");
    let declared = declared.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let declared: BTreeSet<_> = declared.map(|line| line.trim_end_matches(';')).collect();
    assert_eq!(listed, declared, "ARCHITECTURE.md's floors and lib.rs's modules");
    for path in sources("crates/core/src", "rs") {
        let relative = path.strip_prefix(&source).expect("inside").to_str().expect("UTF-8");
        let module = relative.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let Some(floor) = floors.iter().position(|name| name == module) else {
            assert_eq!(module, "lib", "{relative} is on no floor");
            continue;
        };
        let text = fs::read_to_string(&path).expect("readable");
        for (above, name) in floors.iter().enumerate().skip(floor + 1) {
            let named = text.lines().any(|line| {
                let code = line.trim_start();
                !code.starts_with("//")
                    && code.match_indices(&format!("crate::{name}")).any(|(at, found)| {
                        !code[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    })
            });
            assert!(!named, "{relative} (place {floor}) names {name} (place {above})");
        }
    }
}

#[test]
fn unsafe_places_are_listed() {
    let listed: BTreeSet<String> = table("## Unsafe places").into_iter().collect();
    let mut found = BTreeSet::new();
    for path in sources("crates", "rs") {
        let text = fs::read_to_string(&path).expect("readable");
        if text.contains(concat!("expect(", "unsafe_code")) || text.contains(concat!("allow(", "unsafe_code"))
        {
            let relative = path.strip_prefix(root()).expect("inside").to_str().expect("UTF-8").to_owned();
            found.insert(relative);
        }
    }
    assert_eq!(found, listed);
}

#[test]
fn one_module_maps_memory() {
    for path in sources("crates", "rs") {
        let text = fs::read_to_string(&path).expect("readable");
        let may = path.to_string_lossy().contains("core/src/mapped") || path.ends_with("tests/tidy.rs");
        assert!(may || !text.contains("memmap2"), "{} names memmap2", path.display());
    }
}

#[test]
fn one_module_names_tract() {
    for path in sources("crates/core/src", "rs") {
        let text = fs::read_to_string(&path).expect("readable");
        let may = path.components().any(|part| part.as_os_str() == "graph");
        assert!(may || !text.contains("tract_onnx::"), "{} names tract", path.display());
    }
}

#[test]
fn files_are_short_and_no_grab_bags() {
    let tested = |path: &Path| path.components().any(|part| part.as_os_str() == "tests");
    let files = sources("crates", "rs").into_iter().chain(sources("python", "py"));
    for path in files.filter(|path| !tested(path)) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(!["utils", "helpers", "common", "misc", "types"].contains(&stem), "{}", path.display());
        if stem != "tests" {
            let lines = fs::read_to_string(&path).expect("readable").lines().count();
            assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_error_catalogue_is_documented() {
    let mut page = String::from(
        "# Errors\n\nEvery error has a number and a code, which are the same in every language and are never used again \
         for something else. In Python each is an exception of its own, derived from `monobloc.MonoblocError`; in the \
         command's output the code ends the line. HTTP is the status that a service may answer with, `http_status` of the \
         exception: [json.md](json.md).\n\n| number | code | Python | HTTP | meaning |\n|---|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let (number, code, name, status) = (kind.number(), kind.code(), kind.name(), kind.http_status());
        page += &format!("| {number} | `{code}` | `{name}Error` | {status} |{} |\n", kind.description());
    }
    let path = root().join("docs/errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/errors.md is out of date: UPDATE_DOCS=1 cargo test --test tidy");
}
