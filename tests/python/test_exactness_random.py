"""Random pipelines over random columns: what scikit-learn fits and `pack` takes is exact."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from dirt import told
from models import UNKNOWN
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from test_exactness import accepted, answers, features, same_bytes, take

SEEDS = 60
TRIES = 40
Random = np.random.Generator


def number_column(random: Random, rows: int) -> np.ndarray:
    values = random.choice([0.0, -0.0, 1.5, -7.0, 999.0, 1e-310, 3e5, 0.1, 2.0], rows)
    values[random.random(rows) < 0.15] = np.nan
    return values


def string_column(random: Random, rows: int, unseen: bool) -> np.ndarray:
    levels = ["a", "b", "c", "?", "", "ü", *(["new"] if unseen else [])]
    values = random.choice(levels, rows).astype(object)
    values[random.random(rows) < 0.05] = random.choice(np.array([None, np.nan], dtype=object))
    return values


COLUMNS: dict[str, Callable[[Random, int, bool], Any]] = {
    "float64": lambda r, n, _: number_column(r, n),
    "float32": lambda r, n, _: number_column(r, n).astype(np.float32),
    "int64": lambda r, n, unseen: r.integers(-2, 9 if unseen else 6, n),
    "int8": lambda r, n, unseen: r.integers(-2, 9 if unseen else 6, n).astype(np.int8),
    "bool": lambda r, n, _: r.random(n) < 0.5,
    "object": lambda r, n, unseen: pd.Series(string_column(r, n, unseen), dtype=object),
    "category": lambda r, n, unseen: pd.Categorical(string_column(r, n, unseen)),
}


def chosen(random: Random, *options: Any) -> Any:
    return options[random.integers(len(options))]


def encoder(random: Random) -> Any:
    if random.random() < 0.6:
        return OneHotEncoder(
            handle_unknown=chosen(random, "error", "ignore", "ignore", "infrequent_if_exist"),
            drop=chosen(random, None, None, "first", "if_binary"),
            min_frequency=chosen(random, None, 5, 0.1, 20),
            max_categories=chosen(random, None, None, 2, 3),
            sparse_output=bool(random.integers(2)),
            dtype=chosen(random, np.float64, np.float32, np.int64),
        )
    return OrdinalEncoder(
        **UNKNOWN,
        unknown_value=chosen(random, -3, np.nan),
        encoded_missing_value=chosen(random, np.nan, -1),
        min_frequency=chosen(random, None, 5),
        dtype=chosen(random, np.float64, np.float32),
    )


def imputer(random: Random, *strategies: str) -> SimpleImputer:
    return SimpleImputer(
        strategy=chosen(random, *strategies),
        add_indicator=bool(random.integers(2)),
        keep_empty_features=bool(random.integers(2)),
    )


def scaler(random: Random) -> Any:
    return chosen(
        random,
        StandardScaler(),
        StandardScaler(with_mean=False),
        MinMaxScaler(),
        MinMaxScaler((-0.1, 0.3), clip=True),
    )


def for_numbers(random: Random) -> Any:
    filled = imputer(random, "mean", "median", "most_frequent", "constant")
    return chosen(
        random,
        filled,
        scaler(random),
        make_pipeline(filled, scaler(random)),
        make_pipeline(scaler(random), filled),
        make_pipeline(filled, encoder(random)),
        encoder(random),
        "passthrough",
    )


def for_strings(random: Random) -> Any:
    filled = imputer(random, "most_frequent", "constant")
    return chosen(
        random,
        encoder(random),
        make_pipeline(filled, encoder(random)),
        make_pipeline(encoder(random), StandardScaler(with_mean=False)),
    )


def model_and_data(random: Random) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    kinds = {f"c{i}": chosen(random, *COLUMNS) for i in range(random.integers(2, 7))}
    training, held_out = (
        pd.DataFrame({name: COLUMNS[kind](random, rows, new) for name, kind in kinds.items()})
        for rows, new in ((120, False), (60, True))
    )
    strings = [name for name, kind in kinds.items() if kind in ("object", "category")]
    numbers = [name for name in kinds if name not in strings]
    branches = [
        (f"{name}{i}", make(random), columns)
        for name, make, group in (("n", for_numbers, numbers), ("s", for_strings, strings))
        for i in range(2)
        for columns in [[column for column in group if random.random() < 0.7]]
        if columns
    ]
    columns = ColumnTransformer(
        branches,
        remainder="passthrough" if not strings and random.random() < 0.5 else "drop",
        sparse_threshold=chosen(random, 0, 0.3, 1.0),
    )
    further = chosen(random, [], [], [StandardScaler(with_mean=False)], [SimpleImputer()])
    forest = chosen(
        random,
        DecisionTreeClassifier(max_depth=8, random_state=0),
        ExtraTreesClassifier(5, random_state=0),
        RandomForestRegressor(3, random_state=0),
    )
    return make_pipeline(columns, *further, forest), training, held_out


def fitted(seed: int) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """The first random pipeline of this seed that scikit-learn itself can fit."""
    for attempt in range(TRIES):
        random = np.random.default_rng([seed, attempt])
        model, training, held_out = model_and_data(random)
        try:
            model.fit(training, random.integers(0, 3, len(training)))
        except (ValueError, TypeError):
            continue
        return model, training, held_out
    raise AssertionError(f"nothing could be fitted with seed {seed}")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_pipeline(seed: int, tmp_path: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, training, held_out = fitted(seed)
        report = monobloc.pack(model, tmp_path / "model.bloc", reference=training)
        good = accepted(model, held_out)
        rows = take(held_out, np.flatnonzero(good))
        engine = monobloc.load(tmp_path / "model.bloc")
        assert report.exact
        if len(rows):
            answer = getattr(engine, "predict_proba", engine.predict)
            same_bytes(answer(rows), answers(model, rows))
            expected = features(model, rows)
            got = engine.transform(rows)
            same_bytes(got, expected if expected.dtype.kind == "f" else expected.astype(got.dtype))
        for bad in np.flatnonzero(~good):
            told(engine, lambda row: answers(model, row), take(held_out, [bad]))
