"""`pack`: from a fitted scikit-learn model to a bloc."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata as distributions
from pathlib import Path
from platform import python_version
from typing import Any

from .report import PackReport

RECORDED = ("numpy", "scikit-learn", "scipy", "joblib", "threadpoolctl")
RECORDED_OF = {
    "catboost": ("catboost",),
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost", "xgboost-cpu"),
}
RECORDED_OF_NETWORKS = ("numpy", "onnx", "onnxruntime")


def pack(
    model: Any,
    path: str | os.PathLike[str],
    *,
    reference: Any = None,
    golden: Any = None,
    validation: Any = None,
    name: str | None = None,
    version: str | None = None,
    schema: Mapping[str, str] | None = None,
    sanity: Any = None,
    metadata: Mapping[str, str] | None = None,
    provenance: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    preprocess: Any = None,
    non_finite: str | Mapping[str, str] | None = None,
    tune: bool | Sequence[str] = True,
    keep_source: bool = True,
    iterations: tuple[int, int] | None = None,
    missing: float | None = None,
) -> PackReport:
    """Write a fitted model with its preprocessing, or a model file, as one bloc.

    The bloc is loaded again and its answers on golden rows are compared with the
    model's (with ``n_jobs=1``). Unless every byte is equal (of tree ensembles before an
    exponential makes probabilities of their scores), nothing is left at `path`.

    Parameters
    ----------
    model
        A fitted Pipeline of supported steps that ends in a supported model of
        scikit-learn, CatBoost, LightGBM or XGBoost, or such a model alone. `check` lists
        what is not supported. Or the path or bytes of a LightGBM text model, of an
        XGBoost model (UBJSON, JSON) or of a CatBoost model (JSON); see `docs/trees.md`.
        Or an ONNX model: its path, its bytes, or an ``onnx.ModelProto``; see
        `docs/networks.md`.
    path
        Where the bloc goes. A file there is replaced in one step.
    reference
        Data like the training data: a pandas or polars DataFrame or a 2-D array. Or, of
        more rows than memory holds, an iterator of them, anything that exports an Arrow
        stream, or the path of a Parquet, Arrow or CSV file; see `docs/reference.md`.
        It gives the fields, their types, and what their values look like. A network
        that takes tensors has none.
    golden
        Real rows to compare on, which then become part of the file. By default
        rows are made up, and no one's record enters the file. Of a network: a dict of
        arrays by input, or a list of them.
    validation
        Rows that the model did not see, in any of the forms of `reference`: what the
        model answers on them is what its answers are expected to look like. Without
        them its answers on rows of the reference are kept, to be shown, and never judged.
    name, version
        The model's, for people. By default the file's name, and ``"1"``.
    schema
        Kinds of fields where the reference's are not meant: ``"boolean"``,
        ``"float"``, ``"integer"`` or ``"string"`` by field name.
    sanity
        Sanity rules by field that go before those derived from the reference, such as
        ``{"age": {"min": 18, "max": 120, "on_range": "reject"}}``, or the path of a YAML
        or JSON file of them; see `docs/sanity.md`.
    inputs
        Shapes of a network's inputs where the model's own are not meant, by name: a
        list of sizes, names of axes, and None for any length.
    preprocess
        A fitted transformer whose feature matrix is the network's only input; rows
        like those of `reference` then come in.
    non_finite
        What becomes of a network's rows with NaN or infinite values: ``"flag"`` (the
        default: they are run, and their verdicts say so) or ``"reject"``; for all
        inputs, or by input.
    tune
        Whether a network's weights are kept as this machine's kernels want them, too,
        so that loading need not pack them; or the names of other machines' levels,
        such as ``["x86-64-v3", "x86-64-v4"]``.
    keep_source
        Whether the bloc of a boosted model keeps the library's own file, as the
        member ``source/model.txt``, ``.ubj`` or ``.json``.
    iterations
        The boosting iterations of a LightGBM or XGBoost file to keep: the first, and the
        one behind the last. By default those that the library itself would use.
    missing
        A number that is missing besides NaN in rows for an XGBoost file: XGBoost's
        ``missing``, which files have only where a wrapper before XGBoost 2.0 saved them.
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
    from .network import is_network, pack_network
    from .refusal import Refused, invalid_argument, unsupported
    from .sanity import as_text
    from .trees import pack_tree_file, tree_file

    file = tree_file(model)
    if file is not None:
        return pack_tree_file(
            file,
            path,
            unused={
                "reference": reference,
                "golden": golden,
                "validation": validation,
                "schema": schema,
                "inputs": inputs,
                "preprocess": preprocess,
                "non_finite": non_finite,
            },
            iterations=iterations,
            missing=missing,
            keep_source=keep_source,
            sanity=as_text(sanity),
            name=_text(name, "name", _stem(path)),
            version=_text(version, "version", "1"),
            metadata=_strings(metadata, "metadata"),
            provenance=_strings(provenance, "provenance"),
        )
    for argument, value in {"iterations": iterations, "missing": missing}.items():
        if value is not None:
            raise invalid_argument(
                f"{argument} is for model files of LightGBM and XGBoost, "
                f"and {_described(model)} is none"
            )
    if is_network(model):
        return pack_network(
            model,
            path,
            reference=reference,
            golden=golden,
            validation=validation,
            name=_text(name, "name", _stem(path)),
            version=_text(version, "version", "1"),
            schema=schema,
            sanity=sanity,
            metadata=_strings(metadata, "metadata"),
            provenance={
                **_versions(
                    RECORDED_OF_NETWORKS
                    if preprocess is None
                    else {*RECORDED, *RECORDED_OF_NETWORKS}
                ),
                **_strings(provenance, "provenance"),
            },
            inputs=inputs,
            preprocess=preprocess,
            non_finite=non_finite,
            tune=tune,
        )
    from .._native import Packer
    from .batches import Batches
    from .checking import CheckReport, check
    from .distributions import Described
    from .fences import rules
    from .golden import golden_rows
    from .reading import read_model
    from .source import attribute, expected_names
    from .walk import working_split

    meant = {"inputs": inputs, "preprocess": preprocess, "non_finite": non_finite}
    for argument, value in meant.items():
        if value is not None:
            raise invalid_argument(f"{argument} is for ONNX models; this one is {type(model)}")
    if reference is None:
        raise invalid_argument("the reference is missing; expected data like the training data")
    report = check(model)
    if not report:
        raise unsupported(report)
    batches = Batches.of(reference, "the reference")
    described = Described.read(batches, expected_names(model, batches.first), schema)
    rows = described.rows
    # CatBoost's are 0 where the model was loaded from a file.
    expected = attribute(model, "n_features_in_")
    if expected and expected != len(rows.fields):
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
    described.add_outputs(model, reading.model.description, validation)
    provenance = described.finish(_strings(provenance, "provenance"))
    path = Path(path)
    library = reading.model.description["source"].partition(".")[0]
    manifest = {
        "name": _text(name, "name", _stem(path)),
        "version": _text(version, "version", "1"),
        "schema": {"fields": [field.schema() for field in rows.fields]},
        "sanity": json.loads(rules(rows, described.missing_rates(), sanity)),
        "preprocess": {"steps": reading.recipe.steps, "features": reading.features},
        "model": reading.model.description,
        "metadata": _strings(metadata, "metadata"),
        "provenance": {
            **_versions((*RECORDED, *RECORDED_OF.get(library, ()))),
            **provenance,
        },
    }
    if not keep_source:
        packer.drop_source()
    written = packer.write(
        os.fspath(path),
        json.dumps(manifest, ensure_ascii=False, allow_nan=False),
        described.json,
        golden_inputs=inputs,
        golden_outputs=answers.outputs,
        golden_raw_scores=answers.raw_scores,
        golden_classes=answers.classes,
    )
    return PackReport(path=os.fspath(path), **written, **described.report())


def _stem(path: str | os.PathLike[str]) -> str:
    return os.fsencode(Path(path).stem).decode(errors="replace")


def _described(model: Any) -> str:
    """A model in an error: its path, or its class."""
    return repr(os.fspath(model)) if isinstance(model, (str, os.PathLike)) else f"{type(model)}"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    versions = {"python": python_version()}
    for package in packages:
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
