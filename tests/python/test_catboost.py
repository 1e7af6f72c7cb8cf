"""CatBoost: what users do with it beside plain models, its files, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

catboost = pytest.importorskip("catboost")

ROWS = 400
RANDOM = np.random.default_rng(12)
X = RANDOM.normal(size=(ROWS, 4))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
THREE = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
QUIET: dict[str, Any] = {
    "iterations": 15,
    "allow_writing_files": False,
    "verbose": False,
    "thread_count": 1,
}


def packed(model: Any, tmp_path: Path, reference: Any) -> Any:
    monobloc.pack(model, tmp_path / "model.bloc", reference=reference)
    return monobloc.load(tmp_path / "model.bloc")


def raw(model: Any, rows: Any) -> np.ndarray:
    found = catboost.CatBoost.predict(model, rows, prediction_type="RawFormulaVal")
    return np.ascontiguousarray(found)


def same(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype == object:
        assert found.tolist() == expected.tolist()
    else:
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


LABELS = {
    "boolean": Y == 1,
    "float": Y * 1.5,
    "integer": Y * 3 - 1,
    "object": np.array(["no", "yes"], dtype=object)[Y],
    "text": np.array(["no", "yes"])[Y],
    "three": THREE + 5,
    "three texts": np.array(["a", "c", "b"])[THREE],
}


@pytest.mark.parametrize("labels", LABELS)
def test_labels(labels: str, tmp_path: Path) -> None:
    model = catboost.CatBoostClassifier(**QUIET).fit(X, LABELS[labels])
    engine = packed(model, tmp_path, X)
    same(engine.raw_score(X), raw(model, X))
    same(engine.predict(X), model.predict(X).ravel())
    same(engine.classes_, model.classes_)
    np.testing.assert_allclose(engine.predict_proba(X), model.predict_proba(X), rtol=1e-13)
    model.save_model(str(tmp_path / "model.json"), format="json")
    monobloc.pack(tmp_path / "model.json", tmp_path / "file.bloc")
    from_file = monobloc.load(tmp_path / "file.bloc")
    same(from_file.predict(X), model.predict(X).ravel())
    same(from_file.classes_, model.classes_)
    same(from_file.raw_score(X), raw(model, X))


def test_ties_and_thresholds(tmp_path: Path) -> None:
    model = catboost.CatBoostClassifier(**{**QUIET, "iterations": 1}, depth=2).fit(X, Y)
    scores = np.unique(raw(model, X))
    model.set_scale_and_bias(1.0, -float(scores[0]))
    assert (raw(model, X) == 0).any()
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    for threshold in (0.2, 0.5, 0.731):
        model.set_probability_threshold(threshold)
        same(packed(model, tmp_path, X).predict(X), model.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, np.uint64, bool])
def test_arrays_of_any_numbers(dtype: Any, tmp_path: Path) -> None:
    scale = {np.int64: 2.0**60, np.uint64: 2.0**62, np.int8: 20.0}.get(dtype, 1.0)
    rows = X > 0 if dtype is bool else X * scale if dtype is not np.uint64 else abs(X) * scale / 8
    rows = rows.astype(dtype)
    model = catboost.CatBoostRegressor(**QUIET).fit(rows, X[:, 0])
    same(packed(model, tmp_path, rows).predict(rows), model.predict(rows))


def test_frames_of_mixed_dtypes(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "narrow": X[:, 0].astype(np.float32),
            "whole number": (X[:, 1] * 2.0**58).astype(np.int64),
            "wide": np.where(RANDOM.random(ROWS) < 0.2, np.nan, X[:, 2]),
            "flag": X[:, 3] > 0,
        }
    )
    model = catboost.CatBoostClassifier(**QUIET).fit(frame, Y)
    engine = packed(model, tmp_path, frame[["flag", "wide", "narrow", "whole number"]])
    same(engine.raw_score(frame), raw(model, frame))
    assert engine.feature_names_in_.tolist() == list(frame)
    model = catboost.CatBoostClassifier(**QUIET).fit(frame.to_numpy(float), Y)
    same(packed(model, tmp_path, frame).raw_score(frame), raw(model, frame))


@pytest.mark.parametrize("nan_mode", ["Forbidden", "Max", "Min"])
def test_missing_values(nan_mode: str, tmp_path: Path) -> None:
    rows = np.where(RANDOM.random(X.shape) < 0.3, np.nan, X)
    training = X if nan_mode == "Forbidden" else np.column_stack([rows[:, :3], X[:, 3]])
    model = catboost.CatBoostRegressor(nan_mode=nan_mode, **QUIET).fit(training, X[:, 0])
    engine = packed(model, tmp_path, rows)
    same(engine.predict(rows), model.predict(rows))


def test_which_trees_answer(tmp_path: Path) -> None:
    model = catboost.CatBoostClassifier(
        **{**QUIET, "iterations": 300}, learning_rate=0.5, early_stopping_rounds=3
    )
    model.fit(X[:150], Y[:150], eval_set=(X[150:], Y[150:]))
    assert model.tree_count_ == model.best_iteration_ + 1 < 300
    same(packed(model, tmp_path, X).raw_score(X), raw(model, X))
    model.fit(X[:150], Y[:150], eval_set=(X[150:], Y[150:]), use_best_model=False)
    assert model.tree_count_ > model.best_iteration_ + 1
    same(packed(model, tmp_path, X).raw_score(X), raw(model, X))
    model.shrink(4)
    same(packed(model, tmp_path, X).raw_score(X), raw(model, X))


def test_sums_of_models(tmp_path: Path) -> None:
    first = catboost.CatBoostRegressor(**QUIET).fit(X, X[:, 0])
    second = catboost.CatBoostRegressor(nan_mode="Max", **QUIET).fit(X, X[:, 1] + 3)
    model = catboost.sum_models([first, second], weights=[0.3, 0.7])
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    first = catboost.CatBoostClassifier(**QUIET).fit(X, LABELS["three texts"])
    model = catboost.sum_models([first, first], weights=[0.3, 0.6])
    engine = packed(model, tmp_path, X)
    same(engine.raw_score(X), raw(model, X))
    same(engine.predict(X), model.predict(X, prediction_type="Class").ravel())


def test_more_classes_than_are_taken_apart(tmp_path: Path) -> None:
    classes = np.digitize(X[:, 0], np.quantile(X[:, 0], np.linspace(0, 1, 12)[1:-1]))
    for policy in ("SymmetricTree", "Lossguide"):
        model = catboost.CatBoostClassifier(grow_policy=policy, **QUIET).fit(X, classes)
        engine = packed(model, tmp_path, X)
        same(engine.raw_score(X), raw(model, X))
        same(engine.raw_score(X[:1]), raw(model, X[:1]))
        same(engine.predict(X), model.predict(X).ravel())


def test_targets_ranking_and_exponentials(tmp_path: Path) -> None:
    model = catboost.CatBoostRegressor(loss_function="MultiRMSE", **QUIET).fit(X, X[:, :2])
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    model = catboost.CatBoostRanker(loss_function="YetiRank", **QUIET)
    model.fit(X, Y, group_id=np.arange(ROWS) // 10)
    same(packed(model, tmp_path, X).predict(X), model.predict(X))
    for loss in ("Poisson", "Tweedie:variance_power=1.3"):
        model = catboost.CatBoostRegressor(loss_function=loss, **QUIET).fit(X, Y)
        engine = packed(model, tmp_path, X)
        same(engine.raw_score(X), raw(model, X))
        np.testing.assert_allclose(engine.predict(X), model.predict(X), rtol=1e-14)
        plain = catboost.CatBoost({"loss_function": loss, **QUIET}).fit(X, Y)
        same(packed(plain, tmp_path, X).predict(X), plain.predict(X))
        assert plain.predict(X)[0] != model.predict(X)[0]


def test_a_model_loaded_from_its_binary_file(tmp_path: Path) -> None:
    model = catboost.CatBoostRegressor(loss_function="Poisson", **QUIET).fit(X, Y)
    model.save_model(str(tmp_path / "model.cbm"))
    again = catboost.CatBoostRegressor().load_model(str(tmp_path / "model.cbm"))
    same(packed(again, tmp_path, X).raw_score(X), raw(model, X))
    for file in (tmp_path / "model.cbm", (tmp_path / "model.cbm").read_bytes()):
        with pytest.raises(monobloc.UnsupportedError, match='format="json"'):
            monobloc.pack(file, tmp_path / "none.bloc")
    assert not (tmp_path / "none.bloc").exists()


def test_behind_a_pipeline(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=list("abcd")).assign(name=RANDOM.choice(["u", "v", "w"], ROWS))
    for threshold in (0.0, 1.0):
        columns = ColumnTransformer(
            [("text", OneHotEncoder(), ["name"]), ("numbers", StandardScaler(), list("abcd"))],
            sparse_threshold=threshold,
        )
        steps = [("columns", columns), ("model", catboost.CatBoostClassifier(**QUIET))]
        model = Pipeline(steps).fit(frame, Y)
        engine = packed(model, tmp_path, frame)
        same(engine.raw_score(frame), raw(model[-1], columns.transform(frame)))
        assert (engine.predict(frame) == model.predict(frame)).all()


def test_the_file_stays_in_the_bloc(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["one", "two", "three", "four"])
    model = catboost.CatBoostClassifier(**QUIET).fit(frame, Y)
    model.save_model(str(tmp_path / "model.json"), format="json")
    report = monobloc.pack(tmp_path / "model.json", tmp_path / "model.bloc")
    assert report.exact
    assert monobloc.load(tmp_path / "model.bloc").feature_names_in_.tolist() == list(frame)
    with zipfile.ZipFile(tmp_path / "model.bloc") as bloc:
        assert bloc.read("source/model.json") == (tmp_path / "model.json").read_bytes()


def with_text(**options: Any) -> Callable[[], Any]:
    frame = pd.DataFrame({"n": X[:, 0], "text": RANDOM.choice(["one two", "three four"], ROWS)})
    return lambda: catboost.CatBoostClassifier(**options, **QUIET).fit(frame, Y)


class Loss:
    def calc_ders_range(self, approxes: Any, targets: Any, _weights: Any) -> Any:
        return [(target - x, -1.0) for x, target in zip(approxes, targets, strict=True)]


def fitted(target: Any, wrapper: str = "CatBoostRegressor", **options: Any) -> Callable[[], Any]:
    return lambda: getattr(catboost, wrapper)(**options, **QUIET).fit(X, target)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "unfitted": (catboost.CatBoostClassifier, "not fitted"),
    "categories": (with_text(cat_features=["text"]), r"features \[1\] are categorical"),
    "one-hot": (with_text(cat_features=["text"], one_hot_max_size=9), "are categorical"),
    "text": (with_text(text_features=["text"]), r"features \[1\] are text"),
    "loss": (fitted(X[:, 0], loss_function=Loss(), eval_metric="RMSE"), "object"),
    "labels": (
        fitted((X > 0) * 1, "CatBoostClassifier", loss_function="MultiLogloss"),
        "MultiLogloss",
    ),
    "doubt": (fitted(X[:, 0], loss_function="RMSEWithUncertainty"), "RMSEWithUncertainty"),
    "unseen class": (fitted(THREE, "CatBoostClassifier", class_names=[0, 1, 2, 3]), "4 classes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    make, reason = REFUSED[case]
    reference = X
    if case in ("categories", "one-hot", "text"):
        reference = pd.DataFrame({"n": X[:, 0], "text": ["one two"] * ROWS})
    with pytest.raises(monobloc.UnsupportedError, match=reason):
        monobloc.pack(make(), tmp_path / "model.bloc", reference=reference)
    assert not list(tmp_path.iterdir())


def test_other_json_is_not_taken_for_catboosts(tmp_path: Path) -> None:
    for document in ({}, {"features_info": {}}, {"oblivious_trees": []}):
        with pytest.raises(monobloc.MonoblocError, match="is missing"):
            monobloc.pack(json.dumps(document).encode(), tmp_path / "model.bloc")
