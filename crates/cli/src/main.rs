//! The `monobloc` command, which looks into blocs and verifies them.

use std::process::ExitCode;

fn main() -> ExitCode {
    monobloc::error::hush_foreign_panics();
    ExitCode::from(monobloc_cli::run(std::env::args_os().skip(1)))
}
