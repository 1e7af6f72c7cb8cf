//! Programs that were compiled against the header of an earlier version run with this library, and it exports what
//! `symbols.txt` says and nothing else.

#[path = "../../core/tests/sample/mod.rs"]
#[expect(dead_code, reason = "of this the bloc alone is wanted")]
mod sample;

mod program;

use program::{compile, crate_dir, library_dir, succeeded};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder for each version whose programs still run.
fn recorded() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(crate_dir().join("../../tests/abi")).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn programs_of_earlier_headers_run() {
    let folder = TempDir::new().expect("a folder");
    let bloc = folder.path().join("sample.bloc");
    sample::pack(&bloc).expect("packed");
    let all = recorded();
    assert!(!all.is_empty());
    for version in all {
        let program = folder.path().join("program");
        let own_header = format!("-I{}", version.display());
        compile("gcc", &["-std=c99", &own_header], &version.join("program.c"), &program);
        let output = Command::new(&program).arg(&bloc).output().expect("run");
        assert_eq!(succeeded(&output, "program"), "all as expected\n", "{}", version.display());
    }
}

/// Names of a header that were there once are there still, with the same number.
#[test]
fn constants_stay() {
    let now = std::fs::read_to_string(crate_dir().join("../../include/monobloc.h")).expect("the header");
    let constants = |header: &str| -> BTreeSet<String> {
        let lines = header.lines().map(str::trim).filter(|line| line.starts_with("MONOBLOC_"));
        lines.filter(|line| line.contains(" = ")).map(str::to_owned).collect()
    };
    for version in recorded() {
        let then = std::fs::read_to_string(version.join("monobloc.h")).expect("a header");
        assert!(constants(&then).len() > 50);
        let (then, now) = (constants(&then), constants(&now));
        let gone: Vec<_> = then.difference(&now).collect();
        assert!(gone.is_empty(), "{}: {gone:?} are gone or have another number", version.display());
    }
}

/// The types of what a header declares, of the functions that the header of `names` has, as debugging information.
#[cfg(target_os = "linux")]
fn types_of(folder: &Path, header: &str, names: &BTreeSet<&str>, library: &str) -> PathBuf {
    std::fs::write(folder.join("declared.h"), header).expect("written");
    let variables = names.iter().map(|name| {
        format!("extern __typeof__(&{name}) type_of_{name}; __typeof__(&{name}) type_of_{name};\n")
    });
    let source = format!("#include \"declared.h\"\n{}", variables.collect::<String>());
    std::fs::write(folder.join("types.c"), source).expect("written");
    let made = folder.join(library);
    let mut gcc = Command::new("gcc");
    gcc.args(["-g", "-shared", "-fPIC", "types.c", "-o"]).arg(&made).current_dir(folder);
    succeeded(&gcc.output().expect("gcc"), "gcc");
    made
}

/// Functions and structures that programs were compiled for are what they were; enumerations may have gained members.
/// A structure that says its size may grow at its end, which `tests/abi/grown.abignore` then says, and the programs of
/// earlier headers hold the places of its first members.
#[cfg(target_os = "linux")]
#[test]
fn types_of_earlier_headers_stay() {
    if Command::new("abidiff").arg("--version").output().is_err() {
        eprintln!("abidiff is not here");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let grown = crate_dir().join("../../tests/abi/grown.abignore");
    let now = std::fs::read_to_string(crate_dir().join("../../include/monobloc.h")).expect("the header");
    for version in recorded() {
        let then = std::fs::read_to_string(version.join("monobloc.h")).expect("a header");
        let words = then.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let declared =
            |word: &&str| then.contains(&format!(" {word}(")) || then.contains(&format!("*{word}("));
        let names: BTreeSet<&str> =
            words.filter(|word| word.starts_with("monobloc_")).filter(declared).collect();
        assert!(names.len() > 80, "{names:?}");
        let old = types_of(folder.path(), &then, &names, "then.so");
        let compared = |header: &str| {
            let new = types_of(folder.path(), header, &names, "now.so");
            let mut abidiff = Command::new("abidiff");
            abidiff.arg("--suppressions").arg(&grown).arg(&old).arg(new).output().expect("abidiff")
        };
        succeeded(&compared(&now), "abidiff");
        let more = then.replace("MONOBLOC_OUTPUTS = 0,", "MONOBLOC_OUTPUTS = 0, MONOBLOC_MORE = 77,");
        assert_ne!(more, then);
        succeeded(&compared(&more), "abidiff of an enumeration with more members");
        for (was, is) in [
            ("size_t threads;", "unsigned threads;"),
            ("size_t threads;", "size_t threads; size_t added;"),
            ("size_t n_rows,", "size_t n_rows, int more,"),
        ] {
            assert!(then.contains(was), "{was}");
            assert!(!compared(&then.replace(was, is)).status.success(), "{was} became {is}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_library_exports_its_names_and_nothing_else() {
    let library = library_dir().join("libmonobloc_capi.so");
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output().expect("nm");
    let listed = succeeded(&output, "nm");
    let exported: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let names = std::fs::read_to_string(crate_dir().join("symbols.txt")).expect("the names");
    assert_eq!(exported, names.lines().collect::<BTreeSet<_>>());
}
