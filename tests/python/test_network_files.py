"""Files that are no network, or not one that can be run: each is refused, in words that help."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
WEIGHTS = np.arange(512, dtype=np.float32)


def model(
    nodes: list[Any] | None = None,
    inputs: list[Any] | None = None,
    outputs: list[str] | None = None,
    weights: list[onnx.TensorProto] | None = None,
) -> onnx.ModelProto:
    """``y = x + w``, but for what is given."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])] if nodes is None else nodes,
        "graph",
        [value("x", ["batch", 512])] if inputs is None else inputs,
        [value(name) for name in (["y"] if outputs is None else outputs)],
        [numpy_helper.from_array(WEIGHTS, "w")] if weights is None else weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 10
    return made


def value(name: str, shape: Any = None, kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def claims(kind: int, dims: list[int], raw: bytes = b"") -> onnx.TensorProto:
    """A weight of this type and shape, whatever its bytes are."""
    return TensorProto(name="w", data_type=kind, dims=dims, raw_data=raw)


def nested(depth: int) -> onnx.ModelProto:
    """A graph in an attribute of a node of a graph, and so on."""

    def field(number: int, payload: bytes) -> bytes:
        length, size = b"", len(payload)
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + payload

    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(1, b"g") + field(6, graph)))
    return field(7, graph)  # type: ignore[return-value]


def typed(kind: str) -> onnx.ValueInfoProto:
    tensor = helper.make_tensor_type_proto(FLOAT, [2])
    made = {
        "sequence": helper.make_sequence_type_proto(tensor),
        "optional": helper.make_optional_type_proto(tensor),
        "map": helper.make_map_type_proto(TensorProto.INT64, tensor),
    }[kind]
    return helper.make_value_info("x", made)


def attribute_graph() -> onnx.ModelProto:
    inner = helper.make_graph([], "inner", [], [])
    return model([helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)])


Corrupt, Unsupported = monobloc.CorruptError, monobloc.UnsupportedError
Invalid = monobloc.InvalidArgumentError
ADD = helper.make_node("Add", ["x", "w"], ["y"])

IN_MEMORY: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no bytes": (lambda: b"", Corrupt, "has no graph"),
    "other bytes": (lambda: b"PK\x03\x04 no model", Corrupt, "no ONNX model"),
    "truncated": (lambda: model().SerializeToString()[:-700], Corrupt, "no ONNX model"),
    "nested deep": (lambda: nested(10_000), Corrupt, "no ONNX model: .*recursion"),
    "no graph": (lambda: onnx.ModelProto(ir_version=8), Corrupt, "has no graph"),
    "no operator set": (
        lambda: onnx.ModelProto(ir_version=8, graph=model().graph),
        Unsupported,
        "operator set 0 of ONNX; versions 7 to 24 are read",
    ),
    "no output": (lambda: model(outputs=[]), Unsupported, "the graph has no output"),
    "no input": (
        lambda: model([helper.make_node("Neg", ["w"], ["y"])], inputs=[]),
        Unsupported,
        "the graph has no input",
    ),
    "no node": (
        lambda: model([], outputs=["x"], weights=[]),
        Unsupported,
        'output "x" is an input',
    ),
    "output without a node": (lambda: model([]), Corrupt, 'nothing gives .*output "y"'),
    "two outputs of a name": (lambda: model(outputs=["y", "y"]), Corrupt, 'output "y" twice'),
    "cyclic": (
        lambda: model(
            [
                helper.make_node("Add", ["x", "b"], ["a"]),
                helper.make_node("Add", ["a", "w"], ["b"]),
                helper.make_node("Neg", ["b"], ["y"]),
            ]
        ),
        Corrupt,
        'reads "b", .*cyclic',
    ),
    "no initializer": (lambda: model(weights=[]), Corrupt, 'node "y" .Add. reads "w"'),
    "name twice": (lambda: model([ADD, ADD]), Corrupt, 'defines "y" twice'),
    "input twice": (
        lambda: model(inputs=[value("x", [2]), value("x", [2])]),
        Corrupt,
        'defines "x" twice',
    ),
    "too few bytes": (
        lambda: model(weights=[claims(FLOAT, [512], b"four")]),
        Corrupt,
        r'tensor "w" has 4 bytes; its shape \[512\] takes 512 elements',
    ),
    "claims 3 GB": (
        lambda: model(weights=[claims(FLOAT, [750_000_000], b"four")]),
        Corrupt,
        'tensor "w" has 4 bytes',
    ),
    "claims 3 GB and has nothing": (
        lambda: model(weights=[claims(FLOAT, [750_000_000])]),
        Corrupt,
        'tensor "w" has 0 values',
    ),
    "shape that overflows": (
        lambda: model(weights=[claims(FLOAT, [2**40, 2**40])]),
        Corrupt,
        'tensor "w".* is no shape',
    ),
    "negative shape": (lambda: model(weights=[claims(FLOAT, [-4])]), Corrupt, "is no shape"),
    "unknown type": (
        lambda: model(weights=[claims(99, [1], b"four")]),
        Unsupported,
        'tensor "w" has ONNX data type 99',
    ),
    "shapes that do not fit": (
        lambda: model(inputs=[value("x", ["batch", 511])]),
        Unsupported,
        "Add: Can not broadcast 511 against 512",
    ),
    "types that do not fit": (
        lambda: model(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            weights=[numpy_helper.from_array(np.ones((512, 2), np.complex64), "w")],
        ),
        Unsupported,
        'tensor "w" has ONNX data type',
    ),
    "input of a sequence": (
        lambda: model(inputs=[typed("sequence")]),
        Unsupported,
        'input "x" is no tensor',
    ),
    "input of an optional": (
        lambda: model(inputs=[typed("optional")]),
        Unsupported,
        'input "x" is no tensor',
    ),
    "input of a map": (lambda: model(inputs=[typed("map")]), Unsupported, 'input "x" is no tensor'),
    "input of float8": (
        lambda: model(inputs=[value("x", [512], TensorProto.FLOAT8E4M3FN)]),
        Unsupported,
        'input "x" is no tensor of a known type',
    ),
    "input without rank": (
        lambda: model(inputs=[value("x")]),
        Invalid,
        'input "x" has no rank; give its shape',
    ),
    "control flow": (
        attribute_graph,
        Unsupported,
        r'operator If \(ai.onnx, version 18\) of node "y": it is not supported',
    ),
    "other domain": (
        lambda: model([helper.make_node("Add", ["x", "w"], ["y"], domain="my.own", name="n")]),
        Unsupported,
        r'operator Add \(my.own, version 18\) of node "n": operators of this domain',
    ),
    "external data of bytes": (
        lambda: external("weights.bin").SerializeToString(),
        Invalid,
        "give the model's path, not its bytes",
    ),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_models_in_memory(tmp_path: Path, name: str) -> None:
    make, error, text = IN_MEMORY[name]
    made = make()
    source = made if isinstance(made, bytes) else made.SerializeToString()
    with pytest.raises(error, match=f"(?s){text}"):
        monobloc.pack(source, tmp_path / "model.bloc")
    assert list(tmp_path.iterdir()) == []


def external(location: str, **entries: Any) -> onnx.ModelProto:
    """The model with its weight in another file."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[512])
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(entry))
    return model(weights=[tensor])


def save(folder: Path, made: onnx.ModelProto) -> Path:
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


EXTERNAL: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "absolute": ({"location": "/etc/hostname"}, Invalid, "no path inside the model's folder"),
    "parent": ({"location": "../secret.bin"}, Invalid, "no path inside the model's folder"),
    "parent within": ({"location": "a/../../secret.bin"}, Invalid, "no path inside"),
    "empty": ({"location": ""}, Invalid, "no path inside the model's folder"),
    "missing": ({"location": "none.bin"}, monobloc.NotFoundError, "none.bin: No such file"),
    "symbolic link": ({"location": "link.bin"}, Invalid, "link.bin is a symbolic link"),
    "folder that is a link": ({"location": "linked/w.bin"}, Invalid, "linked is a symbolic link"),
    "folder": ({"location": "folder"}, Invalid, "is no regular file"),
    "FIFO": ({"location": "fifo"}, Invalid, "is no regular file"),
    "offset beyond": ({"location": "w.bin", "offset": 4096}, Invalid, "2048 bytes at 4096 of"),
    "offset beyond all": (
        {"location": "w.bin", "offset": 2**64 - 1},
        Invalid,
        "2048 bytes at 18446744073709551615 of",
    ),
    "negative offset": ({"location": "w.bin", "offset": -8}, Corrupt, 'offset is "-8"'),
    "offset in words": ({"location": "w.bin", "offset": "six"}, Corrupt, 'offset is "six"'),
    "wrong length": (
        {"location": "w.bin", "length": 100},
        Corrupt,
        "external length is 100; .* take 2048 bytes",
    ),
    "short file": ({"location": "short.bin"}, Invalid, 'of "short.bin", which has 3 bytes'),
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_external_data(tmp_path: Path, name: str) -> None:
    entries, error, text = EXTERNAL[name]
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (folder / "w.bin").write_bytes(WEIGHTS.tobytes())
    (folder / "short.bin").write_bytes(b"abc")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "fifo")
    with pytest.raises(error, match=text):
        monobloc.pack(save(folder, external(**entries)), tmp_path / "model.bloc")
    assert not (tmp_path / "model.bloc").exists()


def test_external_data_in_a_folder_of_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "w.bin").write_bytes(b"head" * 2 + WEIGHTS.tobytes())
    made = external("parts/w.bin", offset=8, length=2048)
    monobloc.pack(save(tmp_path, made), tmp_path / "model.bloc")
    x = np.ones((2, 512), np.float32)
    assert np.array_equal(monobloc.load(tmp_path / "model.bloc").predict(x), x + WEIGHTS)


def test_an_initializer_can_be_an_output(tmp_path: Path) -> None:
    monobloc.pack(model(outputs=["y", "w"]), tmp_path / "model.bloc")
    x = np.ones((100, 512), np.float32)
    outputs = monobloc.load(tmp_path / "model.bloc").run({"x": x}).outputs
    assert np.array_equal(outputs["y"], x + WEIGHTS)
    assert np.array_equal(outputs["w"], WEIGHTS)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_told_or_rejected(tmp_path: Path, bad: float) -> None:
    x = np.ones((3, 512), np.float32)
    x[1, 7] = bad
    for policy, answer in (("flag", bad), ("reject", np.nan)):
        path = tmp_path / f"{policy}.bloc"
        monobloc.pack(model(), path, non_finite=policy)
        prediction = monobloc.load(path).run({"x": x})
        found = prediction.outputs["y"]
        assert np.array_equal(found[[0, 2]], (x + WEIGHTS)[[0, 2]])
        assert np.array_equal(found[1, 7], np.float32(answer), equal_nan=True)
        status = {"flag": "flagged", "reject": "rejected"}[policy]
        assert [verdict.status for verdict in prediction.verdicts] == ["ok", status, "ok"]
        kinds = {(f.field, f.kind) for f in prediction.verdicts[1].findings}
        told = {("x", "non_finite"), ("y", "non_finite_output")}
        assert kinds == (told if policy == "flag" else {("x", "non_finite")})
