"""The models that end a pipeline, one family per file.

Every file has the same shape: `SOURCES`, the classes that it reads; `problems`,
what in a fitted object cannot be packed; `features`, how the model takes the table
that reaches it; `read`, which hands its trees to the packer; `answers`, what the
source says of rows; and of classifiers with one raw score for two classes, `probabilities`, what
the source makes of raw scores.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..refusal import class_name
from . import (
    catboost,
    forest,
    gradient_boosting,
    hist_gradient_boosting,
    isolation_forest,
    lightgbm,
    linear,
    xgboost,
)
from .answers import Answers, ModelReading

__all__ = ["MODELS", "Answers", "ModelReading", "reader_of"]

MODELS: dict[str, ModuleType] = {
    source: module
    for module in (
        catboost,
        forest,
        gradient_boosting,
        hist_gradient_boosting,
        isolation_forest,
        lightgbm,
        linear,
        xgboost,
    )
    for source in module.SOURCES
}


def reader_of(model: Any) -> ModuleType | None:
    """The file that reads this model."""
    return MODELS.get(class_name(model))
