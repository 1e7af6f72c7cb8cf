"""Random tree ensembles of every library: fitted models with rows that try them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Random = np.random.Generator
ROWS = 2_000
ODD = np.array(
    [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        1e-36,
        -1e-36,
        1e-35,
        -1e-35,
        5e-324,
        1e300,
        -1e300,
        1e-300,
    ]
)


@dataclass(frozen=True)
class Boosted:
    """A fitted model, its training data, and rows that try it."""

    model: Any
    reference: Any
    rows: Any


def chosen(random: Random, *options: Any) -> Any:
    return options[random.integers(len(options))]


@dataclass(frozen=True)
class Data:
    """Training data as a data frame: `categorical` columns hold small whole numbers."""

    frame: pd.DataFrame
    categorical: list[str]


def data(random: Random, *, most_categories: int = 30) -> Data:
    rows = int(random.integers(300, 1_500))
    missing = chosen(random, 0.0, 0.0, 0.05, 0.4)
    columns: dict[str, np.ndarray] = {}
    for number in range(int(random.integers(2, 10))):
        values = chosen(
            random,
            lambda: random.normal(size=rows),
            lambda: random.normal(size=rows) * 1e5,
            lambda: random.integers(0, 12, rows).astype(float),
            lambda: np.exp(random.normal(size=rows)),
            lambda: np.where(random.random(rows) < 0.5, 0.0, random.normal(size=rows)),
            lambda: random.normal(size=rows) * 1e-34,
        )()
        values[random.random(rows) < missing] = np.nan
        columns[f"n{number}"] = values
    categorical = []
    for number in range(int(chosen(random, 0, 0, 1, 2, 4))):
        levels = int(random.integers(2, most_categories))
        values = random.integers(0, levels, rows).astype(float)
        values[random.random(rows) < missing] = np.nan
        columns[f"c{number}"] = values
        categorical.append(f"c{number}")
    return Data(pd.DataFrame(columns), categorical)


def score(random: Random, frame: pd.DataFrame) -> np.ndarray:
    """A target that depends on all columns."""
    filled = frame.fillna(1.0).to_numpy()
    scaled = (filled - filled.mean(axis=0)) / (filled.std(axis=0) + 1e-300)
    weights = random.normal(size=filled.shape[1])
    bent = np.sin(scaled * 2) @ weights + (scaled > 0.3) @ random.normal(size=filled.shape[1])
    return bent + random.normal(size=len(frame)) * 0.3


def targets(random: Random, frame: pd.DataFrame, kind: str) -> np.ndarray:
    """A target of this kind: `binary`, `classes`, `positive`, `counts` or `real`."""
    value = score(random, frame)
    if kind == "binary":
        return (value > np.quantile(value, chosen(random, 0.2, 0.5, 0.9))).astype(int)
    if kind == "classes":
        cuts = np.quantile(value, np.linspace(0, 1, int(random.integers(4, 7)))[1:-1])
        return np.searchsorted(cuts, value)
    if kind == "positive":
        return np.exp(value / 4)
    if kind == "counts":
        return random.poisson(np.exp(np.clip(value / 4, -3, 3)))
    return value


def trying_rows(
    random: Random, frame: pd.DataFrame, splits: list[tuple[str, float]], categorical: list[str]
) -> pd.DataFrame:
    """Rows drawn column by column, a part of them with values on thresholds, beside them in
    either precision, odd numbers, and categories that training did not see."""
    drawn = {name: random.choice(frame[name].to_numpy(), size=ROWS) for name in frame.columns}
    if splits:
        for row in range(ROWS // 2):
            for number in random.integers(len(splits), size=2):
                name, threshold = splits[number]
                drawn[name][row] = _near(random, threshold)
    names = list(frame.columns)
    for row in range(ROWS // 2, ROWS // 2 + ROWS // 5):
        name = chosen(random, *names)
        if name in categorical:
            drawn[name][row] = random.choice(
                np.array(
                    [-1.0, 31.0, 255.0, 256.0, 300.0, 1e6, -7.0, 0.5, -0.5, 3e9, 2.0**24, np.nan]
                )
            )
        else:
            drawn[name][row] = random.choice(ODD)
    return pd.DataFrame(drawn, columns=names)


def _near(random: Random, threshold: float) -> float:
    near = np.float32(threshold)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(
            chosen(
                random,
                threshold,
                np.nextafter(threshold, np.inf),
                np.nextafter(threshold, -np.inf),
                near,
                np.nextafter(near, np.float32(np.inf)),
                np.nextafter(near, np.float32(-np.inf)),
            )
        )


def hist_gradient_boosting(random: Random) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    found = data(random)
    options = {
        "max_iter": int(random.integers(1, 40)),
        "max_leaf_nodes": int(random.integers(2, 40)),
        "max_bins": int(chosen(random, 255, 40)),
        "min_samples_leaf": int(chosen(random, 1, 20)),
        "categorical_features": found.categorical or None,
        "early_stopping": False,
        "random_state": 0,
    }
    kind = chosen(random, "binary", "classes", "counts", "positive", "real")
    if kind in ("binary", "classes"):
        model: Any = HistGradientBoostingClassifier(**options)
    else:
        losses = {
            "counts": ["poisson"],
            "positive": ["gamma"],
            "real": ["squared_error", "absolute_error"],
        }
        model = HistGradientBoostingRegressor(loss=chosen(random, *losses[kind]), **options)
    y = targets(random, found.frame, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(found.frame, y)
    order = list(found.frame.columns)
    if getattr(model, "_preprocessor", None) is not None:
        order.sort(key=lambda name: name not in found.categorical)
    splits = [
        (order[node["feature_idx"]], float(node["num_threshold"]))
        for iteration in model._predictors
        for tree in iteration
        for node in tree.nodes
        if not node["is_leaf"] and not node["is_categorical"]
    ]
    rows = trying_rows(random, found.frame, splits, found.categorical)
    return Boosted(model, found.frame, rows)


def isolation_forest(random: Random) -> Boosted:
    from sklearn.ensemble import IsolationForest

    frame = data(random).frame.fillna(0.5)
    model = IsolationForest(
        n_estimators=int(random.integers(1, 80)),
        max_samples=chosen(random, "auto", 0.5, 64),
        max_features=float(chosen(random, 1.0, 0.5)),
        contamination=chosen(random, "auto", 0.1, 0.02),
        random_state=0,
    )
    model.fit(frame)
    splits = [
        (frame.columns[subset[feature]], float(threshold))
        for tree, subset in zip(model.estimators_, model.estimators_features_, strict=True)
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0
    ]
    rows = trying_rows(random, frame, splits, [])
    finite = np.isfinite(rows.to_numpy().astype(np.float32)).all(axis=1)
    return Boosted(model, frame, rows[finite].reset_index(drop=True))


MAKERS: dict[str, Callable[[Random], Boosted]] = {
    "hist_gradient_boosting": hist_gradient_boosting,
    "isolation_forest": isolation_forest,
}
