//! `include/monobloc.h` is what the crate exports.

use std::path::Path;

/// Types of the crate that are pointers to C.
const POINTERS: [&str; 8] = ["Array", "ArrayMut", "In", "Numbers", "Out", "OutSized", "Text", "Userdata"];

#[test]
fn the_header_is_that_of_the_crate() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).expect("a configuration");
    let bindings = cbindgen::generate_with_config(crate_dir, config).expect("a header");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = with_plain_pointers(&String::from_utf8(made).expect("text"));
    let path = crate_dir.join("../../include/monobloc.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "include/monobloc.h is not the crate's: UPDATE_HEADER=1 writes it anew");
}

/// The header with each of [`POINTERS`] as what it is, and short comments on one line.
fn with_plain_pointers(header: &str) -> String {
    let mut pointers: Vec<(String, String)> = Vec::new();
    let mut blocks = Vec::new();
    for block in header.split("\n\n") {
        let defined = block.lines().last().and_then(|line| line.strip_prefix("typedef ")?.strip_suffix(';'));
        let pointer = defined.filter(|defined| !defined.contains('('));
        let pointer = pointer.and_then(|defined| {
            let (to, name) = defined.rsplit_once([' ', '*'])?;
            let base = name.split('_').next().unwrap_or(name);
            let stars = &defined[to.len()..defined.len() - name.len()];
            POINTERS.contains(&base).then(|| (name.to_owned(), format!("{to}{}", stars.trim_end())))
        });
        match pointer {
            Some(pointer) => pointers.push(pointer),
            None => blocks.push(block.to_owned()),
        }
    }
    pointers.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let plain = |line: &str| {
        let is_comment = line.trim_start().starts_with(['*', '/']);
        pointers.iter().filter(|_| !is_comment).fold(line.to_owned(), |line, (name, to)| {
            let space = if to.ends_with('*') { "" } else { " " };
            line.replace(&format!("{name} "), &format!("{to}{space}"))
        })
    };
    let text = blocks.join("\n\n");
    with_short_comments(&text.lines().map(plain).collect::<Vec<_>>().join("\n"))
}

fn with_short_comments(header: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in header.lines() {
        let whole = match &lines[..] {
            [.., first, text] if line.trim() == "*/" && first.trim() == "/**" => {
                text.trim().strip_prefix("* ").map(|text| format!("{first} {text} */"))
            }
            _ => None,
        };
        match whole {
            Some(whole) => {
                lines.truncate(lines.len() - 2);
                lines.push(whole);
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}
