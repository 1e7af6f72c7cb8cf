"""LightGBM: boosters and the scikit-learn wrappers, read from the model's own text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recipe import Column, Recipe, Table
from ..refusal import class_name, refuse
from ..source import quiet
from .answers import Answers, ModelReading, class_numbers, label_problem, table_of
from .boosters import both_classes, category_codes, matrix, model_reading

SOURCES = (
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
)
CHANGING = ("pred_early_stop", "predict_disable_shape_check")
"""Parameters that LightGBM 4 takes from a wrapper when it predicts."""


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    if _is_booster(model):
        return
    if getattr(model, "_Booster", None) is None:
        yield "it is not fitted", ""
    elif callable(model.objective):
        yield "its objective is a function, whose link is not in the model", "a named objective"
    elif changed := [name for name in CHANGING if model.get_params().get(name)]:
        yield f"its parameter {changed[0]} changes what predict does", f"{changed[0]}=False"
    elif hasattr(model, "predict_proba") and (problem := label_problem(model.classes_)):
        yield problem


def features(
    model: Any, prefix: Any, table: Table, recipe: Recipe, path: str
) -> tuple[dict[str, Any], list[Column]]:
    """LightGBM compares in float64. It takes data frames in a common type, category columns by
    their codes in training, and arrays of other numbers than floats as float32."""
    codes = {}
    if table.is_frame:
        levels = _booster(model).pandas_categorical or []
        codes = category_codes(model, table, levels, recipe, path, dtype="float64", unseen=np.nan)
    rest = table.select([i for i in range(len(table.columns)) if i not in codes])
    numbers = _matrix_dtype(rest, has_codes=bool(codes))
    return matrix(model, prefix, table, codes, recipe, path, numbers=numbers, dtype="float64")


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the model's text to the packer and describe the model."""
    booster = _booster(model)
    if booster.num_feature() != len(table.columns):
        refuse(model, path, f"it takes {booster.num_feature()} features, not {len(table.columns)}")
    found = packer.lightgbm(booster.model_to_string().encode())
    return model_reading(found, class_name(model), getattr(model, "classes_", None))


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    booster = _booster(model)
    header = booster.model_to_string(num_iteration=1).partition("\n\n")[0].splitlines()
    with quiet():
        raw = table_of(model.predict(rows, raw_score=True))
        if "average_output" in header:
            raw /= booster.num_trees() // booster.num_model_per_iteration()
        if hasattr(model, "predict_proba"):
            labels = class_numbers(model.predict(rows), model.classes_)
            return Answers(table_of(model.predict_proba(rows)), raw, labels)
        outputs = table_of(model.predict(rows))
    is_binary = any(line.startswith("objective=binary") for line in header)
    return Answers(both_classes(outputs) if is_binary else outputs, raw)


def _matrix_dtype(table: Table, *, has_codes: bool) -> np.dtype:
    """What LightGBM makes of the numbers before it compares them in float64. LightGBM 3 takes
    the common type of a frame, which is none of floats beside truth values; 4 keeps columns."""
    import lightgbm

    major = int(lightgbm.__version__.partition(".")[0])
    if table.is_sparse or not table.columns or (table.is_frame and major >= 4):
        return np.dtype(np.float64)
    common = table.sample.to_numpy() if table.is_frame else table.sample
    # Beside category columns that depends on whether a row misses one; codes tell no rounding.
    if has_codes or common.dtype.kind == "f" or (common.dtype.kind == "O" and not table.is_frame):
        return np.dtype(np.float64)
    return np.dtype(np.float32)


def _is_booster(model: Any) -> bool:
    return class_name(model) == SOURCES[0]


def _booster(model: Any) -> Any:
    return model if _is_booster(model) else model.booster_
