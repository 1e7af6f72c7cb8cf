"""Metrics, read by the parsers of those who scrape them, against what was done."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import networks
import numpy as np
import pandas as pd
import pytest
from children import SECONDS, fork
from conftest import ROOT, Credit
from exposition import PARSERS, Scraped, promtool, scrape
from forks import join
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

ROWS = 4_000
MOST_SECONDS_OF_A_SCRAPE = 0.005


def people(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.integers(18, 80, rows).astype(float),
            "income": random.lognormal(7.7, 0.5, rows),
            "region": random.choice(["north", "south", "west"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def labels(frame: pd.DataFrame) -> np.ndarray:
    return np.where(frame["income"] + 50 * frame["age"] > 4_500, "good", "bad")


def encoded(model: Any) -> Any:
    region = ColumnTransformer([("region", OneHotEncoder(), ["region"])], remainder="passthrough")
    return make_pipeline(region, model)


@pytest.fixture(scope="module")
def bloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that refuses missing values and unknown regions."""
    training, unseen = people(ROWS, 1), people(ROWS, 2)
    model = encoded(LogisticRegression(max_iter=5_000)).fit(training, labels(training))
    path = tmp_path_factory.mktemp("metrics") / "people.bloc"
    monobloc.pack(model, path, reference=training, validation=unseen, name="people", version="7")
    return path


@pytest.fixture
def engine(bloc: Path) -> monobloc.Engine:
    return monobloc.load(bloc)


def classifier(folder: Path) -> tuple[Path, Any]:
    training = people(500, 1)
    model = encoded(RandomForestClassifier(5, random_state=0)).fit(training, labels(training))
    monobloc.pack(model, folder / "m.bloc", reference=training, validation=people(500, 2))
    return folder / "m.bloc", training


def regressor(folder: Path) -> tuple[Path, Any]:
    training = people(500, 1)
    model = encoded(RandomForestRegressor(5, random_state=0)).fit(training, training["age"])
    monobloc.pack(model, folder / "m.bloc", reference=training, validation=people(500, 2))
    return folder / "m.bloc", training


def outlier_detector(folder: Path) -> tuple[Path, Any]:
    training = people(500, 1)[["age", "income"]]
    model = IsolationForest(n_estimators=20, random_state=0).fit(training)
    monobloc.pack(model, folder / "m.bloc", reference=training)
    return folder / "m.bloc", training


def network(folder: Path) -> tuple[Path, Any]:
    monobloc.pack(networks.mlp(), folder / "m.bloc")
    return folder / "m.bloc", networks.inputs("mlp", 500)


def without_reference(folder: Path) -> tuple[Path, Any]:
    import lightgbm

    training = people(500, 1)[["age", "income"]]
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(training, training["age"])
    model.booster_.save_model(folder / "m.txt")
    monobloc.pack(folder / "m.txt", folder / "m.bloc")
    return folder / "m.bloc", training


KINDS = [classifier, regressor, outlier_detector, network, without_reference]


@pytest.mark.parametrize("form", PARSERS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_of_model_is_counted(
    kind: Callable[[Path], tuple[Path, Any]], form: str, tmp_path: Path
) -> None:
    bloc, rows = kind(tmp_path)
    engine = monobloc.load(bloc)
    before = scrape(engine, form)
    assert before.value("monobloc_rows_total", status="ok") == 0
    assert before.value("monobloc_drift_judged") == 0
    engine.run(rows)
    after = scrape(engine, form)
    assert sum(after.values("monobloc_rows_total")) == 500
    assert after.value("monobloc_requests_total") == 1
    assert after.value("monobloc_window_rows") == 500
    columns = list(rows) if kind not in (network, without_reference) else []
    assert set(after.by("column", "monobloc_column_drifted")) == set()
    assert len(after.values("monobloc_column_drifted")) == len(columns)
    holds_rules(after)


def holds_rules(scraped: Scraped) -> None:
    """The formats' rules, and those of https://prometheus.io/docs/practices/naming."""
    lines = scraped.text.splitlines()
    described = [line.split(" ", 3) for line in lines if line.startswith("# ")]
    assert all(words[3] for words in described if words[1] in ("HELP", "TYPE"))
    helped = [words[2] for words in described if words[1] == "HELP"]
    typed = [words[2] for words in described if words[1] == "TYPE"]
    assert helped == typed
    assert len(set(helped)) == len(helped) == len(scraped.families)
    units = {words[2]: words[3] for words in described if words[1] == "UNIT"}
    assert all(name.endswith(f"_{unit}") for name, unit in units.items())
    for name, family in scraped.families.items():
        assert re.fullmatch(r"monobloc(_[a-z]+)+", name), name
        assert family.samples, name
        assert family.type in ("counter", "gauge", "histogram", "info"), name
        assert not re.search(r"_(milli|micro|percent|minutes|count|sum|bucket)", name), name
        for sample in family.samples:
            assert sample.labels["model"]
            assert all(re.fullmatch("[a-z]+", label) for label in sample.labels)
            assert sample.name.endswith("_total") == (family.type == "counter")
            if sample.name.endswith("_ratio"):
                assert 0 <= sample.value <= 1
    if scraped.format == "openmetrics":
        assert lines[-1] == "# EOF"
        assert scraped.families["monobloc_model"].type == "info"


def test_promtool_finds_nothing(engine: monobloc.Engine) -> None:
    engine.run(people(500, 3))
    promtool("check", "metrics", text=engine.metrics())


def test_both_formats_say_the_same(engine: monobloc.Engine) -> None:
    engine.run(people(500, 3))
    plain, open_metrics = scrape(engine), scrape(engine, "openmetrics")

    def samples(scraped: Scraped) -> set[tuple[Any, ...]]:
        return {
            (sample.name, frozenset(sample.labels.items()), sample.value)
            for family in scraped.families.values()
            for sample in family.samples
        }

    assert samples(plain) == samples(open_metrics)


def test_the_model_is_described(engine: monobloc.Engine) -> None:
    [sample] = scrape(engine).families["monobloc_model_info"].samples
    assert sample.labels == {
        "model": "people",
        "version": "7",
        "digest": engine.digest,
        "source": "sklearn.linear_model.LogisticRegression",
        "scope": "forked workers",
    }


def test_rows_by_status_and_findings(engine: monobloc.Engine) -> None:
    frame = people(100, 3)
    frame.loc[:9, "region"] = "east"
    frame.loc[10:14, "age"] = np.nan
    frame.loc[20:26, "income"] = 1e9
    counts = engine.run(frame).verdicts.counts
    assert (counts["rejected"], counts["repaired"], counts["flagged"]) == (10, 5, 7)
    scraped = scrape(engine)
    statuses = {key: value for key, value in counts.items() if value}
    assert scraped.by("status", "monobloc_rows_total") == statuses
    findings = {"unknown_category": 10, "missing": 5, "out_of_range": 7}
    assert scraped.by("kind", "monobloc_findings_total") == findings
    assert scraped.value("monobloc_out_of_distribution_rows_total") == 22
    assert scraped.value("monobloc_window_out_of_distribution_ratio") == 0.22
    assert scraped.value("monobloc_window_rejected_ratio") == 0.1
    assert scraped.value("monobloc_health_degraded") == 1
    assert engine.health().status == "degraded"
    # No window is judged by fewer than 100 values.
    assert scraped.value("monobloc_drift_judged") == 1


BAD_CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "cut body": ("malformed_request", lambda engine: engine.run_json(b'{"age": 41')),
    "short row": ("schema", lambda engine: engine.run_json(b"[[1]]")),
    "large body": ("too_large", lambda engine: engine.run_json(b"[]" + b" " * 2**26)),
    "cut body, predicted": ("malformed_request", lambda engine: engine.predict(b'{"age": 41')),
    "frame without a column": ("schema", lambda engine: engine.run(people(3, 1)[["age"]])),
    "columns of two lengths": ("schema", lambda engine: engine.predict({"age": [1], "income": []})),
    "array of two columns": ("schema", lambda engine: engine.predict_proba(np.zeros((2, 2)))),
    "a number": ("schema", lambda engine: engine.predict(5)),
    "no Arrow": ("malformed_request", lambda engine: engine.run_arrow(b"no Arrow")),
}


@pytest.mark.parametrize("call", BAD_CALLS)
def test_errors_by_code(engine: monobloc.Engine, call: str) -> None:
    code, fail = BAD_CALLS[call]
    with pytest.raises(monobloc.MonoblocError) as raised:
        fail(engine)
    assert raised.value.code == code
    scraped = scrape(engine)
    assert scraped.by("code", "monobloc_errors_total") == {code: 1}
    assert scraped.value("monobloc_requests_total") == 1
    assert scraped.value("monobloc_request_duration_seconds_count") == 1
    assert scraped.value("monobloc_requests_in_flight") == 0
    assert sum(scraped.values("monobloc_rows_total")) == 0


def test_a_network_counts_what_it_can_not_read(tmp_path: Path) -> None:
    engine = monobloc.load(network(tmp_path)[0])
    for body in [{"y": np.zeros((1, 64))}, {"x": "text"}]:
        with pytest.raises(monobloc.MonoblocError):
            engine.run(body)
    with pytest.raises(monobloc.InvalidArgumentError):
        engine.run_json(b"[]")
    scraped = scrape(engine)
    assert sum(scraped.values("monobloc_errors_total")) == 3
    assert scraped.value("monobloc_errors_total", code="invalid_argument") >= 1


def test_rejected_rows_are_no_errors_of_calls(engine: monobloc.Engine) -> None:
    frame = people(2, 3).assign(region="east")
    with pytest.raises(monobloc.RowsRejected):
        engine.predict(frame)
    scraped = scrape(engine)
    assert sum(scraped.values("monobloc_errors_total")) == 0
    assert scraped.value("monobloc_rows_total", status="rejected") == 2


def test_what_only_looks_is_not_counted(engine: monobloc.Engine) -> None:
    frame = people(200, 3)
    engine.check(frame)
    engine.transform(frame)
    engine.drift(frame)
    for look in [engine.check, engine.transform, engine.drift]:
        with pytest.raises(monobloc.SchemaError):
            look(5)
    scraped = scrape(engine)
    assert scraped.value("monobloc_requests_total") == 0
    assert sum(scraped.values("monobloc_errors_total")) == 0


def test_the_histogram_has_all_calls(engine: monobloc.Engine) -> None:
    row = people(1, 3).to_dict("records")[0]
    begun = time.perf_counter()
    for _ in range(50):
        engine.predict(row)
    elapsed = time.perf_counter() - begun
    scraped = scrape(engine, "openmetrics")
    name = "monobloc_request_duration_seconds"
    buckets = scraped.by("le", f"{name}_bucket")
    counts = list(buckets.values())
    assert counts == sorted(counts)
    assert buckets["+Inf"] == scraped.value(f"{name}_count") == 50
    assert scraped.value("monobloc_requests_total") == 50
    assert 0 < scraped.value(f"{name}_sum") < elapsed


def test_calls_under_way_are_in_flight(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc, threads=1)
    batch = pd.concat([credit.batch] * 20, ignore_index=True)
    done = threading.Event()

    def answer() -> None:
        while not done.is_set():
            engine.predict_proba(batch)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        until = time.monotonic() + SECONDS
        while scrape(engine).value("monobloc_requests_in_flight") != 1:
            assert time.monotonic() < until
    finally:
        done.set()
        thread.join(SECONDS)
    assert scrape(engine).value("monobloc_requests_in_flight") == 0


def test_drift_is_told_by_column(engine: monobloc.Engine) -> None:
    engine.run(people(2_000, 3))
    scraped = scrape(engine)
    assert scraped.value("monobloc_drift_judged") == 1
    assert scraped.value("monobloc_drifted_columns") == 0
    engine = monobloc.load(engine.path)
    frame = people(2_000, 3)
    frame["age"] *= 12
    frame.loc[::2, "income"] = np.nan
    engine.run(frame)
    scraped, report = scrape(engine), engine.drift()
    drifted = scraped.by("column", "monobloc_column_drifted")
    assert drifted == {"age": 1, "income": 1}
    both = drifted | scraped.by("output", "monobloc_output_drifted")
    assert set(both) == set(report.drifted)
    assert scraped.value("monobloc_drifted_columns") == len(report.drifted)
    shift = "monobloc_column_mean_shift_standard_deviations"
    assert scraped.value(shift, column="age") > 2
    assert scraped.value("monobloc_column_missing_ratio", column="income") == 0.5
    assert scraped.value("monobloc_column_out_of_range_ratio", column="age") > 0.5
    for column in report.columns:
        for suffix, measure in [
            ("population_stability_index", column.measures["psi"]),
            ("jensen_shannon_ratio", column.measures["jensen_shannon"]),
        ]:
            assert scraped.value(f"monobloc_column_{suffix}", column=column.name) == measure
    assert scraped.values(shift, column="region") == []


def test_outputs_of_rows_that_the_model_saw_are_never_drifted(tmp_path: Path) -> None:
    bloc, training = outlier_detector(tmp_path)
    engine = monobloc.load(bloc)
    engine.run(pd.concat([training * 3] * 4))
    scraped = scrape(engine)
    assert scraped.by("column", "monobloc_column_drifted")
    assert scraped.by("output", "monobloc_output_drifted") == {}


def test_forked_workers_are_scraped_together(engine: monobloc.Engine) -> None:
    frame = people(300, 3)
    engine.run(frame[:50])
    join(*(fork(lambda: engine.run(frame)) for _ in range(3)))
    scraped = scrape(engine)
    assert sum(scraped.values("monobloc_rows_total")) == 950
    assert scraped.value("monobloc_requests_total") == 4
    assert scraped.value("monobloc_window_seen_rows") == 950

    def child() -> None:
        assert scrape(engine).value("monobloc_requests_total") == 4

    join(fork(child))


def test_processes_of_a_folder_are_scraped_together(bloc: Path, tmp_path: Path) -> None:
    rows = json.dumps(people(120, 3).to_dict("records"))
    code = (
        "import sys, monobloc\n"
        "engine = monobloc.load(sys.argv[1], state_dir=sys.argv[2])\n"
        "engine.run_json(sys.stdin.buffer.read())"
    )
    folder = tmp_path / "state"
    for _ in range(2):
        command = [sys.executable, "-c", code, str(bloc), str(folder)]
        subprocess.run(command, input=rows.encode(), check=True, timeout=60)
    engine = monobloc.load(bloc, state_dir=folder)
    engine.run_json(rows.encode())
    scraped = scrape(engine)
    assert sum(scraped.values("monobloc_rows_total")) == 360
    [info] = scraped.families["monobloc_model_info"].samples
    assert info.labels["scope"] == "workers of a folder"


def test_monitoring_off(bloc: Path) -> None:
    engine = monobloc.load(bloc, monitor=False)
    engine.run(people(10, 3))
    assert engine.snapshot() is None
    with pytest.raises(monobloc.InvalidArgumentError, match="monitoring is off"):
        engine.metrics()


def test_an_unknown_format(engine: monobloc.Engine) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="statsd"):
        engine.metrics("statsd")


@pytest.mark.parametrize("form", PARSERS)
def test_labels_may_be_any_text(form: str, tmp_path: Path) -> None:
    names = ['the "age"', "back\\slash\\n", "two\nlines", 'größe {le="1"} 5 # EOF']
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.random((500, 4)), columns=names)
    model = RandomForestClassifier(3, random_state=0).fit(frame, frame[names[0]] > 0.5)
    name = 'm "1" \\ ü'
    monobloc.pack(model, tmp_path / "m.bloc", reference=frame, name=name)
    engine = monobloc.load(tmp_path / "m.bloc")
    engine.run(frame)
    scraped = scrape(engine, form)
    drifted = scraped.families["monobloc_column_drifted"].samples
    assert sorted(sample.labels["column"] for sample in drifted) == sorted(names)
    assert {sample.labels["model"] for sample in drifted} == {name}
    if form == "prometheus":
        promtool("check", "metrics", text=scraped.text)


def wide(rows: int, seed: int) -> pd.DataFrame:
    """150 columns of numbers and 50 of 300 categories each."""
    random = np.random.default_rng(seed)
    numbers = {f"n{number}": random.lognormal(0, 1, rows) for number in range(150)}
    texts = np.array([f"category {number}" for number in range(300)])
    skewed = random.random((50, rows)) ** 2 * len(texts)
    categories = {f"c{n}": texts[values.astype(int)] for n, values in enumerate(skewed)}
    return pd.DataFrame(numbers | categories)


def wide_bloc(folder: Path) -> Path:
    training = wide(5_000, 1)
    texts = [name for name in training if name.startswith("c")]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("texts", encoder, texts)], remainder="passthrough")
    model = make_pipeline(columns, RandomForestClassifier(5, random_state=0))
    model.fit(training, training["n0"] > 1)
    monobloc.pack(model, folder / "wide.bloc", reference=training, validation=wide(1_000, 2))
    return folder / "wide.bloc"


def test_a_scrape_is_quick(tmp_path: Path) -> None:
    """By the time of its thread, which others who work here do not add to."""
    engine = monobloc.load(wide_bloc(tmp_path), workers=4)
    frame = wide(2_000, 3)
    frame["n7"] *= 100
    frame["c3"] = "another"
    engine.run(frame)
    seconds = []
    for _ in range(20):
        begun = time.thread_time()
        text = engine.metrics()
        seconds.append(time.thread_time() - begun)
    assert set(Scraped(text).by("column", "monobloc_column_drifted")) == {"n7", "c3"}
    assert statistics.median(seconds) <= MOST_SECONDS_OF_A_SCRAPE


def test_the_page_lists_all_metrics(engine: monobloc.Engine) -> None:
    engine.run(people(500, 3))
    suffixes = {"counter": "_total", "info": "_info"}
    lines = ["", "| metric | kind | labels beside `model` | what |", "|---|---|---|---|"]
    for name, text, kind, samples in engine._metric_families():
        assert samples, f"no sample of {name}"
        names = {label: None for _, labels, _ in samples for label in labels}
        cells = [f"`{name}{suffixes.get(kind, '')}`", kind]
        cells += [", ".join(f"`{label}`" for label in names), text]
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join([*lines, "", ""])
    page = ROOT / "docs" / "monitoring.md"
    before, found, after = re.split(
        r"(?<=<!-- metrics -->)|(?=<!-- /metrics -->)", page.read_text()
    )
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(before + table + after)
        found = table
    assert found == table, "docs/monitoring.md is out of date: UPDATE_DOCS=1 pytest this test"
