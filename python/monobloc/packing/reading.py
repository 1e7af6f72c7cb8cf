"""Reading a whole model: the steps of its pipeline, the feature matrix, the forest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .features import feature_matrix
from .models import ModelReading, reader_of
from .recipe import Column, Recipe, Table
from .reference import Reference
from .refusal import invalid_argument, refuse
from .source import accepts, complaint
from .steps import read_step
from .wrappers import changed, changes_answers, opened

SAMPLE_ROWS = 4
TRIED_ROWS = 1000


@dataclass(frozen=True)
class Reading:
    """What was read from a model."""

    recipe: Recipe
    features: dict[str, Any]
    columns: list[Column]
    """The columns of the feature matrix."""
    model: ModelReading


def read_model(model: Any, reference: Reference, packer: Any) -> Reading:
    """Read a model that `check` found nothing in."""
    recipe = Recipe(packer, reference.fields)
    columns = tuple(
        Column(dtype=field.slot_dtype, field=i, absent=field.absent)
        for i, field in enumerate(reference.fields)
    )
    table = Table(columns, _sample(model, reference))
    return _read(model, table, recipe, packer, "model")


def read_preprocessing(
    preprocess: Any, reference: Reference, packer: Any
) -> tuple[Recipe, dict[str, Any]]:
    """Read fitted preprocessing that stands before a network: its steps, and its features."""
    recipe = Recipe(packer, reference.fields)
    columns = tuple(
        Column(dtype=field.slot_dtype, field=i, absent=field.absent)
        for i, field in enumerate(reference.fields)
    )
    table = Table(columns, reference.take(np.arange(min(SAMPLE_ROWS, reference.rows))))
    table = read_step(preprocess, table, recipe, "preprocess")
    features, _ = feature_matrix(preprocess, preprocess, table, recipe, "preprocess")
    return recipe, features


def _read(model: Any, table: Table, recipe: Recipe, packer: Any, path: str) -> Reading:
    prefix = None
    wrappers = []
    while (layer := opened(model)) is not None:
        steps, name, last = layer
        for step, estimator in steps:
            table = read_step(estimator, table, recipe, f"{path}/{step}")
        prefix = model[:-1] if steps else prefix
        if changes_answers(model):
            wrappers.append((model, path))
        model, path = last, f"{path}/{name}"
    reader = reader_of(model)
    if reader is None:
        refuse(model, path, "this model is not supported")
    features, columns = reader.features(model, prefix, table, recipe, path)
    reading = reader.read(model, table, packer, path)
    for wrapper, path in reversed(wrappers):
        changed(wrapper, reader, model, reading.description, path)
    return Reading(recipe, features, columns, reading)


def _sample(model: Any, reference: Reference) -> Any:
    """A few rows that the source accepts; they show the dtypes between its steps."""
    first = np.arange(min(SAMPLE_ROWS, reference.rows))
    if accepts(model, reference.take(first)):
        return reference.take(first)
    for row in range(min(TRIED_ROWS, reference.rows)):
        if accepts(model, reference.take([row])):
            return reference.take([row])
    raise invalid_argument(
        "the model refuses the reference: it answers on none of its first "
        f"{min(TRIED_ROWS, reference.rows)} rows. On the first one it says: "
        f"{complaint(model, reference.take([0]))}"
    )
