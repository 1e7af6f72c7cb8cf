"""Linear models: within the bound that the order of sums leaves, and independent of the batch."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as linear
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MODELS = int(os.environ.get("LINEAR_MODELS", "1000"))
"""Random models whose sums are compared."""
UNIT = 2.0**-53

REGRESSORS = {
    "least squares": linear.LinearRegression(),
    "ridge": linear.Ridge(alpha=2.0),
    "ridge by validation": linear.RidgeCV(),
    "lasso": linear.Lasso(alpha=0.01),
    "lasso by validation": linear.LassoCV(cv=3),
    "elastic net": linear.ElasticNet(alpha=0.01),
    "without intercept": linear.LinearRegression(fit_intercept=False),
    "stochastic": linear.SGDRegressor(random_state=1),
}
CLASSIFIERS = {
    "logistic": linear.LogisticRegression(max_iter=300),
    "logistic by validation": linear.LogisticRegressionCV(cv=3, max_iter=300),
    "logistic with l1": linear.LogisticRegression(solver="liblinear", penalty="l1"),
    "stochastic": linear.SGDClassifier(loss="log_loss", random_state=1),
}


def table(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(random.random(rows) < 0.1, np.nan, random.integers(18, 90, rows)),
            "income": random.lognormal(8, 1, rows),
            "debt": random.normal(0, 1e4, rows),
            "region": random.choice(["north", "south", "east"], rows),
        }
    )


def behind_steps(model: Any, sparse: bool = False) -> Any:
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income", "debt"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
        sparse_threshold=1.0 if sparse else 0.0,
    )
    return make_pipeline(steps, model)


def fitted(model: Any, classes: int | None, sparse: bool = False) -> tuple[Any, pd.DataFrame]:
    frame = table()
    score = np.nan_to_num(frame.age, nan=50) / 20 + 2 * (frame.region == "north")
    if classes is not None:
        score = np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
        score = np.array(["low", "middle", "high", "top"])[score]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return behind_steps(model, sparse).fit(frame, score), frame
        except (AttributeError, TypeError) as failure:
            # scikit-learn 1.3's Ridge asks SciPy for what later versions of it have not.
            pytest.skip(f"the source cannot be fitted here: {failure}")


def bounds(model: Any, frame: pd.DataFrame) -> np.ndarray:
    """Twice gamma times the magnitudes of a sum's terms, for each row and output."""
    features = model[:-1].transform(frame)
    features = np.abs(features.toarray() if hasattr(features, "toarray") else features)
    weights = np.atleast_2d(np.abs(model[-1].coef_))
    magnitudes = features @ weights.T + np.abs(np.ravel(model[-1].intercept_))
    n = (features.shape[1] + 1) * UNIT
    return 2 * n / (1 - n) * magnitudes * (1 + 1e-9)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("name", list(REGRESSORS))
def test_regressors(name: str, sparse: bool, tmp_path: Path) -> None:
    model, frame = fitted(REGRESSORS[name], None, sparse)
    report = monobloc.pack(model, tmp_path / "linear.bloc", reference=frame)
    assert report.max_abs_diff <= bounds(model, frame).max()
    engine = monobloc.load(tmp_path / "linear.bloc")
    found = engine.predict(frame)
    assert (np.abs(found - model.predict(frame)) <= bounds(model, frame)[:, 0]).all()
    assert found.dtype == np.float64
    one_by_one = [engine.predict(frame[i : i + 1])[0] for i in range(50)]
    assert np.array(one_by_one).tobytes() == found[:50].tobytes()


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_classifiers(name: str, classes: int, tmp_path: Path) -> None:
    try:
        model, frame = fitted(CLASSIFIERS[name], classes)
    except ValueError as refusal:
        pytest.skip(str(refusal).splitlines()[0])
    monobloc.pack(model, tmp_path / "linear.bloc", reference=frame)
    engine = monobloc.load(tmp_path / "linear.bloc")
    assert list(engine.classes_) == list(model.classes_)
    assert (engine.predict(frame) == model.predict(frame)).all()
    bound = bounds(model, frame)
    raw = model.decision_function(frame).reshape(len(frame), -1)
    assert (np.abs(engine.raw_score(frame).reshape(raw.shape) - raw) <= bound).all()
    expected = model.predict_proba(frame)
    slack = 2 * bound.max(axis=1, keepdims=True) + 8 * np.spacing(expected)
    found = engine.predict_proba(frame)
    assert (np.abs(found - expected) <= slack).all()
    assert np.array([engine.predict_proba(frame[i : i + 1])[0] for i in range(50)]).tobytes() == (
        found[:50].tobytes()
    )


def test_several_outputs(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 6))
    model = linear.LinearRegression().fit(X, X @ random.normal(size=(6, 3)))
    monobloc.pack(model, tmp_path / "linear.bloc", reference=X)
    found = monobloc.load(tmp_path / "linear.bloc").predict(X)
    assert found.shape == (300, 3)
    assert np.allclose(found, model.predict(X), rtol=1e-13, atol=1e-13)


def test_float32_stays_float32(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    X = random.normal(size=(300, 12)).astype(np.float32)
    model = linear.Ridge().fit(X, X.sum(axis=1))
    monobloc.pack(model, tmp_path / "linear.bloc", reference=X)
    found, expected = monobloc.load(tmp_path / "linear.bloc").predict(X), model.predict(X)
    assert found.dtype == expected.dtype == np.float32
    magnitudes = np.abs(X) @ np.abs(model.coef_) + abs(model.intercept_)
    assert (np.abs(found - expected) <= 2 * 13 * 2.0**-24 * 1.001 * magnitudes).all()


def test_random_models_lie_within_the_bound(tmp_path: Path) -> None:
    """Unscaled features too: columns of magnitudes from 1e-8 to 1e8."""
    random = np.random.default_rng(5)
    worst = 0.0
    for number in range(MODELS):
        width, rows = int(random.integers(1, 60)), 20
        scale = 10.0 ** random.uniform(-8, 8, width) if number % 2 else np.ones(width)
        X = random.normal(size=(rows, width)) * scale
        model = linear.LinearRegression()
        model.coef_ = random.normal(size=width) / scale * 10.0 ** random.uniform(-3, 3, width)
        model.intercept_, model.n_features_in_ = float(random.normal()), width
        model.rank_, model.singular_ = width, np.ones(width)
        path = tmp_path / "random.bloc"
        monobloc.pack(model, path, reference=X, golden=X)
        found, expected = monobloc.load(path).predict(X), model.predict(X)
        magnitudes = np.abs(X * model.coef_).sum(axis=1) + abs(model.intercept_)
        distance = np.abs(found - expected) / (magnitudes * UNIT)
        worst = max(worst, float((distance / (width + 1)).max()))
    assert worst <= 2.0


def test_sums_are_nearly_exact() -> None:
    """Beside exact arithmetic, the bound holds for this side alone."""
    random = np.random.default_rng(6)
    model = linear.LinearRegression()
    X = random.normal(size=(50, 33)) * 10.0 ** random.uniform(-6, 6, 33)
    model.fit(X, random.normal(size=50))
    weights = [Fraction(float(weight)) for weight in model.coef_]
    for row in X[:5]:
        exact = sum(Fraction(float(x)) * w for x, w in zip(row, weights, strict=True))
        naive = sum(float(x) * float(w) for x, w in zip(row, weights, strict=True))
        magnitude = sum(abs(float(x) * float(w)) for x, w in zip(row, weights, strict=True))
        assert abs(float(exact) - naive) <= 34 * UNIT * magnitude


def test_missing_and_infinite_values_are_dealt_with_as_scikit_learn_would_not(
    tmp_path: Path,
) -> None:
    """The source refuses them, so the rules repair them or reject the row."""
    frame = table()[["income", "debt"]]
    model = linear.Ridge().fit(frame, frame.income)
    monobloc.pack(model, tmp_path / "linear.bloc", reference=frame)
    engine = monobloc.load(tmp_path / "linear.bloc")
    verdict = engine.run({"income": None, "debt": 1.0}).verdicts[0]
    assert verdict.status == "repaired"
    assert engine.run({"income": 1.0, "debt": float("inf")}).verdicts[0].status == "repaired"


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (linear.Ridge(), "not fitted"),
        (linear.SGDClassifier(loss="hinge").fit([[0.0], [1.0]], [0, 1]), "loss is 'hinge'"),
        (linear.LinearRegression().fit([[0.0], [1.0]], [[0.0], [1.0]]), "column of y"),
        (linear.LogisticRegression().fit([[0.0], [1.0]], [0, 1]).sparsify(), "weights are sparse"),
        (linear.HuberRegressor(), "HuberRegressor"),
    ],
)
def test_what_cannot_be_packed_is_named(model: Any, problem: str) -> None:
    report = monobloc.check(model)
    assert not report
    assert problem in str(report)


def test_an_altered_weight_is_no_bloc(tmp_path: Path) -> None:
    frame = table()[["income", "debt"]]
    model = linear.Ridge().fit(frame, frame.income)
    answers = monobloc.packing.models.linear.answers

    def wrong(model: Any, rows: Any) -> Any:
        said = answers(model, rows)
        said.outputs[0, 0] *= 1 + 1e-9
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monobloc.packing.models.linear, "answers", wrong)
        with pytest.raises(monobloc.GoldenMismatchError):
            monobloc.pack(model, tmp_path / "linear.bloc", reference=frame)
    assert not (tmp_path / "linear.bloc").exists()


def test_inspect_tells_of_weights(tmp_path: Path) -> None:
    frame = table()[["income", "debt"]]
    model = linear.Ridge().fit(frame, frame.income)
    monobloc.pack(model, tmp_path / "linear.bloc", reference=frame)
    command = [sys.executable, "-m", "monobloc", "inspect", tmp_path / "linear.bloc"]
    said = subprocess.check_output(command, text=True)
    assert "sklearn.linear_model.Ridge, a weight for each of 2 features" in said
