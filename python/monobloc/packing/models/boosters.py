"""What the readers of CatBoost, LightGBM and XGBoost share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..features import feature_names
from ..recipe import Column, Recipe, Table
from ..refusal import refuse
from .answers import ModelReading, labels_of


def problems_with_file(
    problems: Iterable[tuple[str, str]], hand_over: Callable[[Any], object]
) -> Iterator[tuple[str, str]]:
    """These problems; where there are none, what the core refuses in the file that `hand_over`
    gives a packer."""
    from ..._native import CorruptError, InvalidArgumentError, Packer, UnsupportedError

    problem = None
    for problem in problems:
        yield problem
    if problem is not None:
        return
    try:
        hand_over(Packer())
    except (CorruptError, InvalidArgumentError, UnsupportedError) as error:
        yield str(error), ""


def model_reading(found: dict[str, Any], source: str, classes: Any) -> ModelReading:
    """The description of a model that the packer read from its file."""
    n_classes = found["n_classes"]
    if n_classes is None:
        classes = None
    elif classes is None:
        classes = np.arange(n_classes)
    description = {
        "kind": "forest",
        "source": source,
        "task": "regression" if classes is None else "classification",
        "combine": found["combine"],
        "link": found["link"],
        "classes": None if classes is None else labels_of(classes),
        "decide": found["decide"],
        "missing": "accept",
        "infinite": "accept",
    }
    features, thresholds = found["splits"]
    return ModelReading(
        description, np.asarray(features, dtype=np.int64), np.asarray(thresholds, dtype=np.float64)
    )


def both_classes(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities of both classes from that of the second, in its own type."""
    return np.column_stack([1 - probabilities, probabilities])


def matrix(
    model: Any,
    prefix: Any,
    table: Table,
    codes: dict[int, Column],
    recipe: Recipe,
    path: str,
    *,
    numbers: np.dtype,
    dtype: str,
) -> tuple[dict[str, Any], list[Column]]:
    """The manifest's `features`, of this dtype: `codes` by their positions, and all other
    columns brought to the type `numbers`."""
    rest = [i for i in range(len(table.columns)) if i not in codes]
    loaded = recipe.floats(table.select(rest), numbers, path, model) if rest else []
    columns = {**codes, **dict(zip(rest, loaded, strict=True))}
    ordered = [columns[i] for i in range(len(table.columns))]
    return {
        "slots": [column.slot for column in ordered],
        "names": feature_names(model, prefix, len(ordered)),
        "dtype": dtype,
    }, ordered


def category_codes(
    model: Any,
    table: Table,
    levels: Any,
    recipe: Recipe,
    path: str,
    *,
    dtype: str,
    unseen: float | None,
) -> dict[int, Column]:
    """The category columns of a data frame as their codes, by position.

    `levels` are those of each category column in turn, as the model was trained with;
    `unseen` is the code of any other, or None where that is refused. What is missing stays
    missing.
    """
    import pandas as pd

    positions = [
        i for i, dtype in enumerate(table.sample.dtypes) if isinstance(dtype, pd.CategoricalDtype)
    ]
    if len(positions) != len(levels):
        refuse(
            model,
            path,
            f"it was trained with {len(levels)} category columns; the reference has "
            f"{len(positions)}",
            "a reference with the dtypes of the training data",
        )
    codes = {}
    for position, known in zip(positions, levels, strict=True):
        (column,) = recipe.load([table.columns[position]], path)
        known = list(known)
        if any(isinstance(level, str) for level in known) != column.is_string and known:
            refuse(
                model,
                path,
                f"the categories of column {recipe.column_name(table, position)} are "
                f"{known[:3]} in training and of another type in the reference",
                "a reference with the categories of the training data",
            )
        order = list(range(len(known)))
        if not column.is_string:
            known = [float(level) for level in known]
            order.sort(key=lambda index: known[index])
        absent = [np.nan, None] if column.is_string else [np.nan]
        step = {
            "vocabulary": recipe.vocabulary([*(known[index] for index in order), *absent]),
            "values": recipe.numbers([*order, *([np.nan] * len(absent))]),
            "unknown": {"policy": "refuse"}
            if unseen is None
            else {"policy": "value", "value": recipe.numbers([unseen])},
        }
        slots = recipe.step("ordinal_encoder", path, [column.slot], 1, columns=[step], dtype=dtype)
        if column.field is not None:
            recipe.categories.setdefault(column.field, list(known))
            if unseen is None:
                recipe.closed.add(column.field)
        codes[position] = Column(dtype=dtype, slot=slots[0])
    return codes
