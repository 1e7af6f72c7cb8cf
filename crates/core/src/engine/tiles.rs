//! Rows in tiles that stay inside a core's cache, shared among threads where that pays.

use super::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::float_mode::DefaultMode;
use crate::input::Input;
use crate::model::trees::Forest;
use crate::model::{self, Ensemble};
use crate::pace::Pace;
use crate::pool::{self, Shares};
use crate::preprocess::Scratch;
use crate::sanity::Finding;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Values that a tile's columns and features hold at most; a tile stays well inside a core's cache.
const TILE_VALUES: usize = 1 << 17;
/// Rows of a tile at most.
const TILE_ROWS: usize = 1024;
/// Rows of a share at least, and of ranked trees, which take blocks.
const SHARE_ROWS: usize = 16;
const BLOCK_ROWS: usize = 64;

/// Work that is worth waiting for a turn.
const WORTH_A_TURN: Duration = Duration::from_micros(100);
/// Work for each thread that makes helpers worth it. One that has slept costs about 150 µs until it is at work
/// (`BENCH=containers make bench` records it), during which the caller goes on.
const WORTH_A_THREAD: Duration = Duration::from_micros(150);
/// Shares per thread, so that one which others disturb, or which wakes late, does fewer of them.
const SHARES_PER_THREAD: usize = 4;

thread_local! {
    pub(super) static SCRATCH: RefCell<(Scratch, TileScratch<f32>, TileScratch<f64>)> = RefCell::default();
}

/// The memory of a tile whose features have one type.
#[derive(Default)]
pub(super) struct TileScratch<V> {
    pub features: Vec<V>,
    pub model: model::Scratch<V>,
}

impl<V> TileScratch<V> {
    /// Bytes that are kept from tile to tile.
    pub fn bytes(&self) -> usize {
        self.features.capacity() * size_of::<V>() + self.model.bytes()
    }
}

impl Engine {
    /// Rows of a tile at most.
    pub(super) fn tile_rows(&self) -> usize {
        let values = self.pipeline.n_columns() + self.pipeline.n_features();
        let most = (TILE_VALUES / values.max(1)).clamp(16, TILE_ROWS);
        // Ranked trees take whole blocks of rows; others are read once per tile, the fewer the better.
        if self.is_in_blocks() { 1 << most.ilog2() } else { most }
    }

    fn is_in_blocks(&self) -> bool {
        self.model.ensemble().and_then(Ensemble::forest).is_some_and(Forest::is_ranked)
    }

    /// Runs `tile` over ranges of rows with their places in `out`, on several threads where that pays.
    pub(super) fn in_tiles<T: Send>(
        &self,
        pace: &Pace,
        input: &Input<'_>,
        out: &mut [T],
        width: usize,
        tile: impl Fn(Range<usize>, &mut [T], &mut Vec<Finding>) + Sync,
    ) -> Result<Vec<Finding>> {
        let n_rows = input.n_rows();
        if out.len() != n_rows * width {
            let message = format!("{} places for {n_rows} rows of {width} values", out.len());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        self.pipeline.check_columns(&self.schema, input)?;
        if out.is_empty() {
            return Ok(Vec::new());
        }
        let tile_rows = self.tile_rows();
        let in_order = |first: usize, out: &mut [T]| {
            let _mode = DefaultMode::enter();
            let mut findings = Vec::new();
            pace.timed(out.len() / width, || {
                for (number, out) in out.chunks_mut(tile_rows * width).enumerate() {
                    let begin = first + number * tile_rows;
                    tile(begin..begin + out.len() / width, out, &mut findings);
                }
            });
            findings
        };
        let Some(shares) = self.shares(pace, n_rows) else {
            return Ok(in_order(0, out));
        };
        let share = match shares.worth {
            1 => n_rows,
            worth => {
                let rows = n_rows.div_ceil(worth * SHARES_PER_THREAD);
                rows.next_multiple_of(if self.is_in_blocks() { BLOCK_ROWS } else { SHARE_ROWS })
            }
        };
        let share = share.min(tile_rows);
        let left = Mutex::new(out.chunks_mut(share * width).enumerate());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let found = Mutex::new(Vec::new());
        pool::run(shares, || {
            while let Some((number, out)) = next() {
                let findings = in_order(number * share, out);
                if !findings.is_empty() {
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((number, findings));
                }
            }
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(number, _)| *number);
        Ok(found.into_iter().flat_map(|(_, findings)| findings).collect())
    }

    /// How a batch is shared: `None` leaves it to the caller's thread alone, where single rows always stay, as batches
    /// do that are done sooner than it pays to wait for a turn, and those of an engine that was loaded for one thread.
    pub(super) fn shares(&self, pace: &Pace, n_rows: usize) -> Option<Shares> {
        let expected = pace.expected(n_rows);
        if n_rows < 2 || self.threads == Some(1) || expected < WORTH_A_TURN {
            return None;
        }
        let threads = self.threads();
        let worth = expected.as_nanos() / WORTH_A_THREAD.as_nanos();
        let most = usize::try_from(worth).unwrap_or(usize::MAX).min(n_rows / SHARE_ROWS);
        Some(Shares { threads, worth: most.clamp(1, threads) })
    }
}
