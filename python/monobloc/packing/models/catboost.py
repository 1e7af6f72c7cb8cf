"""CatBoost: its classes, read from the JSON that the model exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..recipe import Column, Recipe, Table
from ..refusal import class_name, refuse
from ..source import quiet
from .answers import Answers, ModelReading, boosted_label_problem, class_numbers, table_of
from .boosters import both_classes, matrix, model_reading

SOURCES = (
    "catboost.core.CatBoost",
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRanker",
    "catboost.core.CatBoostRegressor",
)
OTHERS = {
    "categorical": "get_cat_feature_indices",
    "embeddings": "get_embedding_feature_indices",
    "text": "get_text_feature_indices",
}
"""What features may be beside numbers, and the methods that tell."""


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    if not model.is_fitted():
        yield "it is not fitted", ""
        return
    for kind, method in OTHERS.items():
        if found := list(getattr(model, method)()):
            yield (
                f"its features {found} are {kind}, and only numbers are read",
                "features encoded before the model, as by OneHotEncoder or OrdinalEncoder",
            )
    if not isinstance(model.get_params().get("loss_function", ""), str):
        yield "its loss is an object, whose predictions are not in the model", "a named loss"
    elif _is_classifier(model) and (problem := boosted_label_problem(model.classes_)):
        yield problem


def features(
    model: Any, prefix: Any, table: Table, recipe: Recipe, path: str
) -> tuple[dict[str, Any], list[Column]]:
    """CatBoost compares in float32, into which it brings each column at once."""
    numbers = np.dtype(np.float32)
    return matrix(model, prefix, table, {}, recipe, path, numbers=numbers, dtype="float32")


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the model's JSON to the packer and describe the model."""
    if len(model.feature_names_) != len(table.columns):
        refuse(
            model, path, f"it takes {len(model.feature_names_)} features, not {len(table.columns)}"
        )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        found = packer.catboost(file.read_bytes())
    if found["link"] == "exp" and not _exponentiates(model):
        found["link"] = "identity"
    classes = model.classes_ if _is_classifier(model) else None
    return model_reading(found, class_name(model), classes)


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    with quiet():
        raw = table_of(_predicted(model, rows, "RawFormulaVal"))
        if not _is_classifier(model):
            return Answers(table_of(model.predict(rows, thread_count=1)), raw)
        outputs = table_of(_predicted(model, rows, "Probability"))
        labels = np.ravel(_predicted(model, rows, "Class"))
    if outputs.shape[1] == 1:
        outputs = both_classes(outputs)
    return Answers(outputs, raw, class_numbers(labels, model.classes_))


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes: a copy whose trees count nothing, and
    whose bias they are."""
    probe = model.copy()
    row = np.zeros((1, len(model.feature_names_)))
    found = []
    for score in raw.tolist():
        probe.set_scale_and_bias(0.0, score)
        found.append(_predicted(probe, row, "Probability"))
    return np.concatenate(found)


def _predicted(model: Any, rows: Any, prediction_type: str) -> Any:
    """The answers of this kind, which a ranker's own method does not give."""
    import catboost

    return catboost.CatBoost.predict(model, rows, prediction_type=prediction_type, thread_count=1)


def _exponentiates(model: Any) -> bool:
    """Whether `predict` gives e^x of a raw score, which equals x nowhere."""
    row = np.zeros((1, len(model.feature_names_)))
    return bool(model.predict(row)[0] != _predicted(model, row, "RawFormulaVal")[0])


def _is_classifier(model: Any) -> bool:
    return len(model.classes_) > 0
