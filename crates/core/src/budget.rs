//! How many threads this process may use.

/// The number of threads for batches: what the operating system grants this process (processor
/// affinity and the control group's CPU quota, rounded down, at least 1), and no more than
/// `MONOBLOC_NUM_THREADS` or, where that is not set, `OMP_NUM_THREADS`.
pub fn threads() -> usize {
    let granted = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = ["MONOBLOC_NUM_THREADS", "OMP_NUM_THREADS"].into_iter().find_map(|variable| {
        let value = std::env::var(variable).ok()?;
        value.split(',').next()?.trim().parse::<usize>().ok().filter(|&threads| threads > 0)
    });
    wanted.map_or(granted, |threads| threads.min(granted))
}
