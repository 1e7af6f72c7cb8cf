"""Pipeline: its steps one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..recipe import Recipe, Table
from ..refusal import class_name

SOURCE = "sklearn.pipeline.Pipeline"


def matches(model: Any) -> bool:
    """Whether this is a Pipeline, as which it may also end in a model."""
    return class_name(model) == SOURCE


def problem(step: Any) -> str | None:
    """What keeps the pipeline itself from being read."""
    return None if step.steps else "it has no steps"


def problems(step: Any) -> Iterator[tuple[str, str]]:
    found = problem(step)
    if found:
        yield found, ""


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from step.steps


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    from . import read_step

    for name, inner in step.steps:
        table = read_step(inner, table, recipe, f"{path}/{name}")
    return table
