"""XGBoost: boosters and the scikit-learn wrappers, read from the model's own UBJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recipe import Column, Recipe, Table
from ..refusal import class_name, refuse
from ..source import quiet
from .answers import Answers, ModelReading, boosted_label_problem, class_numbers, table_of
from .boosters import both_classes, category_codes, matrix, model_reading, problems_with_file

SOURCES = (
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
    "xgboost.sklearn.XGBRFRegressor",
    "xgboost.sklearn.XGBRanker",
    "xgboost.sklearn.XGBRegressor",
)


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    yield from problems_with_file(_object_problems(model), lambda packer: _hand_over(model, packer))


def _object_problems(model: Any) -> Iterator[tuple[str, str]]:
    if _is_booster(model):
        if not _is_trained(model):
            yield "it is not fitted", ""
    elif getattr(model, "_Booster", None) is None:
        yield "it is not fitted", ""
    elif callable(model.objective):
        yield "its objective is a function, whose link is not in the model", "a named objective"
    elif hasattr(model, "predict_proba"):
        yield from _classifier_problems(model)


def _classifier_problems(model: Any) -> Iterator[tuple[str, str]]:
    if model.objective in ("binary:logitraw", "multi:softmax"):
        others = {"binary:logitraw": "binary:logistic", "multi:softmax": "multi:softprob"}
        yield f"its objective {model.objective} gives no probabilities", others[model.objective]
    elif _n_targets(model.get_booster()) > 1:
        yield "it has several labels for each row", "one classifier for each label"
    elif model.objective == "multi:softprob" and model.n_classes_ == 2:
        yield (
            "its objective multi:softprob gives a matrix of labels for two classes",
            ("binary:logistic"),
        )
    elif problem := boosted_label_problem(model.classes_):
        yield problem


def _n_targets(booster: Any) -> int:
    learner = json.loads(booster.save_config())["learner"]
    return int(learner["learner_model_param"].get("num_target", 1))


def features(
    model: Any, prefix: Any, table: Table, recipe: Recipe, path: str
) -> tuple[dict[str, Any], list[Column]]:
    """XGBoost compares in float32, into which it brings everything at once. It takes category
    columns of data frames by their codes."""
    from ..._native import xgboost_levels

    codes = {}
    if table.is_frame:
        dtypes = [dtype for dtype in table.sample.dtypes if hasattr(dtype, "categories")]
        levels = [dtype.categories.tolist() for dtype in dtypes]
        # A model keeps its levels from 3.1 on, when it was trained on a data frame.
        known = xgboost_levels(bytes(_booster(model).save_raw("ubj"))) if dtypes else []
        # Before 3.1 a code is the place in the frame's own categories, and one beyond those of
        # training is in no set. From 3.1 on a level that training did not see raises.
        unseen = None if known else -1.0
        codes = category_codes(
            model, table, known or levels, recipe, path, dtype="float32", unseen=unseen
        )
    numbers = np.dtype(np.float32)
    return matrix(model, prefix, table, codes, recipe, path, numbers=numbers, dtype="float32")


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the model's UBJSON to the packer and describe the model."""
    booster = _booster(model)
    if booster.num_features() != len(table.columns):
        refuse(model, path, f"it takes {booster.num_features()} features, not {len(table.columns)}")
    found = _hand_over(model, packer, absent_is_missing=table.is_sparse)
    return model_reading(found, class_name(model), getattr(model, "classes_", None))


def _hand_over(model: Any, packer: Any, *, absent_is_missing: bool = False) -> dict[str, Any]:
    missing = getattr(model, "missing", None)
    # The wrapper's own, if only NaN: its booster may have attributes of another.
    return packer.xgboost(
        bytes(_booster(model).save_raw("ubj")),
        wrapper=not _is_booster(model),
        missing=np.nan if missing is None else float(missing),
        absent_is_missing=absent_is_missing,
    )


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    with quiet():
        if _is_booster(model):
            return _booster_answers(model, rows)
        raw = table_of(model.predict(rows, output_margin=True))
        if hasattr(model, "predict_proba"):
            labels = class_numbers(model.predict(rows), model.classes_)
            return Answers(table_of(model.predict_proba(rows)), raw, labels)
        return Answers(table_of(model.predict(rows)), raw)


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes: a booster without trees, to which they
    are the margin to start from."""
    import xgboost

    most = np.finfo(np.float32).max
    rows, labels = np.zeros((len(raw), 1)), np.zeros(len(raw))
    matrix = xgboost.DMatrix(rows, labels, base_margin=np.clip(raw, -most, most))
    booster = xgboost.train({"objective": model.objective, "nthread": 1}, matrix, 0)
    return both_classes(booster.predict(matrix)[:, None])


def _booster_answers(model: Any, rows: Any) -> Answers:
    import xgboost

    matrix = xgboost.DMatrix(rows, enable_categorical=hasattr(rows, "columns"))
    raw = table_of(model.predict(matrix, output_margin=True, validate_features=False))
    outputs = model.predict(matrix, validate_features=False)
    outputs = np.asarray(outputs).reshape(len(raw), -1)
    objective = json.loads(model.save_config())["learner"]["objective"]["name"]
    if objective in ("binary:logistic", "binary:hinge"):
        outputs = both_classes(outputs)
    return Answers(table_of(outputs), raw)


def _is_booster(model: Any) -> bool:
    return class_name(model) == SOURCES[0]


def _is_trained(booster: Any) -> bool:
    import xgboost

    try:
        return booster.num_features() > 0
    except xgboost.core.XGBoostError:
        return False


def _booster(model: Any) -> Any:
    return model if _is_booster(model) else model.get_booster()
