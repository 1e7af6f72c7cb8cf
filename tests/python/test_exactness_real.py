"""Packed forests on real data: whole files, a fifth held out, raw strings and numbers in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = {
    "german_credit": ("german_credit.csv", "credit", []),
    "card_default": ("card_default.csv.gz", "DID_DEFAULT_PAYMENT", ["USER_ID"]),
    "adult_income": ("adult_income.csv.gz", "income-per-year", []),
}
FORESTS = {"random-forest": RandomForestClassifier, "extra-trees": ExtraTreesClassifier}
SINGLE_ROWS = 2_000
SOURCE_SECONDS = 5

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")


def read(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    file, label, useless = FILES[name]
    frame = pd.read_csv(DATA / file, skipinitialspace=True)
    frame.columns = [column.strip() for column in frame.columns]
    target = frame.pop(label).to_numpy()
    return frame.drop(columns=useless), target


def pipeline(forest: type, frame: pd.DataFrame) -> Pipeline:
    """Imputation and scaling for numbers, both encoders for strings."""
    strings = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    numbers = [name for name in frame if name not in strings]
    codes = [name for name in numbers if frame[name].nunique() <= 12]
    amounts = [name for name in numbers if name not in codes]
    filled = SimpleImputer(strategy="constant", fill_value="missing")
    branches = [
        (
            "amounts",
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            amounts[::2],
        ),
        ("ratios", make_pipeline(SimpleImputer(add_indicator=True), MinMaxScaler()), amounts[1::2]),
        ("codes", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), codes),
        ("names", make_pipeline(filled, OneHotEncoder(handle_unknown="ignore")), strings[::2]),
        (
            "levels",
            OrdinalEncoder(
                handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
            ),
            strings[1::2],
        ),
    ]
    model = forest(n_estimators=40, min_samples_leaf=2, random_state=0, n_jobs=2)
    return Pipeline([("columns", ColumnTransformer(branches)), ("forest", model)])


@pytest.fixture(scope="module", params=FILES)
def data(request: pytest.FixtureRequest) -> Any:
    return read(request.param)


@pytest.fixture(scope="module", params=FORESTS)
def packed(request: pytest.FixtureRequest, data: Any, tmp_path_factory: Any) -> Any:
    frame, target = data
    held_out = np.random.default_rng(0).permutation(len(frame)) < len(frame) // 5
    model = pipeline(FORESTS[request.param], frame)
    model.fit(frame[~held_out], target[~held_out])
    path = tmp_path_factory.mktemp("real") / "model.bloc"
    report = monobloc.pack(model, path, reference=frame[~held_out])
    assert report.exact
    model.set_params(forest__n_jobs=1)
    return frame, held_out, model, monobloc.load(path), model.predict_proba(frame)


def same(got: Any, expected: np.ndarray) -> None:
    assert np.asarray(got).tobytes() == np.ascontiguousarray(expected).tobytes()


def test_every_row(packed: Any) -> None:
    frame, held_out, model, engine, expected = packed
    same(engine.predict_proba(frame), expected)
    same(engine.predict_proba(frame[held_out]), expected[held_out])
    assert np.array_equal(engine.predict(frame), model.classes_[expected.argmax(axis=1)])
    assert np.asarray(engine.predict(frame[:9])).dtype == model.predict(frame[:9]).dtype


def test_features(packed: Any) -> None:
    frame, held_out, model, engine, _ = packed
    features = model[:-1].transform(frame[held_out])
    features = features.toarray() if hasattr(features, "toarray") else features
    same(engine.transform(frame[held_out]), features)


def test_shuffled_rows(packed: Any) -> None:
    frame, _, _, engine, expected = packed
    order = np.random.default_rng(1).permutation(len(frame))
    same(engine.predict_proba(frame.iloc[order]), expected[order])


def test_batches_of_seven(packed: Any) -> None:
    frame, _, _, engine, expected = packed
    rows = frame if len(frame) <= SINGLE_ROWS else frame[: 7 * SINGLE_ROWS]
    batches = [engine.predict_proba(rows[i : i + 7]) for i in range(0, len(rows), 7)]
    same(np.concatenate([np.asarray(batch) for batch in batches]), expected[: len(rows)])


def test_rows_one_by_one(packed: Any) -> None:
    """The engine on single rows, and the source itself for as long as there is time."""
    frame, held_out, model, engine, expected = packed
    positions = np.flatnonzero(held_out)
    if len(frame) > SINGLE_ROWS:
        positions = np.random.default_rng(2).choice(positions, SINGLE_ROWS, replace=False)
    else:
        positions = np.arange(len(frame))
    deadline = time.monotonic() + SOURCE_SECONDS
    for position in positions:
        row = frame.iloc[[position]]
        got = engine.predict_proba(row)
        same(got, expected[[position]])
        if time.monotonic() < deadline:
            same(got, model.predict_proba(row))
