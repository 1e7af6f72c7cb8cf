//! Programs in C, compiled against the library that was built beside the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

pub fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that the library lies in, where this program does.
pub fn library_dir() -> PathBuf {
    let program = std::env::current_exe().expect("a path");
    program.parent().expect("a folder").to_owned()
}

/// What the program wrote, which must have succeeded.
pub fn succeeded(output: &Output, what: &str) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// Compiles against the header in `include`; a folder of `flags` comes before it.
pub fn compile(compiler: &str, flags: &[&str], source: &Path, program: &Path) {
    let library = library_dir();
    let mut command = Command::new(compiler);
    command.args(flags).args(WARNINGS).arg("-I").arg(crate_dir().join("../../include")).arg(source);
    command.arg("-L").arg(&library).args(["-lmonobloc_capi", "-lpthread", "-lm"]);
    // As DT_RPATH, which comes before the LD_LIBRARY_PATH that cargo sets: an older build of the library may lie there.
    command.arg(format!("-Wl,--disable-new-dtags,-rpath,{}", library.display())).arg("-o").arg(program);
    succeeded(&command.output().expect("a compiler"), compiler);
}
