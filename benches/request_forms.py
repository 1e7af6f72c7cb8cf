"""One row in every form of request, and batches of tables, beside scikit-learn in the same process.

The model has 30 columns of both kinds behind imputers, a scaler and a one-hot encoder, and a forest
of 100 trees. scikit-learn gets frames that were made before, on one thread. A request of one long
vector stands beside what a service of json, pydantic, NumPy and scikit-learn does with it.
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
import polars as pl
import pyarrow as pa
from pydantic import BaseModel
from record import Figure
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 10_000
VECTOR = 1_000
SEED = 11
BARS = {"dict": (12.0, 400), "JSON to JSON": (15.0, 400), "DataFrame": (80.0, 60)}
"""Microseconds at most, and how many times faster than scikit-learn's frame at least."""


def measure() -> list[Figure]:
    frame, target = table()
    model = fitted(frame, target)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requests.bloc"
        monobloc.pack(model, path, reference=frame[:2000])
        engine = monobloc.load(path, threads=1)
        figures = _one_row(model, engine, frame) + _batches(model, engine, frame)
        return figures + _vector(Path(folder) / "vector.bloc")


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Columns of numbers with gaps and of texts, and their classes."""
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


def fitted(frame: pd.DataFrame, target: np.ndarray) -> Any:
    """A pipeline for the table, with a forest at its end."""
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
    dense = prepare.transform(frame)
    dense = dense.toarray() if hasattr(dense, "toarray") else dense
    expected = model.predict_proba(frame).tobytes()
    objects = frame.astype(dict.fromkeys(list(frame)[20:], object))
    forms = {
        "DataFrame": frame,
        "DataFrame of objects": objects,
        "pyarrow Table": pa.Table.from_pandas(frame, preserve_index=False),
        "polars DataFrame": pl.from_pandas(frame),
    }
    figures = []
    for form, rows in forms.items():
        assert engine.transform(rows).tobytes() == dense.tobytes()
        assert engine.predict_proba(rows).tobytes() == expected
        ours = _median(engine.transform, [rows], 15) * 1e3
        name = f"preprocessing of {ROWS:,} rows of a {form}, one thread"
        if isinstance(rows, pd.DataFrame):
            theirs = _median(prepare.transform, [rows], 15) * 1e3
            figures.append(Figure(name, ours, "ms", theirs / 8, "scikit-learn", theirs))
        else:
            figures.append(Figure(name, ours, "ms", None))
    return [*figures, _sanity(engine, frame)]


def _sanity(engine: Any, frame: pd.DataFrame) -> Figure:
    """What the rules cost, beside the same bloc without any; the two take turns."""
    fields = engine.sanity["fields"]
    without = {field: dict.fromkeys(rules) for field, rules in fields.items()}
    with TemporaryDirectory() as folder:
        monobloc.edit_sanity(engine.path, Path(folder) / "no-rules.bloc", without)
        unruled = monobloc.load(Path(folder) / "no-rules.bloc", threads=1)
        assert engine.transform(frame).tobytes() == unruled.transform(frame).tobytes()
        turns = [
            (_median(engine.transform, [frame], 15), _median(unruled.transform, [frame], 15))
            for _ in range(7)
        ]
    ruled, plain = (statistics.median(turn) * 1e3 for turn in zip(*turns, strict=True))
    name = f"preprocessing of {ROWS:,} rows of a DataFrame with derived rules"
    return Figure(name, ruled, "ms", 1.25 * plain, "the same without rules", plain)


class Body(BaseModel):
    """What a service declares for a request of one vector."""

    values: list[float]


def _vector(path: Path) -> list[Figure]:
    rng = np.random.default_rng(SEED)
    features = rng.normal(size=(2000, VECTOR))
    target = (features[:, 0] + rng.normal(size=2000) > 0).astype(int)
    model = RandomForestClassifier(20, min_samples_leaf=5, random_state=SEED, n_jobs=1)
    model.fit(features, target)
    monobloc.pack(model, path, reference=features[:500])
    engine = monobloc.load(path, threads=1)
    lists = [row.tolist() for row in features[:100]]
    theirs = [json.dumps({"values": values}).encode() for values in lists]
    ours = [json.dumps([values]).encode() for values in lists]

    def serve(body: bytes) -> bytes:
        request = Body.model_validate(json.loads(body))
        answer = model.predict_proba(np.asarray(request.values)[None])
        return json.dumps({"probabilities": answer.tolist()}).encode()

    for own, their in zip(ours, theirs, strict=True):
        said = json.loads(engine.run_json(own))["outputs"]["probabilities"]
        assert said == json.loads(serve(their))["probabilities"]
    served = _median(serve, theirs, 300) * 1e6
    taken = _median(engine.run_json, ours, 3_000) * 1e6

    def read(body: bytes) -> Any:
        return np.asarray(Body.model_validate(json.loads(body)).values)

    alone = _median(read, theirs, 900) * 1e6
    name = f"a vector of {VECTOR:,} floats, JSON to JSON"
    reading, serving = "json, pydantic, NumPy: reading alone", "the same and scikit-learn"
    return [
        Figure(f"{name}, p50", taken, "µs", alone / 8, reading, alone),
        Figure(f"{name}, beside the whole service", taken, "µs", served / 8, serving, served),
    ]


def _median(call: Callable[[Any], Any], given: list[Any], times: int) -> float:
    taken = []
    for at in range(times):
        one = given[at % len(given)]
        start = time.perf_counter()
        call(one)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
