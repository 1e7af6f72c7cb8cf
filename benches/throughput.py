"""Rows per second and one row, on one thread, beside scikit-learn in the same process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import demo
import forests
import monobloc
import numpy as np
import stages
from generate import COLUMNS, applications
from record import Figure


def measure() -> list[Figure]:
    large, _ = forests.large_and_tenth()
    model = large.model()
    engine = monobloc.load(large.folder / "credit.bloc", threads=1)
    frame = applications(forests.LIVE_ROWS, demo.SEED + 1, live=True)[COLUMNS]
    expected = np.load(large.folder / "expected.npy")
    assert model.predict_proba(frame).tobytes() == expected.tobytes()
    assert engine.predict_proba(frame).tobytes() == expected.tobytes()
    figures = [
        _one_row(model, engine, frame, expected),
        _batches(model, engine, frame, 256),
        _batches(model, engine, frame, forests.LIVE_ROWS),
    ]
    return figures + _forest_alone(model, frame, large)


def _one_row(model: Any, engine: Any, frame: Any, expected: np.ndarray) -> Figure:
    """From a dict; scikit-learn gets frames that were made before."""
    dicts = stages.records(frame[:2000])
    frames = [frame[i : i + 1] for i in range(200)]
    for row, answer in zip(dicts[:200], expected, strict=False):
        assert np.asarray(engine.predict_proba(row)).tobytes() == answer.tobytes()
    ours = [_time(lambda i=i: engine.predict_proba(dicts[i % 2000])) for i in range(10_000)]
    theirs = [_time(lambda i=i: model.predict_proba(frames[i])) for i in range(200)]
    return Figure(
        "one row, p50",
        statistics.median(ours) * 1e3,
        "ms",
        None,
        "scikit-learn",
        statistics.median(theirs) * 1e3,
    )


def _batches(model: Any, engine: Any, frame: Any, rows: int) -> Figure:
    parts = [frame[start : start + rows] for start in range(0, len(frame) - rows + 1, rows)][:12]
    ours, theirs = [], []
    for part in parts * 3 if len(parts) == 1 else parts:
        ours += [_time(lambda part=part: engine.predict_proba(part)) for _ in range(3)]
        theirs.append(_time(lambda part=part: model.predict_proba(part)))
    return Figure(
        f"rows per second in batches of {rows:,}",
        rows / statistics.median(ours),
        "",
        None,
        "scikit-learn",
        rows / statistics.median(theirs),
    )


def _forest_alone(model: Any, frame: Any, large: forests.Forest) -> list[Figure]:
    """The forest without its preprocessing, on the matrix that it splits on."""
    features = np.ascontiguousarray(model[:-1].transform(frame), dtype=np.float32)
    forest = model[-1]
    bloc = large.folder / "forest.bloc"
    if not bloc.exists() or bloc.stat().st_mtime < (large.folder / "credit.bloc").stat().st_mtime:
        monobloc.pack(forest, bloc, reference=features)
    engine = monobloc.load(bloc, threads=1)
    assert engine.predict_proba(features).tobytes() == forest.predict_proba(features).tobytes()
    trees = forest.n_estimators
    figures = []
    for rows in (256, len(features)):
        parts = [features[start : start + rows] for start in range(0, len(features), rows)][:12]
        parts = [part for part in parts if len(part) == rows] * (3 if rows > 256 else 1)
        ours = [_time(lambda part=part: engine.predict_proba(part)) for part in parts * 3]
        theirs = [_time(lambda part=part: forest.predict_proba(part)) for part in parts]
        figures.append(
            Figure(
                f"the forest alone, per row and tree, in batches of {rows:,}",
                statistics.median(ours) / rows / trees * 1e9,
                "ns",
                None,
                "scikit-learn",
                statistics.median(theirs) / rows / trees * 1e9,
            )
        )
    return figures


def _time(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
