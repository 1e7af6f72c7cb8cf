"""What boosters' wrappers promise, and how engines made of them behave."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from test_boosters import QUIET, ROWS, SMALL, X, Y, packed, same

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

pytestmark = pytest.mark.usefixtures("one_thread")

XGBOOST = tuple(map(int, xgboost.__version__.split(".")[:2]))
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
TARGETS = np.column_stack([X[:, 0], X[:, 1] * X[:, 2], X[:, 3] > 0])
FRAME = pd.DataFrame(X, columns=["b", "a", "d", "c"])


def gradients(labels: Any, predicted: Any) -> tuple[Any, Any]:
    return predicted - labels, np.ones_like(predicted)


REGRESSORS: dict[str, Any] = {
    "xgb base_score": lambda: xgboost.XGBRegressor(base_score=2.7, **SMALL).fit(X, X[:, 0]),
    "xgb gamma": lambda: xgboost.XGBRegressor(objective="reg:gamma", **SMALL).fit(
        X, np.exp(X[:, 0])
    ),
    "xgb forest": lambda: xgboost.XGBRFRegressor(**SMALL).fit(X, X[:, 0]),
    "xgb dart": lambda: xgboost.XGBRegressor(booster="dart", rate_drop=0.4, **SMALL).fit(
        X, X[:, 0]
    ),
    "xgb ranker": lambda: xgboost.XGBRanker(objective="rank:pairwise", **SMALL).fit(
        X, Y, group=[150, 150]
    ),
    "xgb targets": lambda: xgboost.XGBRegressor(**SMALL).fit(X, TARGETS),
    "lgbm dart": lambda: lightgbm.LGBMRegressor(boosting_type="dart", **QUIET).fit(X, X[:, 0]),
    "lgbm forest": lambda: lightgbm.LGBMRegressor(
        boosting_type="rf", subsample=0.7, subsample_freq=1, **QUIET
    ).fit(X, X[:, 0]),
    "lgbm quantile": lambda: lightgbm.LGBMRegressor(objective="quantile", alpha=0.2, **QUIET).fit(
        X, X[:, 0]
    ),
    "lgbm ranker": lambda: lightgbm.LGBMRanker(**QUIET).fit(X, Y, group=[150, 150]),
}
if XGBOOST >= (2, 0):
    REGRESSORS["xgb vector leaves"] = lambda: xgboost.XGBRegressor(
        multi_strategy="multi_output_tree", tree_method="hist", **SMALL
    ).fit(X, TARGETS)
    REGRESSORS["xgb quantiles"] = lambda: xgboost.XGBRegressor(
        objective="reg:quantileerror", quantile_alpha=np.array([0.1, 0.5, 0.9]), **SMALL
    ).fit(X, X[:, 0])


@pytest.mark.parametrize("case", REGRESSORS)
def test_predictions(case: str, tmp_path: Path) -> None:
    model = REGRESSORS[case]()
    engine = packed(model, tmp_path, X)
    expected = model.predict(X)
    found = engine.predict(X)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if case == "xgb gamma":
        same(engine.raw_score(X), model.predict(X, output_margin=True))
        np.testing.assert_array_max_ulp(found, expected, 2)
    else:
        same(found, expected)
    assert list(engine.run(X).outputs) == ["prediction"]
    assert is_regressor(engine)
    assert not is_classifier(engine)


CLASSIFIERS: dict[str, Any] = {
    "xgb": lambda: xgboost.XGBClassifier(base_score=0.3, **SMALL).fit(X, Y),
    "xgb dart": lambda: xgboost.XGBClassifier(booster="dart", rate_drop=0.4, **SMALL).fit(X, Y),
    "xgb hinge": lambda: xgboost.XGBClassifier(objective="binary:hinge", **SMALL).fit(X, Y),
    "xgb three": lambda: xgboost.XGBClassifier(**SMALL).fit(X, THREE),
    "xgb forest": lambda: xgboost.XGBRFClassifier(**SMALL).fit(X, THREE),
    "lgbm": lambda: lightgbm.LGBMClassifier(**QUIET).fit(X, np.array(["yes", "no"])[Y]),
    "lgbm dart": lambda: lightgbm.LGBMClassifier(boosting_type="dart", **QUIET).fit(X, Y > 0),
    "lgbm three": lambda: lightgbm.LGBMClassifier(**QUIET).fit(X, np.array(["q", "é", "x"])[THREE]),
    "lgbm one for each": lambda: lightgbm.LGBMClassifier(objective="multiclassova", **QUIET).fit(
        X, THREE * 3 - 4
    ),
    "hist": lambda: HistGradientBoostingClassifier(max_iter=10).fit(X, THREE - 1.0),
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_classes(case: str, tmp_path: Path) -> None:
    model = CLASSIFIERS[case]()
    engine = packed(model, tmp_path, X)
    expected, found = model.predict_proba(X), engine.predict_proba(X)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert np.allclose(found, expected, rtol=1e-5 if found.dtype == np.float32 else 1e-13, atol=0)
    labels = model.predict(X)
    assert (engine.predict(X) == labels).all()
    assert engine.classes_.tolist() == model.classes_.tolist()
    outputs = engine.run(X).outputs
    assert sorted(outputs) == ["label", "probabilities"]
    same(outputs["probabilities"], found)
    assert is_classifier(engine)


@pytest.mark.parametrize("case", ["xgb three", "xgb dart", "lgbm three", "hist"])
def test_batches_threads_and_pickles(case: str, tmp_path: Path) -> None:
    rows = np.tile(X, (9, 1))
    engine = packed(CLASSIFIERS[case](), tmp_path, X)
    scores = engine.raw_score(rows)
    shape = (len(rows),) if case == "xgb dart" else (len(rows), 3)
    assert scores.shape == shape
    assert scores.dtype == (np.float32 if case.startswith("xgb") else np.float64)
    engines = [monobloc.load(engine.path, threads=threads) for threads in (1, 2, 5)]
    for other in (*engines, pickle.loads(pickle.dumps(engine))):
        same(other.raw_score(rows), scores)
        for batch in (1, 2, 7, 64, 65, 1000):
            same(other.raw_score(rows[:batch]), scores[:batch])
        same(other.raw_score(np.asfortranarray(rows)), scores)


def test_zero_stands_for_missing(tmp_path: Path) -> None:
    table = np.where(np.random.default_rng(3).random(X.shape) < 0.4, 0.0, X)
    model = xgboost.XGBRegressor(missing=0, **SMALL).fit(table, X[:, 0])
    engine = packed(model, tmp_path, table)
    same(engine.predict(table), model.predict(table))
    same(engine.predict(np.where(table == 0, np.nan, table)), model.predict(table))
    same(engine.predict(np.where(table == 0, -0.0, table)), model.predict(table))


def test_infinities_are_numbers(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(**SMALL).fit(X, X[:, 0])
    rows = X[:4].copy()
    rows[0, 0], rows[1, 0], rows[2, 1], rows[3, 1] = np.inf, -np.inf, 1e300, -1e300
    same(packed(model, tmp_path, X).predict(rows), model.predict(rows))
    booster = model.get_booster()
    same(packed(booster, tmp_path, X).predict(rows), booster.inplace_predict(rows))
    model = xgboost.XGBRegressor(missing=np.inf, **SMALL).fit(X, X[:, 0])
    same(packed(model, tmp_path, X).predict(rows[:1]), model.predict(rows[:1]))


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("of", ["booster", "wrapper"])
def test_columns_in_another_order(library: str, of: str, tmp_path: Path) -> None:
    """Columns come by their names, in the reference and in rows."""
    if library == "lightgbm":
        wrapper = lightgbm.LGBMRegressor(**QUIET).fit(FRAME, X[:, 0])
        model = wrapper if of == "wrapper" else wrapper.booster_
    else:
        wrapper = xgboost.XGBRegressor(**SMALL).fit(FRAME, X[:, 0])
        model = wrapper if of == "wrapper" else wrapper.get_booster()
    expected = wrapper.predict(FRAME)
    turned = FRAME[["a", "b", "c", "d"]]
    for reference in (FRAME, turned, turned.assign(more=1.0)):
        engine = packed(model, tmp_path, reference)
        assert engine.feature_names_in_.tolist() == list(FRAME)
        same(engine.predict(turned), expected)
        same(engine.predict(FRAME.assign(more="text")), expected)


@pytest.mark.parametrize("first", ["passthrough", StandardScaler()], ids=["none", "scaler"])
def test_names_with_spaces_behind_steps(first: Any, tmp_path: Path) -> None:
    frame = FRAME.rename(columns={"a": "a a", "d": "d d"})
    model = Pipeline([("first", first), ("model", lightgbm.LGBMRegressor(**QUIET))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.fit(frame, X[:, 0]).predict(frame)
    for reference in (frame, frame[["d d", "b", "c", "a a"]]):
        engine = packed(model, tmp_path, reference)
        same(engine.predict(frame), expected)


def test_a_level_that_training_did_not_see(tmp_path: Path) -> None:
    levels = np.random.default_rng(3).choice(["u", "v", "w"], ROWS)
    frame = pd.DataFrame({"n": X[:, 0], "level": pd.Categorical(levels)})
    target = X[:, 0] + (levels == "v")
    model = xgboost.XGBRegressor(enable_categorical=True, tree_method="hist", **SMALL)
    model.fit(frame, target)
    engine = packed(model, tmp_path, frame)
    rows = [{"n": 0.5, "level": "v"}, {"n": 0.5, "level": "uu"}, {"n": 0.5, "level": None}]
    prediction = engine.run(rows)
    if XGBOOST < (3, 1):
        assert prediction.verdicts.rejected == []
        return
    assert prediction.verdicts.rejected == [1]
    finding = prediction.verdicts[1].findings[-1]
    assert finding.field == "level"
    assert "uu" in finding.reason
    assert np.isnan(prediction.outputs["prediction"]).tolist() == [False, True, False]
    with pytest.raises(monobloc.RowsRejected, match="level"):
        engine.predict(rows)


def test_outlier_detector(tmp_path: Path) -> None:
    for contamination in ("auto", 0.2):
        model = IsolationForest(n_estimators=20, contamination=contamination, random_state=0).fit(
            FRAME
        )
        engine = packed(model, tmp_path, FRAME)
        assert is_outlier_detector(engine)
        assert not is_classifier(engine)
        assert engine.offset_ == model.offset_
        same(engine.predict(FRAME), model.predict(FRAME))
        found, expected = engine.decision_function(FRAME), model.decision_function(FRAME)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert np.allclose(found, expected, rtol=0, atol=1e-15)
        same(engine.run(FRAME).outputs["score"], engine.score_samples(FRAME))
        again = pickle.loads(pickle.dumps(engine))
        assert type(again) is monobloc.OutlierDetectorEngine
        for rows in (slice(0, 1), slice(5, 80)):
            same(again.score_samples(FRAME[rows]), engine.score_samples(FRAME)[rows])


REFUSED: dict[str, tuple[Any, str]] = {
    "shape check": (
        lambda: lightgbm.LGBMClassifier(predict_disable_shape_check=True, **QUIET).fit(X, Y),
        "predict_disable_shape_check changes",
    ),
    "function": (
        lambda: xgboost.XGBRegressor(objective=gradients, **SMALL).fit(X, X[:, 0]),
        "objective is a function",
    ),
    "softmax": (
        lambda: xgboost.XGBClassifier(objective="multi:softmax", **SMALL).fit(X, THREE),
        "multi:softmax gives no probabilities",
    ),
    "logitraw": (
        lambda: xgboost.XGBClassifier(objective="binary:logitraw", **SMALL).fit(X, Y),
        "binary:logitraw gives no probabilities",
    ),
    "softprob of two": (
        lambda: xgboost.XGBClassifier(objective="multi:softprob", num_class=2, **SMALL).fit(X, Y),
        "two classes",
    ),
    "several labels": (
        lambda: xgboost.XGBClassifier(tree_method="hist", **SMALL).fit(
            X, np.column_stack([Y, 1 - Y, THREE > 1])
        ),
        "several labels",
    ),
    "a class of XGBoost": (
        lambda: xgboost.XGBClassifier(**SMALL).fit(X, np.zeros(ROWS, int)),
        "single class",
    ),
    "a class of LightGBM": (
        lambda: lightgbm.LGBMClassifier(**QUIET).fit(X, np.zeros(ROWS, int)),
        "single class",
    ),
    "a class of HistGradientBoosting": (
        lambda: HistGradientBoostingClassifier(max_iter=2).fit(X, np.zeros(ROWS, int)),
        "single class",
    ),
    "unfitted": (lambda: IsolationForest(), "not fitted"),
    "unfitted ranker": (lambda: xgboost.XGBRanker(), "not fitted"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    make, reason = REFUSED[case]
    model = make()
    assert not monobloc.check(model)
    with pytest.raises(monobloc.UnsupportedError, match=reason):
        monobloc.pack(model, tmp_path / "model.bloc", reference=X)
    assert not list(tmp_path.iterdir())
