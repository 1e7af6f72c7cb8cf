"""Source models for the tests: seeded data with the quirks of real data, and a table of
cases that goes over the options of every supported step and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
TRAINING, HELD_OUT = 240, 90
NUMBERS = ["income", "balance", "ratio", "age", "children"]
FLOATS = ["income", "balance"]
STRINGS = ["region", "purpose", "note"]


@dataclass(frozen=True)
class Fitted:
    """A fitted model with its training data and rows that it did not see."""

    model: Any
    training: Any
    held_out: Any
    target: np.ndarray


@dataclass(frozen=True)
class Case:
    """A named model, made when the test asks for it."""

    name: str
    make: Callable[[], Fitted]


def loans(rows: int, seed: int, *, unseen: bool = False) -> pd.DataFrame:
    """Loan applications: missing values, a sentinel, negative zeros, rare and unseen levels."""
    random = np.random.default_rng(seed)
    income = np.round(random.lognormal(10, 1, rows), 2)
    income[random.random(rows) < 0.15] = np.nan
    balance = np.round(random.normal(0, 500, rows), 1)
    balance[random.random(rows) < 0.1] = -0.0
    balance[random.random(rows) < 0.1] = 999.0
    region = random.choice(["north", "south", "east", "wést"], rows, p=[0.5, 0.3, 0.15, 0.05])
    region = region.astype(object)
    region[random.random(rows) < 0.1] = np.nan
    purpose = random.choice(["car", "house", "?"], rows).astype(object)
    note = random.choice(["a", "b", "cc"], rows).astype(object)
    note[random.random(rows) < 0.2] = None
    frame = pd.DataFrame(
        {
            "income": income,
            "balance": balance,
            "ratio": random.random(rows).astype(np.float32),
            "age": random.integers(18, 90, rows),
            "children": random.integers(-1, 5, rows).astype(np.int8),
            "owner": random.random(rows) < 0.6,
            "region": pd.Series(region, dtype=object),
            "purpose": pd.Series(purpose, dtype=object),
            "note": pd.Series(note, dtype=object),
        }
    )
    if unseen:
        frame.loc[frame.index[::9], "region"] = "far away"
        frame.loc[frame.index[::11], "note"] = np.nan
        frame.loc[frame.index[::13], "age"] = 1234
        frame.loc[frame.index[::17], "balance"] = np.nan
        frame.loc[frame.index[40], "balance"] = np.inf
        frame.loc[frame.index[41], "income"] = -np.inf
        frame.loc[frame.index[42], "income"] = 1e300
        frame.loc[frame.index[43], "balance"] = 1e-310
    return frame


def target(frame: Any) -> np.ndarray:
    """Three classes that depend on everything a little."""
    random = np.random.default_rng(5)
    return random.integers(0, 3, len(frame))


def fit(model: Any, columns: Any = None, change: Any = None, y: Any = None) -> Fitted:
    """Fit on the loans, restricted to columns and changed where asked."""
    training, held_out = loans(TRAINING, 1), loans(HELD_OUT, 2, unseen=True)
    if columns is not None:
        training, held_out = training[columns], held_out[columns]
    if change is not None:
        training, held_out = change(training), change(held_out)
    labels = target(training) if y is None else y(target(training))
    return Fitted(model.fit(training, labels), training, held_out, labels)


def forest(**options: Any) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=7, max_depth=6, random_state=3, **options)


def tree() -> DecisionTreeClassifier:
    """Takes NaN in every supported version, so steps may leave it in."""
    return DecisionTreeClassifier(max_depth=6, random_state=3)


def after(*steps: Any) -> Pipeline:
    return make_pipeline(*steps, tree())


def encoded(encoder: Any) -> Pipeline:
    """Encoders before a forest; what they are not given passes through."""
    return make_pipeline(encoder, forest())


def numeric_block() -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def float32(frame: pd.DataFrame) -> pd.DataFrame:
    with np.errstate(over="ignore"):
        return frame.astype(np.float32)


def array(frame: pd.DataFrame) -> np.ndarray:
    return frame.to_numpy()


def without_missing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.fillna({name: "x" for name in frame if frame[name].dtype == object})


def only_none(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)


def with_empty(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(empty=np.nan)


def categorical(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype("category")


IMPUTERS: dict[str, tuple[Any, list[str], Any]] = {
    "mean": (SimpleImputer(), NUMBERS, None),
    "median": (SimpleImputer(strategy="median"), NUMBERS, None),
    "most-frequent": (SimpleImputer(strategy="most_frequent"), NUMBERS, None),
    "constant": (SimpleImputer(strategy="constant"), FLOATS, None),
    "constant-value": (SimpleImputer(strategy="constant", fill_value=-7.25), FLOATS, None),
    "indicator": (SimpleImputer(add_indicator=True), NUMBERS, None),
    "sentinel": (SimpleImputer(missing_values=999.0, add_indicator=True), ["balance", "age"], None),
    "integers": (
        SimpleImputer(missing_values=-1, strategy="most_frequent", add_indicator=True),
        ["age", "children"],
        None,
    ),
    "integer-constant": (
        SimpleImputer(missing_values=-1, strategy="constant", fill_value=3),
        ["age", "children"],
        None,
    ),
    "float32": (SimpleImputer(add_indicator=True), NUMBERS, float32),
    "float32-sentinel": (SimpleImputer(missing_values=999.0), ["balance", "age"], float32),
    "empty-dropped": (SimpleImputer(add_indicator=True), FLOATS, with_empty),
    "empty-kept": (SimpleImputer(keep_empty_features=True), FLOATS, with_empty),
    "empty-constant": (SimpleImputer(strategy="constant", fill_value=2), FLOATS, with_empty),
    "empty-constant-kept": (
        SimpleImputer(strategy="constant", fill_value=2, keep_empty_features=True),
        FLOATS,
        with_empty,
    ),
    "array": (SimpleImputer(add_indicator=True), NUMBERS, array),
    "number-objects": (SimpleImputer(), NUMBERS, only_none),
    "number-objects-none": (
        SimpleImputer(missing_values=None, strategy="most_frequent", add_indicator=True),
        FLOATS,
        only_none,
    ),
    "number-objects-kept": (
        SimpleImputer(strategy="most_frequent"),
        FLOATS,
        lambda frame: frame.astype(object),
    ),
}

STRING_IMPUTERS: dict[str, tuple[Any, list[str], Any]] = {
    "most-frequent": (SimpleImputer(strategy="most_frequent"), ["region", "purpose"], None),
    "constant": (SimpleImputer(strategy="constant"), ["region", "purpose"], None),
    "constant-value": (
        SimpleImputer(strategy="constant", fill_value="nowhere"),
        ["region", "purpose"],
        None,
    ),
    "none": (
        SimpleImputer(missing_values=None, strategy="constant", fill_value="nothing"),
        ["note", "purpose"],
        None,
    ),
    "sentinel": (
        SimpleImputer(missing_values="?", strategy="most_frequent"),
        ["purpose"],
        None,
    ),
    "sentinel-none-passes": (
        SimpleImputer(missing_values="?", strategy="most_frequent"),
        ["purpose", "note"],
        None,
    ),
    "indicator": (
        SimpleImputer(strategy="most_frequent", add_indicator=True),
        ["region", "purpose"],
        None,
    ),
    "mixed-block": (
        SimpleImputer(strategy="most_frequent", add_indicator=True),
        ["income", "region", "owner"],
        None,
    ),
    "mixed-block-infinite": (
        SimpleImputer(missing_values="?", strategy="most_frequent"),
        ["age", "balance", "purpose"],
        None,
    ),
    "array": (SimpleImputer(strategy="most_frequent"), ["region", "purpose"], array),
}

SCALERS: dict[str, Any] = {
    "standard": StandardScaler(),
    "standard-without-mean": StandardScaler(with_mean=False),
    "standard-without-std": StandardScaler(with_std=False),
    "standard-neither": StandardScaler(with_mean=False, with_std=False),
    "min-max": MinMaxScaler(),
    "min-max-range": MinMaxScaler((-3.3, 0.1)),
    "min-max-clip": MinMaxScaler((-0.3, 0.7), clip=True),
    "min-max-clip-zero": MinMaxScaler(clip=True),
}

ONE_HOT: dict[str, tuple[Any, list[str], Any]] = {
    "error": (OneHotEncoder(), STRINGS, None),
    "ignore": (OneHotEncoder(handle_unknown="ignore"), STRINGS, None),
    "infrequent": (
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=25),
        STRINGS,
        None,
    ),
    "infrequent-without": (OneHotEncoder(handle_unknown="infrequent_if_exist"), STRINGS, None),
    "infrequent-share": (
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.2),
        STRINGS,
        None,
    ),
    "max-categories": (OneHotEncoder(handle_unknown="ignore", max_categories=3), STRINGS, None),
    "max-one": (
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=1),
        STRINGS,
        None,
    ),
    "drop-first": (OneHotEncoder(drop="first", handle_unknown="ignore"), STRINGS, None),
    "drop-if-binary": (
        OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        ["owner", *STRINGS],
        None,
    ),
    "drop-given": (
        OneHotEncoder(drop=["north", "house", None], handle_unknown="ignore"),
        STRINGS,
        None,
    ),
    "drop-infrequent": (
        OneHotEncoder(drop="first", handle_unknown="infrequent_if_exist", min_frequency=25),
        STRINGS,
        None,
    ),
    "drop-refuse": (OneHotEncoder(drop="first"), STRINGS, None),
    "dense": (OneHotEncoder(handle_unknown="ignore", sparse_output=False), STRINGS, None),
    "float32": (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
        STRINGS,
        None,
    ),
    "integers-out": (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.int8),
        STRINGS,
        None,
    ),
    "booleans-out": (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=bool),
        STRINGS,
        None,
    ),
    "given-categories": (
        OneHotEncoder(
            categories=[["south", "north", "z"], ["house", "car"]], handle_unknown="ignore"
        ),
        ["region", "purpose"],
        None,
    ),
    "numbers": (
        OneHotEncoder(handle_unknown="ignore"),
        ["age", "children", "owner", "ratio", "balance"],
        None,
    ),
    "numbers-refuse": (OneHotEncoder(), ["children", "age"], None),
    "number-objects": (
        OneHotEncoder(handle_unknown="ignore"),
        ["children", "owner", "income"],
        only_none,
    ),
    "number-array": (OneHotEncoder(handle_unknown="ignore"), ["age", "balance"], array),
    "string-array": (
        OneHotEncoder(handle_unknown="ignore"),
        ["region", "purpose"],
        lambda frame: without_missing(frame).to_numpy().astype(str),
    ),
    "mixed-array": (OneHotEncoder(handle_unknown="ignore"), ["age", "region", "income"], array),
    "categorical": (OneHotEncoder(handle_unknown="ignore"), ["region", "purpose"], categorical),
    "categorical-numbers": (OneHotEncoder(handle_unknown="ignore"), ["age", "income"], categorical),
}
if VERSION >= (1, 6):
    ONE_HOT["warn"] = (OneHotEncoder(handle_unknown="warn"), STRINGS, None)
    ONE_HOT["warn-infrequent"] = (
        OneHotEncoder(handle_unknown="warn", min_frequency=25),
        STRINGS,
        None,
    )

UNKNOWN: dict[str, Any] = {"handle_unknown": "use_encoded_value"}
ORDINAL: dict[str, tuple[Any, list[str], Any]] = {
    "error": (OrdinalEncoder(encoded_missing_value=-1), STRINGS, None),
    "unknown": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1),
        STRINGS,
        None,
    ),
    "unknown-missing": (
        OrdinalEncoder(**UNKNOWN, unknown_value=99),
        ["purpose"],
        lambda f: f.assign(purpose=f["purpose"].where(f.index % 7 != 6)) if len(f) < 100 else f,
    ),
    "float32": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1, dtype=np.float32),
        STRINGS,
        None,
    ),
    "integers-out": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1, dtype=np.int32),
        STRINGS,
        None,
    ),
    "infrequent": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1, min_frequency=25),
        STRINGS,
        None,
    ),
    "max-categories": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1, max_categories=2),
        STRINGS,
        None,
    ),
    "numbers": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1),
        ["age", "owner", "ratio", "income", "balance"],
        None,
    ),
    "numbers-array": (
        OrdinalEncoder(**UNKNOWN, unknown_value=-2, encoded_missing_value=-1),
        ["age", "income"],
        array,
    ),
}

ORDINAL_NAN: dict[str, tuple[Any, list[str], Any]] = {
    "unknown-nan": (
        OrdinalEncoder(**UNKNOWN, unknown_value=np.nan, encoded_missing_value=-1),
        STRINGS,
        None,
    ),
    "missing-nan": (OrdinalEncoder(**UNKNOWN, unknown_value=-5), STRINGS, None),
}


def columns_of(**options: Any) -> ColumnTransformer:
    """The usual preprocessing of a mixed frame."""
    return ColumnTransformer(
        [
            ("numbers", numeric_block(), ["income", "balance", "age"]),
            ("strings", OneHotEncoder(handle_unknown="ignore"), ["region", "note"]),
        ],
        **options,
    )


TRANSFORMERS: dict[str, Any] = {
    "drop-remainder": columns_of(),
    "dense": columns_of(sparse_threshold=0),
    "sparse": columns_of(sparse_threshold=1.0),
    "short-names": columns_of(verbose_feature_names_out=False),
    "remainder-passthrough": ColumnTransformer(
        [
            ("strings", OneHotEncoder(handle_unknown="ignore"), STRINGS),
            ("numbers", SimpleImputer(), FLOATS),
        ],
        remainder="passthrough",
        sparse_threshold=0,
    ),
    "remainder-passthrough-sparse": ColumnTransformer(
        [
            ("strings", OneHotEncoder(handle_unknown="ignore"), STRINGS),
            ("numbers", SimpleImputer(), ["income"]),
        ],
        remainder="passthrough",
        sparse_threshold=1.0,
    ),
    "remainder-estimator": ColumnTransformer(
        [("strings", OneHotEncoder(handle_unknown="ignore"), STRINGS)],
        remainder=SimpleImputer(add_indicator=True),
    ),
    "dropped-branch": ColumnTransformer(
        [
            ("gone", "drop", STRINGS),
            ("numbers", SimpleImputer(), NUMBERS),
            ("none", "passthrough", []),
        ]
    ),
    "positions": ColumnTransformer(
        [
            ("numbers", SimpleImputer(), [1, -6, 0]),
            ("strings", OneHotEncoder(handle_unknown="ignore"), slice(6, 9)),
        ]
    ),
    "mask": ColumnTransformer([("numbers", SimpleImputer(), [True, True, *[False] * 7])]),
    "selector": make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
    ),
    "named-slice": ColumnTransformer([("numbers", SimpleImputer(), slice("income", "age"))]),
    "same-column-twice": ColumnTransformer(
        [("plain", SimpleImputer(), FLOATS), ("scaled", numeric_block(), FLOATS)]
    ),
    "passthrough-mixed": ColumnTransformer(
        [("kept", "passthrough", ["age", "owner", "ratio"]), ("filled", SimpleImputer(), FLOATS)]
    ),
    "float32-only": ColumnTransformer(
        [("a", "passthrough", ["ratio", "children"]), ("b", StandardScaler(), ["ratio"])]
    ),
    "integers-only": ColumnTransformer(
        [
            ("a", "passthrough", ["age", "children"]),
            ("b", OrdinalEncoder(dtype=np.int64, **UNKNOWN, unknown_value=-9), ["purpose"]),
        ]
    ),
    "nested": ColumnTransformer(
        [
            (
                "inner",
                ColumnTransformer(
                    [
                        ("numbers", numeric_block(), ["income"]),
                        ("strings", OneHotEncoder(handle_unknown="ignore"), ["region"]),
                    ],
                    sparse_threshold=1.0,
                ),
                ["region", "income"],
            ),
            ("rest", SimpleImputer(), ["balance"]),
        ],
        sparse_threshold=1.0,
    ),
    "identity-function": ColumnTransformer(
        [("same", FunctionTransformer(), ["age"]), ("filled", SimpleImputer(), FLOATS)]
    ),
}

PIPELINES: dict[str, tuple[Any, list[str] | None, Any]] = {
    "passthrough-steps": (
        Pipeline([("a", "passthrough"), ("b", SimpleImputer()), ("c", None), ("d", forest())]),
        NUMBERS,
        None,
    ),
    "nested-pipeline": (make_pipeline(make_pipeline(numeric_block()), forest()), NUMBERS, None),
    "model-in-pipeline": (
        make_pipeline(SimpleImputer(), make_pipeline(StandardScaler(), forest())),
        NUMBERS,
        None,
    ),
    "scaled-sparse": (
        make_pipeline(columns_of(sparse_threshold=1.0), StandardScaler(with_mean=False), forest()),
        None,
        None,
    ),
    "scaled-one-hot": (
        make_pipeline(
            OneHotEncoder(handle_unknown="ignore"), StandardScaler(with_mean=False), forest()
        ),
        STRINGS,
        None,
    ),
    "sparse-zeros-lost": (
        make_pipeline(
            ColumnTransformer(
                [
                    ("a", SimpleImputer(), ["balance"]),
                    ("b", OneHotEncoder(handle_unknown="ignore"), STRINGS),
                ],
                sparse_threshold=1.0,
            ),
            SimpleImputer(missing_values=-7.0),
            forest(),
        ),
        None,
        None,
    ),
    "indicators-encoded": (
        make_pipeline(
            SimpleImputer(strategy="most_frequent", add_indicator=True),
            OneHotEncoder(handle_unknown="ignore"),
            forest(),
        ),
        ["region", "purpose"],
        None,
    ),
    "imputed-then-encoded": (
        make_pipeline(
            ColumnTransformer(
                [
                    (
                        "strings",
                        make_pipeline(
                            SimpleImputer(strategy="constant", fill_value="-"),
                            OneHotEncoder(handle_unknown="ignore", min_frequency=10),
                        ),
                        ["region", "purpose"],
                    ),
                    ("numbers", numeric_block(), NUMBERS),
                ]
            ),
            forest(),
        ),
        None,
        None,
    ),
    "pandas-output": (
        make_pipeline(
            columns_of(sparse_threshold=0).set_params(
                strings=OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            ),
            StandardScaler(),
            forest(),
        ).set_output(transform="pandas"),
        None,
        None,
    ),
    "pandas-output-chain": (
        make_pipeline(
            SimpleImputer(strategy="most_frequent"),
            ColumnTransformer(
                [
                    ("o", OrdinalEncoder(**UNKNOWN, unknown_value=-1), ["region"]),
                    ("n", StandardScaler(), ["income"]),
                ]
            ),
            forest(),
        ).set_output(transform="pandas"),
        ["region", "income"],
        None,
    ),
    "bare-forest": (forest(), ["ratio", "age", "children", "owner"], None),
    "bare-forest-array": (forest(), ["ratio", "age", "children"], array),
    "bare-forest-float32": (forest(), ["ratio", "age"], float32),
    "bare-forest-integers": (forest(), ["age", "children"], None),
    "bare-tree-missing": (tree(), NUMBERS, None),
}


def words(y: np.ndarray) -> np.ndarray:
    return np.array(["no", "maybe", "yes, certainly"])[y]


LABELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "integers": lambda y: y * 5 - 3,
    "two": lambda y: y // 2,
    "words": words,
    "word-objects": lambda y: words(y).astype(object),
    "booleans": lambda y: y > 0,
    "floats": lambda y: y * 2.0 - 1,
    "int8": lambda y: y.astype(np.int8),
    "one": lambda y: y * 0,
    "many": lambda y: np.arange(len(y)) % 21,
}

CLASSIFIERS: dict[str, Any] = {
    "random-forest": forest(),
    "random-forest-unbalanced": forest(class_weight="balanced_subsample", max_samples=0.3),
    "random-forest-entropy": forest(criterion="entropy", min_samples_leaf=9),
    "extra-trees": ExtraTreesClassifier(n_estimators=7, random_state=3),
    "extra-trees-bootstrap": ExtraTreesClassifier(
        n_estimators=7, min_samples_leaf=4, bootstrap=True, random_state=3, class_weight="balanced"
    ),
    "decision-tree": DecisionTreeClassifier(min_samples_leaf=9, random_state=3),
    "extra-tree": ExtraTreeClassifier(min_samples_leaf=5, random_state=3),
    "stump": DecisionTreeClassifier(max_depth=1),
    "leaf": RandomForestClassifier(
        n_estimators=3, max_depth=1, min_samples_leaf=200, random_state=0
    ),
}

REGRESSORS: dict[str, Any] = {
    "random-forest": RandomForestRegressor(n_estimators=7, random_state=3),
    "random-forest-absolute": RandomForestRegressor(
        n_estimators=3, max_depth=4, criterion="absolute_error", random_state=3
    ),
    "extra-trees": ExtraTreesRegressor(n_estimators=7, min_samples_leaf=3, random_state=3),
    "decision-tree": DecisionTreeRegressor(min_samples_leaf=5, random_state=3),
    "extra-tree": ExtraTreeRegressor(min_samples_leaf=5, random_state=3),
    "gradient-boosting": GradientBoostingRegressor(n_estimators=12, random_state=3),
    "gradient-boosting-huber": GradientBoostingRegressor(
        loss="huber", n_estimators=12, learning_rate=0.37, max_leaf_nodes=9, random_state=3
    ),
}


def amounts(y: np.ndarray) -> np.ndarray:
    return np.sin(np.arange(len(y))) * 10.0**y


def cases() -> list[Case]:
    """Every case, in the order of the tables above."""
    from sklearn.base import clone

    found: list[Case] = []

    def add(name: str, model: Any, *arguments: Any, **named: Any) -> None:
        found.append(Case(name, lambda: fit(clone(model), *arguments, **named)))

    for name, (imputer, columns, change) in IMPUTERS.items():
        add(f"simple-imputer/{name}", after(imputer), columns, change)
    for name, (imputer, columns, change) in STRING_IMPUTERS.items():
        encoder = OneHotEncoder(handle_unknown="ignore")
        add(f"simple-imputer/strings-{name}", after(imputer, encoder), columns, change)
    for name, scaler in SCALERS.items():
        add(f"{name}", after(scaler), [*FLOATS, "age"])
        add(f"{name}/float32", after(scaler), [*FLOATS, "age"], float32)
        add(f"{name}/mixed", after(scaler), NUMBERS)
        add(f"{name}/integers", after(scaler), ["age", "children"], array)
    for name, (encoder, columns, change) in ONE_HOT.items():
        add(f"one-hot-encoder/{name}", encoded(encoder), columns, change)
    for name, (encoder, columns, change) in ORDINAL.items():
        add(f"ordinal-encoder/{name}", encoded(encoder), columns, change)
    for name, (encoder, columns, change) in ORDINAL_NAN.items():
        add(f"ordinal-encoder/{name}", after(encoder), columns, change)
    for name, transformer in TRANSFORMERS.items():
        add(f"column-transformer/{name}", after(transformer), None, None)
    for name, (model, columns, change) in PIPELINES.items():
        add(f"pipeline/{name}", model, columns, change)
    for name, y in LABELS.items():
        add(f"labels/{name}", make_pipeline(SimpleImputer(), forest()), NUMBERS, None, y=y)
        add(f"labels/tree-{name}", make_pipeline(SimpleImputer(), tree()), NUMBERS, None, y=y)
    for name, model in CLASSIFIERS.items():
        add(f"classifier/{name}", make_pipeline(columns_of(), model))
        add(f"classifier/{name}-missing", model, ["ratio", "age", "children"])
    for name, model in REGRESSORS.items():
        add(f"regressor/{name}", make_pipeline(columns_of(), model), y=amounts)
    return found
