//! The C face, from C and C++: compilers take the header, and programs get what Rust gets.

#[path = "../../core/tests/sample/mod.rs"]
#[expect(dead_code, reason = "of this the bloc alone is wanted")]
mod sample;

mod program;

use program::{compile, crate_dir, succeeded};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

fn has(command: &str) -> bool {
    Command::new(command).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn calls() -> PathBuf {
    crate_dir().join("tests/c/calls.c")
}

/// A folder with the sample's bloc.
fn sample() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let bloc = folder.path().join("sample.bloc");
    sample::pack(&bloc).expect("packed");
    (folder, bloc)
}

#[test]
fn every_call_does_what_it_says() {
    let (folder, bloc) = sample();
    let program = folder.path().join("calls");
    compile("gcc", &["-std=c99"], &calls(), &program);
    let output = Command::new(&program).arg(&bloc).arg("8").output().expect("run");
    assert_eq!(succeeded(&output, "calls"), "all as expected\n");
}

#[test]
fn compilers_take_the_header_twice() {
    let folder = TempDir::new().expect("a folder");
    let source = folder.path().join("twice.c");
    let text = "#include \"monobloc.h\"\n#include \"monobloc.h\"\n\
        int main(void) { return (int)(monobloc_abi_version() - MONOBLOC_ABI_VERSION); }\n";
    std::fs::write(&source, text).expect("written");
    let program = folder.path().join("twice");
    for (compiler, flags) in [
        ("gcc", &["-std=c99"][..]),
        ("gcc", &["-std=c17"]),
        ("g++", &["-std=c++11", "-x", "c++"]),
        ("g++", &["-std=c++20", "-x", "c++"]),
        ("clang", &["-std=c99"]),
        ("clang++", &["-std=c++11", "-x", "c++"]),
    ] {
        if has(compiler) {
            let flags: Vec<&str> =
                flags.iter().chain(&["-Wno-unused-command-line-argument"][..]).copied().collect();
            let flags = if compiler.starts_with("clang") { &flags[..] } else { &flags[..flags.len() - 1] };
            compile(compiler, flags, &source, &program);
            succeeded(&Command::new(&program).output().expect("run"), compiler);
        }
    }
}

#[test]
fn sanitizers_find_nothing() {
    let (folder, bloc) = sample();
    let program = folder.path().join("calls");
    let flags = ["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    compile("gcc", &flags, &calls(), &program);
    let mut command = Command::new(&program);
    command.arg(&bloc).arg("8").env("ASAN_OPTIONS", "detect_leaks=1");
    assert_eq!(succeeded(&command.output().expect("run"), "calls"), "all as expected\n");
}

#[test]
fn valgrind_finds_nothing() {
    if !has("valgrind") {
        eprintln!("valgrind is not here");
        return;
    }
    let (folder, bloc) = sample();
    let program = folder.path().join("calls");
    compile("gcc", &["-std=c99", "-g"], &calls(), &program);
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--leak-check=full", "--error-exitcode=9"]);
    command.args(["--errors-for-leak-kinds=definite,indirect,possible"]);
    let output = command.arg(&program).arg(&bloc).arg("2").output().expect("run");
    assert_eq!(succeeded(&output, "valgrind"), "all as expected\n");
}
