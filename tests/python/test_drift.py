"""What engines count of the rows that they answer, and what they say of drift."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import networks
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
import watched
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder
from watched import UNREAD, people, renamed

ROWS = 600


@pytest.fixture(scope="module")
def bloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.pack(tmp_path_factory.mktemp("watched") / "people.bloc")


@pytest.fixture
def engine(bloc: Path) -> Any:
    return monobloc.load(bloc)


def counted(engine: monobloc.Engine) -> dict[str, int]:
    """Values of the window by column and output."""
    report = engine.drift()
    return {line.name: line.measures["rows"] for line in report.columns + report.outputs}


def records(frame: pd.DataFrame) -> Any:
    return json.loads(frame.to_json(orient="records"))


def arrow(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


BOTH, PROBABILITY, LABEL = (ROWS, ROWS), (ROWS, 0), (0, ROWS)
CALLS: dict[str, tuple[Callable[[Any, pd.DataFrame], Any], tuple[int, int]]] = {
    "predict": (lambda engine, frame: engine.predict(frame), LABEL),
    "predict_proba": (lambda engine, frame: engine.predict_proba(frame), PROBABILITY),
    "predict_log_proba": (lambda engine, frame: engine.predict_log_proba(frame), PROBABILITY),
    "run": (lambda engine, frame: engine.run(frame), BOTH),
    "run_json": (lambda engine, frame: engine.run_json(json.dumps(records(frame)).encode()), BOTH),
    "run_arrow": (lambda engine, frame: engine.run_arrow(arrow(frame)), BOTH),
    "a list of dicts": (lambda engine, frame: engine.run(records(frame)), BOTH),
    "a dict of columns": (
        lambda engine, frame: engine.run({name: frame[name].tolist() for name in frame}),
        BOTH,
    ),
    "single rows": (lambda engine, frame: [engine.run(row) for row in records(frame)], BOTH),
}


@pytest.mark.parametrize("call", CALLS)
def test_all_calls_count_rows_alike(call: str, engine: Any) -> None:
    act, (probability, label) = CALLS[call]
    frame = renamed(people(ROWS, 2))
    act(engine, frame)
    snapshot = engine.snapshot()
    assert snapshot["rows"] == snapshot["window_rows"] == snapshot["window_seen_rows"] == ROWS
    assert snapshot["requests"] == (ROWS if call == "single rows" else 1)
    assert (snapshot["workers"], snapshot["in_flight"]) == (1, 0)
    rows = counted(engine)
    assert {rows[name] for name in ("age", "balance", "country")} == {ROWS}
    assert rows[UNREAD] == 0
    assert (rows["probability_yes"], rows["label"]) == (probability, label)
    assert engine.drift().drifted == ["country"]


def test_what_answers_nothing_counts_nothing(engine: Any) -> None:
    frame = people(ROWS, 2)
    engine.check(frame)
    engine.transform(frame)
    engine.drift(frame)
    assert (engine.snapshot()["rows"], engine.snapshot()["requests"]) == (0, 0)


def test_failed_calls_count_as_requests_without_rows(engine: Any) -> None:
    with pytest.raises(monobloc.MonoblocError):
        engine.run_json(b"[{")
    assert engine.snapshot()["rows"] == 0


@pytest.mark.parametrize("rows", [people(ROWS, 2), people(ROWS, 2).drop(columns=UNREAD)])
def test_columns_that_the_model_does_not_read_are_not_judged(
    rows: pd.DataFrame, engine: Any
) -> None:
    offline = engine.drift(rows)
    engine.run(rows)
    live = engine.drift()
    engine.run_json(json.dumps(records(rows)).encode())
    for report in (live, offline, engine.drift()):
        assert report.drifted == []
        unread = next(column for column in report.columns if column.name == UNREAD)
        assert unread.silence
        assert "100 %" not in unread.sentence
        assert unread.measures["rows"] == unread.measures["missing"]["live"] == 0


def test_rejected_rows_have_no_outputs(tmp_path: Path) -> None:
    rules = {"age": {"max": 60, "on_range": "reject"}}
    engine = monobloc.load(watched.pack(tmp_path / "strict.bloc", sanity=rules))
    frame = people(ROWS, 2)
    rejected = int((frame["age"] > 60).sum())
    assert 0 < rejected < ROWS
    engine.run(frame)
    snapshot = engine.snapshot()
    assert (snapshot["rows"], snapshot["rejected"]) == (ROWS, rejected)
    assert snapshot["window_rejected"] == rejected
    rows = counted(engine)
    assert rows["age"] == ROWS
    assert rows["probability_yes"] == rows["label"] == ROWS - rejected
    offline = {output.name: output.measures["rows"] for output in engine.drift(frame).outputs}
    assert offline == {name: rows[name] for name in offline}


def test_a_window_of_rows_forgets(bloc: Path) -> None:
    engine: Any = monobloc.load(bloc, window_rows=1_200)
    seeds = itertools.count(4)

    def serve(times: int, change: Callable[[pd.DataFrame], pd.DataFrame] = pd.DataFrame) -> None:
        for _ in range(times):
            engine.run(change(people(100, next(seeds))))

    serve(30)
    assert engine.snapshot()["rows"] == 3_000
    assert 1_100 <= engine.snapshot()["window_rows"] <= 1_200
    assert engine.drift().drifted == []
    serve(12, renamed)
    assert engine.drift().drifted == ["country"]
    serve(13)
    assert engine.drift().drifted == []
    assert engine.snapshot()["rows"] == 5_500


def test_beyond_the_first_rows_of_a_part_one_of_sixteen_is_looked_at(bloc: Path) -> None:
    engine: Any = monobloc.load(bloc, window_rows=12 * 20_000)
    for seed in range(15):
        engine.run(people(1_000, seed))
    snapshot = engine.snapshot()
    assert snapshot["window_rows"] == 15_000
    assert 5_600 <= snapshot["window_seen_rows"] <= 5_650
    assert engine.drift().window["rows"] == snapshot["window_seen_rows"]
    assert engine.drift().drifted == []


def test_what_a_window_covers(bloc: Path) -> None:
    by_time: Any = monobloc.load(bloc, window_seconds=24)
    by_time.run(people(ROWS, 2))
    window = by_time.drift().window
    assert window["rows"] == ROWS
    assert 22 <= window["seconds"] <= 24
    assert window["to"] - window["from"] == window["seconds"]
    assert window["workers"] == 1
    by_rows: Any = monobloc.load(bloc, window_rows=24)
    assert by_rows.drift().window["seconds"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window_seconds": 11}, "window_seconds is too short; expected 12 at least"),
        ({"window_rows": 0}, "window_rows is too short; expected 12 at least"),
        ({"window_rows": -5}, "window_rows is too short; expected 12 at least"),
        ({"monitor": False, "state_dir": "state"}, "monitor=False counts nothing"),
    ],
)
def test_options_that_mean_nothing(bloc: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match=words):
        monobloc.load(bloc, **options)


def test_an_engine_that_does_not_count(bloc: Path) -> None:
    engine: Any = monobloc.load(bloc, monitor=False)
    frame = renamed(people(ROWS, 2))
    engine.run(frame)
    assert engine.snapshot() is None
    with pytest.raises(monobloc.InvalidArgumentError, match="monitoring is off; load with it"):
        engine.drift()
    assert engine.drift(frame).drifted == ["country"]


def test_pickled_engines_count_as_they_were_loaded(bloc: Path, tmp_path: Path) -> None:
    engine: Any = monobloc.load(bloc, state_dir=tmp_path / "state", window_rows=1_200)
    engine.run(people(100, 2))
    copy = pickle.loads(pickle.dumps(engine))
    copy.run(people(100, 3))
    assert engine.snapshot()["rows"] == copy.snapshot()["rows"] == 200


def test_answers_are_the_same_bits_whether_they_are_counted_or_not(bloc: Path) -> None:
    frame = people(ROWS, 5)
    plain, watching = monobloc.load(bloc, monitor=False), monobloc.load(bloc)
    given = [np.asarray(engine.predict_proba(frame)).tobytes() for engine in (plain, watching)]
    assert given[0] == given[1]


def test_networks_behind_preprocessing_are_counted(tmp_path: Path) -> None:
    frame = people(2_000, 0)
    prepare = make_column_transformer(
        ("passthrough", ["age", "balance"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country"]),
    ).fit(frame)
    make = networks.Builder(1)
    y = make.node("Gemm", "x", make.weight(5, 1), make.weight(1))
    model = make.model([("x", onnx.TensorProto.FLOAT, ["batch", 5])], {"y": y})
    path = tmp_path / "network.bloc"
    monobloc.pack(model, path, preprocess=prepare, reference=frame)
    engine: Any = monobloc.load(path)
    engine.run(people(ROWS, 1).drop(columns=UNREAD))
    assert engine.snapshot()["window_rows"] == ROWS
    assert engine.drift().drifted == []
    engine.run(renamed(people(ROWS, 2)))
    assert engine.drift().drifted == ["country"]
    assert engine.drift(renamed(people(ROWS, 2))).drifted == ["country"]
    assert engine.drift().outputs == []


def test_networks_on_tensors_count_rows(tmp_path: Path) -> None:
    monobloc.pack(networks.mlp(), tmp_path / "mlp.bloc")
    engine: Any = monobloc.load(tmp_path / "mlp.bloc")
    engine.run(networks.inputs("mlp", 5))
    assert engine.snapshot()["rows"] == 5
    assert engine.drift().columns == []


def test_a_bloc_without_a_reference(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows = people(500, 0)[["age", "balance"]]
    booster = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(rows, rows["balance"])
    file = tmp_path / "model.txt"
    booster.booster_.save_model(file)
    monobloc.pack(file, tmp_path / "plain.bloc")
    engine: Any = monobloc.load(tmp_path / "plain.bloc")
    engine.predict(rows)
    assert engine.snapshot()["rows"] == 500
    assert engine.drift().columns == []
    with pytest.raises(monobloc.InvalidArgumentError, match="pack it again with one"):
        engine.drift(rows)
