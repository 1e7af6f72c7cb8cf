"""One serving process of the comparison.

It imports what its way of loading needs, then does what the lines on standard input say and prints
one line of JSON for each. `compare.py` measures it from outside.

    python worker.py WAY FOLDER
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import time
from array import array
from pathlib import Path
from typing import Any

SERVED_ROWS = 1_000
WAYS = ("joblib", "joblib-mmap", "joblib-forked", "monobloc", "monobloc-forked")


class Joblib:
    """scikit-learn's own model, from a joblib file."""

    def __init__(self, mmap_mode: str | None) -> None:
        # pandas imports pyarrow where it is installed; a lean service would not have it.
        sys.modules["pyarrow"] = None  # type: ignore[assignment]
        import joblib
        import pandas as pd
        import sklearn.compose
        import sklearn.ensemble
        import sklearn.impute
        import sklearn.pipeline
        import sklearn.preprocessing  # noqa: F401

        del sys.modules["pyarrow"]
        self._joblib, self._pandas, self._mmap_mode = joblib, pd, mmap_mode

    def load(self, stem: Path) -> Any:
        return self._joblib.load(f"{stem}.joblib", mmap_mode=self._mmap_mode)

    def request(self, rows: list[dict[str, Any]], dtypes: dict[str, str]) -> Any:
        """Rows as the model takes them."""
        return self._pandas.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


class Monobloc:
    """The bloc. A request is a list of dicts as it came, an answer is a NumPy array."""

    def __init__(self) -> None:
        import monobloc
        import numpy  # noqa: F401

        self._monobloc = monobloc

    def load(self, stem: Path) -> Any:
        return self._monobloc.load(f"{stem}.bloc", threads=1)

    def request(self, rows: list[dict[str, Any]], dtypes: dict[str, str]) -> Any:
        return rows


def way_of(name: str) -> Joblib | Monobloc:
    if name.startswith("monobloc"):
        return Monobloc()
    return Joblib("r" if name == "joblib-mmap" else None)


def raw(answer: Any) -> bytes:
    """The bytes of answers, whether they came as an array or as lists."""
    if hasattr(answer, "tobytes"):
        return answer.tobytes()
    return array("d", [value for row in answer for value in row]).tobytes()


def timed(call: Any, seconds: float, most: int) -> list[float]:
    """Durations of repeated calls: at least three, within about `seconds`."""
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while len(durations) < 3 or (time.perf_counter() < end and len(durations) < most):
        start = time.perf_counter()
        call(len(durations))
        durations.append(time.perf_counter() - start)
    return durations


class Worker:
    def __init__(self, way: str, folder: Path) -> None:
        self.way = way_of(way)
        live = json.loads((folder / "live.json").read_text())
        self.stem: Path = folder / live["name"]
        self.method: str = live["method"]
        self.dtypes: dict[str, str] = live["dtypes"]
        self.rows: list[dict[str, Any]] = live["rows"]
        self.model: Any = None
        self.stop: tuple[int, int] | None = None

    def load(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.model = self.way.load(self.stem)
        loaded = time.perf_counter()
        self.answer(self.rows[:1])
        return {"load": loaded - start, "first": time.perf_counter() - start}

    def answer(self, rows: list[dict[str, Any]]) -> Any:
        return getattr(self.model, self.method)(self.way.request(rows, self.dtypes))

    def serve(self, rows_per_request: int) -> dict[str, Any]:
        """Answers at most `SERVED_ROWS` rows, and says what the answers' bytes were."""
        rows = self.rows[:SERVED_ROWS]
        digest = hashlib.sha256()
        for start in range(0, len(rows), rows_per_request):
            digest.update(raw(self.answer(rows[start : start + rows_per_request])))
        return {"pid": os.getpid(), "answers": digest.hexdigest()}

    def fork(self, workers: int, rows_per_request: int) -> None:
        """Forks workers that serve, print their line and wait for `join`."""
        self.stop = os.pipe()
        for _ in range(workers):
            if os.fork() == 0:
                os.close(self.stop[1])
                start = time.perf_counter()
                self.answer(self.rows[:1])
                first = time.perf_counter() - start
                say(self.serve(rows_per_request) | {"first": first})
                os.read(self.stop[0], 1)
                os._exit(0)

    def join(self, workers: int) -> dict[str, Any]:
        assert self.stop is not None
        for end in self.stop:
            os.close(end)
        for _ in range(workers):
            os.wait()
        return {}

    def time(self, batch: int) -> dict[str, Any]:
        """Median of one row and of a batch; both ways get the same frame for the batch."""
        requests = [self.way.request([row], self.dtypes) for row in self.rows[:500]]
        predict = getattr(self.model, self.method)
        one = timed(lambda i: predict(requests[i % len(requests)]), 2.0, 5000)
        import pandas as pd

        frame = pd.DataFrame(self.rows, columns=list(self.dtypes)).astype(self.dtypes)
        frame = pd.concat([frame] * -(-batch // len(frame)), ignore_index=True)[:batch]
        many = timed(lambda _: predict(frame), 2.0, 100)
        return {"row": statistics.median(one), "rows_per_second": batch / statistics.median(many)}


def say(line: dict[str, Any]) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def main() -> None:
    worker = Worker(sys.argv[1], Path(sys.argv[2]))
    say({"pid": os.getpid()})
    for line in sys.stdin:
        command, *arguments = line.split()
        said = getattr(worker, command)(*map(int, arguments))
        if said is not None:
            say(said)


if __name__ == "__main__":
    main()
