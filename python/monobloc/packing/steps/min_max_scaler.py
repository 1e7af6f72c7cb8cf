"""MinMaxScaler: multiply, add, and clip where asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..recipe import Recipe, Table
from ..source import transformed, validated

SOURCE = "sklearn.preprocessing.MinMaxScaler"
FLOATS = (np.float64, np.float32)


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if not hasattr(step, "scale_"):
        yield "it is not fitted", ""


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    dtype = validated(table.sample, FLOATS).dtype
    columns = recipe.floats(table, dtype, path, step)
    recipe.check_finite(columns, path, nan=True)
    slots = recipe.step(
        "min_max_scaler",
        path,
        [column.slot for column in columns],
        len(columns),
        scale=recipe.numbers(step.scale_),
        min=recipe.numbers(step.min_),
        clip=recipe.numbers(np.asarray(step.feature_range, dtype=dtype)) if step.clip else None,
        # scale_ and min_ stay float64 arrays (or came from float32 exactly), so NumPy
        # computes in float64 and rounds each result.
        arithmetic="float64",
    )
    scaled = [
        replace(column, slot=slot, field=None) for column, slot in zip(columns, slots, strict=True)
    ]
    return Table(tuple(scaled), transformed(step, table.sample))
