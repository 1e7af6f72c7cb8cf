"""What both encoders share: asking a fitted encoder what it makes of each category."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ..recipe import Column, Recipe, Table
from ..reference import EXACT_INTEGERS
from ..refusal import refuse
from ..source import quiet

OUTPUT_DTYPES = "bfiu"


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if not hasattr(step, "categories_"):
        yield "it is not fitted", ""
    dtype = np.dtype(step.dtype)
    if dtype.kind not in OUTPUT_DTYPES or dtype == np.float16 or dtype.itemsize > 8:
        yield f"its output has dtype {dtype}", "float64, float32, booleans and integers"


def answers(step: Any) -> tuple[Any, Any | None]:
    """The encoder's output on every category it knows, and on an unknown one.

    Row r of the first holds category r of each column (columns with fewer
    categories begin anew). The second is None where the encoder refuses.
    """
    encoder = copy.copy(step)
    for name in ("feature_names_in_", "_sklearn_output_config"):
        vars(encoder).pop(name, None)
    if hasattr(encoder, "sparse_output"):
        encoder.sparse_output = True
    columns = [_as_objects(categories) for categories in step.categories_]
    rows = max((len(column) for column in columns), default=0)
    known = np.empty((rows, len(columns)), dtype=object)
    unknown = np.empty((1, len(columns)), dtype=object)
    for position, column in enumerate(columns):
        known[:, position] = np.resize(column, rows)
        unknown[0, position] = _outsider(column)
    with quiet():
        on_known = _encode(encoder, known)
        try:
            on_unknown = _encode(encoder, unknown)
        except ValueError:
            on_unknown = None
    return on_known, on_unknown


def column_categories(
    step: Any, table: Table, position: int, recipe: Recipe, path: str
) -> tuple[list[Any], list[int]]:
    """The vocabulary of a column, and where its entries stand in the encoder's own list."""
    column = table.columns[position]
    categories = _as_objects(step.categories_[position])
    ordinary: list[int] = []
    nan: list[int] = []
    none: list[int] = []
    for index, value in enumerate(categories):
        if value is None:
            none.append(index)
        else:
            (nan if value != value else ordinary).append(index)
    kinds = {isinstance(categories[index], str) for index in ordinary}
    where = f"column {recipe.column_name(table, position)}"
    if len(kinds) > 1:
        refuse(step, path, f"{where} mixes strings and numbers as categories", "one of the two")
    if kinds and kinds != {column.is_string}:
        held, known = ("strings", "numbers") if column.is_string else ("numbers", "strings")
        refuse(step, path, f"{where} holds {held}, but its categories are {known}", "")
    values = [categories[index] for index in ordinary]
    if len(set(values)) != len(values) or len(nan) > 1:
        refuse(step, path, f"{where} has the same category twice", "distinct categories")
    if column.is_string:
        order = [*ordinary, *nan, *none]
        entries: list[Any] = [str(value) for value in values]
        entries += [float("nan")] * len(nan) + [None] * len(none)
    else:
        _check_numbers(step, values, where, path)
        ordinary = sorted(ordinary, key=lambda index: float(categories[index]))
        missing = _absent_category(step, column, nan, none, where, path)
        order = [*ordinary, *missing]
        entries = [float(categories[index]) for index in ordinary] + [float("nan")] * len(missing)
    if column.field is not None:
        recipe.categories.setdefault(column.field, [categories[index] for index in ordinary])
    return entries, order


def check_infinite(table: Table, columns: list[Column], recipe: Recipe, path: str) -> None:
    """Encoders look at each column's own dtype, and refuse infinities in numeric ones only."""
    numeric = [
        column
        for position, column in enumerate(columns)
        if not column.is_string and table.column_dtype(position).kind in "fiu"
    ]
    recipe.check_finite(numeric, path, nan=True)


def _as_objects(categories: Any) -> np.ndarray:
    """Categories as Python objects: NumPy's strings and numbers compare as theirs."""
    objects = np.empty(len(categories), dtype=object)
    objects[:] = categories.tolist() if hasattr(categories, "tolist") else list(categories)
    return objects


def _outsider(known: np.ndarray) -> Any:
    """A value that is no category of this column, of the kind that its categories have."""
    present = {value for value in known.tolist() if value is not None and value == value}
    if any(isinstance(value, str) for value in present):
        value = "unknown"
        while value in present:
            value += "?"
        return value
    number = 0.5
    while number in present:
        number += 1.0
    return number


def _encode(encoder: Any, rows: np.ndarray) -> Any:
    encoded = encoder.transform(rows)
    return sparse.csr_matrix(encoded) if sparse.issparse(encoded) else np.asarray(encoded)


def _check_numbers(step: Any, values: list[Any], where: str, path: str) -> None:
    if any(isinstance(value, int) and abs(value) > EXACT_INTEGERS for value in values):
        refuse(
            step,
            path,
            f"{where} has integer categories beyond 2**53, which float64 cannot tell apart",
            "categories as strings",
        )


def _absent_category(
    step: Any, column: Column, nan: list[int], none: list[int], where: str, path: str
) -> list[int]:
    """Which of the encoder's missing categories the NaN of a number slot stands for."""
    if column.absent == "both" and (nan or none):
        refuse(step, path, f"{where} mixes None and NaN among numbers", "one kind of missing value")
    if column.absent == "either":
        return nan or none
    return none if column.absent == "none" else nan
