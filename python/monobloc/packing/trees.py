"""`pack` for the files of tree ensembles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .report import PackReport


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
    written = pack_trees(file, os.fspath(path), keep_source=keep_source, **about)
    return PackReport(
        path=os.fspath(path), **written, compared_with="the file's trees, node after node"
    )
