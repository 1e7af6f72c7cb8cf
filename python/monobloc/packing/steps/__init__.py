"""The preprocessing steps, one per file.

Every file has the same shape: `SOURCE`, the scikit-learn class that it reads;
`problems`, what in a fitted object's options cannot be packed; `children`, the
steps inside it; and `read`, which appends its steps to the recipe and returns
the table that it hands on.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..recipe import Recipe, Table
from ..refusal import class_name, refuse
from . import (
    column_transformer,
    identity,
    min_max_scaler,
    one_hot_encoder,
    ordinal_encoder,
    pipeline,
    simple_imputer,
    standard_scaler,
)

PASSTHROUGH = identity.PASSTHROUGH

STEPS: tuple[ModuleType, ...] = (
    column_transformer,
    identity,
    min_max_scaler,
    one_hot_encoder,
    ordinal_encoder,
    pipeline,
    simple_imputer,
    standard_scaler,
)

_BY_SOURCE = {module.SOURCE: module for module in STEPS}


def step_of(step: Any) -> ModuleType | None:
    """The file that reads this step. Subclasses may compute anything, so none reads them."""
    return _BY_SOURCE.get(class_name(step))


def read_step(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    """Append a fitted step of the source model to the recipe."""
    if step is None or (isinstance(step, str) and step == PASSTHROUGH):
        return table
    module = step_of(step)
    if module is None:
        refuse(step, path, "this step is not supported")
    return module.read(step, table, recipe, path)
