//! The name by which programs look for the shared library: `libmonobloc.so.` and the major of the version.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        let soname = format!("libmonobloc.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{soname}");
        let out = env::var_os("OUT_DIR").expect("cargo sets it");
        let profile = Path::new(&out).ancestors().nth(3).expect("cargo's folder of the profile");
        link_beside_the_library(profile, &soname);
        link_beside_the_library(&profile.join("deps"), &soname);
    }
}

/// Programs that were linked with the library where cargo leaves it, under cargo's name, find it there.
fn link_beside_the_library(folder: &Path, soname: &str) {
    let link = folder.join(soname);
    if fs::read_link(&link).is_err() {
        // A failure means a program that doesn't start, which says what it looked for.
        let _ = symlink("libmonobloc_capi.so", link);
    }
}
