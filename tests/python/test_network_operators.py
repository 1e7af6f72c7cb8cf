"""Operators are right or refused: ONNX's own cases, and what tract computes otherwise than ONNX."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import monobloc
import node_cases
import numpy as np
import onnx
import pytest
from monobloc._native import supported_operators
from node_cases import Case
from onnx import TensorProto, helper

F32 = np.float32
RIGHT_AT_LEAST = 2_500


def test_onnx_cases_are_right_or_refused(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    wrong, answered = [], set()
    for case in node_cases.onnx_cases():
        outcome = node_cases.outcome(case, tmp_path / "case.bloc")
        verdict = outcome.split(":")[0]
        counts[verdict] += 1
        if verdict == "right":
            answered |= case.operators
        elif verdict == "wrong":
            wrong.append(f"{case.name}: {outcome}")
    assert not wrong, "\n".join(wrong)
    print(f"{counts['right']} right, {counts['refused']} refused")
    assert counts["right"] >= RIGHT_AT_LEAST, counts
    names = {name for listed in supported_operators()[2:] for name, _ in listed}
    assert names - answered <= OTHERS, "operators that no case of ONNX answers right"


# Operators of which ONNX's cases are refused, which stand below; and those of which it has none
# (see test_network_trees.py).
OTHERS = {"Celu", "CumSum", "OneHot", "TreeEnsembleClassifier", "TreeEnsembleRegressor"}


def model(
    nodes: list[Any], inputs: dict[str, np.ndarray], weights: dict[str, Any], opset: int
) -> onnx.ModelProto:
    """Nodes from the named inputs to ``y``."""
    kind = helper.np_dtype_to_tensor_dtype
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info(name, kind(value.dtype), value.shape)
            for name, value in inputs.items()
        ],
        [helper.make_empty_tensor_value_info("y")],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def log_sum_exp(x: np.ndarray, axis: int, keepdims: bool = True) -> np.ndarray:
    greatest = x.max(axis=axis, keepdims=True)
    sums = np.log(np.exp(x - greatest).sum(axis=axis, keepdims=True)) + greatest
    return sums if keepdims else sums.squeeze(axis)


LARGE = np.array([[1000, 999, 0], [-1000, -1001, -1002], [88, 89, -88], [-1e30, -1e30, 5]], F32)
DEEP = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(F32) * 100
FAR = np.array([-1e30, -100, -20, -1, -0.0, 0.5, 20, 100, 1e30], F32)
BIG = np.array([2**40 + 1, -(2**40) - 1, -7, 7, np.iinfo(np.int64).min, 5], np.int64)
NEGATIVE = np.array([-7.5, 7, -8, 9, 5e9, -5e9], np.float64)


def one(
    op: str, x: np.ndarray, y: np.ndarray, opset: int, over: Any = None, **attributes: Any
) -> Case:
    inputs, weights = ["x"], {}
    if over is not None:
        inputs, weights = ["x", "axes"], {"axes": np.array(over, np.int64)}
    node = helper.make_node(op, inputs, ["y"], **attributes)
    return Case(f"{op} {opset}", model([node], {"x": x}, weights, opset), {"x": x}, [y])


def counted(op: str, by: int, y: Any) -> Case:
    """An operation on integers that a cast made."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node(op, ["i", "by"], ["y"]),
    ]
    weights = {"by": np.array(by, np.int64)}
    return Case(f"Cast {op}", model(nodes, {"x": NEGATIVE}, weights, 18), {"x": NEGATIVE}, [y])


def _cases() -> list[Case]:
    whole = NEGATIVE.astype(np.int64)
    half = np.trunc(whole / 2).astype(np.int64)
    selu_alpha, selu_gamma = 1.67326319217681884765625, 1.05070102214813232421875
    x64 = np.linspace(-3, 3, 13)
    selu = np.where(x64 > 0, selu_gamma * x64, selu_gamma * selu_alpha * (np.exp(x64) - 1))
    flat = DEEP.reshape(2, 12)
    cases = [
        one("Softplus", FAR, np.logaddexp(0, FAR).astype(F32), 18),
        one("Selu", x64, selu, 18),
        one("Cast", BIG, BIG, 13, to=TensorProto.INT64),
        one("Cast", NEGATIVE, whole, 13, to=TensorProto.INT64),
        counted("Add", 1, whole + 1),
        counted("Mul", 3, whole * 3),
        counted("Div", 2, half),
        counted("Mod", 2, whole % 2),
        one("LogSoftmax", DEEP, (flat - log_sum_exp(flat, 1)).reshape(2, 3, 4), 11),
        one("LogSoftmax", DEEP, DEEP - log_sum_exp(DEEP, 1), 13, axis=1),
    ]
    for opset in (11, 13, 18):
        cases.append(one("LogSoftmax", LARGE, LARGE - log_sum_exp(LARGE, 1), opset, axis=-1))
        for keeps in (0, 1):
            sums = log_sum_exp(DEEP, 1, bool(keeps))
            given = {"axes": [1]} if opset < 18 else {}
            over = None if opset < 18 else [1]
            cases.append(one("ReduceLogSumExp", DEEP, sums, opset, over, keepdims=keeps, **given))
    positions = np.array([[0, 2], [-1, 1]], np.int64)
    hot = Case(
        "OneHot",
        model(
            [helper.make_node("OneHot", ["x", "depth", "values"], ["y"], axis=1)],
            {"x": positions},
            {"depth": np.array(3), "values": np.array([0, 5], F32)},
            11,
        ),
        {"x": positions},
        [5 * np.eye(3, dtype=F32)[positions].transpose(0, 2, 1)],
    )
    summed = Case(
        "CumSum",
        model(
            [helper.make_node("CumSum", ["x", "axis"], ["y"], reverse=1)],
            {"x": DEEP},
            {"axis": np.array(-1)},
            14,
        ),
        {"x": DEEP},
        [DEEP[..., ::-1].cumsum(-1)[..., ::-1]],
    )
    celu = np.where(FAR > 0, FAR, np.expm1(np.minimum(FAR, 0)))
    cases += [hot, summed, one("Celu", FAR, celu.astype(F32), 12, alpha=1.0)]
    masked = np.array([[-np.inf, -np.inf], [-np.inf, 3], [np.inf, -np.inf], [1, 2]], F32)
    lowest = np.array([[np.finfo(F32).min, -np.inf]], F32)
    for x in (
        masked,
        lowest,
        masked.astype(np.float16),
        masked.astype(np.float64),
        BIG.reshape(3, 2),
    ):
        cases.append(one("ReduceMax", x, x.max(1), 13, axes=[1], keepdims=0))
        cases.append(one("ReduceMin", -x, (-x).min(1), 18, [1], keepdims=0))
    everything = log_sum_exp(DEEP.reshape(1, -1), 1).reshape(1, 1, 1)
    return [*cases, one("ReduceLogSumExp", DEEP, everything, 13)]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_what_tract_computes_otherwise_is_right(tmp_path: Path, case: Case) -> None:
    for variant in filter(None, (case, node_cases.batched(case))):
        assert node_cases.outcome(variant, tmp_path / "case.bloc") == "right", variant.name


IMAGE = np.ones((1, 2, 8, 8), F32)
KERNEL = np.ones((2, 2, 3, 3), F32)
SCALES = np.array([1, 1, 0.5, 0.5], F32)
PAIR = np.ones(2, F32)

SAME = {"auto_pad": "SAME_UPPER"}
BY_2 = {"strides": [2, 2], "output_padding": [1, 1]}

REFUSED: list[tuple[str, list[Any], int, dict[str, Any], str]] = [
    ("AveragePool", [IMAGE], 19, {**SAME, "kernel_shape": [3, 3], "ceil_mode": 1}, "ceil_mode"),
    ("MaxPool", [IMAGE], 12, {**SAME, "kernel_shape": [3, 3], "dilations": [2, 2]}, "dilations"),
    ("ConvTranspose", [IMAGE, KERNEL], 11, {"output_shape": [16, 16]}, "output_shape"),
    ("ConvTranspose", [IMAGE, KERNEL], 11, {**SAME, **BY_2}, "auto_pad with output_padding"),
    ("BatchNormalization", [IMAGE, *[PAIR] * 4], 15, {"training_mode": 1}, "training"),
    ("Cast", [PAIR], 13, {"to": TensorProto.STRING}, "to text"),
    ("Celu", [PAIR], 12, {"alpha": 2.0}, "alpha 2"),
    ("Swish", [PAIR], 24, {"alpha": 2.0}, "alpha 2"),
    ("Einsum", [PAIR, PAIR], 12, {"equation": "i,i->"}, "without an output axis"),
    ("Squeeze", [IMAGE], 13, {}, "no axes"),
    ("Resize", [IMAGE, SCALES], 10, {"mode": "nearest"}, "mode nearest of version 10"),
    ("ReduceMean", [IMAGE], 18, {"axes": [2, 3]}, 'attribute "axes"'),
    ("Squeeze", [IMAGE, np.array([0])], 13, {"axes": [0]}, 'attribute "axes"'),
    ("SpaceToDepth", [IMAGE], 13, {"blocksize": 2, "mode": "CRD"}, 'attribute "mode"'),
    ("Relu", [PAIR], 18, {"slope": 0.1}, 'attribute "slope"'),
    ("RandomNormalLike", [PAIR], 18, {}, "not supported"),
]


@pytest.mark.parametrize(("op", "inputs", "opset", "attributes", "text"), REFUSED)
def test_refusals_name_the_node(
    tmp_path: Path, op: str, inputs: list[Any], opset: int, attributes: dict[str, Any], text: str
) -> None:
    names = [f"x{number}" for number in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], name="here", **attributes)
    weights = dict(zip(names[1:], inputs[1:], strict=True))
    made = model([node], {"x0": inputs[0]}, weights, opset)
    with pytest.raises(monobloc.UnsupportedError) as caught:
        monobloc.pack(made, tmp_path / "model.bloc")
    message = str(caught.value)
    assert f'operator {op} (ai.onnx, version {opset}) of node "here": ' in message
    assert text in message
