"""FunctionTransformer without a function: what 'passthrough' becomes when fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..recipe import Recipe, Table
from ..source import transformed

SOURCE = "sklearn.preprocessing.FunctionTransformer"
PASSTHROUGH = "passthrough"


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if step.func is not None:
        yield (
            "it runs a Python function",
            "'passthrough', or FunctionTransformer without a function",
        )
    if step.validate:
        yield "validate=True is not supported", "validate=False"


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    return Table(table.columns, transformed(step, table.sample))
