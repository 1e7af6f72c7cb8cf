"""SimpleImputer: a constant per column where the value is missing, and indicators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..recipe import FLOAT64, Column, Recipe, Table
from ..refusal import refuse
from ..source import transformed, validated

SOURCE = "sklearn.impute.SimpleImputer"
FLOATS = (np.float64, np.float32)
Missing = tuple[str, Any]
"""The kind of `missing` of the bloc's steps and, for numbers and strings, its value."""


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if not hasattr(step, "statistics_"):
        yield "it is not fitted", ""
    if type(step.missing_values).__name__ == "NAType":
        yield "missing_values is pandas.NA", "missing_values=numpy.nan, None, a number or a string"


def children(step: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    array = validated(table.sample, _input_dtype(step), accept_sparse="csc")
    dtype = array.dtype
    columns = (
        recipe.floats(table, dtype, path, step)
        if dtype.kind == "f"
        else recipe.load(table.columns, path)
    )
    _check(step, columns, dtype, recipe, path)
    missing = [_missing(step, table, columns, i, dtype, recipe, path) for i in range(len(columns))]
    result = transformed(step, table.sample)
    indicated = _indicated(step)
    kept = _kept(step, result.shape[1] - len(indicated))
    fills = _fills(step, kept, dtype)
    filled = [
        _filler(step, table, position, column, fill, missing[position], recipe, path)
        for position, column, fill in zip(kept, [columns[i] for i in kept], fills, strict=True)
    ]
    imputed = _impute([columns[i] for i in kept], [missing[i] for i in kept], filled, recipe, path)
    flags = _indicate(
        step, [columns[i] for i in indicated], [missing[i] for i in indicated], recipe, path
    )
    if dtype.kind == "f":
        flags = recipe.floats(Table(tuple(flags), None), dtype, path, step)
    handed_on = Table((*imputed, *flags), result)
    if step.missing_values is not None:
        _check_none_survives(step, handed_on, recipe, path)
    return handed_on


def _input_dtype(step: Any) -> Any:
    if step._fit_dtype.kind == "O":
        return object
    return None if step.strategy in ("most_frequent", "constant") else FLOATS


def _check(step: Any, columns: list[Column], dtype: np.dtype, recipe: Recipe, path: str) -> None:
    """NaN is refused unless it is what stands for missing; None passes among objects."""
    nan = _is_nan(step.missing_values)
    if dtype.kind == "O":
        if not nan:
            passing = ("none", "either") if step.missing_values is None else ("none",)
            checked = [c for c in columns if c.is_string or c.absent not in passing]
            recipe.check_objects(checked, path)
    else:
        recipe.check_finite(columns, path, nan=nan)


def _missing(
    step: Any,
    table: Table,
    columns: list[Column],
    position: int,
    dtype: np.dtype,
    recipe: Recipe,
    path: str,
) -> Missing | None:
    """What is missing in this column of the bloc, or None where nothing can be."""
    column, value = columns[position], step.missing_values
    if isinstance(value, str):
        return ("string", value) if column.is_string else None
    if not (value is None or _is_nan(value)):
        return None if column.is_string else ("number", _as_compared(value, dtype))
    wanted = "none" if value is None else "nan"
    if column.is_string:
        return (wanted, None)
    if dtype.kind == "O" and column.absent == "both":
        name = recipe.column_name(table, position)
        refuse(
            step,
            path,
            f"column {name} mixes None and NaN among numbers",
            "one kind of missing value",
        )
    held = column.absent if dtype.kind == "O" else "nan"
    return ("nan", None) if held in (wanted, "either") else None


def _check_none_survives(step: Any, table: Table, recipe: Recipe, path: str) -> None:
    """pandas 3 makes `str` columns of objects, with NaN for None, unless a batch has
    nothing but None: then what follows depends on the batch."""
    for position, column in enumerate(table.columns):
        if not (table.is_frame and column.is_string and column.field is not None):
            continue
        field = recipe.fields[column.field]
        dtype = table.sample.dtypes.iloc[position]
        if type(dtype).__name__ == "StringDtype" and (field.null == "none" or field.mixes_missing):
            name = recipe.column_name(table, position)
            refuse(
                step,
                path,
                f"column {name} holds None, which pandas output turns into NaN or not, "
                "depending on the batch",
                "NaN for missing strings, or no set_output(transform='pandas')",
            )


def _as_compared(value: Any, dtype: np.dtype) -> float:
    """The number that NumPy compares with: float32 data may round it first."""
    if dtype == np.float32 and (np.array([value], dtype=np.float32) == value)[0]:
        return float(np.float32(value))
    return float(value)


def _indicated(step: Any) -> list[int]:
    indicator = getattr(step, "indicator_", None)
    return [] if indicator is None else [int(position) for position in indicator.features_]


def _kept(step: Any, count: int) -> list[int]:
    """The columns that this scikit-learn keeps; it drops those without a statistic."""
    statistics = step.statistics_
    if count == len(statistics):
        return list(range(count))
    return [i for i, value in enumerate(statistics) if not _is_nan(value)]


def _fills(step: Any, kept: list[int], dtype: np.dtype) -> list[Any]:
    """The values that are filled in, in the dtype of the data that they are filled into."""
    statistics = np.asarray(step.statistics_)[kept]
    if dtype.kind == "O":
        return statistics.tolist()
    fitted = getattr(step, "_fill_dtype", dtype)
    return statistics.astype(fitted).astype(dtype).tolist()


def _filler(
    step: Any,
    table: Table,
    position: int,
    column: Column,
    fill: Any,
    missing: Missing | None,
    recipe: Recipe,
    path: str,
) -> Any:
    if missing is None:
        return fill
    if column.is_string != isinstance(fill, str) or fill is None:
        refuse(
            step,
            path,
            f"column {recipe.column_name(table, position)} holds "
            f"{'strings' if column.is_string else 'numbers'}, but {fill!r} is filled in",
            "a value of the column's own type",
        )
    return fill if column.is_string else float(fill)


def _impute(
    columns: list[Column],
    missing: list[Missing | None],
    fills: list[Any],
    recipe: Recipe,
    path: str,
) -> list[Column]:
    imputed = list(columns)
    for what, positions in _groups(columns, missing).items():
        values = [fills[i] for i in positions]
        slots = recipe.step(
            "simple_imputer",
            path,
            [columns[i].slot for i in positions],
            len(positions),
            missing=_described(what, recipe),
            fill=values if columns[positions[0]].is_string else recipe.numbers(values),
        )
        for i, slot in zip(positions, slots, strict=True):
            imputed[i] = replace(columns[i], slot=slot)
            if not what[0] and recipe.is_finite(columns[i]) and np.isfinite(fills[i]):
                recipe.vouch([slot], nan=what[1][0] != "nan")
    return imputed


def _indicate(
    step: Any, columns: list[Column], missing: list[Missing | None], recipe: Recipe, path: str
) -> list[Column]:
    if None in missing:
        refuse(step, path, "it flags a column in which its missing value cannot occur", "")
    flags = [Column(dtype=FLOAT64)] * len(columns)
    for what, positions in _groups(columns, missing).items():
        slots = recipe.step(
            "missing_indicator",
            path,
            [columns[i].slot for i in positions],
            len(positions),
            missing=_described(what, recipe),
        )
        for i, slot in zip(positions, slots, strict=True):
            flags[i] = replace(flags[i], slot=slot)
    return flags


def _groups(
    columns: list[Column], missing: list[Missing | None]
) -> dict[tuple[bool, Missing], list[int]]:
    """Columns that one step can take: of one type and with one missing value."""
    groups: dict[tuple[bool, Missing], list[int]] = {}
    for position, (column, what) in enumerate(zip(columns, missing, strict=True)):
        if what is not None:
            groups.setdefault((column.is_string, what), []).append(position)
    return groups


def _described(group: tuple[bool, Missing], recipe: Recipe) -> dict[str, Any]:
    kind, value = group[1]
    if kind == "number":
        return {"kind": kind, "value": recipe.numbers([value])}
    return {"kind": kind} if value is None else {"kind": kind, "value": value}


def _is_nan(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
