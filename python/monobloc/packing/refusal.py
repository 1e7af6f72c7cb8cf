"""Refusing what cannot be packed exactly."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, NoReturn

from .checking import CheckReport, Finding


class Refused(Exception):
    """Raised while reading; `pack` turns it into an `UnsupportedError` for the caller."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings


def class_name(source: Any) -> str:
    """The name by which users know a part of a model."""
    if source is None or isinstance(source, str):
        return repr(source)
    cls = type(source)
    public = takewhile(lambda part: not part.startswith("_"), cls.__module__.split("."))
    return ".".join([*public, cls.__qualname__])


def refuse(source: Any, path: str, reason: str, supported: str = "") -> NoReturn:
    """Stop reading: this part of the model cannot be packed, for this reason."""
    raise Refused(Finding(path, class_name(source), reason, supported))


def unsupported(report: CheckReport) -> Exception:
    """The error that callers of `pack` see."""
    from .._native import UnsupportedError

    return UnsupportedError(str(report))


def invalid_argument(message: str) -> Exception:
    """The error for an argument of `pack` that cannot be used."""
    from .._native import InvalidArgumentError

    return InvalidArgumentError(message)
