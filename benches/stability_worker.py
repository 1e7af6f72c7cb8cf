"""One process that predicts for long, or forks often, and is asked what became of it.

python stability_worker.py FOLDER
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
from children import fork
from lines import serve

THREADS = 4
LOADED_BY = 2
"""Threads that predict while a process forks."""
HUNG = 20
"""Seconds after which a forked child is taken for hung."""
MOST_FAILED = 5
"""Children after which no more are forked, since each may hang for long."""
BATCH = 300
DRAWN = 100


class Worker:
    def __init__(self, folder: str) -> None:
        self.engine: Any = monobloc.load(Path(folder) / "model.bloc", threads=2)
        self.dicts = json.loads((Path(folder) / "rows.json").read_text())
        self.expected = np.load(Path(folder) / "expected.npy")
        self.bodies = [json.dumps(row).encode() for row in self.dicts]
        self.frame = pd.DataFrame(self.dicts)
        self.requests: list[tuple[Callable[[int], bool], float]] = [
            (self._dict, 0.45),
            (self._json, 0.45),
            (self._list, 0.0889),
            (self._frame, 0.01),
            (self._large_frame, 0.0011),
        ]

    def predict(self, predictions: str) -> dict[str, Any]:
        """Requests of all sizes by several threads."""

        def call(number: int) -> int:
            """How many were answered wrongly."""
            at_random, wrong = random.Random(number), 0
            requests, shares = zip(*self.requests, strict=True)
            for _ in range(int(predictions) // THREADS // DRAWN):
                for request in at_random.choices(requests, shares, k=DRAWN):
                    wrong += not request(at_random.randrange(len(self.dicts)))
            return wrong

        start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            wrong = sum(threads.map(call, range(THREADS)))
        return {"wrong": wrong, "seconds": time.perf_counter() - start}

    def fork(self, forks: str) -> dict[str, Any]:
        """Children that each predict, one after the other, while threads predict here."""
        ended = threading.Event()
        with ThreadPoolExecutor(LOADED_BY) as threads:
            load = [threads.submit(self._predict_until, ended) for _ in range(LOADED_BY)]
            start = time.perf_counter()
            done = failed = 0
            while done < int(forks) and failed < MOST_FAILED:
                _, status = os.waitpid(fork(self._child, HUNG), 0)
                done, failed = done + 1, failed + (status != 0)
            seconds = (time.perf_counter() - start) / done
            ended.set()
            wrong = sum(each.result() for each in load)
        return {"wrong": failed + wrong, "seconds": seconds}

    def _predict_until(self, ended: threading.Event) -> int:
        """How many rounds of requests were answered wrongly."""
        wrong = 0
        while not ended.is_set():
            wrong += not (self._dict(1) and self._json(2) and self._frame(3))
        return wrong

    def _child(self) -> None:
        assert self._dict(0)
        assert self._frame(0)

    def _dict(self, at: int) -> bool:
        return self._is(self.engine.predict_proba(self.dicts[at]), at, 1)

    def _json(self, at: int) -> bool:
        said = json.loads(self.engine.run_json(self.bodies[at]))
        return said["outputs"]["probabilities"] == [self.expected[at].tolist()]

    def _list(self, at: int) -> bool:
        at = min(at, len(self.dicts) - 10)
        return self._is(self.engine.predict_proba(self.dicts[at : at + 10]), at, 10)

    def _frame(self, at: int) -> bool:
        at = min(at, len(self.dicts) - BATCH)
        return self._is(self.engine.predict_proba(self.frame[at : at + BATCH]), at, BATCH)

    def _large_frame(self, _: int) -> bool:
        return self._is(self.engine.predict_proba(self.frame), 0, len(self.frame))

    def _is(self, answer: Any, first: int, rows: int) -> bool:
        expected = self.expected[first : first + rows]
        return np.asarray(answer).tobytes() == expected.tobytes()


if __name__ == "__main__":
    serve(Worker(*sys.argv[1:]))
