//! `monobloc sanity`: a bloc's rules, and a new bloc with others.

use monobloc::pack::with_rules;
use monobloc::sanity::Rules;
use monobloc::{Engine, Error, ErrorKind, LoadOptions, Result};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the command line says.
#[derive(clap::Args)]
pub struct Arguments {
    /// The bloc.
    bloc: PathBuf,
    /// Lay rules over the bloc's own, from a file of YAML or JSON (- is standard input), and write a new bloc. Without a
    /// file, $VISUAL or $EDITOR opens on the bloc's rules.
    #[arg(long, num_args = 0..=1, value_name = "RULES", requires = "output")]
    edit: Option<Option<PathBuf>>,
    /// Where the new bloc goes; a file there is replaced in one step.
    #[arg(long, short, requires = "edit")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, conflicts_with = "edit")]
    json: bool,
}

/// The text to print.
pub fn run(arguments: &Arguments) -> Result<String> {
    let Arguments { bloc, edit, output, json } = arguments;
    let engine = Engine::load(bloc, &LoadOptions::default())?;
    let rules = engine.sanity().rules();
    let (Some(edit), Some(output)) = (edit, output) else {
        return if *json {
            let internal = |error| Error::new(ErrorKind::Internal, format!("writing JSON: {error}"));
            serde_json::to_string_pretty(rules).map(|text| text + "\n").map_err(internal)
        } else {
            rules.to_yaml()
        };
    };
    let rules = match edit {
        None => Rules::default().amended(&edited(&rules.to_yaml()?)?, engine.schema())?,
        Some(path) => rules.amended(&read(path)?, engine.schema())?,
    };
    let packed = with_rules(bloc, output, &rules)?;
    Ok(format!("{}: {} bytes\n{}\n", output.display(), packed.size_bytes, packed.digest))
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| io(format!("reading {}", path.display()), &error))
}

/// The rules as the user's editor leaves them.
fn edited(rules: &str) -> Result<String> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(std::env::var_os).unwrap_or_else(|| "vi".into());
    let what = |doing: &str| format!("{doing} a temporary file for {}", editor.display());
    let mut file = tempfile::Builder::new()
        .prefix("monobloc-sanity-")
        .suffix(".yaml")
        .tempfile()
        .map_err(|error| io(what("creating"), &error))?;
    file.write_all(rules.as_bytes()).map_err(|error| io(what("writing"), &error))?;
    let mut script = editor.clone();
    script.push(" \"$1\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .args(["sh".as_ref(), file.path().as_os_str()])
        .status()
        .map_err(|error| io(format!("running {}", editor.display()), &error))?;
    if !status.success() {
        return Err(Error::new(
            ErrorKind::Io,
            format!("{} ended with {status}; nothing was written", editor.display()),
        ));
    }
    std::fs::read_to_string(file.path()).map_err(|error| io(what("reading"), &error))
}

fn io(doing: String, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing}: {error}"))
}
