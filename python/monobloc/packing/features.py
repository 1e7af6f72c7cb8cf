"""The feature matrix: the table that reaches the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from .recipe import FLOAT64, INTEGER, Column, Recipe, Table
from .source import attribute, quiet, validated


def feature_matrix(
    model: Any, prefix: Any, table: Table, recipe: Recipe, path: str
) -> tuple[dict[str, Any], list[Column]]:
    """The manifest's `features`, and the columns in the model's order.

    Integers and booleans reach the model's float32 in one rounding.
    """
    dtype = validated(table.sample, None, accept_sparse="csr").dtype
    name = dtype.name if dtype.kind == "f" else FLOAT64
    entry = INTEGER if dtype.kind in "biu" else None
    columns = recipe.floats(table, np.dtype(name), path, model, entry)
    return {
        "slots": [column.slot for column in columns],
        "names": feature_names(model, prefix, len(columns)),
        "dtype": name,
    }, columns


def feature_names(model: Any, prefix: Any, count: int) -> list[str]:
    """The names that scikit-learn gives, or the best that can be had."""
    candidates = []
    if prefix is not None:
        try:
            with quiet():
                candidates.append(
                    prefix.get_feature_names_out(attribute(prefix, "feature_names_in_"))
                )
        except (ValueError, TypeError, AttributeError):
            pass
    candidates.append(attribute(model, "feature_names_in_"))
    for names in candidates:
        if names is not None and len(names) == count and len(set(map(str, names))) == count:
            return [str(name) for name in names]
    return [f"x{i}" for i in range(count)]
