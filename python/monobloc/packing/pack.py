"""`pack`: from a fitted scikit-learn model to a bloc."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import metadata as distributions
from pathlib import Path
from platform import python_version
from typing import Any

from .report import PackReport

RECORDED = ("numpy", "scikit-learn", "scipy", "joblib", "threadpoolctl")


def pack(
    model: Any,
    path: str | os.PathLike[str],
    *,
    reference: Any,
    golden: Any = None,
    name: str | None = None,
    version: str | None = None,
    schema: Mapping[str, str] | None = None,
    sanity: Any = None,
    metadata: Mapping[str, str] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> PackReport:
    """Write a fitted scikit-learn model with its preprocessing as one bloc.

    The bloc is loaded again and its answers on golden rows are compared with the
    model's (with ``n_jobs=1``). Unless every byte is equal, nothing is left at
    `path`.

    Parameters
    ----------
    model
        A fitted Pipeline of supported steps that ends in a supported model, or
        such a model alone. `check` lists what is not supported.
    path
        Where the bloc goes. A file there is replaced in one step.
    reference
        Data like the training data: a pandas or polars DataFrame or a 2-D array.
        It gives the fields, their types, and what their values look like.
    golden
        Real rows to compare on, which then become part of the file. By default
        rows are made up, and no one's record enters the file.
    name, version
        The model's, for people. By default the file's name, and ``"1"``.
    schema
        Kinds of fields where the reference's are not meant: ``"boolean"``,
        ``"float"``, ``"integer"`` or ``"string"`` by field name.
    sanity
        Not part of this version.
    metadata, provenance
        Strings by name, kept in the manifest. Versions of Python and of the
        libraries are added to the provenance.

    Raises
    ------
    UnsupportedError
        The model has parts that cannot be packed; the message lists them all.
    InvalidArgumentError
        An argument cannot be used.

    Examples
    --------
    >>> report = monobloc.pack(model, "again.bloc", reference=X)
    >>> report.exact, report.max_abs_diff
    (True, 0.0)
    """
    from .._native import Packer
    from .checking import CheckReport, check
    from .golden import golden_rows
    from .reading import read_model
    from .reference import Reference
    from .refusal import Refused, invalid_argument, unsupported
    from .source import attribute
    from .walk import working_split

    if sanity is not None:
        from .._native import UnsupportedError

        raise UnsupportedError("sanity rules are not part of this version; leave sanity=None")
    report = check(model)
    if not report:
        raise unsupported(report)
    names = attribute(model, "feature_names_in_")
    rows = Reference.read(reference, None if names is None else [str(n) for n in names], schema)
    expected = attribute(model, "n_features_in_")
    if expected is not None and expected != len(rows.fields):
        raise invalid_argument(
            f"the model was fitted on {expected} columns; the reference has {len(rows.fields)}"
        )
    packer = Packer()
    try:
        reading = read_model(model, rows, packer)
    except Refused as refusal:
        split = working_split(model, refusal.findings)
        raise unsupported(CheckReport(refusal.findings, split)) from None
    inputs, answers = golden_rows(model, rows, reading, golden)
    path = Path(path)
    manifest = {
        "name": _text(name, "name", os.fsencode(path.stem).decode(errors="replace")),
        "version": _text(version, "version", "1"),
        "schema": {"fields": [field.schema() for field in rows.fields]},
        "preprocess": {"steps": reading.recipe.steps, "features": reading.features},
        "model": reading.model,
        "metadata": _strings(metadata, "metadata"),
        "provenance": {**_versions(), **_strings(provenance, "provenance")},
    }
    written = packer.write(
        os.fspath(path),
        json.dumps(manifest, ensure_ascii=False, allow_nan=False),
        inputs,
        answers,
        json.dumps(rows.summary(), ensure_ascii=False, allow_nan=False),
    )
    return PackReport(path=os.fspath(path), **written)


def _versions() -> dict[str, str]:
    versions = {"python": python_version()}
    for package in RECORDED:
        try:
            versions[package] = distributions.version(package)
        except distributions.PackageNotFoundError:
            continue
    return versions


def _text(value: str | None, argument: str, default: str) -> str:
    from .refusal import invalid_argument

    if value is None:
        return default
    if not isinstance(value, str) or not value:
        raise invalid_argument(f"{argument} must be a non-empty string, not {value!r}")
    return value


def _strings(values: Mapping[str, str] | None, argument: str) -> dict[str, str]:
    from .refusal import invalid_argument

    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise invalid_argument(f"{argument} must map strings to strings, not {values!r}")
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise invalid_argument(
                f"{argument} must map strings to strings; it holds {key!r}: {value!r}"
            )
    return dict(values)
