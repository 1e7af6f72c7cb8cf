"""OneHotEncoder: a column per category, with a 1 where the value is that category."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recipe import FLOAT32, FLOAT64, Column, Recipe, Table
from ..source import transformed
from . import categories

SOURCE = "sklearn.preprocessing.OneHotEncoder"
NO_COLUMN = -1


def problems(step: Any) -> Iterator[tuple[str, str]]:
    yield from categories.problems(step)


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    columns = recipe.load(table.columns, path)
    categories.check_infinite(table, columns, recipe, path)
    known, unknown = categories.answers(step)
    ends = np.cumsum([0, *step._n_features_outs])
    details = []
    for position, (first, end) in enumerate(itertools.pairwise(ends)):
        entries, order = categories.column_categories(step, table, position, recipe, path)
        codes = _codes(known, first, end)[order]
        details.append(
            {
                "vocabulary": recipe.vocabulary(entries),
                "codes": recipe.codes(codes),
                "width": int(end - first),
                "unknown": {"policy": "refuse"}
                if unknown is None
                else {"policy": "code", "code": int(_codes(unknown, first, end)[0])},
            }
        )
    dtype = FLOAT32 if np.dtype(step.dtype) == np.float32 else FLOAT64
    slots = recipe.step(
        "one_hot_encoder",
        path,
        [column.slot for column in columns],
        int(ends[-1]),
        columns=details,
        dtype=dtype,
    )
    recipe.vouch(slots, nan=False)
    encoded = tuple(Column(dtype=dtype, slot=slot) for slot in slots)
    return Table(encoded, transformed(step, table.sample))


def _codes(rows: Any, first: int, end: int) -> np.ndarray:
    """For each row the column within [first, end) that holds a 1, or NO_COLUMN."""
    codes = np.full(rows.shape[0], NO_COLUMN, dtype=np.int32)
    block = rows.tocoo()
    inside = (block.col >= first) & (block.col < end)
    codes[block.row[inside]] = block.col[inside] - first
    return codes
