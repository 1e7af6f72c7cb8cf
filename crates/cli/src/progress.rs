//! How far a long command is, on standard error where that is a terminal.

use crate::printable;
use monobloc::score::Scored;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time between two lines.
const PAUSE: Duration = Duration::from_millis(250);

/// One line that is written over and over.
pub struct Bar {
    total: Option<u64>,
    begun: Instant,
    shown: Option<Mutex<Option<Instant>>>,
}

impl Bar {
    /// A bar for an input of so many bytes.
    pub fn new(total: Option<u64>) -> Bar {
        let is_shown = std::io::stderr().is_terminal();
        Bar { total, begun: Instant::now(), shown: is_shown.then(|| Mutex::new(None)) }
    }

    /// Shows what is done.
    pub fn show(&self, scored: &Scored) {
        let Some(shown) = &self.shown else { return };
        let Ok(mut last) = shown.lock() else { return };
        if last.is_some_and(|last| last.elapsed() < PAUSE) || self.begun.elapsed() < PAUSE {
            return;
        }
        *last = Some(Instant::now());
        let rate = scored.rows as f64 / self.begun.elapsed().as_secs_f64();
        let share = self.total.filter(|&total| total > 0);
        let share = share.map(|total| format!("{:3.0} %, ", 100.0 * scored.bytes as f64 / total as f64));
        let line = format!("{}{} rows, {rate:.0} a second", share.unwrap_or_default(), scored.rows);
        let _ = write!(std::io::stderr(), "\r\x1B[K{}", printable(&line));
    }

    /// Takes the line away.
    pub fn end(&self) {
        let was_shown =
            self.shown.as_ref().and_then(|shown| shown.lock().ok()).is_some_and(|last| last.is_some());
        if was_shown {
            let _ = write!(std::io::stderr(), "\r\x1B[K");
        }
    }
}
