//! The memory that this process may use.

use crate::control_group::Files;
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// Bytes up to which no need is looked at: less than what any process has to spare.
const SMALL: u64 = 1 << 20;

/// The limit that leaves this process the least memory: a control group's, or what the machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The limit.
    pub bytes: u64,
    /// What is in use of it, by all processes that it holds for.
    pub used_bytes: u64,
    /// The part of that which is pages of files: the kernel takes them back when memory is short.
    pub page_cache_bytes: u64,
    /// The file that says so.
    pub source: String,
}

impl MemoryLimit {
    /// The limit as of now: the least of those of the control groups around this process (`memory.max` of version 2,
    /// `memory.limit_in_bytes` of version 1) and of the machine; `None` where nothing tells.
    pub fn read() -> Option<MemoryLimit> {
        Self::of(&Files::new("/"))
    }

    /// What more could be used, if all pages of files were taken back.
    pub fn available_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.used_bytes.saturating_sub(self.page_cache_bytes))
    }

    pub(crate) fn of(files: &Files) -> Option<MemoryLimit> {
        let groups = files.control_groups("memory").into_iter().filter_map(|folder| group(files, &folder));
        groups.chain(machine(files)).min_by_key(MemoryLimit::available_bytes)
    }
}

/// Refuses `bytes` more of private memory where they do not fit.
///
/// # Errors
/// [`ErrorKind::OutOfMemory`], with the numbers.
pub(crate) fn check(bytes: u64, what: impl FnOnce() -> String) -> Result<()> {
    if bytes <= SMALL {
        return Ok(());
    }
    MemoryLimit::read().map_or(Ok(()), |limit| fits(bytes, &limit, what))
}

fn fits(bytes: u64, limit: &MemoryLimit, what: impl FnOnce() -> String) -> Result<()> {
    if bytes <= limit.available_bytes() {
        return Ok(());
    }
    let message = format!(
        "{} of private memory for {}; expected at most {}: {limit}",
        megabytes(bytes),
        what(),
        megabytes(limit.available_bytes())
    );
    Err(Error::new(ErrorKind::OutOfMemory, message))
}

impl std::fmt::Display for MemoryLimit {
    fn fmt(&self, into: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let MemoryLimit { bytes, used_bytes, page_cache_bytes, source } = self;
        write!(
            into,
            "{source} allows {}, of which {} are in use, {} of them pages of files",
            megabytes(*bytes),
            megabytes(*used_bytes),
            megabytes(*page_cache_bytes)
        )
    }
}

/// Bytes in megabytes (10^6).
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The limit of a control group of either version; `None` where it has none.
fn group(files: &Files, folder: &Path) -> Option<MemoryLimit> {
    let number = |name: &str| files.read(&folder.join(name))?.trim().parse::<u64>().ok();
    let (limit, bytes, used_bytes, prefix) = match number("memory.limit_in_bytes") {
        Some(bytes) => ("memory.limit_in_bytes", bytes, number("memory.usage_in_bytes")?, "total_"),
        None => ("memory.max", number("memory.max")?, number("memory.current")?, ""),
    };
    // Version 1 says "no limit" by the greatest number of pages that a signed word holds.
    if bytes >= i64::MAX as u64 >> 1 {
        return None;
    }
    let stat = files.read(&folder.join("memory.stat")).unwrap_or_default();
    let pages = ["active_file", "inactive_file"].map(|kind| counted(&stat, &format!("{prefix}{kind}")));
    Some(MemoryLimit {
        bytes,
        used_bytes,
        page_cache_bytes: pages.into_iter().flatten().sum::<u64>().min(used_bytes),
        source: folder.join(limit).display().to_string(),
    })
}

fn machine(files: &Files) -> Option<MemoryLimit> {
    let path = Path::new("/proc/meminfo");
    let text = files.read(path)?;
    let bytes = |name: &str| Some(counted(&text, name)? * 1024);
    let (total, available, free) = (bytes("MemTotal:")?, bytes("MemAvailable:")?, bytes("MemFree:")?);
    Some(MemoryLimit {
        bytes: total,
        used_bytes: total.saturating_sub(free),
        page_cache_bytes: available.saturating_sub(free),
        source: path.display().to_string(),
    })
}

/// The number in the line that begins with `name`.
fn counted(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace);
    words.find_map(|mut words| words.next().filter(|first| *first == name).and(words.next())?.parse().ok())
}

/// Private bytes of this process: memory that no file backs (`RssAnon` and `RssShmem`); `None` where nothing tells.
pub fn private_bytes() -> Option<u64> {
    let status = Files::new("/").read(Path::new("/proc/self/status"))?;
    Some((counted(&status, "RssAnon:")? + counted(&status, "RssShmem:")?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        files: BTreeMap<String, String>,
        expected: Option<(u64, u64, u64, String)>,
    }

    #[test]
    fn machines_have_the_limit_that_leaves_the_least() {
        let cases = include_str!("../tests/data/containers/memory.json");
        let cases: Vec<Case> = serde_json::from_str(cases).expect("cases");
        assert!(cases.len() >= 9);
        for Case { name, files, expected } in cases {
            let (_folder, files) = Files::of(&files);
            let found = MemoryLimit::of(&files);
            let expected = expected.map(|(bytes, used_bytes, page_cache_bytes, source)| MemoryLimit {
                bytes,
                used_bytes,
                page_cache_bytes,
                source,
            });
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_numbers() {
        let limit = MemoryLimit {
            bytes: 512_000_000,
            used_bytes: 300_000_000,
            page_cache_bytes: 50_000_000,
            source: "/sys/fs/cgroup/memory.max".to_owned(),
        };
        assert!(fits(262_000_000, &limit, String::new).is_ok());
        let refused = fits(262_000_001, &limit, || "panels of \"w\"".to_owned()).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::OutOfMemory);
        assert_eq!(
            refused.to_string(),
            "262.0 MB of private memory for panels of \"w\"; expected at most 262.0 MB: /sys/fs/cgroup/memory.max \
             allows 512.0 MB, of which 300.0 MB are in use, 50.0 MB of them pages of files"
        );
        assert!(check(u64::MAX, String::new).is_err() && check(SMALL, String::new).is_ok());
    }

    #[test]
    fn a_process_has_private_memory() {
        let before = private_bytes().expect("Linux tells");
        // More than glibc ever keeps of what was freed, and than other tests free meanwhile.
        let memory = std::hint::black_box(vec![1_u8; 256 << 20]);
        let now = private_bytes().expect("Linux tells");
        assert!(now > before + (200 << 20), "{before} {now} {}", memory.len());
    }
}
