"""Sanity rules as the caller gives them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def edit_sanity(bloc: str | os.PathLike[str], path: str | os.PathLike[str], sanity: Any) -> str:
    """Write the bloc again, with other sanity rules, and return the new bloc's digest.

    `sanity` is laid over the bloc's own rules: a mapping of rules by field, or the path of a
    YAML or JSON file of them. A rule that is None is taken away. Every byte that is copied is
    verified, and the golden rows are replayed before the new bloc is at `path`.

    >>> digest = monobloc.edit_sanity("credit.bloc", "strict.bloc", {"age": {"min": 18}})
    >>> monobloc.load("strict.bloc").sanity["fields"]["age"]["min"]
    18.0
    """
    from .._native import with_rules

    return with_rules(os.fspath(bloc), os.fspath(path), as_text(sanity))


def as_text(sanity: Any) -> str:
    """The rules as YAML: from a mapping, or from a file of YAML or JSON."""
    from .refusal import invalid_argument

    if sanity is None:
        return ""
    if isinstance(sanity, (str, os.PathLike)):
        path = Path(sanity)
        if not path.is_file():
            raise invalid_argument(
                f"sanity is {os.fspath(path)!r}; expected rules by field, or a file of them"
            )
        return path.read_text(encoding="utf-8")
    if not isinstance(sanity, Mapping):
        raise invalid_argument(f"sanity must map names of fields to rules, not {sanity!r}")
    try:
        return json.dumps(dict(sanity), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise invalid_argument(f"sanity holds what is no rule: {error}") from None


def _plain(value: Any) -> Any:
    """NumPy's scalars and other mappings as JSON has them."""
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is neither text, number, list nor mapping")
