"""ONNX models made for tests, small enough to build in a moment and large enough to be mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@dataclass
class Builder:
    """Nodes and weights in the making."""

    seed: int = 0
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def weight(self, *shape: int, scale: float | None = None, base: float = 0.0) -> str:
        rng = np.random.default_rng([self.seed, len(self.weights)])
        scale = 1 / np.sqrt(shape[-1]) if scale is None else scale
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
        return self.constant(values + np.float32(base))

    def constant(self, values: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(values)
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        number = len(self.nodes)
        names = [f"{op.lower()}_{number}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"{op}_{number}", **attributes))
        return names[0] if outputs == 1 else names

    def model(
        self,
        inputs: Sequence[tuple[str, int, Sequence[int | str]]],
        outputs: dict[str, str],
        opset: int = 20,
    ) -> onnx.ModelProto:
        for name, value in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name], name=f"give_{name}"))
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [
                helper.make_tensor_value_info(name, kind, list(shape))
                for name, kind, shape in inputs
            ],
            [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in self.weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 10
        return model


def mlp(width: int = 64, hidden: int = 512) -> onnx.ModelProto:
    make = Builder(1)
    x = "x"
    for rows in (width, hidden):
        x = make.node("MatMul", x, make.weight(rows, hidden, scale=1.4 / np.sqrt(rows)))
        x = make.node("Relu", make.node("Add", x, make.weight(hidden, scale=0.1)))
    y = make.node("Gemm", x, make.weight(hidden, 1, scale=0.05), make.weight(1, scale=0.1))
    return make.model([("x", FLOAT, ["batch", width])], {"y": y})


def conv_net(channels: int = 64, size: int = 32) -> onnx.ModelProto:
    make = Builder(2)
    x, before = "x", 3
    for stride in (1, 2, 2):
        kernel = make.weight(channels, before, 3, 3, scale=np.sqrt(2 / (9 * before)))
        x = make.node("Conv", x, kernel, kernel_shape=[3, 3], pads=[1] * 4, strides=[stride] * 2)
        norm = [make.weight(channels, scale=0.05, base=base) for base in (1.0, 0.0, 0.0)]
        variance = make.constant(np.linspace(0.5, 1.5, channels, dtype=np.float32))
        x = make.node("Relu", make.node("BatchNormalization", x, *norm, variance))
        before = channels
    x = make.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = make.node("Flatten", make.node("GlobalAveragePool", x))
    y = make.node("Gemm", x, make.weight(10, channels), make.weight(10, scale=0.1), transB=1)
    return make.model([("x", FLOAT, ["batch", 3, size, size])], {"y": y})


def encoder(width: int = 96, heads: int = 4, words: int = 1000) -> onnx.ModelProto:
    """A layer of a transformer, with a mask, and the mean over the sequence beside it."""
    make = Builder(3)
    each = width // heads
    norm = lambda x: make.node(  # noqa: E731
        "LayerNormalization",
        x,
        make.weight(width, scale=0.05, base=1.0),
        make.weight(width, scale=0.05),
        axis=-1,
    )
    linear = lambda x, a, b: make.node(  # noqa: E731
        "Add", make.node("MatMul", x, make.weight(a, b, scale=1 / np.sqrt(a))), make.weight(b)
    )
    x = norm(make.node("Gather", make.weight(words, width, scale=0.5), "ids"))
    mask = make.node("Cast", make.node("Unsqueeze", "mask", make.constant([1, 2])), to=FLOAT)
    one, far = make.constant(np.float32(1)), make.constant(np.float32(-1e4))
    mask = make.node("Mul", make.node("Sub", one, mask), far)
    split, merged = make.constant([0, 0, heads, each]), make.constant([0, 0, width])
    q, k, v = (make.node("Reshape", linear(x, width, width), split) for _ in range(3))
    q, v = (make.node("Transpose", part, perm=[0, 2, 1, 3]) for part in (q, v))
    k = make.node("Transpose", k, perm=[0, 2, 3, 1])
    scores = make.node("Div", make.node("MatMul", q, k), make.constant(np.float32(each**0.5)))
    scores = make.node("Softmax", make.node("Add", scores, mask), axis=-1)
    heard = make.node("Transpose", make.node("MatMul", scores, v), perm=[0, 2, 1, 3])
    x = norm(make.node("Add", x, linear(make.node("Reshape", heard, merged), width, width)))
    inner = make.node("Gelu", linear(x, width, 4 * width))
    x = norm(make.node("Add", x, linear(inner, 4 * width, width)))
    mean = make.node("ReduceMean", x, make.constant([1]), keepdims=0)
    shape = ["batch", "sequence"]
    return make.model([("ids", INT64, shape), ("mask", INT64, shape)], {"y": x, "mean": mean})


def lstm(width: int = 32, hidden: int = 96) -> onnx.ModelProto:
    """Two recurrent layers without initial states."""
    make = Builder(4)
    x = make.node("Transpose", "x", perm=[1, 0, 2])
    for size in (width, hidden):
        weights = (
            make.weight(1, 4 * hidden, size),
            make.weight(1, 4 * hidden, hidden),
            make.weight(1, 8 * hidden, scale=0.1),
        )
        every, last, _ = make.node("LSTM", x, *weights, outputs=3, hidden_size=hidden)
        x = make.node("Squeeze", every, make.constant([1]))
    last = make.node("Squeeze", last, make.constant([0]))
    y = make.node("Gemm", last, make.weight(1, hidden), make.weight(1, scale=0.1), transB=1)
    return make.model([("x", FLOAT, ["batch", "time", width])], {"y": y})


def both_ways(width: int = 32, hidden: int = 64) -> onnx.ModelProto:
    """Two recurrent layers that read in both directions, without initial states."""
    make = Builder(5)
    x = make.node("Transpose", "x", perm=[1, 0, 2])
    for size in (width, 2 * hidden):
        weights = (
            make.weight(2, 4 * hidden, size),
            make.weight(2, 4 * hidden, hidden),
            make.weight(2, 8 * hidden, scale=0.1),
        )
        ways = {"hidden_size": hidden, "direction": "bidirectional"}
        every, _, _ = make.node("LSTM", x, *weights, outputs=3, **ways)
        every = make.node("Transpose", every, perm=[0, 2, 1, 3])
        x = make.node("Reshape", every, make.constant([0, 0, 2 * hidden]))
    y = make.node("Transpose", x, perm=[1, 0, 2])
    return make.model([("x", FLOAT, ["batch", "time", width])], {"y": y})


def inputs(name: str, rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays for one of the models."""
    rng = np.random.default_rng([seed, rows])
    if name == "encoder":
        mask = np.ones((rows, 11), np.int64)
        mask[:, 8:] = rng.integers(0, 2, (rows, 3))
        return {"ids": rng.integers(0, 1000, (rows, 11)), "mask": mask}
    shapes = {"mlp": (64,), "conv_net": (3, 32, 32), "lstm": (9, 32), "both_ways": (9, 32)}
    return {"x": rng.standard_normal((rows, *shapes[name]), dtype=np.float32)}


MODELS = {
    "both_ways": both_ways,
    "conv_net": conv_net,
    "encoder": encoder,
    "lstm": lstm,
    "mlp": mlp,
}
BATCHES = {
    "both_ways": "symbolic",
    "conv_net": "rows",
    "encoder": "rows",
    "lstm": "symbolic",
    "mlp": "symbolic",
}
