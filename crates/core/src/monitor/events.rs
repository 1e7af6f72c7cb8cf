//! A stream of the rows that are unlike the reference: sampled, limited in rate, and redacted.

use crate::sanity::{Finding, Sanity, Status, Value, verdict};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A row that is unlike the reference.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it was answered.
    pub time: SystemTime,
    /// The model's name, its version, and the bloc's digest.
    pub model: Arc<Model>,
    /// The row, counted from 0 in its call.
    pub row: usize,
    /// What became of the row.
    pub status: Status,
    /// What was found in it; values of redacted fields are not there.
    pub findings: Vec<Finding>,
}

/// Which model an event is about.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The bloc's digest.
    pub digest: String,
}

/// Where events go, and how many. Each setter is called as the field that it sets.
///
/// ```
/// use monobloc::monitor::EventOptions;
/// use monobloc::{Engine, LoadOptions};
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// let events = EventOptions::new(move |event| sender.send(event.to_json()).unwrap_or_default());
/// let options = LoadOptions::default().events(events.per_second(1));
/// let engine = Engine::load("tests/data/sample.bloc", &options)?;
/// engine.run_json(br#"{"age": 40, "balance": 1, "region": "mars"}"#)?;
/// assert!(receiver.try_recv().is_ok_and(|event| event.contains("mars")));
/// # Ok::<(), monobloc::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct EventOptions {
    /// Is called with each event, on the thread that answered the row, after it was answered.
    pub sink: Arc<dyn Fn(&Event) + Send + Sync>,
    /// The share of events that are told, from 0 to 1.
    pub sample: f64,
    /// Events that are told in a second at most.
    pub per_second: u32,
}

impl EventOptions {
    /// All events go to `sink`, ten a second at most.
    pub fn new(sink: impl Fn(&Event) + Send + Sync + 'static) -> EventOptions {
        EventOptions { sink: Arc::new(sink), sample: 1.0, per_second: 10 }
    }

    /// The share of events that are told, from 0 to 1.
    #[must_use]
    pub fn sample(mut self, share: f64) -> Self {
        self.sample = share;
        self
    }

    /// Events that are told in a second at most.
    #[must_use]
    pub fn per_second(mut self, events: u32) -> Self {
        self.per_second = events;
        self
    }
}

impl fmt::Debug for EventOptions {
    fn fmt(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventOptions { sink: _, sample, per_second } = self;
        into.debug_struct("EventOptions").field("sample", sample).field("per_second", per_second).finish()
    }
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventCounts {
    /// Told.
    pub told: u64,
    /// Left out by sampling.
    pub sampled_out: u64,
    /// Left out because there were too many.
    pub over_rate: u64,
}

impl Event {
    /// The event as one line of JSON: `time` (seconds since 1970), `model`, `version`, `digest`, `row`, `status` and
    /// `findings` as `run_json` gives them.
    pub fn to_json(&self) -> String {
        let since = self.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut said = json!({
            "time": (since.as_secs_f64() * 1000.0).round() / 1000.0,
            "model": self.model.name,
            "version": self.model.version,
            "digest": self.model.digest,
        });
        let row = verdict(&self.findings);
        for key in ["row", "status", "findings"] {
            said[key] = row[key].clone();
        }
        said.to_string()
    }
}

#[derive(Debug)]
pub(super) struct Events {
    options: EventOptions,
    model: Arc<Model>,
    /// The second, and how many events it had.
    rate: AtomicU64,
    met: AtomicU64,
    told: AtomicU64,
    sampled_out: AtomicU64,
    over_rate: AtomicU64,
}

impl Events {
    pub fn new(options: EventOptions, model: Model) -> Events {
        let zero = || AtomicU64::new(0);
        Events {
            options,
            model: Arc::new(model),
            rate: zero(),
            met: zero(),
            told: zero(),
            sampled_out: zero(),
            over_rate: zero(),
        }
    }

    /// Tells of a row, unless it is left out.
    pub fn tell(&self, sanity: &Sanity, seconds: u64, findings: &[Finding]) {
        let number = self.met.fetch_add(1, Ordering::Relaxed);
        if unit(number) >= self.options.sample {
            self.sampled_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if !self.is_within_rate(seconds) {
            self.over_rate.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let findings: Vec<Finding> = findings.iter().map(|finding| redacted(sanity, finding)).collect();
        let event = Event {
            time: SystemTime::now(),
            model: Arc::clone(&self.model),
            row: findings[0].row,
            status: findings.iter().map(|finding| finding.status).max().unwrap_or_default(),
            findings,
        };
        (self.options.sink)(&event);
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    fn is_within_rate(&self, seconds: u64) -> bool {
        let (second, most) = ((seconds & 0xFFFF_FFFF) << 32, u64::from(self.options.per_second));
        let taken = self.rate.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rate| {
            let so_far = if rate & !0xFFFF_FFFF == second { rate & 0xFFFF_FFFF } else { 0 };
            (so_far < most).then_some(second | (so_far + 1))
        });
        taken.is_ok()
    }

    pub fn counts(&self) -> EventCounts {
        EventCounts {
            told: self.told.load(Ordering::Relaxed),
            sampled_out: self.sampled_out.load(Ordering::Relaxed),
            over_rate: self.over_rate.load(Ordering::Relaxed),
        }
    }
}

/// The finding, without values where the field's rules keep them out.
fn redacted(sanity: &Sanity, finding: &Finding) -> Finding {
    if !sanity.redacts(&finding.field) {
        return finding.clone();
    }
    let used = finding.used.as_ref().map(|_| Value::Redacted);
    Finding { seen: Value::Redacted, used, ..finding.clone() }
}

/// A number from 0 to 1 for each count, evenly spread: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn unit(number: u64) -> f64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanity::{FindingKind, Rules};
    use crate::schema::Schema;
    use std::sync::Mutex;

    fn told(sample: f64, per_second: u32, redact: bool) -> (Events, Arc<Mutex<Vec<String>>>, Sanity) {
        let field = r#"{"name":"age","kind":"float","dtype":"float64","null":"nan"}"#;
        let schema = Schema::parse(&format!(r#"{{"fields":[{field}]}}"#)).expect("a schema");
        let rules = Rules::default().amended(&format!("age: {{redact: {redact}}}"), &schema).expect("rules");
        let told = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&told);
        let sink = Arc::new(move |event: &Event| into.lock().expect("a list").push(event.to_json()));
        let model = Model { name: "m".to_owned(), version: "1".to_owned(), digest: "sha256:0".to_owned() };
        let events = Events::new(EventOptions { sink, sample, per_second }, model);
        (events, told, Sanity::new(rules, &schema, &[Default::default()]))
    }

    fn finding() -> [Finding; 1] {
        [Finding {
            row: 3,
            field: "age".into(),
            kind: FindingKind::OutOfRange,
            seen: Value::Float(130.5),
            used: None,
            status: Status::Flagged,
            expected: Some("18 to 120".into()),
        }]
    }

    #[test]
    fn no_more_than_the_rate_in_a_second() {
        let (events, told, sanity) = told(1.0, 3, false);
        for second in 0..5 {
            (0..10).for_each(|_| events.tell(&sanity, second, &finding()));
        }
        assert_eq!(events.counts(), EventCounts { told: 15, sampled_out: 0, over_rate: 35 });
        let told = told.lock().expect("a list");
        assert_eq!(told.len(), 15);
        assert!(
            told[0].contains("130.5") && told[0].contains("found 130.5, expected 18 to 120"),
            "{}",
            told[0]
        );
    }

    #[test]
    fn a_sample_is_a_sample() {
        let (events, _, sanity) = told(0.2, u32::MAX, false);
        (0..10_000).for_each(|_| events.tell(&sanity, 0, &finding()));
        let counts = events.counts();
        assert!((1_900..2_100).contains(&counts.told), "{counts:?}");
        assert_eq!(counts.told + counts.sampled_out, 10_000);
    }

    #[test]
    fn redacted_values_stay_out() {
        let (events, told, sanity) = told(1.0, 10, true);
        events.tell(&sanity, 0, &finding());
        let told = told.lock().expect("a list");
        assert!(!told[0].contains("130") && told[0].contains("(redacted)"), "{}", told[0]);
    }
}
