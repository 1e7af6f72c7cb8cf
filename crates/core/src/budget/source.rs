//! Something that says how many CPUs there are.

/// A file or variable that was read for a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The path, the path and the line's name, or the variable.
    pub name: String,
    /// What it says.
    pub value: String,
    /// What that means.
    pub meaning: String,
    /// The CPUs that it allows; `None` where it allows any number, or speaks of something else.
    pub cpus: Option<f64>,
}

impl Source {
    /// A source that allows `cpus` as its `what`, such as a quota.
    pub(super) fn of_cpus(name: String, value: String, cpus: Option<f64>, what: &str) -> Source {
        let meaning = match cpus {
            Some(cpus) => format!("{what} of {}", in_words(cpus)),
            None => format!("no {what}"),
        };
        Source { name, value, meaning, cpus }
    }
}

/// CPUs with as many digits as they need.
pub(super) fn in_words(cpus: f64) -> String {
    let rounded = (cpus * 1000.0).round() / 1000.0;
    format!("{rounded} {}", if rounded == 1.0 { "CPU" } else { "CPUs" })
}
