"""Golden rows: inputs on which a bloc must give the source model's bytes.

By default they are made up. Each column of the reference is shuffled by itself,
so no record survives; categories that few rows have are left out; some rows lie
on split thresholds and beside them; some hold missing values and
unknown categories. Rows that the source refuses are dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .models import Answers
from .reading import Reading
from .reference import RARE, Field, Reference, in_dtype, like
from .refusal import invalid_argument
from .source import accepts, answers, sequential

SHUFFLED_ROWS = 256
THRESHOLD_ROWS = 96
ODD_ROWS = 64
MOST_ROWS = 10_000
SEED = 20

Columns = list[np.ndarray]


def golden_rows(
    model: Any, reference: Reference, reading: Reading, golden: Any
) -> tuple[list[list[Any]], Answers]:
    """Inputs, one list per field, and the source's answers on them."""
    source = sequential(model)
    columns = _made_up(source, reference, reading) if golden is None else _given(reference, golden)
    rows = reference.build(columns)
    if golden is not None and not accepts(source, rows):
        raise invalid_argument("the model refuses some of the golden rows")
    inputs = [
        _as_inputs(field, column) for field, column in zip(reference.fields, columns, strict=True)
    ]
    return inputs, answers(source, rows)


def _given(reference: Reference, golden: Any) -> Columns:
    given = reference.read_like(golden, "golden")
    if given.rows > MOST_ROWS:
        raise invalid_argument(
            f"golden has {given.rows:,} rows; at most {MOST_ROWS:,} can enter a bloc"
        )
    columns = []
    for field, wanted in zip(given.fields, reference.fields, strict=True):
        columns.append(like(wanted, field))
        if wanted.values.dtype.kind in "iub" and (columns[-1] != field.values).any():
            raise invalid_argument(
                f"golden holds values in field {field.name!r} that its type {wanted.dtype} "
                "cannot hold"
            )
    return columns


def _made_up(source: Any, reference: Reference, reading: Reading) -> Columns:
    random = np.random.default_rng(SEED)
    pools = [
        _pool(field, reading.recipe.categories.get(i)) for i, field in enumerate(reference.fields)
    ]
    plain = _shuffled(pools, SHUFFLED_ROWS, random)
    at_thresholds = _shuffled(pools, THRESHOLD_ROWS, random)
    _put_on_thresholds(at_thresholds, reference, reading, random)
    odd = _shuffled(pools, ODD_ROWS, random)
    _put_oddities(odd, reference, reading, random)
    kept = [
        [column[rows] for column in columns]
        for columns in (plain, at_thresholds, odd)
        for rows in [_accepted(source, reference, columns)]
    ]
    together = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    if not len(together[0]):
        raise invalid_argument(
            "the model refuses all rows made up from the reference; pass golden= with rows "
            "that it accepts"
        )
    return together


def _pool(field: Field, categories: list[Any] | None) -> np.ndarray:
    """Values to draw from, in their own frequencies, without those that few rows have."""
    values = like(field, field)
    if not field.is_string and categories is None:
        return values
    keys = np.where(field.missing, "", values.astype(str))
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    common = values[(counts[inverse.reshape(-1)] >= RARE) | field.missing]
    if len(common) and not _absent(common).all():
        return common
    # The encoders' vocabularies are in the bloc anyway.
    known = list(categories or ["unknown"])
    pool = np.empty(len(known), dtype=object)
    pool[:] = known
    return pool.astype(values.dtype)


def _shuffled(pools: list[np.ndarray], rows: int, random: np.random.Generator) -> Columns:
    """Each column drawn by itself."""
    return [
        pool[random.permutation(len(pool))[:rows]]
        if len(pool) >= rows
        else pool[random.integers(len(pool), size=rows)]
        for pool in pools
    ]


def _put_on_thresholds(
    columns: Columns, reference: Reference, reading: Reading, random: np.random.Generator
) -> None:
    """Set fields that reach the trees unscaled to thresholds, and to the numbers beside them."""
    features, values = reading.model.split_features, reading.model.thresholds
    for position, column in enumerate(reading.columns):
        if column.field is None or not (features == position).any():
            continue
        field = reference.fields[column.field]
        if field.is_string or field.kind == "boolean":
            continue
        target = columns[column.field]
        drawn = random.choice(values[features == position], size=len(target))
        near = random.integers(2, size=len(target)).astype(bool)
        drawn = np.where(near, drawn, drawn.astype(np.float32).astype(np.float64))
        aside = random.choice(np.array([-np.inf, 0, np.inf]), size=len(target))
        with np.errstate(over="ignore"):
            beside = np.nextafter(drawn.astype(np.float32), aside.astype(np.float32))
        beside = np.where(near, np.nextafter(drawn, aside), beside.astype(np.float64))
        drawn = np.where(aside == 0, drawn, beside)
        if field.kind == "integer":
            drawn = np.where(random.integers(2, size=len(target)), np.floor(drawn), np.ceil(drawn))
        columns[column.field] = in_dtype(field, drawn, np.zeros(len(target), dtype=bool))


def _put_oddities(
    columns: Columns, reference: Reference, reading: Reading, random: np.random.Generator
) -> None:
    """In each row one field, in turn, is missing or holds a value that was never seen."""
    fields = reference.fields
    for row in range(ODD_ROWS):
        position = row % len(fields)
        field, column = fields[position], columns[position]
        missing = field.can_miss and (row // len(fields)) % 2 == 0
        if missing:
            column[row] = None if field.null == "none" and column.dtype == object else np.nan
        elif position in reading.recipe.closed:
            continue
        elif field.is_string:
            column[row] = f"never seen {random.integers(10)}"
        elif position in reading.recipe.categories and field.kind != "boolean":
            column[row] = _never_seen(field)


def _never_seen(field: Field) -> float:
    """A number above all of the field's, as far as its dtype reaches."""
    numbers = field.values[~field.missing].astype(np.float64)
    number = float(np.float32(np.max(numbers[np.isfinite(numbers)], initial=0) + 1))
    if field.values.dtype.kind in "iu":
        return min(number, float(np.iinfo(field.values.dtype).max))
    return number


def _accepted(source: Any, reference: Reference, columns: Columns) -> np.ndarray:
    """The rows on which the source answers, found by halving."""

    def halve(rows: np.ndarray) -> list[np.ndarray]:
        if not len(rows) or accepts(source, reference.build([c[rows] for c in columns])):
            return [rows]
        if len(rows) == 1:
            return []
        middle = len(rows) // 2
        return halve(rows[:middle]) + halve(rows[middle:])

    found = halve(np.arange(len(columns[0])))
    return np.concatenate(found) if found else np.arange(0)


def _absent(values: np.ndarray) -> np.ndarray:
    return np.fromiter((v is None or v != v for v in values.tolist()), bool, len(values))


def _as_inputs(field: Field, column: np.ndarray) -> list[Any]:
    missing = _absent(column)
    return [
        field.as_input(value, absent)
        for value, absent in zip(column.tolist(), missing.tolist(), strict=True)
    ]
