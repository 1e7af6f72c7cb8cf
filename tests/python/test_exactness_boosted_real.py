"""Gradient boosting on real data: native categories, and sparse one-hot columns in front."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
import sklearn
from boosted import Boosted
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from test_exactness_boosted import exact
from test_exactness_real import DATA, FILES, read

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
NATIVE = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 4)


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
    lgbm = {"n_estimators": 60, "num_leaves": 63, "verbose": -1, "n_jobs": 2}
    xgb = {"n_estimators": 60, "max_depth": 6, "n_jobs": 2, "tree_method": "hist"}
    return {
        "lightgbm": lambda _: lightgbm.LGBMClassifier(**lgbm),
        "xgboost": lambda _: xgboost.XGBClassifier(enable_categorical=True, **xgb),
        "hist": lambda _: HistGradientBoostingClassifier(
            max_iter=60,
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
    if kind == "isolation" or (kind == "hist" and not NATIVE):
        return numbers(frame).fillna(0.0)
    return frame if kind.endswith("sparse") else with_categories(frame)


@pytest.mark.parametrize("kind", list(boosters()))
def test_every_row(kind: str, data: Any, tmp_path: Path) -> None:
    frame, target = data
    frame = reference_of(kind, frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = boosters()[kind](frame).fit(frame, target)
        monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
    exact(monobloc.load(tmp_path / "model.bloc"), Boosted(model, frame, frame))


def test_what_sparse_data_does_not_store_is_missing(data: Any, tmp_path: Path) -> None:
    frame, target = data
    model = boosters()["xgboost-sparse"](frame).fit(frame, target)
    sparse = model[:-1].transform(frame)
    margin = model[-1].predict(sparse, output_margin=True)
    assert (margin != model[-1].predict(sparse.toarray(), output_margin=True)).mean() > 0.1
    monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
    assert monobloc.load(tmp_path / "model.bloc").raw_scores(frame).tobytes() == margin.tobytes()
