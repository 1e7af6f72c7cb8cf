//! The share of rows unlike the reference, over a ring of short windows.

use crate::schema::Schema;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds of a window.
const WINDOW: u64 = 25;
/// Windows of the ring: five minutes.
const WINDOWS: usize = 12;
/// Rows below which a share says nothing.
const FEWEST_ROWS: u64 = 100;

/// The share of rows unlike the reference over the last five minutes, in this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutOfDistribution {
    /// Rows that were answered.
    pub rows: u64,
    /// Of these, rows with a value out of range, an unknown category, a missing value where the reference has none,
    /// or one that is infinite, too long or of another type.
    pub out_of_distribution: u64,
    /// The share above which health is degraded.
    pub limit: f64,
    /// The fields that such values were in, with the number of rows; the most frequent first.
    pub fields: Vec<(String, u64)>,
}

impl OutOfDistribution {
    /// The share; 0 where there were no rows.
    pub fn share(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.out_of_distribution as f64 / self.rows as f64 }
    }

    /// Whether the share is above its limit, and says something: of fewer than 100 rows it does not.
    pub fn is_degraded(&self) -> bool {
        self.rows >= FEWEST_ROWS && self.share() > self.limit
    }

    /// What is wrong, for people.
    pub fn sentence(&self) -> String {
        let percent = |count: u64| 100.0 * count as f64 / self.rows.max(1) as f64;
        let fields =
            self.fields.iter().take(5).map(|(name, count)| format!("{name:?} in {:.1} %", percent(*count)));
        format!(
            "{:.1} % of {} rows of the last {} minutes are unlike the reference, more than the limit of {:.1} %: {}",
            percent(self.out_of_distribution),
            self.rows,
            WINDOW * WINDOWS as u64 / 60,
            100.0 * self.limit,
            fields.collect::<Vec<_>>().join(", ")
        )
    }
}

/// A ring of windows.
#[derive(Debug)]
pub(super) struct Shares {
    windows: [Window; WINDOWS],
    n_fields: usize,
}

/// Counts of one span of time. Rows that are counted while it begins anew may be lost.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Which span it holds, counted from 1; 0 for none.
    span: AtomicU64,
    rows: AtomicU64,
    out: AtomicU64,
    fields: Box<[AtomicU64]>,
}

/// A window to count in.
#[derive(Debug)]
pub(super) struct Current<'a> {
    window: &'a Window,
}

impl Shares {
    pub fn new(n_fields: usize) -> Shares {
        let counts = || (0..n_fields).map(|_| AtomicU64::new(0)).collect();
        let windows = std::array::from_fn(|_| Window { fields: counts(), ..Window::default() });
        Shares { windows, n_fields }
    }

    /// The window of this moment.
    pub fn at(&self, seconds: u64) -> Current<'_> {
        let span = seconds / WINDOW + 1;
        let window = &self.windows[(span % WINDOWS as u64) as usize];
        let before = window.span.load(Ordering::Acquire);
        let begins = before < span
            && window.span.compare_exchange(before, span, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if begins {
            window.rows.store(0, Ordering::Relaxed);
            window.out.store(0, Ordering::Relaxed);
            window.fields.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        Current { window }
    }

    pub fn report(&self, seconds: u64, schema: &Schema, limit: f64) -> OutOfDistribution {
        let now = seconds / WINDOW + 1;
        let mut report = OutOfDistribution { limit, ..OutOfDistribution::default() };
        let mut counts = vec![0; self.n_fields];
        for window in &self.windows {
            let span = window.span.load(Ordering::Acquire);
            if span == 0 || span + WINDOWS as u64 <= now {
                continue;
            }
            report.rows += window.rows.load(Ordering::Relaxed);
            report.out_of_distribution += window.out.load(Ordering::Relaxed);
            for (sum, count) in counts.iter_mut().zip(&window.fields) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        let names = schema.fields().iter().map(|field| field.name.clone());
        report.fields = names.zip(counts).filter(|(_, count)| *count > 0).collect();
        report.fields.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        report
    }
}

impl Current<'_> {
    pub fn count_rows(&self, n_rows: usize) {
        self.window.rows.fetch_add(n_rows as u64, Ordering::Relaxed);
    }

    /// Counts a row that is unlike the reference in these fields.
    pub fn count_out(&self, fields: impl Iterator<Item = usize>) {
        self.window.out.fetch_add(1, Ordering::Relaxed);
        for field in fields {
            if let Some(count) = self.window.fields.get(field) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let field =
            |name: &str| format!(r#"{{"name":"{name}","kind":"float","dtype":"float64","null":"nan"}}"#);
        Schema::parse(&format!(r#"{{"fields":[{},{}]}}"#, field("age"), field("income"))).expect("a schema")
    }

    #[test]
    fn shares_are_those_of_the_last_minutes() {
        let (schema, shares) = (schema(), Shares::new(2));
        let report = |seconds| shares.report(seconds, &schema, 0.1);
        for second in 0..600 {
            let window = shares.at(second);
            window.count_rows(10);
            if second < 100 {
                window.count_out([1].into_iter());
                window.count_out([0, 1].into_iter());
            }
            let now = report(second);
            assert_eq!(now.is_degraded(), now.rows >= 100 && now.share() > 0.1);
        }
        assert_eq!(report(99).rows, 3000);
        let early = shares.report(599, &schema, 0.1);
        assert_eq!((early.rows, early.out_of_distribution), (3000, 0));
        assert!(early.fields.is_empty() && report(10_000).rows == 0);
    }

    #[test]
    fn the_cause_is_named() {
        let (schema, shares) = (schema(), Shares::new(2));
        let window = shares.at(0);
        window.count_rows(99);
        (0..50).for_each(|_| window.count_out([1].into_iter()));
        assert!(!shares.report(0, &schema, 0.1).is_degraded(), "of too few rows");
        window.count_rows(1);
        let report = shares.report(0, &schema, 0.1);
        assert!(report.is_degraded() && report.share() == 0.5);
        assert!(
            report.sentence().contains("50.0 % of 100 rows of the last 5 minutes"),
            "{}",
            report.sentence()
        );
        assert!(report.sentence().ends_with("\"income\" in 50.0 %"), "{}", report.sentence());
    }
}
