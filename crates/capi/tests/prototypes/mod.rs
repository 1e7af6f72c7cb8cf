//! What `include/monobloc.h` declares, read as far as its own layout goes.

/// A function.
#[derive(Debug)]
pub struct Prototype {
    pub result: String,
    pub name: String,
    pub parameters: Vec<Parameter>,
}

/// One parameter: its type, without the word `struct`, and its name.
#[derive(Debug)]
pub struct Parameter {
    pub kind: String,
    pub name: String,
}

impl Parameter {
    /// Whether it may be NULL.
    pub fn is_pointer(&self) -> bool {
        self.kind.ends_with('*') || self.kind == "monobloc_on_log"
    }
}

/// All functions of the header.
pub fn all(header: &str) -> Vec<Prototype> {
    let header = without_comments(header);
    let (_, declarations) = header.split_once("extern \"C\" {").expect("declarations");
    let (_, declarations) = declarations.split_once("#endif // __cplusplus").expect("declarations");
    let (declarations, _) = declarations.split_once("#ifdef").expect("the end of the declarations");
    declarations.split(';').filter(|one| one.contains('(')).map(of_declaration).collect()
}

fn of_declaration(text: &str) -> Prototype {
    let (head, parameters) = text.split_once('(').expect("parameters");
    let head = declared(head);
    let parameters = parameters.trim_end().strip_suffix(')').expect("parameters");
    let parameters = match parameters.trim() {
        "void" => Vec::new(),
        some => some.split(',').map(declared).collect(),
    };
    Prototype { result: head.kind, name: head.name, parameters }
}

/// A type and a name.
fn declared(text: &str) -> Parameter {
    let words = text.split_whitespace().filter(|&word| word != "struct").collect::<Vec<_>>().join(" ");
    let at = words.rfind([' ', '*']).expect("a type") + 1;
    let (kind, name) = words.split_at(at);
    Parameter { kind: kind.trim().to_owned(), name: name.to_owned() }
}

/// The members of a structure that are pointers.
pub fn pointers_in(header: &str, structure: &str) -> Vec<String> {
    let header = without_comments(header);
    let (_, body) = header.split_once(&format!("typedef struct {structure} {{")).expect("the structure");
    let (body, _) = body.split_once('}').expect("its end");
    let members = body.split(';').filter(|one| !one.trim().is_empty()).map(declared);
    let pointers = members.filter(|one| one.kind.ends_with('*') || one.kind == "monobloc_on_event");
    pointers.map(|one| one.name).collect()
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut left = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| left.push_str(part.split_once("*/").expect("the end of a comment").1));
    left
}
