"""The sentence encoder as an ONNX graph: BERT, the mean of its tokens, and length one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, WIDTH, HEADS = 6, 384, 12
OPSET, IR_VERSION = 20, 10
FAR_BELOW = -10_000.0
"""What is added to the scores of padding."""
Weights = dict[str, np.ndarray]


@dataclass
class Graph:
    """Nodes and constants in the making."""

    weights: Weights
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values: Any, name: str | None = None) -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def scalar(self, value: float) -> str:
        return self.constant(np.full(1, value, np.float32))

    def weight(self, name: str, *, turned: bool = False) -> str:
        values = self.weights[name]
        return self.constant(values.T if turned else values, name)

    def linear(self, name: str, x: str) -> str:
        product = self.node("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.node("Add", product, self.weight(f"{name}.bias"))

    def norm(self, name: str, x: str) -> str:
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)


def write(weights: Weights, path: Path) -> None:
    """Writes the encoder: token numbers and their mask in, one vector per sentence out."""
    graph = Graph(weights)
    mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    y = _pooled(graph, _tokens(graph, mask), mask)
    graph.nodes.append(helper.make_node("Identity", [y], ["embedding"], name="embedding"))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    made = helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.constants)
    opset = helper.make_opsetid("", OPSET)
    onnx.save(helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION), path)


def _tokens(graph: Graph, mask: str) -> str:
    """A vector per token, after all layers."""
    x = graph.norm("embeddings.LayerNorm", _embedded(graph))
    places = graph.constant(np.array([1, 2], np.int64))
    padding = graph.node("Sub", graph.scalar(1), graph.node("Unsqueeze", mask, places))
    padding = graph.node("Mul", padding, graph.scalar(FAR_BELOW))
    for number in range(LAYERS):
        name = f"encoder.layer.{number}"
        y = _attention(graph, f"{name}.attention", x, padding)
        x = graph.norm(f"{name}.attention.output.LayerNorm", graph.node("Add", x, y))
        y = graph.node("Gelu", graph.linear(f"{name}.intermediate.dense", x))
        y = graph.linear(f"{name}.output.dense", y)
        x = graph.norm(f"{name}.output.LayerNorm", graph.node("Add", x, y))
    return x


def _embedded(graph: Graph) -> str:
    words = graph.weight("embeddings.word_embeddings.weight")
    x = graph.node("Gather", words, "input_ids")
    length = graph.node("Shape", "input_ids", start=1, end=2)
    zero = graph.constant(np.zeros(1, np.int64))
    # All tokens are of the first kind, so its vector is added to every place's.
    places = graph.weights["embeddings.position_embeddings.weight"]
    places = places + graph.weights["embeddings.token_type_embeddings.weight"][:1]
    first = graph.node("Slice", graph.constant(places), zero, length, zero)
    return graph.node("Add", x, first)


def _attention(graph: Graph, name: str, x: str, padding: str) -> str:
    apart = graph.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
    query, key, value = (
        graph.node("Reshape", graph.linear(f"{name}.self.{part}", x), apart)
        for part in ("query", "key", "value")
    )
    query = graph.node("Transpose", query, perm=[0, 2, 1, 3])
    key = graph.node("Transpose", key, perm=[0, 2, 3, 1])
    value = graph.node("Transpose", value, perm=[0, 2, 1, 3])
    scale = graph.scalar(math.sqrt(WIDTH // HEADS))
    scores = graph.node("Div", graph.node("MatMul", query, key), scale)
    scores = graph.node("Softmax", graph.node("Add", scores, padding), axis=-1)
    y = graph.node("Transpose", graph.node("MatMul", scores, value), perm=[0, 2, 1, 3])
    y = graph.node("Reshape", y, graph.constant(np.array([0, 0, WIDTH], np.int64)))
    return graph.linear(f"{name}.output.dense", y)


def _pooled(graph: Graph, tokens: str, mask: str) -> str:
    """The mean of the tokens that are no padding, of length one."""
    axis = graph.constant(np.array([1], np.int64))
    real = graph.node("Unsqueeze", mask, graph.constant(np.array([2], np.int64)))
    summed = graph.node("ReduceSum", graph.node("Mul", tokens, real), axis, keepdims=0)
    count = graph.node("ReduceSum", mask, axis, keepdims=1)
    mean = graph.node("Div", summed, count)
    squares = graph.node("ReduceSum", graph.node("Mul", mean, mean), axis, keepdims=1)
    return graph.node("Div", mean, graph.node("Sqrt", squares))
