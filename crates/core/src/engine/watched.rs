//! What an engine tells of the rows that it answered: drift, metrics, snapshots.

use super::Engine;
use crate::drift::{DriftReport, Live, LiveCounts, Window, figures, report};
use crate::error::{Error, ErrorKind, Result};
use crate::exposition::{Format, Metric, Watched};
use crate::input::Input;
use crate::monitor::{Counted, Snapshot};
use crate::reference::Reference;
use std::path::Path;

impl Engine {
    /// What all processes that serve this engine have counted: those that were forked after loading, and with
    /// [`MonitorOptions::state_dir`](crate::monitor::MonitorOptions::state_dir) others. `None` where monitoring is off.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.monitor.snapshot()
    }

    /// Counts a call that failed before the engine was asked for answers, as where what came holds no rows of this
    /// model. Calls that answer count their own failures.
    pub fn count_failure(&self, kind: ErrorKind) {
        self.monitor.begin().failed(kind);
    }

    /// What the reference looked like; empty where the bloc does not tell.
    pub fn reference(&self) -> &Reference {
        self.monitor.reference()
    }

    /// The file of counters that processes share, if it has a name.
    pub fn state_path(&self) -> Option<&Path> {
        self.monitor.state_path()
    }

    /// How the rows of the window differ from the reference.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where monitoring is off.
    ///
    /// ```
    /// use monobloc::{Engine, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let rows = r#"{"age": 95, "balance": 10, "region": "north"},"#.repeat(500);
    /// engine.run_json(format!("[{}]", rows.trim_end_matches(',')).as_bytes())?;
    /// let report = engine.drift()?;
    /// assert!(report.drifted().any(|column| column.name == "age"));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn drift(&self) -> Result<DriftReport> {
        let snapshot = self.snapshot().ok_or_else(|| {
            let message = "monitoring is off; load with it, or compare rows that you have";
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        report(self.reference(), &live(self.reference(), snapshot))
    }

    /// How what processes have counted in the file at `path`, or in the folder at it, differs from the reference.
    ///
    /// # Errors
    /// As [`read_state`](crate::monitor::read_state).
    pub fn drift_of_state(&self, path: &Path) -> Result<DriftReport> {
        let snapshot = crate::monitor::read_state(path, self.bloc.digest(), self.reference())?;
        report(self.reference(), &live(self.reference(), snapshot))
    }

    /// Adds rows, and what the model makes of them, to `live`. They are not counted by the monitor.
    ///
    /// # Errors
    /// As [`Engine::run`]; [`ErrorKind::InvalidArgument`] where the bloc has no reference.
    pub fn count_into(&self, input: &Input<'_>, live: &mut Live) -> Result<()> {
        let reference = self.reference();
        if reference.fields.is_empty() {
            let message = "the bloc does not tell what its reference looked like; pack it again with one";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        live.count(reference, input);
        for (number, counted) in
            live.fields.iter_mut().enumerate().filter(|(field, _)| !self.monitor.reads(*field))
        {
            *counted =
                LiveCounts { counts: vec![0; reference.fields[number].n_bins()], ..LiveCounts::default() };
        }
        let Some(ensemble) = self.model.ensemble().filter(|_| reference.outputs.is_some()) else {
            return Ok(());
        };
        let answer = ensemble.whole_answer();
        let width = ensemble.width(answer);
        let mut values = vec![0.0; input.n_rows() * width];
        self.answer_with(&self.sanity, input, answer, &mut values)?;
        for (number, place) in self.monitor.output_places(ensemble.n_outputs()).into_iter().enumerate() {
            let column = values.iter().skip(place).step_by(width).copied();
            let known: Vec<f64> = column.filter(|value| !value.is_nan()).collect();
            live.count_output(reference, number, &known);
        }
        Ok(())
    }

    /// How rows that one has differ from the reference; see [`Engine::count_into`] for many.
    ///
    /// # Errors
    /// As [`Engine::count_into`].
    pub fn drift_of(&self, input: &Input<'_>) -> Result<DriftReport> {
        let mut live = Live::new(self.reference());
        self.count_into(input, &mut live)?;
        report(self.reference(), &live)
    }

    /// Metrics of all processes that serve this engine, as text: calls, rows, findings, and drift of the window.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where monitoring is off.
    ///
    /// ```
    /// use monobloc::exposition::Format;
    /// use monobloc::{Engine, LoadOptions};
    ///
    /// let engine = Engine::load("tests/data/sample.bloc", &LoadOptions::default())?;
    /// let (format, text) = (Format::Prometheus, engine.metrics(Format::Prometheus)?);
    /// assert!(format.content_type().starts_with("text/plain") && text.contains("monobloc_rows_total"));
    /// # Ok::<(), monobloc::Error>(())
    /// ```
    pub fn metrics(&self, format: Format) -> Result<String> {
        self.watched(|watched| watched.to_text(format))
    }

    /// The same as numbers. Their samples are to have the model's name as the label `model`.
    ///
    /// # Errors
    /// As [`Engine::metrics`].
    pub fn metric_families(&self) -> Result<Vec<Metric>> {
        self.watched(|watched| watched.metrics())
    }

    fn watched<T>(&self, tell: impl FnOnce(&Watched<'_>) -> T) -> Result<T> {
        let snapshot = self.snapshot().ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "monitoring is off; load with it to have metrics")
        })?;
        let drift = figures(self.reference(), &live(self.reference(), snapshot.clone()))?;
        let manifest = self.manifest();
        let health = self.health();
        let watched = Watched {
            model: &manifest.name,
            about: [
                ("version", &manifest.version),
                ("digest", self.bloc.digest()),
                ("source", self.model.source()),
                ("scope", self.monitor.scope()),
            ],
            snapshot: &snapshot,
            drift: &drift,
            is_degraded: self.out_of_distribution().is_degraded(),
            file_changed: health.file_changed,
            threads: self.threads(),
        };
        Ok(tell(&watched))
    }
}

fn live(reference: &Reference, snapshot: Snapshot) -> Live {
    let Snapshot { totals, seen, since, until, distributions, .. } = snapshot;
    let counts =
        |Counted { counts, distances }| LiveCounts { counts, sum: distances, ..LiveCounts::default() };
    let mut fields: Vec<LiveCounts> = distributions.into_iter().map(counts).collect();
    let outputs = fields.split_off(reference.fields.len().min(fields.len()));
    let window = Window {
        seconds: since.map(|since| until.saturating_sub(since) as f64),
        from: since.map(|since| since as f64),
        to: Some(until as f64),
        workers: Some(totals.workers),
    };
    Live { rows: seen, fields, outputs, window }
}
