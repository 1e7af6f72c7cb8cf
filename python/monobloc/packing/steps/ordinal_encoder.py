"""OrdinalEncoder: a number per category."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recipe import FLOAT32, FLOAT64, Column, Recipe, Table
from ..source import transformed
from . import categories

SOURCE = "sklearn.preprocessing.OrdinalEncoder"


def problems(step: Any) -> Iterator[tuple[str, str]]:
    yield from categories.problems(step)


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    columns = recipe.load(table.columns, path)
    categories.check_infinite(table, columns, recipe, path)
    known, unknown = categories.answers(step)
    details = []
    for position in range(len(columns)):
        entries, order = categories.column_categories(step, table, position, recipe, path)
        details.append(
            {
                "vocabulary": recipe.vocabulary(entries),
                "values": recipe.numbers(known[order, position]),
                "unknown": {"policy": "refuse"}
                if unknown is None
                else {"policy": "value", "value": recipe.numbers(unknown[:1, position])},
            }
        )
    dtype = FLOAT32 if np.dtype(step.dtype) == np.float32 else FLOAT64
    slots = recipe.step(
        "ordinal_encoder",
        path,
        [column.slot for column in columns],
        len(columns),
        columns=details,
        dtype=dtype,
    )
    encoded = tuple(Column(dtype=dtype, slot=slot) for slot in slots)
    return Table(encoded, transformed(step, table.sample))
