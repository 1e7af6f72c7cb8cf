"""Small ONNX models with inputs and the outputs that are right, and what Monobloc makes of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import onnx
import pytest
from monobloc.packing import network
from onnx import numpy_helper

NEWEST_OPSET = 24
REFUSALS = (monobloc.UnsupportedError, monobloc.InvalidArgumentError, monobloc.CorruptError)
BOUNDS = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-6}
# ONNX gives four digits of what must come out.
ROUNDED = "test_averagepool_2d_ceil_last_window_starts_on_pad"


@dataclass(frozen=True)
class Case:
    """A model, what goes in, and what must come out."""

    name: str
    model: onnx.ModelProto
    inputs: Mapping[str, Any]
    outputs: Sequence[Any]

    @property
    def operators(self) -> set[str]:
        return {node.op_type for node in self.model.graph.node}


def onnx_cases() -> Iterator[Case]:
    """ONNX's own cases, each with its inputs, and with all but the first constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)
    for test in collected:
        model = with_opset_that_is_read(test.model)
        names = [value.name for value in model.graph.input]
        for inputs, outputs in test.data_sets[:1]:
            inputs, outputs = (
                [array(value) for value in inputs],
                [array(value) for value in outputs],
            )
            case = Case(test.name, model, dict(zip(names, inputs, strict=False)), outputs)
            yield case
            if not all(isinstance(value, np.ndarray) for value in inputs):
                continue
            if len(inputs) > 1:
                case = frozen(case, names[1:])
                yield case
            changed = batched(case)
            if changed:
                yield changed


def array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def with_opset_that_is_read(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model under the newest operator set that is read, where it is valid there."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for entry in copy.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = min(entry.version, NEWEST_OPSET)
    try:
        onnx.shape_inference.infer_shapes(copy, check_type=True, strict_mode=True)
    except Exception:
        return model
    return copy


def batched(case: Case) -> Case | None:
    """The case with a first axis of free length, where its inputs have the same."""
    lengths = {np.shape(value)[:1] for value in case.inputs.values()}
    declared = [len(value.type.tensor_type.shape.dim) for value in case.model.graph.input]
    if not all(declared):
        return None
    if len(lengths) != 1 or lengths <= {(), (0,)}:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return Case(case.name + " batched", model, case.inputs, case.outputs)


def frozen(case: Case, names: Sequence[str]) -> Case:
    """The case with some inputs as initializers."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    kept = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    for name in names:
        model.graph.initializer.append(numpy_helper.from_array(case.inputs[name], name))
    inputs = {name: value for name, value in case.inputs.items() if name not in names}
    return Case(case.name + " frozen", model, inputs, case.outputs)


def run(case: Case, path: Path, **options: Any) -> list[Any]:
    """The outputs through a bloc that no other runtime has vouched for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_expected", lambda source, draft, cases: ([None], "nothing", []))
        monobloc.pack(case.model, path, golden=dict(case.inputs), **options)
    outputs = monobloc.load(path).run(dict(case.inputs)).outputs
    return [outputs[value.name] for value in case.model.graph.output if value.name]


def outcome(case: Case, path: Path, **options: Any) -> str:
    """``"right"``, ``"refused: …"``, or what is wrong."""
    try:
        found = run(case, path, **options)
    except REFUSALS as refusal:
        return f"refused: {refusal}"
    except monobloc.MonoblocError as error:
        return f"wrong: {type(error).__name__}: {error}"
    if len(found) != len(case.outputs):
        return f"wrong: {len(found)} outputs for {len(case.outputs)}"
    for number, (have, want) in enumerate(zip(found, case.outputs, strict=True)):
        fault = difference(have, np.asarray(want), 10 if case.name.startswith(ROUNDED) else 1)
        if fault:
            return f"wrong: output {number}: {fault}"
    return "right"


def difference(have: Any, want: Any, slack: int = 1) -> str | None:
    if have.shape != want.shape:
        return f"shape {have.shape}; expected {want.shape}"
    if want.dtype.kind in "OUT":
        same = have.tolist() == want.tolist()
        return None if same else "other texts"
    if have.dtype != want.dtype:
        return f"dtype {have.dtype}; expected {want.dtype}"
    if want.dtype.name not in BOUNDS:
        return (
            None
            if np.array_equal(have, want)
            else f"{have.ravel()[:8]}; expected {want.ravel()[:8]}"
        )
    bound = BOUNDS[want.dtype.name] * slack
    have, want = have.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(want)
    if not np.array_equal(have[~finite], want[~finite], equal_nan=True):
        return "other values that are not finite"
    scale = max(float(np.abs(want[finite]).max(initial=0.0)), 1e-30)
    error = float(np.abs(have[finite] - want[finite]).max(initial=0.0)) / scale
    return None if error <= bound else f"{error:.2e} of the greatest magnitude away"
