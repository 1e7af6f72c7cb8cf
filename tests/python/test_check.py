"""`check` lists everything at once, and `pack` refuses with the very same information."""

from __future__ import annotations

from typing import Any

import monobloc
import numpy as np
import pytest
from models import STRINGS, forest, loans, numeric_block, target
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

NUMBERS = ["ratio", "age", "children"]


class OwnScaler(StandardScaler):
    """A subclass may compute anything."""


def fitted(model: Any, columns: list[str] | None = NUMBERS) -> tuple[Any, Any]:
    frame = loans(120, 1)
    frame = frame if columns is None else frame[columns]
    return model.fit(frame, target(frame)), frame


def paths(report: monobloc.CheckReport) -> list[str]:
    return [finding.path for finding in report.findings]


def test_a_supported_model_has_no_findings() -> None:
    report = monobloc.check(fitted(make_pipeline(StandardScaler(), forest()))[0])
    assert report.supported
    assert report
    assert report.findings == ()
    assert report.split is None
    assert "supported" in str(report)
    assert "supported" in report._repr_html_()


def test_every_unsupported_step_is_listed_at_once(tmp_path: Any) -> None:
    branches = ColumnTransformer(
        [
            ("scaled", RobustScaler(), ["ratio"]),
            ("filled", make_pipeline(KNNImputer(), StandardScaler()), ["income", "age"]),
            (
                "united",
                FeatureUnion([("a", StandardScaler()), ("b", RobustScaler())]),
                ["children"],
            ),
            ("strings", OneHotEncoder(handle_unknown="ignore"), STRINGS),
        ]
    )
    model, frame = fitted(
        Pipeline([("columns", branches), ("fewer", SelectKBest(k=2)), ("trees", forest())]), None
    )
    report = monobloc.check(model)
    assert not report.supported
    assert paths(report) == [
        "model/columns/scaled",
        "model/columns/filled/knnimputer",
        "model/columns/united",
        "model/fewer",
    ]
    text = str(report)
    for cls in ("RobustScaler", "KNNImputer", "FeatureUnion", "SelectKBest"):
        assert cls in text
        assert cls in report._repr_html_()
    assert "StandardScaler" in report.findings[0].supported
    assert "model[:2]" in report.split
    assert "'trees'" in report.split
    with pytest.raises(monobloc.UnsupportedError) as caught:
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
    assert str(caught.value) == text
    assert not list(tmp_path.iterdir())


def test_the_split_works(tmp_path: Any) -> None:
    model, frame = fitted(Pipeline([("pca", PCA(2)), ("scale", StandardScaler()), ("f", forest())]))
    report = monobloc.check(model)
    assert "model[:1]" in report.split
    outside = model[:1].transform(frame)
    monobloc.pack(model[1:], tmp_path / "tail.bloc", reference=outside)
    engine = monobloc.load(tmp_path / "tail.bloc")
    assert engine.predict_proba(outside).tobytes() == model.predict_proba(frame).tobytes()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (AdaBoostClassifier(n_estimators=2), "RandomForestClassifier"),
        (GaussianNB(), "not supported"),
        (CalibratedClassifierCV(forest(), cv=2), "not supported"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_unsupported_models(model: Any, said: str) -> None:
    report = monobloc.check(fitted(model)[0])
    assert type(model).__name__ in str(report)
    assert said in str(report)
    report = monobloc.check(fitted(make_pipeline(StandardScaler(), model))[0])
    assert "no part of this pipeline" in report.split


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (OwnScaler(), "OwnScaler"),
        (FunctionTransformer(np.abs), "Python function"),
        (FunctionTransformer(validate=True), "validate=True"),
        (OrdinalEncoder(dtype=np.float16), "float16"),
        (
            ColumnTransformer([("a", StandardScaler(), [0])], transformer_weights={"a": 2.0}),
            "transformer_weights",
        ),
    ],
)
def test_unsupported_options(step: Any, said: str) -> None:
    report = monobloc.check(fitted(make_pipeline(step, forest()), ["age", "children"])[0])
    assert len(report.findings) == 1
    assert said in str(report)


@pytest.mark.parametrize(
    "model",
    [
        forest(),
        make_pipeline(StandardScaler(), forest()),
        make_pipeline(SimpleImputer(), OneHotEncoder(), forest()),
        ColumnTransformer([("a", numeric_block(), [0])]),
        RandomForestClassifier,
    ],
    ids=["forest", "scaler", "encoders", "transformer", "class"],
)
def test_unfitted_models_and_other_objects(model: Any) -> None:
    report = monobloc.check(model)
    assert not report.supported
    text = str(report)
    assert "not fitted" in text or "not a fitted object" in text or "not supported" in text


def test_other_versions_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn

    model, frame = fitted(forest())
    monkeypatch.setattr(sklearn, "__version__", "1.2.2")
    report = monobloc.check(model)
    assert "1.2.2" in str(report)
    assert "1.3" in str(report)
    with pytest.raises(monobloc.UnsupportedError, match=r"1\.2\.2"):
        monobloc.pack(model, "never.bloc", reference=frame)


def test_findings_that_need_the_data_are_listed_at_once_too(tmp_path: Any) -> None:
    frame = loans(60, 1)[["age"]].assign(
        digits=np.array(["1", "2.5", "3"] * 20, dtype=object),
        more=np.array(["4", "5", "6"] * 20, dtype=object),
    )
    columns = ColumnTransformer(
        [("a", StandardScaler(), ["digits"]), ("b", MinMaxScaler(), ["more"])]
    )
    model = Pipeline([("columns", columns), ("trees", forest())]).fit(frame, target(frame))
    assert monobloc.check(model).supported
    with pytest.raises(monobloc.UnsupportedError) as caught:
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
    text = str(caught.value)
    assert "model/columns/a" in text
    assert "'digits'" in text
    assert "model/columns/b" in text
    assert "'more'" in text
    assert "model[:1]" in text


def test_strings_that_scikit_learn_would_parse_as_numbers_are_refused(tmp_path: Any) -> None:
    frame = loans(60, 1)[["age"]].assign(digits=np.array(["1", "2.5", "3"] * 20, dtype=object))
    model = make_pipeline(SimpleImputer(strategy="most_frequent"), forest())
    model.fit(frame, target(frame))
    with pytest.raises(monobloc.UnsupportedError, match="'digits' holds strings"):
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
