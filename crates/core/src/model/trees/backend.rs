//! Which instructions walkers may use.

/// A set of kernels that the processor can run; only [`Backend::available`] makes one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Backend(Level);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Level {
    Portable,
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx2,
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx512,
    /// AVX-512 with permutations of bytes.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx512Vbmi,
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    Neon,
}

impl Backend {
    /// What the processor can run, the best last.
    pub(super) fn available() -> Vec<Backend> {
        let mut found = vec![Level::Portable];
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if is_x86_feature_detected!("avx2") {
                found.push(Level::Avx2);
            }
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                found.push(Level::Avx512);
                if is_x86_feature_detected!("avx512vbmi") {
                    found.push(Level::Avx512Vbmi);
                }
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        if std::arch::is_aarch64_feature_detected!("neon") {
            found.push(Level::Neon);
        }
        found.into_iter().map(Backend).collect()
    }

    /// The best that the processor can run, up to the level that `MONOBLOC_CPU` names.
    pub(super) fn detect() -> Backend {
        let most = match std::env::var("MONOBLOC_CPU").as_deref() {
            Ok("x86-64" | "x86-64-v2") => 1,
            Ok("x86-64-v3") => 2,
            _ => usize::MAX,
        };
        let available = Backend::available();
        available[..available.len().min(most)].last().copied().unwrap_or(Backend(Level::Portable))
    }

    /// What kernels ask before they are called.
    #[inline]
    pub(super) fn level(self) -> Level {
        self.0
    }
}
