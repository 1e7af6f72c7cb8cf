"""scikit-learn's GradientBoosting: starting values, labels on the border, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from boosted import Boosted
from models import columns_of, loans, target
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from test_exactness_boosted import exact

NUMBERS = ["ratio", "age", "children"]
SMALL = {"n_estimators": 5, "random_state": 0}


def packed(model: Any, frame: Any, folder: Path) -> Any:
    monobloc.pack(model, folder / "model.bloc", reference=frame)
    return monobloc.load(folder / "model.bloc")


@pytest.mark.parametrize(
    "init",
    [
        "zero",
        None,
        DummyClassifier(),
        DummyClassifier(strategy="most_frequent"),
        DummyClassifier(strategy="uniform"),
        DummyClassifier(strategy="constant", constant=1),
    ],
    ids=lambda init: str(init),
)
@pytest.mark.parametrize("n_classes", [2, 3, 11])
def test_classifiers_start_where_the_source_does(init: Any, n_classes: int, tmp_path: Path) -> None:
    frame = loans(400, 1)[NUMBERS]
    y = np.random.default_rng(5).permutation(np.arange(400) % n_classes)
    model = GradientBoostingClassifier(init=init, **SMALL).fit(frame, y)
    exact(packed(model, frame, tmp_path), Boosted(model, frame, frame))


@pytest.mark.parametrize("strategy", ["mean", "median", "quantile", "constant"])
def test_regressors_start_where_the_source_does(strategy: str, tmp_path: Path) -> None:
    frame = loans(400, 1)[NUMBERS]
    init = DummyRegressor(strategy=strategy, quantile=0.3, constant=7.1)
    model = GradientBoostingRegressor(init=init, **SMALL).fit(frame, target(frame) * 1.7)
    exact(packed(model, frame, tmp_path), Boosted(model, frame, frame))


def test_sparse_features_in_front(tmp_path: Path) -> None:
    frame = loans(400, 1)
    columns = columns_of(sparse_threshold=1.0)
    model = make_pipeline(columns, GradientBoostingClassifier(**SMALL)).fit(frame, target(frame))
    exact(packed(model, frame, tmp_path), Boosted(model, frame, frame))


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_a_raw_score_of_zero_has_the_label_that_the_source_gives_it(
    loss: str, tmp_path: Path
) -> None:
    frame = loans(40, 1)[NUMBERS]
    model = GradientBoostingClassifier(
        init="zero", loss=loss, n_estimators=1, max_depth=1, learning_rate=1e-300
    )
    model.fit(frame, np.arange(40) % 2)
    for tree in model.estimators_.ravel():
        tree.tree_.value[:] = 0.0
    engine = packed(model, frame, tmp_path)
    assert (engine.raw_score(frame) == 0.0).all()
    assert (engine.predict(frame) == model.predict(frame)).all()
    for tree in model.estimators_.ravel():
        tree.tree_.value[:] = -1e280
    below = packed(model, frame, tmp_path)
    assert (below.raw_score(frame) < 0.0).all()
    assert (below.predict(frame) == model.predict(frame)).all()


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_rows_that_the_source_refuses_are_no_rows_of_the_model(tmp_path: Path) -> None:
    frame = loans(100, 1)[NUMBERS]
    model = GradientBoostingRegressor(**SMALL).fit(frame, target(frame))
    engine = packed(model, frame, tmp_path)
    for bad in (np.nan, np.inf, 1e39):
        rows = frame.head(2).astype(float).copy()
        rows.iloc[1, 0] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.predict(rows)
        assert engine.run(rows).verdicts.repaired == [1]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (GradientBoostingClassifier(**SMALL), "not fitted"),
        (GradientBoostingRegressor(init=LinearRegression(), **SMALL), "LinearRegression"),
        (GradientBoostingClassifier(init=LogisticRegression(), **SMALL), "init='zero'"),
        (GradientBoostingClassifier(init=DecisionTreeClassifier(), **SMALL), "depend on the row"),
        (
            GradientBoostingClassifier(init=DummyClassifier(strategy="stratified"), **SMALL),
            "not stratified",
        ),
    ],
)
def test_what_is_refused(model: Any, said: str, tmp_path: Path) -> None:
    frame = loans(100, 1)[NUMBERS]
    if said != "not fitted":
        model.fit(frame, target(frame))
    report = monobloc.check(make_pipeline(model))
    (finding,) = report.findings
    assert finding.path == f"model/{type(model).__name__.lower()}"
    assert said in str(finding)
    with pytest.raises(monobloc.UnsupportedError):
        monobloc.pack(model, tmp_path / "never.bloc", reference=frame)
