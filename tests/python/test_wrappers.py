"""Searches, frozen estimators, transformed targets and resampling pipelines: what is fitted inside
is packed, and what is refused inside is named with its path."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from models import columns_of, forest, loans, target
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

NUMBERS = ["ratio", "age", "children"]


def piped(*, first: Any = None) -> Pipeline:
    return Pipeline([("columns", first or columns_of()), ("trees", forest())])


def searches(model: Any, name: str) -> dict[str, Any]:
    grid = {name: [2, 3]}
    return {
        "grid": GridSearchCV(model, grid, cv=2),
        "random": RandomizedSearchCV(model, grid, n_iter=1, cv=2, random_state=0),
        "halving": HalvingGridSearchCV(model, grid, cv=2, random_state=0),
        "halving-random": HalvingRandomSearchCV(model, grid, cv=2, random_state=0),
    }


def exact(model: Any, frame: Any, folder: Path) -> Any:
    """The engine of the packed model, whose answers are the model's."""
    assert monobloc.check(model)
    monobloc.pack(model, folder / "model.bloc", reference=frame)
    engine = monobloc.load(folder / "model.bloc")
    assert (engine.predict(frame) == model.predict(frame)).all()
    if hasattr(model, "classes_"):
        assert engine.predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()
    return engine


@pytest.mark.parametrize("kind", searches(None, ""))
def test_searches_answer_with_the_estimator_that_they_found(kind: str, tmp_path: Path) -> None:
    frame = loans(300, 1)
    model = searches(piped(), "trees__max_depth")[kind].fit(frame, target(frame))
    engine = exact(model, frame, tmp_path)
    assert engine.manifest["model"]["source"] == "sklearn.ensemble.RandomForestClassifier"
    assert list(engine.feature_names_in_) == list(frame.columns)


def test_a_search_may_end_a_pipeline(tmp_path: Path) -> None:
    frame = loans(300, 1)
    search = searches(forest(), "max_depth")["grid"]
    exact(make_pipeline(columns_of(), search).fit(frame, target(frame)), frame, tmp_path)


def test_a_frozen_estimator(tmp_path: Path) -> None:
    frozen = pytest.importorskip("sklearn.frozen")
    frame = loans(300, 1)
    exact(frozen.FrozenEstimator(piped().fit(frame, target(frame))), frame, tmp_path)


def test_a_target_that_is_left_as_it_is(tmp_path: Path) -> None:
    frame = loans(300, 1)[NUMBERS]
    inner = make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=3, random_state=0))
    exact(TransformedTargetRegressor(inner).fit(frame, target(frame) * 0.1), frame, tmp_path)


TARGETS: dict[str, dict[str, Any]] = {
    "exp": {"func": np.log, "inverse_func": np.exp},
    "expm1": {"func": np.log1p, "inverse_func": np.expm1},
    "square": {"func": np.sqrt, "inverse_func": np.square},
    "standard": {"transformer": StandardScaler()},
    "standard, centred": {"transformer": StandardScaler(with_std=False)},
    "standard, scaled": {"transformer": StandardScaler(with_mean=False)},
    "min max": {"transformer": MinMaxScaler((-1, 3))},
    "max abs": {"transformer": MaxAbsScaler()},
    "robust": {"transformer": RobustScaler()},
    "robust, not centred": {"transformer": RobustScaler(with_centering=False)},
}
EXPONENTIALS = ("exp", "expm1")


def regressors() -> dict[str, Any]:
    found = {
        "forest": RandomForestRegressor(n_estimators=7, random_state=0),
        "boosted": GradientBoostingRegressor(n_estimators=9, random_state=0),
        "linear": LinearRegression(),
    }
    for library, make in {
        "lightgbm": lambda module: module.LGBMRegressor(n_estimators=9, verbose=-1),
        "xgboost": lambda module: module.XGBRegressor(n_estimators=9, random_state=0),
    }.items():
        with suppress(ImportError):
            found[library] = make(importlib.import_module(library))
    return found


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("inside", regressors())
def test_transformed_targets(inside: str, kind: str, tmp_path: Path) -> None:
    frame = loans(400, 1)[NUMBERS]
    y = np.abs(np.random.default_rng(3).normal(2, 1, 400) + target(frame)) + 0.1
    pipe = make_pipeline(StandardScaler(), regressors()[inside])
    model = TransformedTargetRegressor(pipe, **TARGETS[kind], check_inverse=False).fit(frame, y)
    monobloc.pack(model, tmp_path / "model.bloc", reference=frame)
    engine = monobloc.load(tmp_path / "model.bloc")
    found, expected = engine.predict(frame), model.predict(frame)
    assert found.shape == expected.shape
    if inside == "linear":
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    elif kind in EXPONENTIALS:
        precision = found.dtype.type
        np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(precision).eps)
    else:
        assert found.tobytes() == expected.tobytes()
        assert engine.raw_score(frame).tobytes() != found.tobytes()


def test_a_transformed_target_before_a_link_of_its_own_is_refused(tmp_path: Path) -> None:
    frame = loans(120, 1)[NUMBERS]
    inner = HistGradientBoostingRegressor(loss="poisson", max_iter=3)
    model = TransformedTargetRegressor(inner, transformer=MinMaxScaler())
    model.fit(frame, np.abs(target(frame)) + 1.0)
    with pytest.raises(monobloc.UnsupportedError, match="regressor_, packed alone"):
        monobloc.pack(model, tmp_path / "never.bloc", reference=frame)
    assert not (tmp_path / "never.bloc").exists()


class Twice(BaseEstimator):
    """A sampler: in `fit` it repeats the rows of the first class."""

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        rows = np.concatenate([np.arange(len(y)), np.flatnonzero(y == y.min())])
        return X[rows], y[rows]


class ResamplingPipeline(Pipeline):
    """Stands in for imbalanced-learn's, where that is not installed: samplers act in `fit`."""

    def fit(self, X: Any, y: Any) -> Any:
        for _, step in self.steps[:-1]:
            if hasattr(step, "fit_resample"):
                X, y = step.fit_resample(X, y)
            else:
                X = step.fit(X, y).transform(X)
        self.steps[-1][1].fit(X, y)
        return self

    def _iter(self, with_final: bool = True, **options: Any) -> Any:
        found = super()._iter(with_final=with_final, **options)
        return (entry for entry in found if not hasattr(entry[2], "fit_resample"))


ResamplingPipeline.__module__ = "imblearn.pipeline"
ResamplingPipeline.__qualname__ = "Pipeline"


def resampling(*steps: tuple[str, Any]) -> Any:
    try:
        from imblearn.over_sampling import RandomOverSampler
        from imblearn.pipeline import Pipeline as Real
    except ImportError:
        return ResamplingPipeline(
            [(name, Twice() if step is None else step) for name, step in steps]
        )
    sampler = RandomOverSampler(random_state=0)
    return Real([(name, sampler if step is None else step) for name, step in steps])


def test_samplers_act_in_fit_alone(tmp_path: Path) -> None:
    frame = loans(300, 1)[NUMBERS]
    model = resampling(
        ("scale", StandardScaler().set_output(transform="default")), ("more", None), ("f", forest())
    )
    exact(model.fit(frame, target(frame)), frame, tmp_path)
    again = GridSearchCV(forest(), {"max_depth": [2]}, cv=2)
    other = resampling(("scale", StandardScaler()), ("more", None), ("f", again))
    exact(other.fit(frame, target(frame)), frame, tmp_path)


def paths(model: Any) -> list[str]:
    return [finding.path for finding in monobloc.check(model).findings]


def test_what_is_refused_inside_has_its_path() -> None:
    frame = loans(120, 1)[NUMBERS]
    y = target(frame)
    found = GridSearchCV(piped(first=RobustScaler()), {"trees__max_depth": [2]}, cv=2).fit(frame, y)
    assert paths(found) == ["model/best_estimator_/columns"]
    assert paths(Pipeline([("search", found)])) == ["model/search/best_estimator_/columns"]
    model = resampling(("odd", RobustScaler()), ("more", None), ("f", forest())).fit(frame, y)
    report = monobloc.check(model)
    assert [finding.path for finding in report.findings] == ["model/odd"]
    assert report.split is None
    inner = make_pipeline(RobustScaler(), RandomForestRegressor(n_estimators=2))
    assert paths(TransformedTargetRegressor(inner).fit(frame, y)) == [
        "model/regressor_/robustscaler"
    ]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (GridSearchCV(forest(), {"max_depth": [2]}, cv=2, refit=False), "refit=False"),
        (
            TransformedTargetRegressor(
                RandomForestRegressor(n_estimators=2), func=np.log1p, inverse_func=np.sinh
            ),
            "by sinh",
        ),
        (
            TransformedTargetRegressor(
                RandomForestRegressor(n_estimators=2), transformer=PowerTransformer()
            ),
            "PowerTransformer",
        ),
    ],
)
def test_wrappers_that_are_refused(model: Any, said: str, tmp_path: Path) -> None:
    frame = loans(120, 1)[NUMBERS]
    assert "not fitted" in str(monobloc.check(model))
    model.fit(frame, target(frame))
    (finding,) = monobloc.check(model).findings
    assert finding.path == "model"
    assert said in str(finding)
    with pytest.raises(monobloc.UnsupportedError):
        monobloc.pack(model, tmp_path / "never.bloc", reference=frame)


def test_a_target_that_is_a_table_is_refused() -> None:
    frame = loans(120, 1)[NUMBERS]
    model = TransformedTargetRegressor(RandomForestRegressor(n_estimators=2))
    model.fit(frame, target(frame).reshape(-1, 1))
    assert "one dimension" in str(monobloc.check(model))
