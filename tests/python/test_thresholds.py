"""Threshold classifiers: labels are the source's, beside the threshold and on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from models import columns_of, loans
from sklearn import model_selection
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

pytestmark = pytest.mark.skipif(
    not hasattr(model_selection, "FixedThresholdClassifier"),
    reason="scikit-learn has them from 1.5 on",
)
NUMBERS = ["ratio", "age", "children"]
SMALL = {"n_estimators": 9, "random_state": 0}


def lightgbm() -> Any:
    return pytest.importorskip("lightgbm").LGBMClassifier(verbose=-1, **SMALL)


def xgboost() -> Any:
    return pytest.importorskip("xgboost").XGBClassifier(**SMALL)


def catboost() -> Any:
    library = pytest.importorskip("catboost")
    return library.CatBoostClassifier(iterations=9, verbose=0, allow_writing_files=False)


CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "boosted": lambda: GradientBoostingClassifier(**SMALL),
    "boosted, exponential": lambda: GradientBoostingClassifier(loss="exponential", **SMALL),
    "catboost": catboost,
    "extra trees": lambda: ExtraTreesClassifier(**SMALL),
    "forest": lambda: RandomForestClassifier(**SMALL),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=9, random_state=0),
    "lightgbm": lightgbm,
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "sgd": lambda: make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)),
    "tree": lambda: DecisionTreeClassifier(max_depth=4, random_state=0),
    "xgboost": xgboost,
}


def rows_and_labels(rows: int = 500) -> tuple[Any, np.ndarray]:
    frame = loans(rows, 1)
    noise = np.random.default_rng(2).normal(0, 0.4, rows)
    labels = (frame["ratio"].to_numpy() + noise > 0.6).astype(int)
    return frame, labels


def packed(model: Any, frame: Any, folder: Path) -> Any:
    assert monobloc.check(model)
    monobloc.pack(model, folder / "model.bloc", reference=frame)
    return monobloc.load(folder / "model.bloc")


def same(engine: Any, model: Any, frame: Any) -> np.ndarray:
    labels = engine.predict(frame)
    assert labels.tolist() == model.predict(frame).tolist()
    answer = engine.run(frame)
    assert answer.outputs["label"].tolist() == labels.tolist()
    return labels


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("positive", [None, 0])
def test_fixed_thresholds(name: str, positive: int | None, tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    inner = CLASSIFIERS[name]().fit(frame, y)
    seen = np.unique(inner.predict_proba(frame)[:, 1 if positive is None else positive])
    for threshold in (float(np.nextafter(seen[len(seen) // 3], 1)), 0.27, 0.5, 0.0, 1.1):
        model = model_selection.FixedThresholdClassifier(
            CLASSIFIERS[name](), threshold=threshold, pos_label=positive
        ).fit(frame, y)
        labels = same(packed(model, frame, tmp_path), model, frame)
        assert threshold not in (0.0, 1.1) or len(set(labels)) == 1


@pytest.mark.parametrize("name", ["boosted", "forest", "histogram", "lightgbm", "xgboost"])
def test_rows_on_the_threshold_have_the_positive_label(name: str, tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    inner = CLASSIFIERS[name]().fit(frame, y)
    probabilities = inner.predict_proba(frame)[:, 1]
    threshold = np.sort(probabilities)[300]
    model = model_selection.FixedThresholdClassifier(inner, threshold=threshold)
    model.fit(frame, y)
    assert (model.estimator_.predict_proba(frame)[:, 1] == threshold).any()
    same(packed(model, frame, tmp_path), model, frame)


@pytest.mark.parametrize("name", ["boosted", "histogram", "logistic", "sgd"])
@pytest.mark.parametrize("positive", [None, 0])
def test_thresholds_of_decision_functions(name: str, positive: int | None, tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    model = model_selection.FixedThresholdClassifier(
        CLASSIFIERS[name](), threshold=0.4, pos_label=positive, response_method="decision_function"
    ).fit(frame, y)
    same(packed(model, frame, tmp_path), model, frame)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_tuned_thresholds(name: str, tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    labels = np.array(["good", "loss"])[y] if name != "xgboost" else y
    model = model_selection.TunedThresholdClassifierCV(
        CLASSIFIERS[name](), scoring="balanced_accuracy", cv=3, random_state=0
    ).fit(frame, labels)
    engine = packed(model, frame, tmp_path)
    same(engine, model, frame)
    assert list(engine.classes_) == list(model.classes_)
    if name in ("forest", "extra trees", "tree"):
        assert engine.predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()


def test_wherever_they_stand(tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    fixed, tuned = (
        model_selection.FixedThresholdClassifier,
        model_selection.TunedThresholdClassifierCV,
    )
    forest = RandomForestClassifier(**SMALL)
    models = {
        "around a pipeline": fixed(make_pipeline(columns_of(), forest), threshold=0.3),
        "behind steps": make_pipeline(columns_of(), fixed(forest, threshold=0.3)),
        "in a search": make_pipeline(
            columns_of(), GridSearchCV(fixed(forest), {"threshold": [0.2, 0.3]}, cv=2)
        ),
        "around each other": make_pipeline(columns_of(), fixed(tuned(forest, cv=2), threshold=0.3)),
    }
    for name, model in models.items():
        model.fit(frame, y)
        labels = same(packed(model, frame, tmp_path), model, frame)
        assert 0 < labels.sum() < len(labels), name


def test_one_that_was_fitted_before(tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    forest = RandomForestClassifier(**SMALL).fit(frame, y)
    model = model_selection.FixedThresholdClassifier(forest, threshold=0.3)
    same(packed(model, frame, tmp_path), model, frame)
    tuned = model_selection.TunedThresholdClassifierCV(forest, cv="prefit", refit=False)
    same(packed(tuned.fit(frame, y), frame, tmp_path), tuned, frame)


def test_what_is_refused(tmp_path: Path) -> None:
    frame, y = rows_and_labels()
    frame = frame[NUMBERS]
    fixed, tuned = (
        model_selection.FixedThresholdClassifier,
        model_selection.TunedThresholdClassifierCV,
    )
    for unfitted in (fixed(RandomForestClassifier()), tuned(RandomForestClassifier())):
        assert "not fitted" in str(monobloc.check(unfitted))
    classifier = pytest.importorskip("lightgbm").LGBMClassifier(
        objective="multiclass", num_class=2, verbose=-1, **SMALL
    )
    model = fixed(classifier, threshold=0.3).fit(frame, y)
    with pytest.raises(monobloc.UnsupportedError, match="a raw score for each of two classes"):
        monobloc.pack(model, tmp_path / "never.bloc", reference=frame)
    model = fixed(RandomForestClassifier(**SMALL), response_method="decision_function")
    with pytest.raises(monobloc.InvalidArgumentError, match="decision_function"):
        monobloc.pack(model.fit(frame, y), tmp_path / "never.bloc", reference=frame)
    assert not (tmp_path / "never.bloc").exists()
