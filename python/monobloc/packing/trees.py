"""`pack` for the files of tree ensembles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any

from .report import PackReport

MOST = 2**63 - 1
"""More iterations than any file has."""


def tree_file(model: Any) -> bytes | None:
    """The bytes of a CatBoost, LightGBM or XGBoost model file, where `model` is one or its path."""
    from .._native import is_tree_file

    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model) if is_tree_file(bytes(model[:64])) else None
    if not isinstance(model, (str, os.PathLike)) or not Path(model).is_file():
        return None
    with Path(model).open("rb") as file:
        beginning = file.read(64)
        return beginning + file.read() if is_tree_file(beginning) else None


def pack_tree_file(
    file: bytes,
    path: str | os.PathLike[str],
    *,
    unused: Mapping[str, Any],
    iterations: Any,
    missing: Any,
    sanity: str,
    keep_source: bool,
    **about: Any,
) -> PackReport:
    """Write a tree ensemble's file as one bloc; `pack` says what the arguments are."""
    from .._native import pack_trees
    from .refusal import invalid_argument

    for argument, value in unused.items():
        if value is not None:
            raise invalid_argument(
                f"{argument} is not for model files, whose features are the fields; "
                "pack the fitted object for it"
            )
    written = pack_trees(
        file,
        os.fspath(path),
        iterations=_range(iterations),
        missing=_number(missing),
        sanity=sanity,
        keep_source=keep_source,
        **about,
    )
    return PackReport(
        path=os.fspath(path), **written, compared_with="the file's trees, node after node"
    )


def _range(iterations: Any) -> tuple[int, int] | None:
    """The first of the iterations and the one behind the last."""
    from .refusal import invalid_argument

    if iterations is None:
        return None
    try:
        start, end = (index(bound) for bound in iterations)
    except (TypeError, ValueError):
        start = end = -1
    if not 0 <= start <= MOST or not 0 <= end <= MOST:
        raise invalid_argument(
            f"iterations must be two whole numbers from 0 on, such as (0, 100), not {iterations!r}"
        )
    return start, end


def _number(missing: Any) -> float | None:
    from .refusal import invalid_argument

    if missing is None:
        return None
    try:
        if isinstance(missing, (str, bytes, bool)):
            raise TypeError
        return float(missing)
    except (TypeError, ValueError, OverflowError):
        raise invalid_argument(f"missing must be a number, not {missing!r}") from None
