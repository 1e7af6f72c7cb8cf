//! The floating-point environment that every answer is computed in: IEEE 754 defaults.
//!
//! A host built with fast-math flushes subnormal numbers to zero on all its threads, which would turn
//! comparisons with tiny thresholds around.
#![expect(unsafe_code, reason = "reads and writes the control register")]

use std::marker::PhantomData;

/// While it lives, this thread computes with round-to-nearest and subnormal numbers; dropping it
/// gives the host its own mode back.
#[derive(Debug)]
pub struct DefaultMode {
    host: Control,
    not_send: PhantomData<*const ()>,
}

impl DefaultMode {
    /// Enters the default mode.
    #[inline]
    pub fn enter() -> DefaultMode {
        let host = Control::read();
        if !host.is_default() {
            host.to_default().write();
        }
        DefaultMode { host, not_send: PhantomData }
    }
}

impl Drop for DefaultMode {
    #[inline]
    fn drop(&mut self) {
        if !self.host.is_default() {
            self.host.write();
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Control(u64);

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl Control {
    /// MXCSR without its exception flags: all exceptions masked, nearest, no flush to zero.
    const DEFAULT: u64 = 0x1F80;
    const FLAGS: u64 = 0x3F;

    #[inline]
    fn read() -> Control {
        let mut mxcsr = 0_u32;
        // SAFETY: stores 4 bytes to the place given.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags)) };
        Control(u64::from(mxcsr))
    }

    #[inline]
    fn write(self) {
        let mxcsr = (self.0 & 0xFFFF_FFFF) as u32;
        // SAFETY: loads 4 bytes which are either the default or what the host had.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack, preserves_flags))
        };
    }

    #[inline]
    fn is_default(self) -> bool {
        self.0 & !Self::FLAGS == Self::DEFAULT
    }

    #[inline]
    fn to_default(self) -> Control {
        Control(Self::DEFAULT | (self.0 & Self::FLAGS))
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
impl Control {
    #[inline]
    fn read() -> Control {
        let fpcr: u64;
        // SAFETY: reads the control register.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack)) };
        Control(fpcr)
    }

    #[inline]
    fn write(self) {
        // SAFETY: writes the default or what the host had.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) self.0, options(nomem, nostack)) };
    }

    #[inline]
    fn is_default(self) -> bool {
        self.0 == 0
    }

    #[inline]
    fn to_default(self) -> Control {
        Control(0)
    }
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
impl Control {
    fn read() -> Control {
        Control(0)
    }

    fn write(self) {}

    fn is_default(self) -> bool {
        true
    }

    fn to_default(self) -> Control {
        self
    }
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn host_mode_is_left_and_restored() {
        let flush = Control(Control::DEFAULT | 0x8040);
        let before = Control::read();
        flush.write();
        let flushed = black_box(1e-310_f64) * black_box(1.0);
        let computed = {
            let _mode = DefaultMode::enter();
            black_box(1e-310_f64) * black_box(1.0)
        };
        let restored = Control::read();
        before.write();
        assert_eq!(flushed.to_bits(), 0);
        assert_eq!(computed.to_bits(), 1e-310_f64.to_bits());
        assert_eq!(restored.0 & !Control::FLAGS, flush.0);
    }
}
