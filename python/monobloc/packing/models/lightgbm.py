"""LightGBM: boosters and the scikit-learn wrappers, read from the model's own text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recipe import Column, Recipe, Table
from ..refusal import class_name, refuse
from ..source import quiet
from .answers import Answers, ModelReading, boosted_label_problem, class_numbers, table_of
from .boosters import both_classes, category_codes, matrix, model_reading, problems_with_file

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
    yield from problems_with_file(_object_problems(model), lambda packer: _hand_over(model, packer))


def _object_problems(model: Any) -> Iterator[tuple[str, str]]:
    if _is_booster(model):
        if _text_rounds(model):
            yield (
                "its text rounds its sigmoid, and so gives other predictions",
                "lightgbm.Booster(model_str=model.model_to_string())",
            )
        return
    if getattr(model, "_Booster", None) is None:
        yield "it is not fitted", ""
    elif callable(model.objective):
        yield "its objective is a function, whose link is not in the model", "a named objective"
    elif changed := [name for name in CHANGING if model.get_params().get(name)]:
        yield f"its parameter {changed[0]} changes what predict does", f"{changed[0]}=False"
    elif hasattr(model, "predict_proba") and (problem := boosted_label_problem(model.classes_)):
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
    rest = [i for i in range(len(table.columns)) if i not in codes]
    numbers = _matrix_dtype(model, table, rest, recipe, path)
    return matrix(model, prefix, table, codes, recipe, path, numbers=numbers, dtype="float64")


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the model's text to the packer and describe the model."""
    booster = _booster(model)
    if booster.num_feature() != len(table.columns):
        refuse(model, path, f"it takes {booster.num_feature()} features, not {len(table.columns)}")
    found = _hand_over(model, packer)
    return model_reading(found, class_name(model), getattr(model, "classes_", None))


def _hand_over(model: Any, packer: Any) -> dict[str, Any]:
    return packer.lightgbm(_booster(model).model_to_string().encode())


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


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes: the logistic of its
    objective `binary`, with the system's exponential."""
    header = _booster(model).model_to_string(num_iteration=1).partition("\n\n")[0]
    options = header.partition("\nobjective=")[2].partition("\n")[0].split()
    scale = next((float(o[8:]) for o in options if o.startswith("sigmoid:")), 1.0)
    return both_classes(np.array([[_logistic(scale * score)] for score in raw.tolist()]))


def _logistic(score: float) -> float:
    try:
        return 1.0 / (1.0 + math.exp(-score))
    except OverflowError:
        return 0.0


def _matrix_dtype(model: Any, table: Table, rest: list[int], recipe: Recipe, path: str) -> np.dtype:
    """What LightGBM makes of the numbers before it compares them in float64: float32 of arrays
    of others than floats. LightGBM 4 takes each column of a frame in its own type."""
    import lightgbm

    major = int(lightgbm.__version__.partition(".")[0])
    if table.is_sparse or not rest or (table.is_frame and major >= 4):
        return np.dtype(np.float64)
    if table.is_frame:
        return _common_dtype(model, table, rest, recipe, path)
    kind = table.sample.dtype.kind
    # The wrappers make float64 of Python objects.
    is_wide = kind == "f" or (kind == "O" and not _is_booster(model))
    return np.dtype(np.float64 if is_wide else np.float32)


def _common_dtype(model: Any, table: Table, rest: list[int], recipe: Recipe, path: str) -> np.dtype:
    """LightGBM 3 takes a frame in the common type of its columns, codes of categories being
    whole numbers in a batch where none is missing, and float64 in others."""
    import pandas as pd

    frame = table.sample
    kinds = {
        pd.DataFrame(
            {
                i: frame.iloc[:, i] if i in rest else np.zeros(len(frame), dtype=codes)
                for i in range(frame.shape[1])
            }
        )
        .to_numpy()
        .dtype.kind
        for codes in (np.int8, np.float64)
    }
    if kinds == {"f"}:
        return np.dtype(np.float64)
    if "f" not in kinds:
        return np.dtype(np.float32)
    for position in rest:
        field = table.columns[position].field
        values = frame.iloc[:, position] if field is None else recipe.fields[field].values
        values = np.asarray(values)
        if (values.astype(np.float32).astype(values.dtype) != values).any():
            refuse(
                model,
                path,
                f"column {recipe.column_name(table, position)} holds integers that LightGBM 3 "
                "rounds to float32 in batches where no category is missing, and in no others",
                "LightGBM 4, or a model fitted on that column as float64",
            )
    return np.dtype(np.float64)


def _text_rounds(booster: Any) -> bool:
    """Whether this booster is one kept from training whose sigmoid has more digits than the six
    that the model's text has."""
    import lightgbm

    sigmoid = (booster.params or {}).get("sigmoid", 1.0)
    if float(f"{sigmoid:g}") == sigmoid or "sigmoid:" not in booster.model_to_string():
        return False
    row = np.zeros((1, booster.num_feature()))
    with quiet():
        reloaded = lightgbm.Booster(model_str=booster.model_to_string())
        return not np.array_equal(booster.predict(row), reloaded.predict(row))


def _is_booster(model: Any) -> bool:
    return class_name(model) == SOURCES[0]


def _booster(model: Any) -> Any:
    return model if _is_booster(model) else model.booster_
