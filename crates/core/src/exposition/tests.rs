use super::*;
use crate::drift::{Live, report};
use crate::monitor::Snapshot;
use crate::reference::Reference;

#[test]
fn names_and_labels_are_escaped() {
    let (snapshot, reference) = (Snapshot::default(), Reference::default());
    let drift = report(&reference, &Live::default()).expect("a report");
    let watched = Watched {
        model: "a \"b\"\\\nc",
        about: [("version", "1"), ("digest", "sha256:0"), ("source", "x"), ("scope", "worker")],
        snapshot: &snapshot,
        drift: &drift,
        is_degraded: true,
        file_changed: false,
        threads: 2,
    };
    let text = watched.to_text(Format::Prometheus);
    assert!(text.contains("monobloc_health_degraded{model=\"a \\\"b\\\"\\\\\\nc\"} 1\n"), "{text}");
    assert!(text.contains("# TYPE monobloc_requests_total counter\nmonobloc_requests_total{"), "{text}");
    let text = watched.to_text(Format::OpenMetrics);
    assert!(text.contains("# TYPE monobloc_requests counter\nmonobloc_requests_total{"), "{text}");
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE monobloc_model info\n"), "{text}");
    assert!("statsd".parse::<Format>().expect_err("unknown").to_string().contains("prometheus"));
}
