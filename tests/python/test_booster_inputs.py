"""What goes into boosters and forests: missing values, arrays of any numbers, mixed frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from test_boosters import QUIET, SMALL, packed, same

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = 400
RANDOM = np.random.default_rng(5)
SCIKIT_LEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))
LIGHTGBM = int(lightgbm.__version__.partition(".")[0])
WIDE = 2**24
"""From here on float32 does not tell all integers apart."""


def target(table: np.ndarray) -> np.ndarray:
    """Two classes that depend on the values and on which of them are missing."""
    filled = np.nan_to_num(table)
    return (filled[:, 0] / 2 + np.isnan(table[:, 1]) + filled[:, 2] > 0.4).astype(int)


def above_the_mean(table: np.ndarray) -> np.ndarray:
    """Whether at least half of a row's values lie above their columns' means."""
    above = table.astype(float) > table.astype(float).mean(axis=0)
    return above.sum(axis=1) * 2 >= table.shape[1]


def raw(model: Any, rows: Any) -> Any:
    """The source's raw scores."""
    if isinstance(model, (lightgbm.Booster, lightgbm.LGBMModel)):
        return model.predict(rows, raw_score=True)
    if isinstance(model, xgboost.XGBModel):
        return model.predict(rows, output_margin=True)
    if hasattr(model, "_raw_predict"):
        return model._raw_predict(rows).ravel()
    return model.predict_proba(rows) if hasattr(model, "classes_") else model.predict(rows)


MISSING: dict[str, Any] = {
    "lightgbm": lambda: lightgbm.LGBMClassifier(**QUIET),
    "lightgbm-zero": lambda: lightgbm.LGBMClassifier(zero_as_missing=True, **QUIET),
    "lightgbm-none": lambda: lightgbm.LGBMClassifier(use_missing=False, **QUIET),
    "xgboost": lambda: xgboost.XGBClassifier(tree_method="hist", **SMALL),
    "hist": lambda: HistGradientBoostingClassifier(max_iter=15),
}
if SCIKIT_LEARN >= (1, 4):
    MISSING["forest"] = lambda: RandomForestClassifier(15, random_state=0, n_jobs=1)
if SCIKIT_LEARN >= (1, 6):
    MISSING["extra-trees"] = lambda: ExtraTreesRegressor(15, random_state=0, n_jobs=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", MISSING)
def test_missing_in_training(kind: str, dtype: Any, tmp_path: Path) -> None:
    table = RANDOM.normal(size=(ROWS, 5)).astype(dtype)
    table[RANDOM.random(table.shape) < 0.3] = np.nan
    model = MISSING[kind]().fit(table, target(table))
    engine = packed(model, tmp_path, table)
    rows = RANDOM.permuted(table, axis=0)
    rows[:5] = np.nan
    rows[5:10] = 0
    same(engine.raw_score(rows), raw(model, rows))
    assert np.array_equal(engine.predict(rows), model.predict(rows))


def odd_numbers(dtype: Any) -> np.ndarray:
    """A table whose values need the whole width of their type."""
    table = RANDOM.normal(size=(ROWS, 4))
    if dtype is bool:
        return table > 0
    if np.dtype(dtype).kind in "iu":
        return (np.abs(table) * (100 if np.dtype(dtype).itemsize < 4 else 4e7)).astype(dtype)
    return (WIDE + table * 8).astype(dtype)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.uint32, np.int64, np.float32, bool, "f8"])
@pytest.mark.parametrize("kind", ["booster", "hist", "lightgbm", "xgboost"])
def test_arrays(kind: str, dtype: Any, tmp_path: Path) -> None:
    table = odd_numbers(dtype)
    wanted = above_the_mean(table)
    if kind == "booster":
        data = lightgbm.Dataset(table, wanted, params={"verbose": -1})
        model = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 15)
    else:
        model = MISSING[kind]().fit(table, wanted)
    engine = packed(model, tmp_path, table)
    same(engine.raw_score(table), raw(model, table))


@pytest.mark.parametrize("of", ["booster", "wrapper"])
def test_arrays_of_python_objects(of: str, tmp_path: Path) -> None:
    table = WIDE + RANDOM.normal(size=(ROWS, 3)) * 3
    wanted = table[:, 0] > WIDE
    model = lightgbm.LGBMClassifier(min_child_samples=3, **QUIET).fit(table, wanted)
    model = model.booster_ if of == "booster" else model
    objects = table.astype(object)
    objects[::7, 1] = None
    same(packed(model, tmp_path, objects).raw_score(objects), raw(model, objects))


def mixed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "small": RANDOM.integers(-100, 100, ROWS).astype(np.int8),
            "int32": (WIDE + RANDOM.normal(size=ROWS) * 9).astype(np.int32),
            "float32": RANDOM.normal(size=ROWS).astype(np.float32),
            "float64": WIDE + RANDOM.normal(size=ROWS) * 3,
            "bool": RANDOM.random(ROWS) < 0.5,
            "uint64": (RANDOM.random(ROWS) * 2**60).astype(np.uint64),
            "constant": np.full(ROWS, 3.0),
        }
    )


FRAMES = [
    ["int32", "float32"],
    ["float64", "bool"],
    ["small", "float32"],
    ["small", "bool"],
    ["int32", "bool", "small"],
    ["uint64", "int32"],
    ["float64", "uint64", "float32"],
    ["bool"],
    ["constant", "float64", "int32", "bool", "float32", "small", "uint64"],
]


@pytest.mark.parametrize("columns", FRAMES, ids="-".join)
@pytest.mark.parametrize("kind", ["hist", "lightgbm", "xgboost"])
def test_mixed_frames(kind: str, columns: list[str], tmp_path: Path) -> None:
    frame = mixed()[columns]
    wanted = above_the_mean(frame.astype(float).to_numpy())
    model = MISSING[kind]()
    if kind == "lightgbm":
        model.set_params(min_child_samples=3)
    model.fit(frame, wanted)
    engine = packed(model, tmp_path, frame)
    expected = raw(model, frame)
    same(engine.raw_score(frame), expected)
    for rows in (slice(0, 1), slice(10, 15)):
        same(engine.raw_score(frame[rows]), expected[rows])
    records = frame[:20].to_dict("records")
    same(engine.raw_score(records), expected[:20])


@pytest.mark.parametrize("columns", [["int32"], ["float64", "bool"], ["bool"], ["float64"]])
def test_numbers_beside_categories(columns: list[str], tmp_path: Path) -> None:
    """LightGBM 3 rounds such a frame as a whole, or in some batches alone."""
    frame = mixed()[columns]
    frame["level"] = pd.Categorical(RANDOM.choice(["u", "v", "w"], ROWS))
    wanted = (frame[columns[0]] > frame[columns[0]].mean()) ^ (frame["level"] == "u")
    model = lightgbm.LGBMClassifier(min_child_samples=3, **QUIET).fit(frame, wanted)
    if LIGHTGBM < 4 and columns == ["int32"]:
        with pytest.raises(monobloc.UnsupportedError, match="'int32' holds integers that LightGBM"):
            packed(model, tmp_path, frame)
        frame["int32"] -= WIDE
        model.fit(frame, wanted)
    engine = packed(model, tmp_path, frame)
    without = frame.copy()
    without.loc[::3, "level"] = None
    for rows in (frame, without, frame[:1]):
        same(engine.raw_score(rows), raw(model, rows))
