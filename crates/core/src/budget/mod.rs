//! How many threads this process may use, and why.

mod granted;
mod source;
#[cfg(test)]
mod tests;

pub use source::Source;

use crate::control_group::Files;
use granted::Granted;
use std::fmt::{self, Display, Formatter};

/// The variable that says how many CPUs the workers of a container share.
const NUM_THREADS: &str = "MONOBLOC_NUM_THREADS";
/// OpenMP's variable, which says how many threads one process takes.
const OMP_NUM_THREADS: &str = "OMP_NUM_THREADS";
/// What gunicorn, uvicorn and Heroku-like platforms set to the number of workers.
const WEB_CONCURRENCY: &str = "WEB_CONCURRENCY";
/// Set in every container of Kubernetes.
const KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";
/// Set by gunicorn to its own name and version.
const SERVER_SOFTWARE: &str = "SERVER_SOFTWARE";

/// How many threads the batches of this process take, and why. `Display` tells it, source by source.
///
/// The CPUs are the least of: the CPU quota of each control group around this process (`cpu.max` of version 2,
/// `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1), the CPUs of its cpuset, its affinity, and
/// `MONOBLOC_NUM_THREADS`. The workers that share them each get an equal part, rounded down, and at least one thread.
/// Where `MONOBLOC_NUM_THREADS` is not set, `OMP_NUM_THREADS` bounds the threads of one process.
///
/// How many workers share the CPUs is what the caller says, or `WEB_CONCURRENCY`, or one. Where the number of
/// workers is not known, in a pod of Kubernetes or under gunicorn, and nothing above says how many CPUs there are but the
/// machine itself, each process takes one thread.
///
/// ```
/// use monobloc::CpuBudget;
///
/// let (alone, shared) = (CpuBudget::read(Some(1)), CpuBudget::read(Some(1_000_000)));
/// assert!(alone.threads >= 1);
/// assert_eq!((shared.workers, shared.threads), (1_000_000, 1));
/// println!("{alone}");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CpuBudget {
    /// Threads that batches of this process take together, at least 1.
    pub threads: usize,
    /// The tightest CPU quota, in CPUs, before it is rounded; `None` without one.
    pub quota: Option<f64>,
    /// The number of processes that share the CPUs.
    pub workers: usize,
    /// What was read, and what it allows.
    pub sources: Vec<Source>,
    reason: String,
}

impl CpuBudget {
    /// The budget as of now. `workers` is the number of processes that share the CPUs, 0 taken as 1; by default
    /// `WEB_CONCURRENCY` says it.
    pub fn read(workers: Option<usize>) -> CpuBudget {
        Budget::new(workers).explain(&Files::new("/"))
    }
}

impl Display for CpuBudget {
    fn fmt(&self, into: &mut Formatter<'_>) -> fmt::Result {
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        writeln!(into, "{} {threads}: {}", self.threads, self.reason)?;
        let column = |text: fn(&Source) -> &str| {
            self.sources.iter().map(|source| text(source).chars().count()).max().unwrap_or(0)
        };
        let (names, values) = (column(|source| &source.name), column(|source| &source.value));
        for Source { name, value, meaning, .. } in &self.sources {
            writeln!(into, "  {name:names$}  {value:values$}  {meaning}")?;
        }
        Ok(())
    }
}

/// What an engine's budget goes by. Variables are read once, since another thread may be setting one later; files are
/// read again when a second has passed, so a quota that changes is followed.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    workers: Option<usize>,
    variables: Variables,
}

#[derive(Clone, Debug, Default)]
struct Variables {
    num_threads: Option<String>,
    omp_num_threads: Option<String>,
    web_concurrency: Option<String>,
    kubernetes: bool,
    gunicorn: bool,
}

impl Variables {
    fn read(read: impl Fn(&str) -> Option<String>) -> Variables {
        Variables {
            num_threads: read(NUM_THREADS),
            omp_num_threads: read(OMP_NUM_THREADS),
            web_concurrency: read(WEB_CONCURRENCY),
            kubernetes: read(KUBERNETES).is_some(),
            gunicorn: read(SERVER_SOFTWARE).is_some_and(|name| name.starts_with("gunicorn")),
        }
    }
}

/// A number of threads or workers. OpenMP's variable may be a list, one number per level of nesting.
fn count(variable: Option<&String>) -> Option<usize> {
    let first = variable?.split(',').next()?.trim();
    first.parse().ok().filter(|&count| count > 0)
}

impl Budget {
    /// A budget that `workers` processes share; by default `WEB_CONCURRENCY` says how many.
    pub fn new(workers: Option<usize>) -> Budget {
        Budget { workers, variables: Variables::read(|name| std::env::var(name).ok()) }
    }

    /// Threads for batches of this process, from files that are at most a second old.
    pub fn threads(&self) -> usize {
        self.decide(granted::recent()).0
    }

    /// The number of processes that share the CPUs.
    pub fn workers(&self) -> usize {
        let workers = self.workers.or_else(|| count(self.variables.web_concurrency.as_ref()));
        workers.unwrap_or(1).max(1)
    }

    /// The number of threads, and what decided it.
    fn decide(&self, granted: Granted) -> (usize, String) {
        let workers = self.workers();
        let shared = count(self.variables.num_threads.as_ref());
        let own = count(self.variables.omp_num_threads.as_ref()).filter(|_| shared.is_none());
        let known = self.workers.is_some() || count(self.variables.web_concurrency.as_ref()).is_some();
        let places = [(self.variables.gunicorn, "under gunicorn"), (self.variables.kubernetes, "in a pod")];
        if let Some((_, place)) = places.into_iter().find(|(is_there, _)| *is_there)
            && !(granted.quota.is_some() || known || shared.is_some() || own.is_some())
        {
            let reason = format!(
                "{place}, with no CPU quota and an unknown number of workers; set {WEB_CONCURRENCY}, or {NUM_THREADS} to \
                 the CPUs that the container requests"
            );
            return (1, reason);
        }
        let (mut cpus, mut reason) = (granted.cpus(), granted.reason());
        if let Some(bound) = shared.map(|bound| bound as f64).filter(|&bound| bound <= cpus) {
            (cpus, reason) = (bound, NUM_THREADS.to_owned());
        }
        if workers > 1 {
            reason = format!("{reason}, shared by {workers} workers");
        }
        let mut threads = (cpus / workers as f64).floor().max(1.0) as usize;
        if let Some(bound) = own.filter(|&bound| bound < threads) {
            (threads, reason) = (bound, OMP_NUM_THREADS.to_owned());
        }
        (threads, reason)
    }

    /// The budget with all that was read for it.
    fn explain(&self, files: &Files) -> CpuBudget {
        let mut sources = Vec::new();
        let granted = Granted::read(files, &mut sources);
        let (threads, reason) = self.decide(granted);
        self.explain_variables(&mut sources);
        CpuBudget { threads, quota: granted.quota, workers: self.workers(), sources, reason }
    }

    fn explain_variables(&self, sources: &mut Vec<Source>) {
        let Variables { num_threads, omp_num_threads, web_concurrency, .. } = &self.variables;
        let mut tell =
            |name: &str, value: Option<&String>, meaning: &dyn Fn(usize) -> String, is_cpus: bool| {
                let Some(value) = value else { return };
                let (meaning, cpus) = match count(Some(value)) {
                    Some(count) => (meaning(count), is_cpus.then_some(count as f64)),
                    None => ("ignored; expected a whole number from 1 on".to_owned(), None),
                };
                sources.push(Source { name: name.to_owned(), value: value.clone(), meaning, cpus });
            };
        tell(NUM_THREADS, num_threads.as_ref(), &|count| format!("{count} CPUs for all workers"), true);
        let own = |count: usize| match num_threads {
            None => format!("{count} threads of one process"),
            Some(_) => format!("ignored beside {NUM_THREADS}"),
        };
        tell(OMP_NUM_THREADS, omp_num_threads.as_ref(), &own, false);
        let workers = |count: usize| match self.workers {
            None => format!("{count} workers"),
            Some(_) => "ignored beside the number that the caller gives".to_owned(),
        };
        tell(WEB_CONCURRENCY, web_concurrency.as_ref(), &workers, false);
        if let Some(workers) = self.workers {
            let meaning = format!("{} workers", workers.max(1));
            sources.push(Source {
                name: "workers".to_owned(),
                value: workers.to_string(),
                meaning,
                cpus: None,
            });
        }
    }
}
