//! `docs/c-reference.md` is what `include/monobloc.h` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Reference of the C face\n\nMade of the comments in `include/monobloc.h` by a test. \
    [c.md](c.md) is the guide: how to build, and what holds for all calls.\n";

/// Nouns, in the order of the page, and what they are.
const CHAPTERS: [(&str, &str); 14] = [
    ("engine", "Engines"),
    ("loading", "Loading in the background"),
    ("rows", "Rows"),
    ("row", "A prepared row"),
    ("verdicts", "Verdicts"),
    ("tensors", "Tensors"),
    ("bloc", "Blocs"),
    ("error", "Errors"),
    ("bytes", "Bytes"),
    ("cpu", "CPU budget"),
    ("footprint", "Memory"),
    ("set", "Messages"),
    ("has", "The library"),
    ("", "Structures and enumerations"),
];

/// One declaration of the header with its comment.
struct Declared {
    name: String,
    comment: String,
    text: String,
}

#[test]
fn the_reference_is_that_of_the_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let header = fs::read_to_string(root.join("include/monobloc.h")).expect("the header");
    let declared = declarations(&header);
    assert!(declared.len() > 80, "{} declarations", declared.len());
    for one in &declared {
        assert!(!one.comment.is_empty(), "{} has no comment", one.name);
    }
    let page = page(&declared);
    let path = root.join("docs/c-reference.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/c-reference.md is out of date: UPDATE_DOCS=1 writes it anew");
}

/// What is declared after each comment, up to the next one that stands at the beginning of a line.
fn declarations(header: &str) -> Vec<Declared> {
    let ours = header.split_once("#define MONOBLOC_ABI_VERSION").map_or(header, |(_, ours)| ours);
    let mut found = Vec::new();
    for part in ours.split("\n/**").skip(1) {
        let (comment, rest) = part.split_once("*/").expect("an end of the comment");
        let lines = comment.lines().map(|line| line.trim().trim_start_matches('*').trim());
        let comment = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        let text = rest.split("\n#").next().unwrap_or(rest).trim();
        let text = if rest.trim_start().starts_with("enum ") { whole_enum(rest) } else { text.to_owned() };
        if let Some(name) = name(&text) {
            found.push(Declared { name, comment, text });
        }
    }
    found
}

/// An enumeration without what only some compilers see.
fn whole_enum(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.trim() != ": uint32_t");
    let text = lines.collect::<Vec<_>>().join("\n");
    let end = text.find("\n};").map_or(text.len(), |end| end + 3);
    text[..end].trim().replace("\n {", " {")
}

/// The name that a declaration declares.
fn name(text: &str) -> Option<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut ours = words.filter(|word| word.starts_with("monobloc_"));
    if text.starts_with("enum ") || text.starts_with("typedef ") {
        return ours.next().map(str::to_owned);
    }
    let before = text.split('(').next()?;
    before.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned)
}

fn page(declared: &[Declared]) -> String {
    let mut chapters: BTreeMap<usize, String> = BTreeMap::new();
    for one in declared {
        let is_function = !one.text.starts_with("enum ") && !one.text.starts_with("typedef ");
        let noun = one.name.trim_start_matches("monobloc_").split('_').next().unwrap_or_default();
        let noun = match noun {
            _ if !is_function => "",
            "abi" | "version" => "has",
            noun => noun,
        };
        let number = CHAPTERS.iter().position(|(known, _)| *known == noun);
        let number = number.unwrap_or_else(|| panic!("{} is in no chapter", one.name));
        let chapter = chapters.entry(number).or_insert_with(|| format!("\n## {}\n", CHAPTERS[number].1));
        *chapter += &format!("\n### `{}`\n\n```c\n{}\n```\n\n{}\n", one.name, one.text, one.comment);
    }
    chapters.into_values().fold(HEAD.to_owned(), |page, chapter| page + &chapter)
}
