//! NULL for every pointer of every call: the header's prototypes become a program in C, which says so where one is
//! neither refused by its name nor meant to be taken.

#[path = "../../core/tests/network/networks.rs"]
#[cfg(feature = "onnx")]
#[expect(dead_code, reason = "of these one bloc alone is wanted")]
mod networks;
#[path = "../../core/tests/sample/mod.rs"]
#[expect(dead_code, reason = "of this the bloc alone is wanted")]
mod sample;

mod program;
mod prototypes;

use arrow_array::{Float64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use program::{compile, crate_dir, succeeded};
use prototypes::{Parameter, Prototype};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Pointers that may be NULL, by function; `*` stands for every one.
const OPTIONAL: [(&str, &str); 14] = [
    ("*", "out_error"),
    ("*", "options"),
    ("monobloc_bloc_open", "digest"),
    ("monobloc_cpu_budget_read", "out_explanation"),
    ("monobloc_engine_drift", "out_json"),
    ("monobloc_engine_drift", "out_table"),
    ("monobloc_engine_drift", "rows"),
    ("monobloc_engine_health", "out_findings"),
    ("monobloc_footprint_of", "out_table"),
    ("monobloc_set_log", "on_log"),
    ("monobloc_set_log", "userdata"),
    ("monobloc_verdicts_n_findings", "verdicts"),
    ("monobloc_verdicts_status", "verdicts"),
    ("monobloc_verdicts_to_json", "verdicts"),
];

/// Members of structures that come in, and may be NULL.
const OPTIONAL_MEMBERS: [&str; 5] = ["validity", "digest", "state_dir", "on_event", "event_userdata"];

/// Calls that succeed with NULL and 0 for everything.
const TAKE_NOTHING: [&str; 3] = ["monobloc_verdicts_status", "monobloc_error_status", "monobloc_engine_task"];

/// What functions without a status answer to NULL, where it is not 0, false, NULL or no text.
const OF_NULL: [(&str, &str); 5] = [
    ("monobloc_engine_task", "MONOBLOC_REGRESSION"),
    ("monobloc_error_http_status", "200"),
    ("monobloc_error_row", "SIZE_MAX"),
    ("monobloc_error_status", "MONOBLOC_OK"),
    ("monobloc_loading_wait", "true"),
];

/// Functions that take a handle over.
fn takes_over(function: &str) -> bool {
    function.ends_with("_free") || function == "monobloc_loading_finish"
}

/// What a call with valid arguments gives, where it is not `MONOBLOC_OK`.
fn status_of_valid(function: &str) -> &'static str {
    match function {
        // The sample was packed without a reference.
        "monobloc_engine_drift" => "MONOBLOC_INVALID_ARGUMENT",
        // The sample is no network.
        "monobloc_engine_run_network" if cfg!(feature = "onnx") => "MONOBLOC_INVALID_ARGUMENT",
        "monobloc_engine_run_network" => "MONOBLOC_UNSUPPORTED",
        _ => "MONOBLOC_OK",
    }
}

/// Functions that only networks answer.
fn is_of_networks(function: &str) -> bool {
    ["monobloc_engine_run_tensors", "monobloc_engine_tensor_field", "monobloc_tensors_get"]
        .contains(&function)
}

/// A valid argument: statements that make it, the expression, and statements that free it.
struct Argument {
    made: String,
    given: String,
    freed: String,
}

fn argument(function: &str, Parameter { kind, name }: &Parameter) -> Option<Argument> {
    let made = |made: String, given: &str, freed: &str| {
        Some(Argument { made, given: given.to_owned(), freed: freed.to_owned() })
    };
    let plain = |value: &str| made(format!("{kind} {name} = {value};"), name, "");
    let base = kind.trim_start_matches("const ").trim_end_matches(['*', ' ']);
    let noun = base.strip_prefix("monobloc_").unwrap_or_default();
    match (kind.as_str(), name.as_str()) {
        (_, "engine") if is_of_networks(function) => {
            made("monobloc_engine *engine = monobloc_engine_clone(network);".to_owned(), name, "monobloc_engine_free(engine);")
        }
        (_, "engine") => {
            made("monobloc_engine *engine = monobloc_engine_clone(sample);".to_owned(), name, "monobloc_engine_free(engine);")
        }
        (_, "tensors") if base == "monobloc_tensor" => {
            made("monobloc_tensor tensors[1]; new_tensor(tensors);".to_owned(), name, "")
        }
        (
            _,
            "row" | "rows" | "bloc" | "loading" | "error" | "bytes" | "verdicts" | "tensors",
        ) if noun == name => made(
            format!("{base} *{name} = new_{name}();"),
            name,
            &format!("{base}_free({name});"),
        ),
        (_, "columns") => made("monobloc_column columns[3]; new_columns(columns);".to_owned(), name, ""),
        (_, "matrix") => made("monobloc_matrix matrix[1]; new_matrix(matrix);".to_owned(), name, ""),
        (_, "options") => made("monobloc_load_options options[1]; new_options(options);".to_owned(), name, ""),
        ("ArrowArray *" | "ArrowSchema *" | "ArrowArrayStream *", "array" | "schema" | "stream") => made(
            format!("struct {base} {name} = new_{name}();"),
            &format!("&{name}"),
            &format!("if ({name}.release != NULL) {name}.release(&{name});"),
        ),
        ("ArrowArrayStream *", "out_stream") => made(
            "struct ArrowArrayStream out_stream = {0};".to_owned(),
            "&out_stream",
            "if (out_stream.release != NULL) out_stream.release(&out_stream);",
        ),
        (kind, _) if kind.ends_with("**") && name.starts_with("out_") => {
            made(format!("{base} *{name} = NULL;"), &format!("&{name}"), &format!("{base}_free({name});"))
        }
        ("size_t *", "out_field") => made("size_t out_field = 0;".to_owned(), "&out_field", ""),
        (kind, _) if kind.ends_with('*') && name.starts_with("out_") && !noun.is_empty() => made(
            format!("{base} {name}; memset(&{name}, 0, sizeof {name}); {name}.size = sizeof {name};"),
            &format!("&{name}"),
            "",
        ),
        ("const char *", "path") => plain("bloc_path"),
        ("const char *", "digest") => made(
            "char digest[128]; snprintf(digest, sizeof digest, \"%.*s\", (int)monobloc_engine_digest(sample).len, \
             monobloc_engine_digest(sample).data);"
                .to_owned(),
            name,
            "",
        ),
        ("const char *", "name") => plain("\"balance\""),
        ("const char *", "format") => plain("\"prometheus\""),
        ("const char *", "text") => plain("\"north\""),
        ("const void *", "paths") => plain("&bloc_path"),
        ("const uint8_t *", "body") if function == "monobloc_engine_run_arrow" => plain("arrow_body"),
        ("const uint8_t *", "body") => plain("(const uint8_t *)BODY"),
        ("double *", "values" | "features") => plain("numbers"),
        ("float *", "features") => plain("singles"),
        ("monobloc_on_log", _) => plain("hear"),
        ("void *", "userdata") => plain("numbers"),
        ("size_t", "len") => plain(match function {
            "monobloc_engine_run_arrow" => "arrow_len",
            "monobloc_row_set_text" => "5",
            _ => "strlen(BODY)",
        }),
        ("size_t", "field") => plain(if function == "monobloc_row_set_text" { "2" } else { "0" }),
        ("size_t", "n_columns") => plain("3"),
        ("size_t", "n_rows" | "n_paths" | "n_tensors" | "workers" | "threads") => plain("1"),
        ("size_t", "n_values") => plain("2"),
        ("size_t", "n_features") => plain("5"),
        ("size_t", "row" | "feature" | "tensor" | "class_number" | "finding" | "target" | "number") => plain("0"),
        ("uint32_t", "answer") => plain("MONOBLOC_OUTPUTS"),
        ("uint64_t", "milliseconds") => plain("60000"),
        ("bool" | "double" | "int64_t", "value") => plain("1"),
        _ => None,
    }
}

/// The calls in C, and how many there are.
struct Calls {
    functions: String,
    names: Vec<String>,
}

impl Calls {
    /// A call of `prototype` whose arguments are valid but for `absent`, after `before`; then `checks`.
    fn add(&mut self, prototype: &Prototype, label: &str, absent: &[usize], before: &str, checks: &str) {
        let Prototype { result, name, parameters } = prototype;
        let (mut made, mut given, mut freed) = (String::new(), Vec::new(), String::new());
        for (number, parameter) in parameters.iter().enumerate() {
            let argument = argument(name, parameter).unwrap_or_else(|| {
                panic!(
                    "{name}: no valid {:?} called {:?} is known here: add one",
                    parameter.kind, parameter.name
                )
            });
            if absent.contains(&number) {
                given.push(if parameter.is_pointer() { "NULL" } else { "0" }.to_owned());
                continue;
            }
            writeln!(made, "  {}", argument.made).expect("text");
            given.push(argument.given);
            if !(takes_over(name) && number == 0) {
                writeln!(freed, "  {}", argument.freed).expect("text");
            }
        }
        let call = format!("{name}({})", given.join(", "));
        let call = match result.as_str() {
            "void" => format!("{call};"),
            "monobloc_engine *" => {
                freed.push_str("  monobloc_engine_free(got);\n");
                format!("monobloc_engine *got = {call};\n  (void)got;")
            }
            pointer if pointer.ends_with('*') => format!("{pointer}got = {call};\n  (void)got;"),
            value => format!("{value} got = {call};\n  (void)got;"),
        };
        let function = format!("call_{}", self.names.len());
        writeln!(
            self.functions,
            "static void {function}(void) {{\n  const char *label = \"{label}\";\n{made}  {before}\n  {call}\n  (void)label;\n  {checks}\n{freed}}}"
        )
        .expect("text");
        self.names.push(function);
    }

    fn of_prototype(&mut self, prototype: &Prototype) {
        let Prototype { result, name, parameters } = prototype;
        let gives_status = result == "monobloc_status" && name != "monobloc_error_status";
        let error = if parameters.iter().any(|one| one.name == "out_error") { "out_error" } else { "NULL" };
        let pointers: Vec<usize> = (0..parameters.len()).filter(|&at| parameters[at].is_pointer()).collect();
        let everything: Vec<usize> = (0..parameters.len()).collect();
        let of_null = self.answer_to_null(prototype);
        let takes_nothing = TAKE_NOTHING.contains(&name.as_str());
        let nothing = match gives_status && !takes_nothing {
            true => "expect_status(label, got, MONOBLOC_INVALID_ARGUMENT, NULL);".to_owned(),
            false => of_null.clone(),
        };
        self.add(prototype, &format!("{name}, nothing"), &everything, "", &nothing);
        let status = status_of_valid(name);
        let needs_networks = is_of_networks(name) && !cfg!(feature = "onnx");
        if needs_networks {
            return;
        }
        let valid = format!("expect_status(label, got, {status}, {error});");
        self.add(prototype, &format!("{name}, valid"), &[], "", if gives_status { &valid } else { "" });
        for &at in &pointers {
            let absent = parameters[at].name.as_str();
            let is_optional = OPTIONAL.iter().any(|&(of, it)| (of == "*" || of == name) && it == absent);
            let label = format!("{name}, {absent} is NULL");
            let checks = match (gives_status, is_optional) {
                (true, true) if absent == "out_error" => {
                    format!("expect_status(label, got, {status}, NULL);")
                }
                (true, true) if name == "monobloc_engine_drift" && absent == "rows" => {
                    "expect_status(label, got, MONOBLOC_OK, out_error);".to_owned()
                }
                (true, true) => valid.clone(),
                (true, false) if error == "NULL" => {
                    "expect_status(label, got, MONOBLOC_INVALID_ARGUMENT, NULL);".to_owned()
                }
                (true, false) => format!("expect_named(label, \"{absent}\", got, out_error);"),
                (false, _) => of_null.clone(),
            };
            self.add(prototype, &label, &[at], "", &checks);
        }
    }

    fn answer_to_null(&self, Prototype { result, name, parameters }: &Prototype) -> String {
        if let Some((_, value)) = OF_NULL.iter().find(|(of, _)| of == name) {
            return format!("expect(label, got == {value});");
        }
        match result.as_str() {
            _ if parameters.is_empty() => String::new(),
            "void" => String::new(),
            "monobloc_str" => "expect(label, got.data == NULL && got.len == 0);".to_owned(),
            _ => "expect(label, !got);".to_owned(),
        }
    }
}

#[test]
fn no_pointer_that_is_null_is_followed() {
    let header = std::fs::read_to_string(crate_dir().join("../../include/monobloc.h")).expect("the header");
    let prototypes = prototypes::all(&header);
    let symbols = std::fs::read_to_string(crate_dir().join("symbols.txt")).expect("the symbols");
    let mut names: Vec<&str> = prototypes.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, symbols.lines().collect::<Vec<_>>(), "a prototype was not understood");

    let mut calls = Calls { functions: String::new(), names: Vec::new() };
    for prototype in &prototypes {
        calls.of_prototype(prototype);
    }
    for (function, argument, structure) in [
        ("monobloc_rows_from_columns", "columns", "monobloc_column"),
        ("monobloc_rows_from_matrix", "matrix", "monobloc_matrix"),
        ("monobloc_engine_load", "options", "monobloc_load_options"),
        ("monobloc_engine_run_tensors", "tensors", "monobloc_tensor"),
    ] {
        let prototype = prototypes.iter().find(|one| one.name == function).expect("the function");
        let members = prototypes::pointers_in(&header, structure);
        assert!(!members.is_empty(), "{structure}");
        if is_of_networks(function) && !cfg!(feature = "onnx") {
            continue;
        }
        for member in members {
            let checks = match OPTIONAL_MEMBERS.contains(&member.as_str()) {
                true => "expect_status(label, got, MONOBLOC_OK, out_error);".to_owned(),
                false => format!("expect_named(label, \"{member}\", got, out_error);"),
            };
            let label = format!("{function}, {argument}->{member} is NULL");
            calls.add(prototype, &label, &[], &format!("{argument}->{member} = NULL;"), &checks);
        }
    }
    assert!(calls.names.len() > 200, "{} calls", calls.names.len());

    let folder = TempDir::new().expect("a folder");
    let all: String = calls.names.iter().map(|name| format!("  {name}();\n")).collect();
    let text = format!("{}\nstatic void all(void) {{\n{all}}}\n", calls.functions);
    std::fs::write(folder.path().join("calls.inc"), text).expect("written");
    let (bloc, body) = (folder.path().join("sample.bloc"), folder.path().join("body.arrow"));
    sample::pack(&bloc).expect("packed");
    write_body(&body);
    let network = network(folder.path());
    let program = folder.path().join("nulls");
    let here = format!("-I{}", folder.path().display());
    let flags = [
        "-std=c11",
        "-g",
        "-Wno-missing-field-initializers",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        &here,
    ];
    compile("gcc", &flags, &crate_dir().join("tests/c/nulls.c"), &program);
    let output = Command::new(&program).arg(&bloc).arg(network).arg(&body).output().expect("run");
    assert_eq!(succeeded(&output, "nulls"), "all as expected\n");
}

#[cfg(feature = "onnx")]
fn network(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("network.bloc");
    networks::pack(&networks::mlp(), &path, false).expect("packed");
    path
}

#[cfg(not(feature = "onnx"))]
fn network(_: &Path) -> std::path::PathBuf {
    std::path::PathBuf::new()
}

/// A row of the sample's, in Arrow's IPC format.
fn write_body(path: &Path) {
    let batch = RecordBatch::try_from_iter([
        ("age", Arc::new(Float64Array::from(vec![40.0])) as _),
        ("balance", Arc::new(Float64Array::from(vec![2.5])) as _),
        ("region", Arc::new(StringArray::from(vec!["north"])) as _),
    ]);
    let batch = batch.expect("a batch");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = StreamWriter::try_new(file, &batch.schema()).expect("a writer");
    writer.write(&batch).expect("written");
    writer.finish().expect("written");
}
