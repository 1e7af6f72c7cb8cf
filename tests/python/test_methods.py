"""Methods that engines have where the source has them: `decision_function`, `predict_log_proba`,
`raw_score`; and forests of several targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from models import columns_of, loans, target
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

SMALL = {"n_estimators": 9, "random_state": 0}
CLASSIFIERS = {
    "boosted": GradientBoostingClassifier(**SMALL),
    "forest": RandomForestClassifier(**SMALL),
    "histogram": HistGradientBoostingClassifier(max_iter=9, random_state=0),
    "logistic": LogisticRegression(max_iter=50),
}


def packed(model: Any, frame: Any, folder: Path) -> Any:
    monobloc.pack(model, folder / "model.bloc", reference=frame)
    return monobloc.load(folder / "model.bloc")


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name: str, n_classes: int, tmp_path: Path) -> None:
    frame = loans(300, 1)
    y = (target(frame) > 0) + (frame["ratio"].to_numpy() > 0.5) * (n_classes - 2)
    assert len(np.unique(y)) == n_classes
    model = make_pipeline(columns_of(sparse_threshold=0), CLASSIFIERS[name]).fit(frame, y)
    engine = packed(model, frame, tmp_path)

    logarithms = engine.predict_log_proba(frame)
    with np.errstate(divide="ignore"):
        expected = np.log(engine.predict_proba(frame))
    assert logarithms.shape == expected.shape
    finite = np.isfinite(expected)
    assert (logarithms[~finite] == expected[~finite]).all()
    # Each lies within 0.6 and 1 units of the true value.
    distance = np.abs(logarithms[finite] - expected[finite])
    assert (distance <= 2 * np.spacing(np.abs(expected[finite]))).all()
    if name == "forest":
        assert not finite.all()

    assert hasattr(engine, "decision_function") == hasattr(model, "decision_function")
    if hasattr(model, "decision_function"):
        found, expected = engine.decision_function(frame), model.decision_function(frame)
        assert found.shape == expected.shape
        assert found.tobytes() == engine.raw_score(frame).tobytes()
        if name == "logistic":
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        else:
            assert found.tobytes() == expected.tobytes()
    else:
        with pytest.raises(AttributeError, match="RandomForestClassifier has no decision_function"):
            engine.decision_function(frame)
    if n_classes == 2:
        scorer = get_scorer("roc_auc")
        assert scorer(engine, frame, y) == pytest.approx(scorer(model, frame, y), abs=1e-12)


def test_rejected_rows_have_no_logarithms(tmp_path: Path) -> None:
    frame = loans(300, 1)[["ratio", "age"]]
    model = LogisticRegression().fit(frame, target(frame) > 0)
    rules = {"ratio": {"max": 1, "on_range": "reject"}}
    monobloc.pack(model, tmp_path / "model.bloc", reference=frame, sanity=rules)
    engine = monobloc.load(tmp_path / "model.bloc")
    with pytest.raises(monobloc.RowsRejected):
        engine.predict_log_proba({"ratio": 5.0, "age": 3})


@pytest.mark.parametrize("n_targets", [2, 5])
@pytest.mark.parametrize(
    "make",
    [RandomForestRegressor, ExtraTreesRegressor, DecisionTreeRegressor, ExtraTreeRegressor],
)
def test_forests_of_several_targets(make: Any, n_targets: int, tmp_path: Path) -> None:
    frame = loans(300, 1)
    random = np.random.default_rng(4)
    y = random.normal(size=(300, n_targets)) + target(frame)[:, None]
    options = (
        SMALL if "Trees" in make.__name__ or "Forest" in make.__name__ else {"random_state": 0}
    )
    model = make_pipeline(columns_of(), make(max_depth=6, **options)).fit(frame, y)
    engine = packed(model, frame, tmp_path)
    expected = model.predict(frame)
    assert engine.predict(frame).tobytes() == expected.tobytes()
    body = json.loads(engine.run_json(frame.iloc[:3].to_json(orient="records").encode()))
    assert body["outputs"]["prediction"] == engine.predict(frame.iloc[:3]).tolist()
    one = engine.predict(frame.iloc[:1])
    assert one.shape == (1, n_targets)


def test_regressors_have_no_methods_of_classifiers(tmp_path: Path) -> None:
    frame = loans(120, 1)[["ratio", "age"]]
    engine = packed(LinearRegression().fit(frame, frame["age"]), frame, tmp_path)
    assert not hasattr(engine, "predict_log_proba")
    assert not hasattr(engine, "decision_function")
    assert engine.raw_score(frame).tobytes() == engine.predict(frame).tobytes()
