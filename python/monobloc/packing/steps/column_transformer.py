"""ColumnTransformer: each branch on its columns, and the results side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ..checking import Finding
from ..recipe import Column, Recipe, Table
from ..refusal import Refused, refuse
from ..source import transformed, validated

SOURCE = "sklearn.compose.ColumnTransformer"


def problems(step: Any) -> Iterator[tuple[str, str]]:
    if not hasattr(step, "transformers_"):
        yield "it is not fitted", ""
    if step.transformer_weights:
        yield "transformer_weights multiplies its output", "transformer_weights=None"


def children(step: Any) -> Iterator[tuple[str, Any]]:
    inputs = getattr(step, "_transformer_to_input_indices", {})
    for name, branch, _ in getattr(step, "transformers_", step.transformers):
        if not _is_drop(branch) and len(inputs.get(name, [0])):
            yield name, branch


def read(step: Any, table: Table, recipe: Recipe, path: str) -> Table:
    whole = transformed(step, table.sample)
    branches: list[tuple[str, Table]] = []
    refused: list[Finding] = []
    for name, branch, positions in _branches(step, table):
        try:
            branches.append(
                (name, _read_branch(branch, table.select(positions), recipe, f"{path}/{name}"))
            )
        except Refused as refusal:
            refused += refusal.findings
    if refused:
        raise Refused(*refused)
    columns = [
        column
        for name, part in branches
        for column in _stacked(part, whole, recipe, f"{path}/{name}", step)
    ]
    if len(columns) != whole.shape[1]:
        refuse(step, path, f"it makes {whole.shape[1]} columns, of which {len(columns)} were read")
    return Table(tuple(columns), whole)


def _branches(step: Any, table: Table) -> Iterator[tuple[str, Any, list[int]]]:
    """The fitted branches that make columns, with the positions of their input."""
    by_name = table.is_frame and hasattr(step, "feature_names_in_")
    labels = [str(label) for label in table.sample.columns] if by_name else []
    for name, branch, _ in step.transformers_:
        indices = np.asarray(step._transformer_to_input_indices[name], dtype=int)
        if _is_drop(branch) or not len(indices):
            continue
        if by_name:
            yield name, branch, [labels.index(str(step.feature_names_in_[i])) for i in indices]
        else:
            yield name, branch, indices.tolist()


def _is_drop(branch: Any) -> bool:
    return isinstance(branch, str) and branch == "drop"


def _read_branch(branch: Any, table: Table, recipe: Recipe, path: str) -> Table:
    from . import read_step

    return read_step(branch, table, recipe, path)


def _stacked(part: Table, whole: Any, recipe: Recipe, path: str, step: Any) -> list[Column]:
    """One branch's columns as they stand in the whole output."""
    if sparse.issparse(whole):
        # Stacking upcasts: no conversion here can lose anything that whole.dtype keeps.
        columns = _as_dtype(part, whole.dtype, recipe, path, step, numeric=True)
        return columns if part.is_sparse else recipe.to_sparse(columns, path)
    if hasattr(whole, "columns"):
        return list(part.columns)
    if not part.is_sparse and not part.is_frame:
        return _as_dtype(part, whole.dtype, recipe, path, step)
    block = part.sample.dtype if part.is_sparse else validated(part.sample, None).dtype
    columns = _as_dtype(part, block, recipe, path, step)
    return _as_dtype(Table(tuple(columns), part.sample), whole.dtype, recipe, path, step)


def _as_dtype(
    part: Table, dtype: np.dtype, recipe: Recipe, path: str, step: Any, *, numeric: bool = False
) -> list[Column]:
    """Columns in an array of this dtype. Integers, booleans and objects need no conversion."""
    if dtype.kind == "f":
        return recipe.floats(part, dtype, path, step)
    if numeric:
        return recipe.floats(part, np.dtype(np.float64), path, step)
    return list(part.columns)
