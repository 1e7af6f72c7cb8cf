"""Run a model in production from one mapped file.

>>> import monobloc
>>> monobloc.load("no such file.bloc")
Traceback (most recent call last):
    ...
monobloc.NotFoundError: opening no such file.bloc: No such file or directory (os error 2)
"""

from ._native import (
    ClassifierEngine,
    Constant,
    CorruptError,
    DigestMismatchError,
    Engine,
    Finding,
    GoldenMismatchError,
    Health,
    InternalError,
    InvalidArgumentError,
    IoError,
    LoadReport,
    MalformedRequestError,
    MonoblocError,
    NotABlocError,
    NotFoundError,
    OutlierDetectorEngine,
    PermissionDeniedError,
    Prediction,
    RowsRejected,
    SchemaError,
    TooLargeError,
    UnsupportedError,
    Verdict,
    Verdicts,
    VersionTooNewError,
    __version__,
    load,
)
from .packing import CheckReport, PackReport, check, edit_sanity, pack

__all__ = [
    "CheckReport",
    "ClassifierEngine",
    "Constant",
    "CorruptError",
    "DigestMismatchError",
    "Engine",
    "Finding",
    "GoldenMismatchError",
    "Health",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "LoadReport",
    "MalformedRequestError",
    "MonoblocError",
    "NotABlocError",
    "NotFoundError",
    "OutlierDetectorEngine",
    "PackReport",
    "PermissionDeniedError",
    "Prediction",
    "RowsRejected",
    "SchemaError",
    "TooLargeError",
    "UnsupportedError",
    "Verdict",
    "Verdicts",
    "VersionTooNewError",
    "__version__",
    "check",
    "edit_sanity",
    "load",
    "pack",
]
