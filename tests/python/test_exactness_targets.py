"""Forests and trees that decide on several targets at once give scikit-learn's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from models import VERSION, columns_of, loans, target
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

NUMBERS = ["ratio", "age", "children"]
MODELS = {
    "extra tree": ExtraTreeClassifier(max_depth=7, random_state=5),
    "extra trees": ExtraTreesClassifier(n_estimators=7, max_depth=7, random_state=5),
    "forest": RandomForestClassifier(n_estimators=9, max_depth=7, random_state=5),
    "tree": DecisionTreeClassifier(max_depth=7, random_state=5),
    "weighted": RandomForestClassifier(
        n_estimators=9, max_depth=7, class_weight="balanced", random_state=5
    ),
}


def _draws(frame: Any, n_targets: int) -> np.ndarray:
    """Numbers from 0 to 3 that the frame tells something of."""
    noise = np.random.default_rng(7).normal(size=(len(frame), n_targets))
    scores = noise + target(frame)[:, None] + np.linspace(-1, 1, n_targets)
    return np.clip(np.floor(scores + 1), 0, 3).astype(np.int64)


def _flags(frame: Any) -> np.ndarray:
    return (_draws(frame, 5) > 1).astype(np.int64)


def _counts(frame: Any) -> np.ndarray:
    """Targets of 2, 3 and 4 classes, and one of a single class."""
    draws = _draws(frame, 4)
    return np.stack(
        [draws[:, 0].clip(1, 2), draws[:, 1].clip(0, 2), draws[:, 2], draws[:, 3] * 0 + 5], axis=1
    )


TARGETS = {
    "booleans": lambda frame: _draws(frame, 3) > 1,
    "counts": _counts,
    "flags": _flags,
    "floats": lambda frame: _draws(frame, 2).astype(np.float32),
    "objects": lambda frame: np.array(["low", "mid", "high", "höchst"], dtype=object)[
        _draws(frame, 3)
    ],
    "texts": lambda frame: np.array(["low", "mid", "high", "höchst"])[_draws(frame, 3)],
}


def _packed(model: Any, frame: Any, folder: Path, **options: Any) -> Any:
    report = monobloc.pack(model, folder / "model.bloc", reference=frame, **options)
    assert report.max_abs_diff == 0
    return monobloc.load(folder / "model.bloc")


def _same(found: Any, expected: Any) -> None:
    assert isinstance(found, list)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == np.ascontiguousarray(other).tobytes()


def _check(engine: Any, model: Any, rows: Any) -> None:
    probabilities, labels = model.predict_proba(rows), model.predict(rows)
    _same(engine.predict_proba(rows), probabilities)
    assert (engine.predict(rows).dtype, engine.predict(rows).shape) == (labels.dtype, labels.shape)
    assert (engine.predict(rows) == labels).all()
    prediction = engine.run(rows)
    _same(prediction.outputs["probabilities"], probabilities)
    assert prediction.outputs["label"].dtype == labels.dtype
    assert (prediction.outputs["label"] == labels).all()
    with np.errstate(divide="ignore"):
        logarithms = np.concatenate(model.predict_log_proba(rows), axis=1)
    found = np.concatenate(engine.predict_log_proba(rows), axis=1)
    finite = np.isfinite(logarithms)
    assert (found[~finite] == logarithms[~finite]).all()
    difference = np.abs(found[finite] - logarithms[finite])
    assert (difference <= 2 * np.spacing(np.abs(logarithms[finite]))).all()
    one = rows[:1]
    _same(engine.predict_proba(one), model.predict_proba(one))
    assert (engine.predict(one) == model.predict(one)).all()


@pytest.mark.parametrize("labels", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_answers(name: str, labels: str, tmp_path: Path) -> None:
    frame, live = loans(300, 1), loans(200, 2, unseen=True)
    model = make_pipeline(columns_of(), clone(MODELS[name])).fit(frame, TARGETS[labels](frame))
    engine = _packed(model, frame, tmp_path)
    _check(engine, model, frame)
    finite = live.select_dtypes("number").abs().max(axis=1) < 1e30
    assert finite.sum() > 100
    _check(engine, model, live[finite])
    classes = engine.classes_
    assert [found.dtype for found in classes] == [known.dtype for known in model.classes_]
    assert [found.tolist() for found in classes] == [known.tolist() for known in model.classes_]


def test_matrices_missing_values_and_sparse_rows(tmp_path: Path) -> None:
    frame = loans(300, 1)
    rows = np.random.default_rng(3).normal(size=(300, 6)) * 10
    rows[rows < 2] = 0
    model = RandomForestClassifier(n_estimators=9, random_state=5).fit(
        sparse.csr_matrix(rows), _counts(frame)
    )
    _check(_packed(model, rows, tmp_path), model, rows)
    if VERSION >= (1, 4):
        holes = rows.copy()
        holes[np.random.default_rng(4).random(rows.shape) < 0.2] = np.nan
        (tmp_path / "holes").mkdir()
        model = RandomForestClassifier(n_estimators=9, random_state=5).fit(holes, _flags(frame))
        _check(_packed(model, holes, tmp_path / "holes"), model, holes)


def test_searches(tmp_path: Path) -> None:
    frame = loans(300, 1)
    pipeline = make_pipeline(columns_of(), RandomForestClassifier(n_estimators=5, random_state=5))
    grid = {"randomforestclassifier__max_depth": [3, 6]}
    model = GridSearchCV(pipeline, grid, cv=2, scoring=_score).fit(frame, _flags(frame))
    _check(_packed(model, frame, tmp_path), model, frame)


def _score(model: Any, rows: Any, expected: Any) -> float:
    return float((model.predict(rows) == expected).mean())


def test_labels_that_predicting_would_change_are_refused() -> None:
    frame = loans(120, 1)[NUMBERS].fillna(0.0)
    model = RandomForestClassifier(n_estimators=3, random_state=5).fit(frame, _flags(frame)[:, :2])
    model.classes_[1] = model.classes_[1].astype(np.float64)
    assert "have dtypes float64, int64" in str(monobloc.check(model))
    model.classes_[1] = np.array([1 + 2j, 3])
    assert "complex128" in str(monobloc.check(model))
