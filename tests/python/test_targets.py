"""A forest that decides on several targets by every entrance: JSON, Arrow, files, monitoring."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pyarrow
import pytest
from models import loans, target
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

COMMAND = Path(__file__).resolve().parents[2] / "target" / "release" / "monobloc"
NUMBERS = ["ratio", "age", "children"]


def _counts(frame: Any) -> np.ndarray:
    """Targets of 2, 3 and 4 classes, and one of a single class."""
    noise = np.random.default_rng(7).normal(size=(len(frame), 4))
    draws = np.clip(np.floor(noise + target(frame)[:, None]), 0, 3).astype(np.int64)
    return np.stack(
        [draws[:, 0].clip(1, 2), draws[:, 1].clip(0, 2), draws[:, 2], draws[:, 3] * 0 + 5], axis=1
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """A forest of four targets, its engine, and rows of which the last is rejected."""
    frame = loans(400, 1)[NUMBERS]
    frame["ratio"] = frame["ratio"].fillna(0.0)
    model = RandomForestClassifier(n_estimators=9, max_depth=6, random_state=5)
    labels = np.array(["a", 'b,"', "c", "d", "e", "f"], dtype=object)[_counts(loans(400, 1))]
    model.fit(frame, labels)
    path = tmp_path_factory.mktemp("targets") / "model.bloc"
    rules = {"age": {"max": 500, "on_range": "reject"}}
    monobloc.pack(model, path, reference=frame, validation=_held_out(), sanity=rules)
    engine = monobloc.load(path)
    rows = frame[:40].reset_index(drop=True)
    rows.loc[len(rows)] = [0.5, 501, 1]
    return model, engine, rows


def _held_out() -> Any:
    return loans(400, 3)[NUMBERS].fillna(0.0)


def _same(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.tobytes() == other.tobytes()


def test_rejected_rows(made: tuple[Any, Any, Any]) -> None:
    model, engine, rows = made
    prediction = engine.run(rows)
    assert prediction.verdicts.rejected == [40]
    assert prediction.outputs["label"][40].tolist() == [None] * 4
    assert (prediction.outputs["label"][:40] == model.predict(rows[:40])).all()
    outputs = prediction.outputs["probabilities"]
    assert all(np.isnan(of_target[40]).all() for of_target in outputs)
    _same([of_target[:40] for of_target in outputs], model.predict_proba(rows[:40]))
    with pytest.raises(monobloc.RowsRejected):
        engine.predict(rows)
    with pytest.raises(monobloc.RowsRejected):
        engine.predict_proba(rows)


def test_json(made: tuple[Any, Any, Any]) -> None:
    model, engine, rows = made
    outputs = json.loads(engine.run_json(rows.to_json(orient="records").encode()))["outputs"]
    assert outputs["label"] == [*model.predict(rows[:40]).tolist(), [None] * 4]
    by_target = [of_target.tolist() for of_target in model.predict_proba(rows[:40])]
    by_row = [list(row) for row in zip(*by_target, strict=True)]
    nothing = [[None] * len(classes) for classes in model.classes_]
    assert outputs["probabilities"] == [*by_row, nothing]


WITHOUT_NUMPY = """
import json, sys
sys.modules["numpy"] = None
import monobloc
engine, rows = monobloc.load(sys.argv[1]), json.load(sys.stdin)
outputs = engine.run(rows).outputs
known, label = rows[:40], outputs["label"]
answers = [engine.predict(known), engine.predict_proba(known), engine.classes_, label]
print(json.dumps(answers))
"""


def test_lists_where_there_is_no_numpy(made: tuple[Any, Any, Any]) -> None:
    model, engine, rows = made
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY, engine.path],
        input=rows.to_json(orient="records"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    labels, probabilities, classes, of_run = json.loads(done.stdout)
    assert labels == model.predict(rows[:40]).tolist()
    assert probabilities == [found.tolist() for found in model.predict_proba(rows[:40])]
    assert classes == [known.tolist() for known in model.classes_]
    assert of_run == [*labels, [None] * 4]


def test_arrow(made: tuple[Any, Any, Any]) -> None:
    model, engine, rows = made
    table = pyarrow.Table.from_pandas(rows, preserve_index=False)
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    answer = pyarrow.ipc.open_stream(engine.run_arrow(sink.getvalue())).read_all()
    assert answer.equals(pyarrow.table(engine.run(rows)))
    labels = [f"label_{target}" for target in range(4)]
    outputs = [f"probabilities_{target}" for target in range(4)]
    assert answer.column_names == [*labels, *outputs, "status", "findings"]
    for number, column in enumerate(labels):
        assert answer[column].to_pylist() == [*model.predict(rows[:40])[:, number], None]
    for column, expected in zip(outputs, model.predict_proba(rows[:40]), strict=True):
        assert answer[column].to_pylist() == [*expected.tolist(), None]


def test_tables_of_outputs_that_were_changed(made: tuple[Any, Any, Any]) -> None:
    _, engine, rows = made
    for spoil in (
        lambda arrays: arrays[:-1],
        lambda arrays: [*arrays[:-1], arrays[-1][1:]],
        lambda arrays: arrays[0],
    ):
        prediction = engine.run(rows)
        prediction.outputs["probabilities"] = spoil(prediction.outputs["probabilities"])
        with pytest.raises(monobloc.InvalidArgumentError, match="no longer those"):
            pyarrow.table(prediction)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("answers", ["csv", "jsonl", "arrow"])
def test_files(ending: str, answers: str, made: tuple[Any, Any, Any], tmp_path: Path) -> None:
    model, engine, rows = made
    given, said = tmp_path / f"rows.{ending}", tmp_path / f"answers.{answers}"
    match ending:
        case "csv":
            rows.to_csv(given, index=False)
        case "jsonl":
            rows.to_json(given, orient="records", lines=True)
        case "parquet":
            rows.to_parquet(given)
    command = [COMMAND, "predict", engine.path, given, "--out", said]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert said.exists(), done.stderr
    labels, probabilities = model.predict(rows[:40]), model.predict_proba(rows[:40])
    if answers == "jsonl":
        found = [json.loads(line) for line in said.read_text().splitlines()]
        assert [row["label"] for row in found] == [*labels.tolist(), [None] * 4]
        for number, expected in enumerate(probabilities):
            assert [row["probabilities"][number] for row in found[:40]] == expected.tolist()
        return
    if answers == "arrow":
        found = pyarrow.ipc.open_file(said).read_all()
        assert found["label_3"].to_pylist() == [*labels[:, 3], None]
        assert found["probabilities_2"].to_pylist() == [*probabilities[2].tolist(), None]
        return
    table = pd.read_csv(said, dtype=str)
    names = [f"label_{target}" for target in range(4)]
    for number, classes in enumerate(model.classes_):
        names += [f"probability_{number}_{label}" for label in classes]
    assert table.columns.tolist() == names
    assert (table[names[:4]].to_numpy()[:40] == labels).all()
    found = table[names[4:]][:40].to_numpy().astype(np.float64)
    assert found.tobytes() == np.hstack(probabilities).tobytes()
    assert table.loc[40].isna().all()


def test_monitoring(made: tuple[Any, Any, Any], tmp_path: Path) -> None:
    model, engine, _ = made
    rows = _held_out()
    watched = monobloc.load(engine.path)
    for start in range(0, 400, 100):
        watched.run(rows[start : start + 100])
    live, offline = watched.drift(), engine.drift(rows)
    names = [column.name for column in live.outputs]
    assert names == [column.name for column in offline.outputs]
    assert names[-4:] == ["label_0", "label_1", "label_2", "label_3"]
    # Of the first target's two probabilities the second alone.
    assert names[0] == f"probability_0_{model.classes_[0][1]}"
    assert len(names) == sum(map(len, model.classes_)) - 1 + 4
    assert live.drifted == []
    for column, other in zip(live.outputs, offline.outputs, strict=True):
        # Of exact counts; means of what is counted live are sums in fixed point.
        for measure in ("chi_square", "jensen_shannon", "psi", "rows"):
            assert column.measures[measure] == other.measures[measure]
    few = rows[model.predict(rows)[:, 2] == model.classes_[2][0]]
    few = pd.concat([few] * (1 + 400 // len(few)))
    drifted = {column.name for column in engine.drift(few).outputs if column.drifted}
    assert "label_2" in drifted
    assert "label_3" not in drifted
    assert "label_2" in watched.metrics()


def test_inspecting_and_tags(made: tuple[Any, Any, Any]) -> None:
    _, engine, _ = made
    done = subprocess.run(
        [COMMAND, "inspect", engine.path], capture_output=True, text=True, check=True, timeout=60
    )
    assert "4 targets, 10 classes" in done.stdout
    assert engine.manifest["model"]["classes"][3] == {"dtype": "object", "values": ["f"]}
    tags = engine.__sklearn_tags__()
    assert tags.target_tags.multi_output
    assert tags.classifier_tags.multi_label


def test_thresholds_over_several_targets_are_refused(tmp_path: Path) -> None:
    frame = loans(120, 1)[NUMBERS].fillna(0.0)
    inside = RandomForestClassifier(n_estimators=3, random_state=5)
    inside.fit(frame, _counts(frame)[:, :2])
    model = FixedThresholdClassifier(FrozenEstimator(inside))
    model.fit(frame, _counts(frame)[:, 0])
    with pytest.raises(monobloc.UnsupportedError, match="decides on 2 targets"):
        monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
