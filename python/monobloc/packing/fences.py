"""Sanity rules derived from the reference: what its values look like.

The range of numbers is Tukey's outer fences (J. W. Tukey, Exploratory Data Analysis, 1977: three
times the interquartile range beyond the quartiles), never narrower than the middle 99.8 % of the
reference, and never across zero where the reference is not. Of a column with few different
values it is what was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .reference import RARE, Field, Reference
from .sanity import as_text

FEW_VALUES = 20
"""A column with so many different values is one of levels, not of amounts."""
FENCE = 3.0
TAIL = 0.001
LIMIT = 0.1
"""The share of rows out of range that is too many, unless the reference has half of it itself."""


def rules(reference: Reference, missing_rates: Sequence[float], sanity: Any) -> str:
    """The rules of the manifest, as JSON.

    `reference` may be a sample; `missing_rates` are those of all rows.
    """
    from .._native import amend_rules

    derived = json.dumps(_derived(reference, missing_rates), allow_nan=False)
    return amend_rules(reference.schema(), derived, as_text(sanity))


def _derived(reference: Reference, missing_rates: Sequence[float]) -> dict[str, Any]:
    fields = {
        field.name: _of_field(field, rate)
        for field, rate in zip(reference.fields, missing_rates, strict=True)
    }
    outside = np.zeros(reference.rows, dtype=bool)
    for field in reference.fields:
        outside |= _outside(field, fields[field.name])
    share = float(outside.mean())
    derived: dict[str, Any] = {"fields": fields}
    if 2 * share > LIMIT:
        derived["max_out_of_distribution"] = min(1.0, float(np.ceil(2000 * share) / 1000))
    return derived


def _of_field(field: Field, missing_rate: float) -> dict[str, Any]:
    rules: dict[str, Any] = {"missing_rate": float(np.round(missing_rate, 6))}
    if missing_rate > 0:
        # Rounding must not make a missing value unheard of.
        rules["missing_rate"] = max(rules["missing_rate"], 1e-6)
    present = field.values[~field.missing]
    if field.is_string:
        return rules | _of_texts(present)
    numbers = present.astype(np.float64)
    numbers = np.sort(numbers[np.isfinite(numbers)])
    if not len(numbers):
        return rules
    least, most = _fences(numbers)
    rules |= {"min": least, "max": most}
    if field.kind == "boolean":
        rules["impute"] = bool(numbers.mean() > 0.5)
    else:
        # The lower median is a value that occurs, so it is a category where numbers are such.
        rules["impute"] = float(numbers[(len(numbers) - 1) // 2])
    return rules


def _of_texts(texts: np.ndarray) -> dict[str, Any]:
    if not len(texts):
        return {}
    values, counts = np.unique(texts.astype(str), return_counts=True)
    rules: dict[str, Any] = {"max_length": max(map(len, values.tolist()))}
    if counts.max() >= min(RARE, len(texts)):
        rules["impute"] = str(values[np.argmax(counts)])
    return rules


def _fences(numbers: np.ndarray) -> tuple[float, float]:
    """The least and the greatest number in range, of ascending numbers."""
    if len(np.unique(numbers)) <= min(FEW_VALUES, len(numbers) // 2):
        return float(numbers[0]), float(numbers[-1])
    low, first, third, high = np.quantile(
        numbers, (TAIL, 0.25, 0.75, 1 - TAIL), method="inverted_cdf"
    ).tolist()
    reach = FENCE * (third - first)
    least, most = min(low, first - reach), max(high, third + reach)
    least = max(least, 0.0) if numbers[0] >= 0 else least
    most = min(most, 0.0) if numbers[-1] <= 0 else most
    # Beyond float64 there is nothing to fence off.
    limit = float(np.finfo(np.float64).max)
    return float(np.clip(least, -limit, limit)), float(np.clip(most, -limit, limit))


def _outside(field: Field, rules: Mapping[str, Any]) -> np.ndarray:
    if field.is_string or "min" not in rules:
        return np.zeros(len(field.values), dtype=bool)
    numbers = np.where(field.missing, rules["min"], field.values).astype(np.float64)
    return (numbers < rules["min"]) | (numbers > rules["max"])
