"""One row in every form of request, and batches of frames, beside scikit-learn in the same process.

The model has 30 columns of both kinds behind imputers, a scaler and a one-hot encoder, and a forest
of 100 trees. scikit-learn gets frames that were made before, on one thread.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import monobloc
import numpy as np
import pandas as pd
from record import Figure
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 10_000
SEED = 11
BARS = {"dict": (12.0, 400), "JSON to JSON": (15.0, 400), "DataFrame": (80.0, 60)}
"""Microseconds at most, and how many times faster than scikit-learn's frame at least."""


def measure() -> list[Figure]:
    frame, target = _table()
    model = _fitted(frame, target)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requests.bloc"
        monobloc.pack(model, path, reference=frame[:2000])
        engine = monobloc.load(path, threads=1)
        return _one_row(model, engine, frame) + _batches(model, engine, frame)


def _table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(SEED)
    amounts = {
        f"amount_{i}": np.where(rng.random(ROWS) < 0.1, np.nan, rng.lognormal(3, 1, ROWS))
        for i in range(20)
    }
    categories = {
        f"category_{i}": rng.choice([f"level_{level}" for level in range(4 + i)], ROWS)
        for i in range(10)
    }
    frame = pd.DataFrame(amounts | {name: v.astype(object) for name, v in categories.items()})
    score = np.nan_to_num(frame.amount_0) + 9 * (frame.category_3 == "level_2")
    return frame, (score + rng.normal(0, 10, ROWS) > 25).astype(int)


def _fitted(frame: pd.DataFrame, target: np.ndarray) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    prepare = ColumnTransformer(
        [("numbers", numbers, list(frame)[:20]), ("texts", texts, list(frame)[20:])]
    )
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=SEED, n_jobs=1)
    return make_pipeline(prepare, forest).fit(frame, target)


def _one_row(model: Any, engine: Any, frame: pd.DataFrame) -> list[Figure]:
    frames = [frame[i : i + 1] for i in range(200)]
    dicts = frame[:200].to_dict("records")
    bodies = [
        json.dumps({k: None if v != v else v for k, v in row.items()}).encode() for row in dicts
    ]
    expected = model.predict_proba(frame[:200])
    for at, answer in enumerate(expected):
        for given in (frames[at], dicts[at], bodies[at]):
            assert engine.predict_proba(given).tobytes() == answer.tobytes()
        said = json.loads(engine.run_json(bodies[at]))
        assert said["outputs"]["probabilities"] == [answer.tolist()]
    theirs = _median(model.predict_proba, frames, 200)
    ours = {
        "dict": _median(engine.predict_proba, dicts, 10_000),
        "JSON to JSON": _median(engine.run_json, bodies, 10_000),
        "DataFrame": _median(engine.predict_proba, frames, 3_000),
    }
    return [
        Figure(
            f"one row of 30 columns, {form}, p50",
            ours[form] * 1e6,
            "µs",
            min(most, theirs * 1e6 / times),
            "scikit-learn, DataFrame",
            theirs * 1e6,
        )
        for form, (most, times) in BARS.items()
    ]


def _batches(model: Any, engine: Any, frame: pd.DataFrame) -> list[Figure]:
    prepare = model[:-1]
    theirs = prepare.transform(frame)
    theirs = theirs.toarray() if hasattr(theirs, "toarray") else theirs
    assert engine.transform(frame).tobytes() == theirs.tobytes()
    assert engine.predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()
    ours = _median(engine.transform, [frame], 15)
    theirs = _median(prepare.transform, [frame], 15)
    return [
        Figure(
            f"preprocessing of {ROWS:,} rows of a DataFrame, one thread",
            ours * 1e3,
            "ms",
            theirs * 1e3 / 8,
            "scikit-learn",
            theirs * 1e3,
        )
    ]


def _median(call: Callable[[Any], Any], given: list[Any], times: int) -> float:
    taken = []
    for at in range(times):
        one = given[at % len(given)]
        start = time.perf_counter()
        call(one)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
