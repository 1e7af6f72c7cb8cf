"""One process that serves a network, and is measured from outside.

    python network_worker.py LIBRARY MODEL THREADS

It imports its library, then does what the lines on standard input say, their words apart by tabs,
and prints a line of JSON for each: `load`; `run COUNT FOLDER`; `answer FOLDER FILE`, which writes
the outputs' bytes; `constants`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from lines import serve


class Monobloc:
    def __init__(self) -> None:
        import monobloc

        self._load = monobloc.load

    def load(self, path: str, threads: int) -> None:
        self._engine = self._load(path, threads=threads)

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return list(self._engine.run(inputs).outputs.values())

    def constants(self) -> list[dict[str, Any]]:
        return [
            {"name": each.name, "bytes": each.bytes, "mapped": each.mapped, "packed": each.packed}
            for each in self._engine.load_report.constants
        ]


class Onnxruntime:
    def __init__(self) -> None:
        import onnxruntime

        self._library = onnxruntime

    def load(self, path: str, threads: int) -> None:
        options = self._library.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = self._library.InferenceSession(path, options, ["CPUExecutionProvider"])

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return self._session.run(None, inputs)


class Worker:
    def __init__(self, library: str, model: str, threads: str) -> None:
        self.library: Any = {"monobloc": Monobloc, "onnxruntime": Onnxruntime}[library]()
        self.model, self.threads = model, int(threads)

    def load(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.library.load(self.model, self.threads)
        return {"load": time.perf_counter() - start}

    def run(self, count: str, folder: str) -> dict[str, Any]:
        inputs = read_inputs(Path(folder))
        seconds = []
        for _ in range(int(count)):
            start = time.perf_counter()
            self.library.run(inputs)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    def answer(self, folder: str, file: str) -> dict[str, Any]:
        outputs = self.library.run(read_inputs(Path(folder)))
        Path(file).write_bytes(b"".join(output.tobytes() for output in outputs))
        return {}

    def constants(self) -> dict[str, Any]:
        return {"constants": self.library.constants()}


def write_inputs(inputs: dict[str, np.ndarray], folder: Path) -> None:
    """Writes arrays as `read_inputs` and the plain tract program read them."""
    folder.mkdir(parents=True, exist_ok=True)
    described = []
    for name, array in inputs.items():
        shape = {"dtype": array.dtype.name, "shape": array.shape}
        described.append({"name": name, "file": f"{name}.bin"} | shape)
        (folder / f"{name}.bin").write_bytes(array.tobytes())
    (folder / "inputs.json").write_text(json.dumps(described))


def read_inputs(folder: Path) -> dict[str, np.ndarray]:
    described = json.loads((folder / "inputs.json").read_text())
    return {
        each["name"]: np.fromfile(folder / each["file"], each["dtype"]).reshape(each["shape"])
        for each in described
    }


if __name__ == "__main__":
    serve(Worker(*sys.argv[1:]))
