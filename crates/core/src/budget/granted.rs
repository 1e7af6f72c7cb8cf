//! What the operating system grants this process.

use super::source::{Source, in_words};
use crate::control_group::Files;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the operating system allows, in CPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Granted {
    /// The tightest quota.
    pub quota: Option<f64>,
    /// The CPUs that cpuset and affinity leave.
    pub places: u32,
}

impl Granted {
    /// Reads the files, and adds what each says to `sources`.
    pub fn read(files: &Files, sources: &mut Vec<Source>) -> Granted {
        let quota = add_quotas(files, sources);
        let places = [add_cpusets(files, sources), add_affinity(files, sources)].into_iter().flatten().min();
        let places = places.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(1))
        });
        Granted { quota, places }
    }

    /// The least of them.
    pub fn cpus(self) -> f64 {
        self.quota.map_or(f64::from(self.places), |quota| quota.min(f64::from(self.places)))
    }

    /// What decided, in words.
    pub fn reason(self) -> String {
        let cpus = in_words(self.cpus());
        match self.quota {
            Some(quota) if quota <= f64::from(self.places) => format!("a CPU quota of {cpus}"),
            _ => format!("{cpus} to run on"),
        }
    }

    /// Never 0. Of a quota thousandths are kept, as Kubernetes counts.
    pub fn to_bits(self) -> u64 {
        let thousandths =
            self.quota.map_or(0, |quota| (quota * 1000.0).clamp(1.0, f64::from(u32::MAX)) as u64);
        u64::from(self.places.max(1)) << 32 | thousandths
    }

    pub fn from_bits(bits: u64) -> Granted {
        let thousandths = bits & u64::from(u32::MAX);
        let quota = (thousandths > 0).then(|| thousandths as f64 / 1000.0);
        Granted { quota, places: (bits >> 32) as u32 }
    }
}

/// What was granted at most a second ago. One thread reads the files again while others go by what they said before.
pub(super) fn recent() -> Granted {
    static READ_IN: AtomicU64 = AtomicU64::new(0);
    static GRANTED: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let before = READ_IN.load(Ordering::Relaxed);
    let bits = GRANTED.load(Ordering::Relaxed);
    let is_old = before != now;
    let takes_turn =
        is_old && READ_IN.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if bits != 0 && !takes_turn {
        return Granted::from_bits(bits);
    }
    let granted = Granted::read(&Files::new("/"), &mut Vec::new());
    GRANTED.store(granted.to_bits(), Ordering::Relaxed);
    granted
}

/// The tightest quota.
fn add_quotas(files: &Files, sources: &mut Vec<Source>) -> Option<f64> {
    let what = "quota";
    let mut quotas = Vec::new();
    for folder in files.control_groups("cpu") {
        let unified = folder.join("cpu.max");
        if let Some(text) = files.read(&unified) {
            let cpus = text.split_once(' ').and_then(|(quota, period)| part(quota, period));
            quotas.extend(cpus);
            sources.push(Source::of_cpus(unified.display().to_string(), text, cpus, what));
        }
        let (quota, period) = (folder.join("cpu.cfs_quota_us"), folder.join("cpu.cfs_period_us"));
        if let (Some(quota_us), Some(period_us)) = (files.read(&quota), files.read(&period)) {
            let cpus = part(&quota_us, &period_us);
            quotas.extend(cpus);
            let value = format!("{quota_us} of {period_us}");
            sources.push(Source::of_cpus(quota.display().to_string(), value, cpus, what));
        }
    }
    quotas.into_iter().reduce(f64::min)
}

/// A quota in CPUs; `None` for "max", -1, or what is no quota.
fn part(quota: &str, period: &str) -> Option<f64> {
    let (quota, period) = (quota.trim().parse::<f64>().ok()?, period.trim().parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// The CPUs of the smallest set.
fn add_cpusets(files: &Files, sources: &mut Vec<Source>) -> Option<u32> {
    let mut least = None;
    for folder in files.control_groups("cpuset") {
        let names = ["cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"];
        let found = names.into_iter().find_map(|name| {
            let path = folder.join(name);
            let text = files.read(&path)?;
            Some((path, listed(&text)?.len() as u32, text))
        });
        let Some((path, cpus, text)) = found else { continue };
        least = Some(least.map_or(cpus, |least: u32| least.min(cpus)));
        sources.push(Source::of_cpus(path.display().to_string(), text, Some(f64::from(cpus)), "cpuset"));
    }
    least
}

/// The CPUs that the process's first thread may run on, without those that are offline.
fn add_affinity(files: &Files, sources: &mut Vec<Source>) -> Option<u32> {
    let status = Path::new("/proc/self/status");
    let text = files.read(status)?;
    let allowed = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim();
    let mut cpus = listed(allowed)?;
    if let Some(online) =
        files.read(Path::new("/sys/devices/system/cpu/online")).and_then(|text| listed(&text))
    {
        cpus.retain(|cpu| online.contains(cpu));
    }
    let count = Some(cpus.len() as u32).filter(|&count| count > 0);
    let name = format!("{} Cpus_allowed_list", status.display());
    sources.push(Source::of_cpus(name, allowed.to_owned(), count.map(f64::from), "affinity"));
    count
}

/// CPUs that a process can have at most; the kernel's own bound is 8 192.
const MOST_CPUS: u32 = 1 << 16;

/// The numbers of a list such as `0-3,8,10-11`; `None` for an empty list or another text.
fn listed(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        if last >= MOST_CPUS {
            return None;
        }
        cpus.extend(first..=last);
    }
    (!cpus.is_empty()).then_some(cpus)
}
