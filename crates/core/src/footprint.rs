//! What processes that serve blocs will hold in memory, told before they are started.

use crate::engine::{Engine, LoadOptions};
use crate::error::Result;
use crate::memory::{MemoryLimit, megabytes, private_bytes};
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

/// The memory of `workers` processes that each serve the same blocs, in bytes.
///
/// Estimated from the blocs, without starting a process: what is mapped lies in memory once; what an engine keeps for
/// itself is in each process, as is the scratch memory of each thread that predicts, once it has seen a large batch.
/// Rows and answers come on top. `Display` gives a table.
///
/// ```
/// use monobloc::Footprint;
///
/// let footprint = Footprint::of_blocs(&["tests/data/sample.bloc"], 4, Some(2))?;
/// assert_eq!((footprint.workers, footprint.threads), (4, 2));
/// assert_eq!(footprint.private_bytes(), 4 * footprint.worker_bytes());
/// println!("{footprint}");
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// The number of processes.
    pub workers: usize,
    /// Threads of each that predict.
    pub threads: usize,
    /// Private memory of a process without engines: its interpreter, its imports.
    pub process_bytes: u64,
    /// The blocs.
    pub blocs: Vec<BlocFootprint>,
    /// The limit that holds here now; `None` where nothing tells.
    pub limit: Option<MemoryLimit>,
}

/// The memory that a bloc takes.
#[derive(Clone, Debug, PartialEq)]
pub struct BlocFootprint {
    /// Where it is.
    pub path: PathBuf,
    /// The file's size: what its pages take in the page cache at most, as after reading it in full. They are charged
    /// to the control group whose process touches them first.
    pub file_bytes: u64,
    /// What predicting reads of the file: in memory once, for all processes.
    pub shared_bytes: u64,
    /// What an engine keeps for itself.
    pub private_bytes: u64,
    /// Scratch memory of a thread after a large batch; for a network, of a run of one row.
    pub scratch_bytes: u64,
}

/// Whether processes fit into a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All of it fits.
    Fits,
    /// Private memory fits, but not all mapped pages as well: the kernel drops some, and reads them from the file again
    /// when they are touched.
    Reclaims,
    /// Private memory alone is more than the limit.
    TooLarge,
}

impl Fit {
    /// The name in `snake_case`, the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Fit::Fits => "fits",
            Fit::Reclaims => "reclaims",
            Fit::TooLarge => "too_large",
        }
    }
}

impl Footprint {
    /// The footprint of blocs that are not loaded. Each is loaded for a moment, which costs little.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn of_blocs(blocs: &[impl AsRef<Path>], workers: usize, threads: Option<usize>) -> Result<Footprint> {
        let process_bytes = private_bytes().unwrap_or(0);
        let options = LoadOptions { threads, ..LoadOptions::default().workers(workers.max(1)) };
        let engines: Vec<Engine> =
            blocs.iter().map(|bloc| Engine::load(bloc, &options)).collect::<Result<_>>()?;
        let footprint = Footprint::of_engines(engines.iter(), workers, threads)?;
        Ok(Footprint { process_bytes, ..footprint })
    }

    /// The footprint of engines. `threads` are those of each process that predict; by default the engines' own.
    /// A process without engines is taken to be as large as this one is now, less these engines.
    ///
    /// # Errors
    /// As [`Engine::scratch_bytes`].
    pub fn of_engines<'a>(
        engines: impl IntoIterator<Item = &'a Engine>,
        workers: usize,
        threads: Option<usize>,
    ) -> Result<Footprint> {
        let mut most_threads = 1;
        let mut blocs = Vec::new();
        for engine in engines {
            most_threads = most_threads.max(engine.threads());
            blocs.push(BlocFootprint {
                path: engine.bloc().path().to_owned(),
                file_bytes: engine.bloc().size_bytes(),
                shared_bytes: engine.shared_bytes(),
                private_bytes: engine.private_bytes(),
                scratch_bytes: engine.scratch_bytes()?,
            });
        }
        let (workers, threads) = (workers.max(1), threads.unwrap_or(most_threads).max(1));
        let engines: u64 = blocs.iter().map(|bloc| bloc.private_bytes).sum();
        let process_bytes = private_bytes().unwrap_or(0).saturating_sub(engines);
        Ok(Footprint { workers, threads, process_bytes, blocs, limit: MemoryLimit::read() })
    }

    /// What lies in memory once.
    pub fn shared_bytes(&self) -> u64 {
        self.blocs.iter().map(|bloc| bloc.shared_bytes).sum()
    }

    /// Scratch memory of one thread. It is used again by each engine, so that the largest counts.
    pub fn scratch_bytes(&self) -> u64 {
        self.blocs.iter().map(|bloc| bloc.scratch_bytes).max().unwrap_or(0)
    }

    /// Private memory of one process.
    pub fn worker_bytes(&self) -> u64 {
        let engines: u64 = self.blocs.iter().map(|bloc| bloc.private_bytes).sum();
        self.process_bytes + engines + self.scratch_bytes() * self.threads as u64
    }

    /// Private memory of all processes.
    pub fn private_bytes(&self) -> u64 {
        self.worker_bytes() * self.workers as u64
    }

    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        self.private_bytes() + self.shared_bytes()
    }

    /// What the blocs' files take in the page cache at most.
    pub fn page_cache_bytes(&self) -> u64 {
        self.blocs.iter().map(|bloc| bloc.file_bytes).sum()
    }

    /// Whether it fits into the limit, which is looked at as if nothing else were there; `None` without a limit.
    pub fn fit(&self) -> Option<Fit> {
        let limit = self.limit.as_ref()?.bytes;
        Some(match () {
            () if self.private_bytes() > limit => Fit::TooLarge,
            () if self.total_bytes() > limit => Fit::Reclaims,
            () => Fit::Fits,
        })
    }

    /// What to think of it, in a sentence.
    pub fn sentence(&self) -> String {
        let Some(limit) = &self.limit else { return "No limit is known here.".to_owned() };
        let bytes = megabytes(limit.bytes);
        let (total, private) = (megabytes(self.total_bytes()), megabytes(self.private_bytes()));
        match self.fit() {
            Some(Fit::TooLarge) => {
                format!("Too large: {private} of private memory are more than the limit of {bytes}.")
            }
            Some(Fit::Reclaims) => format!(
                "Fits with reading again: {total} are more than the limit of {bytes}, so mapped pages will be dropped \
                 and read from the file once more."
            ),
            _ => format!("Fits: {total} are within the limit of {bytes}."),
        }
    }
}

impl Display for Footprint {
    fn fmt(&self, into: &mut Formatter<'_>) -> fmt::Result {
        let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let workers = match self.workers {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        };
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        let row = |name: String, shared: u64, private: u64| {
            let all = shared + private * self.workers as u64;
            let shared = if shared == 0 { String::new() } else { megabytes(shared) };
            [name, shared, megabytes(private), megabytes(all)]
        };
        let scratch = self.scratch_bytes() * self.threads as u64;
        let mut rows = vec![
            [String::new(), "shared".to_owned(), "per worker".to_owned(), workers],
            row("process".to_owned(), 0, self.process_bytes),
        ];
        rows.extend(
            self.blocs.iter().map(|bloc| row(name(&bloc.path), bloc.shared_bytes, bloc.private_bytes)),
        );
        rows.push(row(format!("scratch of {} {threads}", self.threads), 0, scratch));
        rows.push(row("total".to_owned(), self.shared_bytes(), self.worker_bytes()));
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let [first, second, third, fourth] = std::array::from_fn(width);
        for [name, shared, private, all] in &rows {
            writeln!(into, "{name:first$}  {shared:>second$}  {private:>third$}  {all:>fourth$}")?;
        }
        writeln!(into, "\nThe files take up to {} of the page cache.", megabytes(self.page_cache_bytes()))?;
        if let Some(limit) = &self.limit {
            writeln!(into, "{limit}.")?;
        }
        writeln!(into, "{}", self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(limit: u64) -> Footprint {
        let bloc = |name: &str, shared_bytes, scratch_bytes| BlocFootprint {
            path: Path::new("models").join(name),
            file_bytes: shared_bytes * 2,
            shared_bytes,
            private_bytes: 1_000_000,
            scratch_bytes,
        };
        let limit = MemoryLimit {
            bytes: limit,
            used_bytes: 40_000_000,
            page_cache_bytes: 3_000_000,
            source: "/sys/fs/cgroup/memory.max".to_owned(),
        };
        Footprint {
            workers: 4,
            threads: 2,
            process_bytes: 20_000_000,
            blocs: vec![bloc("a.bloc", 100_000_000, 2_000_000), bloc("long name.bloc", 50_000_000, 500_000)],
            limit: Some(limit),
        }
    }

    #[test]
    fn scratch_is_used_again_and_mapped_pages_count_once() {
        let footprint = footprint(1 << 40);
        assert_eq!(footprint.worker_bytes(), 20_000_000 + 2 * 1_000_000 + 2 * 2_000_000);
        assert_eq!(footprint.total_bytes(), 4 * 26_000_000 + 150_000_000);
        assert_eq!((footprint.fit(), footprint.page_cache_bytes()), (Some(Fit::Fits), 300_000_000));
    }

    #[test]
    fn a_limit_is_compared_with() {
        for (limit, fit, says) in [
            (254_000_000, Fit::Fits, "Fits: 254.0 MB are within the limit of 254.0 MB."),
            (253_999_999, Fit::Reclaims, "Fits with reading again: 254.0 MB"),
            (104_000_000, Fit::Reclaims, "dropped and read from the file once more"),
            (103_999_999, Fit::TooLarge, "Too large: 104.0 MB of private memory"),
        ] {
            let footprint = footprint(limit);
            assert_eq!(footprint.fit(), Some(fit));
            assert!(footprint.sentence().contains(says), "{}", footprint.sentence());
        }
        assert_eq!(Footprint { limit: None, ..footprint(1) }.fit(), None);
    }

    #[test]
    fn the_table_has_all_of_it() {
        let expected = "                        shared  per worker  4 workers
process                            20.0 MB    80.0 MB
a.bloc                100.0 MB      1.0 MB   104.0 MB
long name.bloc         50.0 MB      1.0 MB    54.0 MB
scratch of 2 threads                4.0 MB    16.0 MB
total                 150.0 MB     26.0 MB   254.0 MB

The files take up to 300.0 MB of the page cache.
/sys/fs/cgroup/memory.max allows 512.0 MB, of which 40.0 MB are in use, 3.0 MB of them pages of files.
Fits: 254.0 MB are within the limit of 512.0 MB.
";
        assert_eq!(footprint(512_000_000).to_string(), expected);
    }
}
