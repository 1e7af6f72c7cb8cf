"""The networks that are measured: the usual shapes, with made-up weights, as ONNX models."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
OPSET, IR_VERSION = 20, 10
Shape = Sequence[int | str]


@dataclass
class Builder:
    """Nodes and weights in the making."""

    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def weight(self, *shape: int, scale: float | None = None, base: float = 0.0) -> str:
        """Normal values around `base`, by default such that sums over the inputs stay near 1."""
        scale = 1 / math.sqrt(math.prod(shape[1:])) if scale is None else scale
        values = self.rng.standard_normal(shape, dtype=np.float32)
        values *= np.float32(scale)
        values += np.float32(base)
        return self.constant(values)

    def constant(self, values: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(values)
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node, and the name of its first output."""
        output = f"{operator.lower()}_{len(self.nodes)}"
        node = helper.make_node(operator, inputs, [output], name=output, **attributes)
        self.nodes.append(node)
        return output

    def model(self, inputs: Sequence[tuple[str, int, Shape]], output: str) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("Identity", [output], ["y"], name="y"))
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
            [helper.make_tensor_value_info("y", FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in self.weights.items()],
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def mlp(width: int = 512, hidden: int = 8192, layers: int = 4) -> onnx.ModelProto:
    """Layers of a product, a bias and a Relu; 822 MB by default."""
    make, x, before = Builder(), "x", width
    for _ in range(layers):
        x = make.node("MatMul", x, make.weight(before, hidden, scale=1.4 / math.sqrt(before)))
        x = make.node("Relu", make.node("Add", x, make.weight(hidden, scale=0.1)))
        before = hidden
    last = make.weight(before, 1, scale=1 / math.sqrt(before))
    x = make.node("Gemm", x, last, make.weight(1, scale=0.1))
    return make.model([("x", FLOAT, ["batch", width])], x)


def linear(width: int = 30) -> onnx.ModelProto:
    make = Builder()
    return make.model([("x", FLOAT, ["batch", width])], _linear(make, "x", width, 1))


def resnet50(width: int = 64, size: int = 224, classes: int = 1000) -> onnx.ModelProto:
    make = Builder()
    x = make.node("Relu", _convolution(make, "x", 3, width, 7, 2))
    x = make.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    before = width
    for stage, blocks in enumerate([3, 4, 6, 3]):
        inner = width << stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(make, x, before, inner, stride, widen=block == 0)
            before = inner * 4
    x = make.node("Flatten", make.node("GlobalAveragePool", x))
    x = make.node(
        "Gemm", x, make.weight(classes, before), make.weight(classes, scale=0.1), transB=1
    )
    return make.model([("x", FLOAT, ["batch", 3, size, size])], x)


def _bottleneck(make: Builder, x: str, before: int, inner: int, stride: int, *, widen: bool) -> str:
    y = make.node("Relu", _convolution(make, x, before, inner, 1, 1))
    y = make.node("Relu", _convolution(make, y, inner, inner, 3, stride))
    y = _convolution(make, y, inner, inner * 4, 1, 1)
    around = _convolution(make, x, before, inner * 4, 1, stride) if widen else x
    return make.node("Relu", make.node("Add", y, around))


def _convolution(make: Builder, x: str, before: int, after: int, kernel: int, stride: int) -> str:
    """A convolution over two axes, and the norm after it."""
    scale = math.sqrt(2 / (before * kernel * kernel))
    x = make.node(
        "Conv",
        x,
        make.weight(after, before, kernel, kernel, scale=scale),
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[kernel // 2] * 4,
    )
    return _batch_norm(make, x, after)


def _batch_norm(make: Builder, x: str, channels: int) -> str:
    scale, shift, mean = (make.weight(channels, scale=0.05, base=base) for base in (1, 0, 0))
    spread = np.abs(make.rng.standard_normal(channels, dtype=np.float32) * np.float32(0.05) + 1)
    return make.node("BatchNormalization", x, scale, shift, mean, make.constant(spread))


def conv1d(channels: int = 64, length: int = 256, classes: int = 10) -> onnx.ModelProto:
    """Four convolutions along time."""
    make, x, before = Builder(), "x", 8
    layers = [(channels, 7, 1), (channels * 2, 5, 2), (channels * 4, 3, 2), (channels * 4, 3, 2)]
    for after, kernel, stride in layers:
        x = make.node(
            "Conv",
            x,
            make.weight(after, before, kernel),
            make.weight(after, scale=0.1),
            kernel_shape=[kernel],
            strides=[stride],
            pads=[kernel // 2] * 2,
        )
        x = make.node("Relu", _batch_norm(make, x, after))
        before = after
    x = make.node("Flatten", make.node("GlobalAveragePool", x))
    x = make.node(
        "Gemm", x, make.weight(classes, before), make.weight(classes, scale=0.1), transB=1
    )
    return make.model([("x", FLOAT, ["batch", 8, length])], x)


def transformer(
    layers: int = 6, width: int = 384, heads: int = 12, inner: int = 1536, words: int = 30522
) -> onnx.ModelProto:
    """An encoder of MiniLM's size: norms after the sums, Gelu, and a mask over the tokens."""
    make = Builder()
    x = make.node("Gather", make.weight(words, width, scale=0.05), "input_ids")
    x = make.node("Add", x, _positions(make, width, longest=512))
    x = _layer_norm(make, x, width)
    mask = make.node("Cast", "attention_mask", to=FLOAT)
    mask = make.node("Unsqueeze", mask, make.constant(np.array([1, 2], np.int64)))
    mask = make.node("Sub", make.constant(np.float32(1)), mask)
    mask = make.node("Mul", mask, make.constant(np.float32(-10000)))
    for _ in range(layers):
        x = _layer_norm(make, make.node("Add", x, _attention(make, x, mask, width, heads)), width)
        y = make.node("Gelu", _linear(make, x, width, inner))
        x = _layer_norm(make, make.node("Add", x, _linear(make, y, inner, width)), width)
    inputs = [(name, INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    return make.model(inputs, x)


def _positions(make: Builder, width: int, longest: int) -> str:
    length = make.node("Shape", "input_ids")
    length = make.node("Gather", length, make.constant(np.int64(1)), axis=0)
    places = make.node("Range", make.constant(np.int64(0)), length, make.constant(np.int64(1)))
    return make.node("Gather", make.weight(longest, width, scale=0.05), places)


def _attention(make: Builder, x: str, mask: str, width: int, heads: int) -> str:
    apart = make.constant(np.array([0, 0, heads, width // heads], np.int64))
    query, key, value = (
        make.node("Reshape", _linear(make, x, width, width), apart) for _ in range(3)
    )
    query, value = (make.node("Transpose", each, perm=[0, 2, 1, 3]) for each in (query, value))
    key = make.node("Transpose", key, perm=[0, 2, 3, 1])
    scale = make.constant(np.float32(math.sqrt(width // heads)))
    scores = make.node("Div", make.node("MatMul", query, key), scale)
    scores = make.node("Softmax", make.node("Add", scores, mask), axis=-1)
    y = make.node("Transpose", make.node("MatMul", scores, value), perm=[0, 2, 1, 3])
    y = make.node("Reshape", y, make.constant(np.array([0, 0, width], np.int64)))
    return _linear(make, y, width, width)


def _linear(make: Builder, x: str, before: int, after: int) -> str:
    weight = make.weight(before, after, scale=1 / math.sqrt(before))
    return make.node("Add", make.node("MatMul", x, weight), make.weight(after, scale=0.02))


def _layer_norm(make: Builder, x: str, width: int) -> str:
    scale, shift = (make.weight(width, scale=0.05, base=base) for base in (1, 0))
    return make.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)


def lstm(width: int = 64, hidden: int = 256, layers: int = 2) -> onnx.ModelProto:
    """Recurrent layers, and a product with the last step's state."""
    make, before = Builder(), width
    x = make.node("Transpose", "x", perm=[1, 0, 2])
    for _ in range(layers):
        weights = [make.weight(1, 4 * hidden, each) for each in (before, hidden)]
        x = make.node(
            "LSTM", x, *weights, make.weight(1, 8 * hidden, scale=0.1), hidden_size=hidden
        )
        x = make.node("Squeeze", x, make.constant(np.array([1], np.int64)))
        before = hidden
    x = make.node("Gather", x, make.constant(np.int64(-1)), axis=0)
    x = make.node("Gemm", x, make.weight(1, hidden), make.weight(1, scale=0.1), transB=1)
    return make.model([("x", FLOAT, ["batch", "time", width])], x)


def write(model: onnx.ModelProto, path: Path) -> None:
    """Writes a model whose weights lie in a file beside it, as any above 2 GB must."""
    onnx.save(
        model,
        path,
        save_as_external_data=True,
        location=f"{path.name}.data",
        size_threshold=1024,
    )


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "mlp": mlp,
    "resnet50": resnet50,
    "conv1d": conv1d,
    "transformer": transformer,
    "lstm": lstm,
}
