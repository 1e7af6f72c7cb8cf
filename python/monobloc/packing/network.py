"""`pack` for ONNX models."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .report import PackReport

if TYPE_CHECKING:
    from .distributions import Described

UNOPTIMISED = "tract, unoptimised"


def is_network(model: Any) -> bool:
    """Whether this is an ONNX model: a path, bytes, or an ``onnx.ModelProto``."""
    if isinstance(model, (str, os.PathLike, bytes, bytearray, memoryview)):
        return True
    return hasattr(model, "SerializeToString") and hasattr(model, "graph")


def pack_network(
    model: Any,
    path: str | os.PathLike[str],
    *,
    reference: Any,
    golden: Any,
    validation: Any,
    name: str,
    version: str,
    schema: Mapping[str, str] | None,
    sanity: Any,
    metadata: dict[str, str],
    provenance: dict[str, str],
    inputs: Mapping[str, Any] | None,
    preprocess: Any,
    non_finite: str | Mapping[str, str] | None,
    tune: bool | Sequence[str],
) -> PackReport:
    """Write an ONNX model as one bloc; `pack` says what the arguments are."""
    from .._native import read_network
    from .refusal import invalid_argument

    if preprocess is None and any(given is not None for given in (reference, schema, sanity)):
        raise invalid_argument(
            "reference, schema and sanity are for rows of fields; a network that takes tensors has "
            "none: leave them out, or give preprocess"
        )
    if validation is not None:
        raise invalid_argument(
            "validation is for models whose outputs are kept in the reference; a network's are not"
        )
    source = _source(model)
    rows, described = None, None
    if preprocess is not None:
        described = _described(preprocess, reference, schema)
        provenance = described.finish(provenance)
        rows = _rows(preprocess, described, sanity)
    draft = read_network(
        source,
        os.fspath(path),
        name=name,
        version=version,
        metadata=metadata,
        provenance=provenance,
        shapes=dict(inputs or {}),
        non_finite=_policies(non_finite),
        tune=_targets(tune),
        tune_command=[sys.executable, "-m", "monobloc", "tune-panels"],
        rows=rows,
    )
    cases = _cases(draft, golden, preprocess, described)
    outputs, compared_with, doubts = _expected(source, draft, cases)
    if golden is not None and preprocess is None:
        random = draft.synthetic_case()
        answers, _, refused = _expected(source, draft, [random])
        # Made-up integers need not be indices of the model's; then only onnxruntime can say so.
        if not refused and (answers[0] is not None or _is_floats(random)):
            cases, outputs = [*cases, random], [*outputs, *answers]
    written = draft.publish(os.fspath(path), list(zip(cases, outputs, strict=True)))
    notes = (*written.pop("notes"), *doubts)
    report = {} if described is None else described.report()
    return PackReport(
        path=os.fspath(path), compared_with=compared_with, notes=notes, **written, **report
    )


def _source(model: Any) -> str | bytes:
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    return model.SerializeToString()


def _policies(non_finite: str | Mapping[str, str] | None) -> dict[str, str]:
    if non_finite is None:
        return {}
    if isinstance(non_finite, str):
        return {"*": non_finite}
    return dict(non_finite)


def _targets(tune: bool | Sequence[str]) -> list[str]:
    from .refusal import invalid_argument

    if isinstance(tune, bool):
        return ["native"] if tune else []
    if isinstance(tune, str) or not all(isinstance(name, str) for name in tune):
        raise invalid_argument(f"tune must be True, False or a list of processors, not {tune!r}")
    return list(tune)


def _described(preprocess: Any, reference: Any, schema: Mapping[str, str] | None) -> Described:
    """The reference of fitted preprocessing that stands before a network."""
    from .batches import Batches
    from .checking import CheckReport
    from .distributions import Described
    from .refusal import invalid_argument, unsupported
    from .source import attribute
    from .walk import preprocessing_findings

    if reference is None:
        raise invalid_argument("preprocess needs reference: data like what it was fitted on")
    findings = preprocessing_findings(preprocess)
    if findings:
        raise unsupported(CheckReport(tuple(findings)))
    names = attribute(preprocess, "feature_names_in_")
    batches = Batches.of(reference, "the reference")
    return Described.read(batches, None if names is None else [str(n) for n in names], schema)


def _rows(preprocess: Any, described: Described, sanity: Any) -> dict[str, Any]:
    """What the core needs of fitted preprocessing that stands before a network."""
    from .._native import Packer
    from .checking import CheckReport
    from .fences import rules
    from .reading import read_preprocessing
    from .refusal import Refused, unsupported

    rows = described.rows
    packer = Packer()
    try:
        recipe, features = read_preprocessing(preprocess, rows, packer)
    except Refused as refusal:
        raise unsupported(CheckReport(refusal.findings)) from None
    steps = {"steps": recipe.steps, "features": features}
    return {
        "packer": packer,
        "schema": rows.schema(),
        "sanity": rules(rows, described.missing_rates(), sanity),
        "preprocess": json.dumps(steps, ensure_ascii=False, allow_nan=False),
        "reference": described.json,
    }


def _cases(
    draft: Any, golden: Any, preprocess: Any, described: Described | None
) -> list[dict[str, Any]]:
    """The golden cases: arrays by input."""
    from .refusal import invalid_argument

    if golden is None and preprocess is None:
        return [draft.synthetic_case()]
    if described is not None:
        first = range(min(64, described.rows.rows))
        rows = described.rows.take(first) if golden is None else golden
        return [{draft.inputs[0]: _features(preprocess, rows)}]
    cases = [golden] if isinstance(golden, Mapping) else golden
    if not isinstance(cases, Sequence) or not all(isinstance(case, Mapping) for case in cases):
        raise invalid_argument("golden must be a dict of arrays by input, or a list of such dicts")
    return [dict(case) for case in cases]


def _is_floats(case: Mapping[str, Any]) -> bool:
    return all(array.dtype.kind == "f" for array in case.values())


def _features(preprocess: Any, rows: Any) -> Any:
    import numpy as np
    from scipy import sparse

    from .source import quiet

    with quiet():
        features = preprocess.transform(rows)
    dense = features.toarray() if sparse.issparse(features) else features
    return np.ascontiguousarray(np.asarray(dense, dtype=np.float32))


def _expected(
    source: str | bytes, draft: Any, cases: list[dict[str, Any]]
) -> tuple[list[list[Any] | None], str, list[str]]:
    """What onnxruntime gives, where it is installed and takes the model; and what if not."""
    try:
        import onnxruntime
    except ImportError:
        return [None] * len(cases), UNOPTIMISED, []
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(source, options, ["CPUExecutionProvider"])
        dtypes = {entry.name: entry.type for entry in session.get_inputs()}
        maps = draft.zip_maps
        outputs: list[list[Any] | None] = [
            _unzipped(session.run(draft.outputs, _typed(case, dtypes)), draft.outputs, maps)
            for case in cases
        ]
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        reason = str(error).splitlines()[0]
        doubt = f"onnxruntime does not run this model on these inputs: {reason}"
        return [None] * len(cases), UNOPTIMISED, [doubt]
    return outputs, f"onnxruntime {onnxruntime.__version__}", []


def _unzipped(outputs: list[Any], names: list[str], maps: Mapping[str, Sequence[Any]]) -> list[Any]:
    """The outputs, where one is a dictionary per row as an array in the order of the labels."""
    import numpy as np

    return [
        np.array([[row[label] for label in maps[name]] for row in output], np.float32)
        if name in maps
        else output
        for name, output in zip(names, outputs, strict=True)
    ]


def _typed(case: dict[str, Any], dtypes: dict[str, str]) -> dict[str, Any]:
    """The case as onnxruntime wants it: arrays, of float64 where the model takes that."""
    import numpy as np

    wanted = {"tensor(double)": np.float64}
    return {
        name: np.asarray(value, dtype=wanted.get(dtypes.get(name, "")))
        for name, value in case.items()
        if name in dtypes
    }
