"""Sanity rules from Python: the cases that the core's tests run too, and what this face adds."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CASES = json.loads(
    (Path(__file__).resolve().parents[2] / "crates/core/tests/data/sanity/cases.json").read_text(
        encoding="utf-8"
    )
)
NO_RULES = {
    "age": {"min": None, "max": None, "impute": None, "missing_rate": None},
    "balance": {"min": None, "max": None, "impute": None, "missing_rate": None},
    "region": {"impute": None, "missing_rate": None, "max_length": None},
}


def reference() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": np.where(random.random(900) < 0.1, np.nan, random.normal(45, 9, 900).round()),
            "balance": random.lognormal(5, 1, 900),
            "region": random.choice(["east", "north", "south"], 900, p=[0.2, 0.5, 0.3]),
        }
    )


@pytest.fixture(scope="module")
def model() -> Any:
    frame = reference()
    columns = ColumnTransformer(
        [
            ("age", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age"]),
            # With a number for missing, NaN is refused.
            ("balance", SimpleImputer(missing_values=-999, strategy="median"), ["balance"]),
            ("region", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ]
    )
    target = (frame.balance > 150).astype(int)
    return make_pipeline(columns, RandomForestClassifier(10, random_state=0)).fit(frame, target)


@pytest.fixture(scope="module")
def bloc(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sanity") / "model.bloc"
    monobloc.pack(model, path, reference=reference())
    return path


@pytest.fixture(scope="module")
def plain(bloc: Path) -> Any:
    path = bloc.parent / "plain.bloc"
    monobloc.edit_sanity(bloc, path, NO_RULES)
    return monobloc.load(path)


def frame_of(row: dict[str, Any]) -> pd.DataFrame:
    text = {"region": np.nan if row["region"] is None else row["region"]}
    return pd.DataFrame([row | text], columns=["age", "balance", "region"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(case: dict[str, Any], plain: Any, tmp_path: Path) -> None:
    path = tmp_path / "ruled.bloc"
    monobloc.edit_sanity(plain.path, path, case["rules"])
    engine = monobloc.load(path)
    row = case["row"]
    structured = np.zeros(1, dtype=[("age", "O"), ("balance", "O"), ("region", "O")])
    structured[0] = tuple(row.values())
    forms = [
        row,
        [row],
        {name: [value] for name, value in row.items()},
        frame_of(row),
        structured,
        json.dumps(row).encode(),
    ]
    expected = (
        np.full((1, 2), np.nan) if case["as"] is None else plain.predict_proba(frame_of(case["as"]))
    )
    for form in forms:
        prediction = engine.run(form)
        verdict = prediction.verdicts[0]
        assert verdict.status == case["status"], form
        found = [[f.field, f.kind, f.seen, f.used] for f in verdict.findings]
        assert found == case["findings"], form
        assert prediction.outputs["probabilities"].tobytes() == expected.tobytes()
        (checked,) = engine.check(form)
        assert [f.reason for f in checked.findings] == [f.reason for f in verdict.findings]
        if case["status"] == "rejected":
            assert prediction.outputs["label"].tolist() == [None]
            with pytest.raises(monobloc.RowsRejected, match="row 0"):
                engine.predict(form)
    response = json.loads(engine.run_json(json.dumps([row])))
    assert response["verdicts"] == json.loads(prediction.verdicts.to_json())


def test_rules_come_from_the_reference(bloc: Path) -> None:
    rules = monobloc.load(bloc).sanity["fields"]
    frame = reference()
    age, balance = frame.age.dropna(), frame.balance
    first, third = np.quantile(age, [0.25, 0.75])
    assert rules["age"]["max"] == third + 3 * (third - first)
    assert rules["age"]["impute"] in age.to_numpy()
    assert rules["age"]["missing_rate"] == pytest.approx(frame.age.isna().mean(), abs=1e-6)
    assert rules["balance"]["min"] == 0
    assert rules["balance"]["max"] >= np.quantile(balance, 0.998)
    assert rules["region"] == {"impute": "north", "max_length": 5, "missing_rate": 0}


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        (np.repeat([0, 1], 50), 0, 1),
        (np.repeat([-1.0, 7.0, 9.0], 20), -1, 9),
        (np.r_[np.zeros(990), np.full(10, 99_999.0)], 0, 99_999),
        (np.arange(-100.0, 1.0), -226, 0),
        (np.r_[np.arange(100.0), 1e9], 0, 1e9),
        (np.r_[np.arange(2_000.0), 1e9], 0, 4_497),
        (np.array([np.inf, 1.0, 2.0]), 0, 5),
        (np.array([1e308, -1e308, 5.0, 6.0]), -1.7976931348623157e308, 1.7976931348623157e308),
    ],
)
def test_fences(values: np.ndarray, least: float, most: float) -> None:
    from monobloc.packing.fences import _fences

    numbers = np.sort(values[np.isfinite(values)].astype(float))
    low, high = _fences(numbers)
    assert low == pytest.approx(least, rel=0.01, abs=1.01)
    assert high == pytest.approx(most, rel=0.01, abs=1.01)
    inside = (numbers >= low) & (numbers <= high)
    assert inside.mean() >= 0.998 - 1 / len(numbers)


def test_rules_of_the_caller_go_first(model: Any, tmp_path: Path) -> None:
    rules = {"age": {"min": np.int64(18), "max": 120.5, "on_range": "reject"}}
    (tmp_path / "rules.json").write_text(json.dumps({"age": {"min": 18, "max": 120.5}}))
    (tmp_path / "rules.yaml").write_text("fields:\n  age: {min: 18, max: 120.5}\non_extra: flag\n")
    for sanity in (rules, str(tmp_path / "rules.json"), tmp_path / "rules.yaml"):
        monobloc.pack(model, tmp_path / "m.bloc", reference=reference(), sanity=sanity)
        engine = monobloc.load(tmp_path / "m.bloc")
        assert (engine.sanity["fields"]["age"]["min"], engine.sanity["fields"]["age"]["max"]) == (
            18,
            120.5,
        )
        assert engine.sanity["fields"]["balance"]["min"] == 0
    assert engine.sanity["on_extra"] == "flag"
    verdicts = engine.run(reference().assign(x=1)).verdicts
    assert verdicts.counts["flagged"] == 900


@pytest.mark.parametrize(
    ("sanity", "words"),
    [
        ({"agee": {"min": 1}}, '"agee" is no field'),
        ({"age": {"min": "low"}}, 'field "age"'),
        ({"age": {"on_range": "delete"}}, "unknown variant"),
        ({"age": {"max": float("nan")}}, "no rule"),
        ({"age": {"max": object()}}, "neither text"),
        ({"region": {"aliases": {"N": "nord"}}}, "nord"),
        ("no such file.yaml", "expected rules by field, or a file"),
        (3, "must map names of fields to rules"),
    ],
)
def test_rules_that_cannot_be_used(model: Any, tmp_path: Path, sanity: Any, words: str) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match=words):
        monobloc.pack(model, tmp_path / "m.bloc", reference=reference(), sanity=sanity)
    assert list(tmp_path.iterdir()) == []


def test_verdicts_as_arrays(bloc: Path) -> None:
    engine = monobloc.load(bloc)
    rows = reference()[:6].astype(object)
    rows.loc[1, "age"] = 400
    rows.loc[2, "balance"] = None
    rows.loc[3, ["balance", "region"]] = ["much", "mars"]
    verdicts = engine.run(rows).verdicts
    assert verdicts.status.tolist() == ["ok", "flagged", "repaired", "repaired", "ok", "ok"]
    assert (verdicts.flagged, verdicts.repaired, verdicts.rejected) == ([1], [2, 3], [])
    assert verdicts.counts == {"ok": 3, "flagged": 1, "repaired": 2, "rejected": 0}
    table = pd.DataFrame(verdicts.findings)
    assert table.row.tolist() == [1, 2, 3, 3]
    assert table.kind.tolist() == ["out_of_range", "missing", "wrong_type", "unknown_category"]
    assert table.field.tolist() == ["age", "balance", "balance", "region"]
    median = engine.sanity["fields"]["balance"]["impute"]
    assert table.used.tolist()[1:3] == [median, median]
    assert [row["row"] for row in json.loads(verdicts.to_json())] == [1, 2, 3]
    assert repr(verdicts) == "Verdicts(6 rows: 1 flagged, 2 repaired, 0 rejected)"


def test_rejected_rows_are_named(bloc: Path, tmp_path: Path) -> None:
    monobloc.edit_sanity(bloc, tmp_path / "strict.bloc", {"age": {"max": 50, "on_range": "reject"}})
    engine = monobloc.load(tmp_path / "strict.bloc")
    rows = reference().dropna()[:20].reset_index(drop=True)
    rows["age"] = np.where(np.arange(20) % 2, 51, 40)
    for call in (engine.predict, engine.predict_proba, engine.transform, engine.raw_score):
        with pytest.raises(monobloc.RowsRejected) as caught:
            call(rows)
        message = str(caught.value)
        assert [f"row {row}, field" in message for row in range(13)] == [
            row in (1, 3, 5, 7, 9) for row in range(13)
        ]
        assert "found 51, expected" in message
        assert "and 5 more" in message
        assert (caught.value.row, caught.value.field) == (1, "age")
        assert caught.value.http_status == 422


def test_health_and_events(bloc: Path, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    log = tmp_path / "events.jsonl"
    monobloc.edit_sanity(bloc, tmp_path / "m.bloc", {"balance": {"redact": True}})
    engine = monobloc.load(
        tmp_path / "m.bloc", on_event=told.append, event_log=log, events_per_second=50
    )
    rows = reference()
    engine.predict(rows)
    assert engine.health().status == "ok"
    rows["age"] = 900
    rows.loc[7, "balance"] = 1e12
    engine.run(rows[:500])
    health = engine.health()
    assert health.status == "degraded"
    assert '"age" in 35.' in health.findings[0]
    share = health.out_of_distribution
    assert share["rows"] == 1_400
    assert share["share"] == pytest.approx(share["fields"]["age"], abs=0.01)
    assert engine.event_counts["told"] == len(told)
    assert engine.event_counts["over_rate"] > 300
    assert [json.loads(line) for line in log.read_text().splitlines()] == told
    assert log.stat().st_mode & 0o777 == 0o600
    of_age = next(event for event in told if event["findings"][0]["field"] == "age")
    assert of_age["findings"][0]["seen"] == 900
    assert of_age["digest"] == engine.digest
    assert "1000000000000" not in log.read_text()
    assert engine.predict(rows[:3]).tolist() == engine.run(rows[:3]).outputs["label"].tolist()


def test_a_callback_that_raises_disturbs_nobody(
    bloc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    engine = monobloc.load(bloc, on_event=lambda event: 1 / 0)
    row = {"age": 900, "balance": 3.0, "region": "east"}
    assert engine.predict([row] * 3).tolist() == engine.predict([row]).tolist() * 3
    assert len(unraisable) == 4
    assert isinstance(unraisable[0].exc_value, ZeroDivisionError)


def test_a_callback_may_predict(bloc: Path) -> None:
    answers = []
    clean = {"age": 40, "balance": 3.0, "region": "east"}
    engine = monobloc.load(
        bloc, on_event=lambda event: answers.append(engine.run_json(json.dumps(clean)))
    )
    engine.run_json(json.dumps(clean | {"age": 900}))
    assert answers == [engine.run_json(json.dumps(clean))]


def test_pickled_engines_keep_their_log(bloc: Path, tmp_path: Path) -> None:
    engine = monobloc.load(bloc, event_log=tmp_path / "log", event_sample=1.0)
    again = pickle.loads(pickle.dumps(engine))
    again.predict({"age": 900, "balance": 3.0, "region": "east"})
    assert len((tmp_path / "log").read_text().splitlines()) == 1


@pytest.mark.parametrize("sample", [-0.1, 1.5, float("nan")])
def test_a_sample_is_a_share(bloc: Path, sample: float) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="share from 0 to 1"):
        monobloc.load(bloc, event_sample=sample)


def command(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "monobloc", "sanity", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, **options)


def test_the_command_shows_and_edits(bloc: Path, tmp_path: Path) -> None:
    shown = command(bloc)
    assert shown.returncode == 0
    assert "missing_rate" in shown.stdout
    assert json.loads(command(bloc, "--json").stdout) == monobloc.load(bloc).sanity
    before = bloc.read_bytes()
    (tmp_path / "rules.yaml").write_text("age: {min: 18, on_range: clip}\n")
    edited = command(bloc, "--edit", tmp_path / "rules.yaml", "--output", tmp_path / "a.bloc")
    assert edited.returncode == 0, edited.stderr
    assert monobloc.load(tmp_path / "a.bloc").digest in edited.stdout
    age = monobloc.load(tmp_path / "a.bloc").sanity["fields"]["age"]
    assert (age["min"], age["on_range"]) == (18, "clip")
    assert bloc.read_bytes() == before
    piped = command(
        bloc, "--edit", "-", "-o", tmp_path / "b.bloc", input=(tmp_path / "rules.yaml").read_text()
    )
    assert piped.returncode == 0
    assert (tmp_path / "a.bloc").read_bytes() == (tmp_path / "b.bloc").read_bytes()
    editor = {"EDITOR": f"{sys.executable} -c \"import sys; open(sys.argv[1], 'a').write('')\""}
    same = command(bloc, "--edit", "--output", tmp_path / "c.bloc", env=editor)
    assert same.returncode == 0, same.stderr
    assert (tmp_path / "c.bloc").read_bytes() == before
    (tmp_path / "rules.yaml").write_text("agee: {min: 18}\n")
    wrong = command(bloc, "--edit", tmp_path / "rules.yaml", "--output", tmp_path / "d.bloc")
    assert wrong.returncode == 1
    assert '"agee" is no field' in wrong.stderr
    assert not (tmp_path / "d.bloc").exists()
    assert command(bloc, "--edit", tmp_path / "rules.yaml").returncode == 2


def test_model_files_take_rules(model: Any, tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    X = np.random.default_rng(0).normal(size=(300, 2))
    booster = lightgbm.train(
        {"verbose": -1, "objective": "regression"}, lightgbm.Dataset(X, X[:, 0]), 5
    )
    booster.save_model(tmp_path / "model.txt")
    monobloc.pack(
        tmp_path / "model.txt",
        tmp_path / "model.bloc",
        sanity={"Column_0": {"max": 4, "on_range": "reject"}},
    )
    engine = monobloc.load(tmp_path / "model.bloc")
    prediction = engine.run(np.array([[0.0, 1e9], [5.0, 0.0], [np.nan, np.inf]]))
    assert prediction.verdicts.status.tolist() == ["ok", "rejected", "ok"]
    assert np.isnan(prediction.outputs["prediction"]).tolist() == [False, True, False]


def test_requests_of_every_kind_leak_nothing(bloc: Path) -> None:
    clean = {"age": 40, "balance": 3.0, "region": "east"}
    engine = monobloc.load(bloc, threads=1, on_event=lambda event: None)
    dirty = json.dumps([clean, clean | {"age": "forty", "region": "mars", "x": 1}]).encode()
    bodies = [json.dumps(clean).encode(), dirty, b"[[1.5, 2.5, 3.5]]"]
    bad = [b'{"age":', b"\xff", b'{"age":1,"age":2}', b"[[1]]", b"[[1,NaN,2]]", dirty[:-9]]

    def serve(times: int) -> None:
        for number in range(times):
            engine.run_json(bodies[number % 3])
            engine.run(clean | {"age": number}).verdicts.findings  # noqa: B018
            with pytest.raises(monobloc.MonoblocError):
                engine.run_json(bad[number % 6])

    def private() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0])

    serve(10_000)
    before = private()
    serve(30_000)
    assert private() - before < 1_000, "KiB"


@pytest.mark.parametrize("absent", [None, np.nan])
def test_what_an_imputer_puts_in_is_not_found_again(tmp_path: Path, absent: Any) -> None:
    """The value was missing; the imputer's text is none that came in."""
    frame = reference()[["region"]]
    imputer = SimpleImputer(strategy="constant", fill_value="not known", missing_values=absent)
    steps = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("region", steps, ["region"])])
    model = make_pipeline(columns, RandomForestClassifier(5, random_state=0))
    model.fit(frame.astype(object), frame.region == "east")
    monobloc.pack(model, tmp_path / "imputed.bloc", reference=frame.astype(object))
    engine = monobloc.load(tmp_path / "imputed.bloc")
    verdict = engine.run({"region": absent}).verdicts[0]
    assert [(one.kind, one.seen) for one in verdict.findings] == [("missing", None)]
    verdict = engine.run({"region": "elsewhere"}).verdicts[0]
    assert [one.kind for one in verdict.findings] == ["too_long", "unknown_category"]
