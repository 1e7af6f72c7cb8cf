"""Tree ensembles on real data, on every row and on rows that lie on split thresholds: native
categories, and sparse one-hot columns in front."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
import sklearn
from boosted import Boosted, near
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from test_exactness_boosted import exact
from test_exactness_real import DATA, FILES, read

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there"),
    pytest.mark.usefixtures("one_thread"),
]

catboost = pytest.importorskip("catboost")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
NATIVE = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 4)
THRESHOLD_ROWS = 1_500


@pytest.fixture(scope="module", params=FILES)
def data(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, np.ndarray]:
    frame, target = read(request.param)
    return frame, pd.factorize(target, sort=True)[0]


def with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype("category")
    return frame


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.select_dtypes("number").astype(np.float64)


def sparse_columns(frame: pd.DataFrame) -> ColumnTransformer:
    strings = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    strings = strings or [name for name in frame if frame[name].nunique() < 12]
    rest = [name for name in frame if name not in strings]
    encoder = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [("names", encoder, strings), ("numbers", StandardScaler(), rest)], sparse_threshold=1.0
    )


def boosters() -> dict[str, Any]:
    lgbm = {"n_estimators": 40, "num_leaves": 63, "verbose": -1, "n_jobs": 1}
    xgb = {"n_estimators": 40, "max_depth": 6, "n_jobs": 1, "tree_method": "hist"}
    cat = {"iterations": 40, "depth": 6, "verbose": False, "allow_writing_files": False}
    return {
        "catboost": lambda _: catboost.CatBoostClassifier(**cat),
        "lightgbm": lambda _: lightgbm.LGBMClassifier(**lgbm),
        "xgboost": lambda _: xgboost.XGBClassifier(enable_categorical=True, **xgb),
        "gradient": lambda _: GradientBoostingClassifier(n_estimators=40, random_state=0),
        "hist": lambda _: HistGradientBoostingClassifier(
            max_iter=40,
            early_stopping=False,
            **({"categorical_features": "from_dtype"} if NATIVE else {}),
        ),
        "lightgbm-sparse": lambda frame: Pipeline(
            [("columns", sparse_columns(frame)), ("model", lightgbm.LGBMClassifier(**lgbm))]
        ),
        "xgboost-sparse": lambda frame: Pipeline(
            [("columns", sparse_columns(frame)), ("model", xgboost.XGBClassifier(**xgb))]
        ),
        "isolation": lambda _: IsolationForest(n_estimators=80, random_state=0),
    }


def reference_of(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    if kind in ("gradient", "isolation") or (kind == "hist" and not NATIVE):
        return numbers(frame).fillna(0.0)
    if kind == "catboost":
        return numbers(frame)
    return frame if kind.endswith("sparse") else with_categories(frame)


def splits(model: Any, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The thresholds of each column of numbers, where scaled ones are turned back."""
    scales = dict.fromkeys(frame, (0.0, 1.0))
    prefix = None
    if isinstance(model, Pipeline):
        prefix, model = model[:-1], model[-1]
        scaler = prefix[0].named_transformers_["numbers"]
        names = scaler.feature_names_in_
        scales = dict(zip(names, zip(scaler.mean_, scaler.scale_, strict=True), strict=True))
        columns = [name.partition("__")[2] for name in prefix.get_feature_names_out()]
    elif getattr(model, "_preprocessor", None) is not None:
        coded = model.is_categorical_
        columns = [*np.array(list(frame))[coded], *np.array(list(frame))[~coded]]
    else:
        columns = list(frame)
    found: dict[str, list[float]] = {}
    for feature, threshold in _numeric_splits(model):
        name = columns[feature]
        if name in scales and pd.api.types.is_numeric_dtype(frame[name]):
            mean, scale = scales[name]
            found.setdefault(name, []).append(threshold * scale + mean)
    return {name: np.unique(values) for name, values in found.items()}


def _numeric_splits(model: Any) -> Iterator[tuple[int, float]]:
    if isinstance(model, catboost.CatBoost):
        for feature, borders in model._get_borders().items():
            yield from ((feature, border) for border in borders)
    elif isinstance(model, lightgbm.LGBMModel):
        nodes = model.booster_.trees_to_dataframe()
        nodes = nodes[nodes["decision_type"] == "<="]
        places = {name: i for i, name in enumerate(model.booster_.feature_name())}
        yield from zip(nodes["split_feature"].map(places), nodes["threshold"], strict=True)
    elif isinstance(model, xgboost.XGBModel):
        booster = model.get_booster()
        nodes = booster.trees_to_dataframe()
        nodes = nodes[(nodes["Feature"] != "Leaf") & nodes["Split"].notna()]
        names = booster.feature_names or [f"f{i}" for i in range(booster.num_features())]
        places = {name: i for i, name in enumerate(names)}
        yield from zip(nodes["Feature"].map(places), nodes["Split"], strict=True)
    elif isinstance(model, (GradientBoostingClassifier, IsolationForest)):
        trees = np.ravel(model.estimators_)
        everything = [np.arange(model.n_features_in_)] * len(trees)
        subsets = getattr(model, "estimators_features_", everything)
        for tree, subset in zip(trees, subsets, strict=True):
            inner = tree.tree_.feature >= 0
            yield from zip(
                subset[tree.tree_.feature[inner]], tree.tree_.threshold[inner], strict=True
            )
    else:
        for (tree,) in model._predictors:
            nodes = tree.nodes[(tree.nodes["is_leaf"] + tree.nodes["is_categorical"]) == 0]
            yield from zip(nodes["feature_idx"], nodes["num_threshold"], strict=True)


def on_thresholds(model: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the frame, all of whose numbers lie on thresholds or beside them."""
    random = np.random.default_rng(4)
    rows = frame.iloc[random.integers(len(frame), size=THRESHOLD_ROWS)].reset_index(drop=True)
    for name, thresholds in splits(model, frame).items():
        drawn = np.array([near(random, t) for t in random.choice(thresholds, THRESHOLD_ROWS)])
        if rows[name].dtype.kind in "iu":
            drawn = np.where(random.random(THRESHOLD_ROWS) < 0.5, np.floor(drawn), np.ceil(drawn))
        rows[name] = drawn.astype(rows[name].dtype)
    return rows


@pytest.mark.parametrize("kind", list(boosters()))
def test_every_row(kind: str, data: Any, tmp_path: Path) -> None:
    frame, target = data
    frame = reference_of(kind, frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = boosters()[kind](frame).fit(frame, target)
        monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
    engine = monobloc.load(tmp_path / "model.bloc")
    exact(engine, Boosted(model, frame, frame))
    rows = on_thresholds(model, frame)
    exact(engine, Boosted(model, frame, rows))


def test_what_sparse_data_does_not_store_is_missing(data: Any, tmp_path: Path) -> None:
    frame, target = data
    model = boosters()["xgboost-sparse"](frame).fit(frame, target)
    sparse = model[:-1].transform(frame)
    margin = model[-1].predict(sparse, output_margin=True)
    assert (margin != model[-1].predict(sparse.toarray(), output_margin=True)).mean() > 0.1
    monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
    assert monobloc.load(tmp_path / "model.bloc").raw_score(frame).tobytes() == margin.tobytes()
