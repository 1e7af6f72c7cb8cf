"""The models that end a pipeline, one family per file."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..refusal import class_name
from . import forest

MODELS: dict[str, ModuleType] = dict.fromkeys(forest.SOURCES, forest)


def reader_of(model: Any) -> ModuleType | None:
    """The file that reads this model."""
    return MODELS.get(class_name(model))
