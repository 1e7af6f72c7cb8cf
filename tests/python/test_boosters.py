"""What users do with gradient boosting and outlier detection beside plain models."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

ROWS = 300
RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(ROWS, 4))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
WITH_MISSING = np.where(RANDOM.random(X.shape) < 0.3, np.nan, X)
SMALL: dict[str, Any] = {"n_estimators": 15, "n_jobs": 1}
QUIET: dict[str, Any] = {**SMALL, "verbose": -1}


def packed(model: Any, tmp_path: Path, reference: Any) -> Any:
    monobloc.pack(model, tmp_path / "model.bloc", reference=reference)
    return monobloc.load(tmp_path / "model.bloc")


def same(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_outputs_have_the_librarys_types(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(**SMALL).fit(X, Y)
    engine = packed(model, tmp_path, X)
    assert engine.predict_proba(X).dtype == np.float32
    same(engine.raw_score(X), model.predict(X, output_margin=True))
    outputs = engine.run(X).outputs
    assert outputs["probabilities"].dtype == np.float32
    assert (outputs["label"] == model.predict(X)).all()
    engine = packed(xgboost.XGBRegressor(**SMALL).fit(X, X[:, 0]), tmp_path, X)
    assert engine.predict(X).dtype == engine.run(X).outputs["prediction"].dtype == np.float32
    engine = packed(lightgbm.LGBMClassifier(**QUIET).fit(X, Y), tmp_path, X)
    assert engine.predict_proba(X).dtype == engine.raw_score(X).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32, bool])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "hist"])
def test_arrays_of_any_numbers(library: str, dtype: Any, tmp_path: Path) -> None:
    rows = (X * 3e7 if np.dtype(dtype).kind == "i" else X > 0 if dtype is bool else X).astype(dtype)
    models = {
        "lightgbm": lambda: lightgbm.LGBMClassifier(**QUIET),
        "xgboost": lambda: xgboost.XGBClassifier(**SMALL),
        "hist": lambda: HistGradientBoostingRegressor(max_iter=15),
    }
    model = models[library]().fit(rows, Y)
    engine = packed(model, tmp_path, rows)
    if library == "hist":
        same(engine.predict(rows), model.predict(rows))
    elif library == "lightgbm":
        same(engine.raw_score(rows), model.predict(rows, raw_score=True))
    else:
        same(engine.raw_score(rows), model.predict(rows, output_margin=True))


def test_frames_of_mixed_dtypes(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "narrow": X[:, 0].astype(np.float32),
            "whole": (X[:, 1] * 1e8).astype(np.int64),
            "wide": X[:, 2],
            "flag": X[:, 3] > 0,
        }
    )
    model = xgboost.XGBClassifier(**SMALL).fit(frame, Y)
    same(packed(model, tmp_path, frame).raw_score(frame), model.predict(frame, output_margin=True))
    for columns in (["narrow", "whole", "wide"], ["whole", "flag"], list(frame), ["narrow"]):
        model = lightgbm.LGBMClassifier(**QUIET).fit(frame[columns], Y)
        engine = packed(model, tmp_path, frame[columns])
        same(engine.raw_score(frame), model.predict(frame[columns], raw_score=True))


def test_missing_values_in_training(tmp_path: Path) -> None:
    model = lightgbm.LGBMRegressor(**QUIET).fit(WITH_MISSING, X[:, 0])
    same(packed(model, tmp_path, WITH_MISSING).predict(WITH_MISSING), model.predict(WITH_MISSING))
    filled = np.nan_to_num(WITH_MISSING, nan=-1.0)
    model = xgboost.XGBRegressor(missing=-1.0, **SMALL).fit(filled, X[:, 0])
    engine = packed(model, tmp_path, filled)
    same(engine.predict(filled), model.predict(filled))
    same(engine.predict(WITH_MISSING), model.predict(filled))


def test_early_stopping(tmp_path: Path) -> None:
    stopping = [lightgbm.early_stopping(2, verbose=False)]
    model = lightgbm.LGBMClassifier(n_estimators=200, verbose=-1)
    model.fit(X[:150], Y[:150], eval_set=[(X[150:], Y[150:])], callbacks=stopping)
    same(packed(model, tmp_path, X).raw_score(X), model.predict(X, raw_score=True))
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=2, n_jobs=1)
    model.fit(X[:150], Y[:150], eval_set=[(X[150:], Y[150:])], verbose=False)
    assert model.best_iteration + 1 < 200
    same(packed(model, tmp_path, X).raw_score(X), model.predict(X, output_margin=True))


def test_rankers_forests_and_several_targets(tmp_path: Path) -> None:
    groups = [100, 100, 100]
    model = lightgbm.LGBMRanker(**QUIET).fit(X, Y, group=groups)
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    model = xgboost.XGBRanker(**SMALL).fit(X, Y, group=groups)
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    model = xgboost.XGBRFClassifier(**SMALL).fit(X, Y)
    same(packed(model, tmp_path, X).raw_score(X), model.predict(X, output_margin=True))
    model = xgboost.XGBRegressor(booster="dart", rate_drop=0.3, **SMALL).fit(X, X[:, 0])
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    model = xgboost.XGBRegressor(**SMALL).fit(X, X[:, :2])
    same(packed(model, tmp_path, X).predict(X), model.predict(X))


def test_names_and_labels(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["a b", "c", "d", "e"])
    labels = np.array(["no", "yes"], dtype=object)[Y]
    model = lightgbm.LGBMClassifier(**QUIET).fit(frame, labels)
    engine = packed(model, tmp_path, frame)
    assert engine.feature_names_in_.tolist() == ["a b", "c", "d", "e"]
    assert (engine.predict(frame[["e", "d", "c", "a b"]]) == model.predict(frame)).all()


def test_levels_that_training_did_not_see(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": X[:, 0], "level": pd.Categorical(RANDOM.choice(["u", "v"], ROWS))})
    engine = packed(
        xgboost.XGBClassifier(enable_categorical=True, tree_method="hist", **SMALL).fit(frame, Y),
        tmp_path,
        frame,
    )
    rows = [{"n": 0.5, "level": "u"}, {"n": 0.5, "level": "new"}, {"n": 0.5, "level": None}]
    knows_levels = tuple(map(int, xgboost.__version__.split(".")[:2])) >= (3, 1)
    assert engine.run(rows).verdicts.rejected == ([1] if knows_levels else [])
    engine = packed(lightgbm.LGBMClassifier(**QUIET).fit(frame, Y), tmp_path, frame)
    found = engine.raw_score(rows)
    assert found[1] == found[2]


def test_outlier_detection(tmp_path: Path) -> None:
    model = IsolationForest(n_estimators=30, contamination=0.1, random_state=0).fit(X)
    engine = packed(model, tmp_path, X)
    assert isinstance(engine, monobloc.OutlierDetectorEngine)
    assert engine.offset_ == model.offset_
    np.testing.assert_array_max_ulp(engine.score_samples(X), model.score_samples(X), 2)
    same(engine.decision_function(X), engine.score_samples(X) - model.offset_)
    same(engine.predict(X), model.predict(X))
    outputs = engine.run(X).outputs
    assert sorted(outputs) == ["label", "score"]
    again = pickle.loads(pickle.dumps(engine))
    same(again.predict(X), model.predict(X))
    verdict = engine.run(np.full((1, 4), np.inf)).verdicts[0]
    assert verdict.status == "repaired"
    assert {finding.kind for finding in verdict.findings} == {"infinite"}


REFUSED: dict[str, tuple[Any, str]] = {
    "unfitted LightGBM": (lambda: lightgbm.LGBMClassifier(), "not fitted"),
    "unfitted XGBoost": (lambda: xgboost.XGBClassifier(), "not fitted"),
    "linear trees": (
        lambda: lightgbm.LGBMRegressor(linear_tree=True, **QUIET).fit(X, X[:, 0]),
        "linear",
    ),
    "linear booster": (
        lambda: xgboost.XGBRegressor(booster="gblinear", **SMALL).fit(X, X[:, 0]),
        "gblinear",
    ),
    "function": (
        lambda: lightgbm.LGBMRegressor(
            objective=lambda y, p: (p - y, np.ones_like(y)), **QUIET
        ).fit(X, X[:, 0]),
        "function",
    ),
    "linear booster alone": (
        lambda: xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(X, X[:, 0]), 2),
        "gblinear",
    ),
    "empty booster": (lambda: xgboost.Booster(), "not fitted"),
    "early stop": (
        lambda: lightgbm.LGBMClassifier(pred_early_stop=True, **QUIET).fit(X, Y),
        "pred_early_stop",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    make, reason = REFUSED[case]
    model = make()
    report = monobloc.check(model)
    assert len(report.findings) == 1
    assert reason in report.findings[0].reason
    with pytest.raises(monobloc.UnsupportedError) as refusal:
        monobloc.pack(model, tmp_path / "model.bloc", reference=X)
    assert str(refusal.value) == str(report)
    assert not list(tmp_path.iterdir())


def test_a_forest_keeps_its_answers_beside_boosters(tmp_path: Path) -> None:
    model = RandomForestClassifier(10, random_state=0, n_jobs=1).fit(X, Y)
    engine = packed(model, tmp_path, X)
    same(engine.raw_score(X), model.predict_proba(X))
