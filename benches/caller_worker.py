"""One process whose threads ask for batches at the same time, on two processors.

    python caller_worker.py LIBRARY FOLDER ROWS

`run CALLERS SECONDS` says how many rows a second were answered, by how many CPUs, and how many
batches not as by scikit-learn: other bytes, or where a library is not exact too far away.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

import numpy as np  # noqa: E402
from lines import serve  # noqa: E402

FARTHEST = 1e-5
"""That a probability of a converted model may be away from scikit-learn's."""


class Monobloc:
    def __init__(self, folder: Path) -> None:
        import monobloc

        self._engine = monobloc.load(folder / "model.bloc")

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._engine.predict_proba(rows)

    def agrees(self, answer: np.ndarray, expected: np.ndarray) -> bool:
        return answer.tobytes() == expected.tobytes()


class Onnxruntime:
    """As it comes: no option is set."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", providers=providers)
        self._output = [self._session.get_outputs()[-1].name]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._session.run(self._output, {"x": rows})[0]

    def agrees(self, answer: np.ndarray, expected: np.ndarray) -> bool:
        return float(np.abs(answer - expected).max()) <= FARTHEST


class Worker:
    def __init__(self, library: str, folder: str, rows: str) -> None:
        self.library: Any = {"monobloc": Monobloc, "onnxruntime": Onnxruntime}[library](
            Path(folder)
        )
        self.rows = np.load(Path(folder) / "rows.npy")[: int(rows)]
        self.expected = np.load(Path(folder) / "expected.npy")[: int(rows)]
        assert self.library.agrees(self.library.predict(self.rows), self.expected)

    def run(self, callers: str, seconds: str) -> dict[str, Any]:
        start, used = time.monotonic(), time.process_time()

        def call(_: int) -> tuple[int, int]:
            """Batches and how many were answered wrongly."""
            batches = wrong = 0
            while time.monotonic() < start + float(seconds):
                batches += 1
                wrong += not self.library.agrees(self.library.predict(self.rows), self.expected)
            return batches, wrong

        with ThreadPoolExecutor(int(callers)) as threads:
            batches, wrong = map(sum, zip(*threads.map(call, range(int(callers))), strict=True))
        seconds = time.monotonic() - start
        return {
            "rows_per_second": batches * len(self.rows) / seconds,
            "cpus": (time.process_time() - used) / seconds,
            "wrong": wrong,
        }


if __name__ == "__main__":
    serve(Worker(*sys.argv[1:]))
