"""StandardScaler: subtract the mean, divide by the scale."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..recipe import Recipe, Table
from ..refusal import refuse
from ..source import quiet, transformed, validated

SOURCE = "sklearn.preprocessing.StandardScaler"
FLOATS = (np.float64, np.float32)


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if not hasattr(step, "n_samples_seen_"):
        yield "it is not fitted", ""


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    array = validated(table.sample, FLOATS, accept_sparse="csr")
    columns = recipe.floats(table, array.dtype, path, step)
    recipe.check_finite(columns, path, nan=True)
    mean = step.mean_ if step.with_mean else None
    scale = step.scale_ if step.with_std else None
    if table.is_sparse and scale is not None and not np.isfinite(1 / scale).all():
        refuse(step, path, "a column without any value is scaled as sparse data", "drop the column")
    slots = recipe.step(
        "standard_scaler",
        path,
        [column.slot for column in columns],
        len(columns),
        mean=None if mean is None else recipe.numbers(mean),
        scale=None if scale is None else recipe.numbers(scale),
        scaling="reciprocal" if table.is_sparse else "divide",
        arithmetic=_arithmetic(step, array.dtype, table.is_sparse),
    )
    scaled = [
        replace(column, slot=slot, field=None) for column, slot in zip(columns, slots, strict=True)
    ]
    return Table(tuple(scaled), transformed(step, table.sample))


def _arithmetic(step: Any, dtype: np.dtype, is_sparse: bool) -> str:
    """In what precision this scikit-learn scales float32 data: newer ones round the
    parameters first. A sample value on which the two differ tells."""
    if dtype != np.float32 or is_sparse:
        return "float64"
    probe = copy.copy(step)
    for name in ("feature_names_in_", "_sklearn_output_config"):
        vars(probe).pop(name, None)
    probe.n_features_in_, probe.with_mean, probe.with_std = 1, True, False
    probe.mean_ = np.array([0.1])
    with quiet():
        shifted = probe.transform(np.array([[0.1]], dtype=np.float32))
    return "float32" if shifted[0, 0] == 0 else "float64"
