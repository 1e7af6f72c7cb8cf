"""One process that runs a tree ensemble through one engine, and is measured from outside.

    python tree_worker.py ENGINE FOLDER THREADS

It does what the lines on standard input say, their words apart by tabs, and prints a line of JSON
for each; what fails is a line with an `error`. Answers are written as float64, row after row.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tree_engines import ENGINES, Monobloc


class Worker:
    def __init__(self, engine: str, folder: str, threads: str) -> None:
        self.engine = ENGINES[engine](Path(folder))
        self.threads = int(threads)
        self._ready: dict[tuple[int, int], Any] = {}

    def about(self) -> dict[str, Any]:
        """The versions of its packages, the file that it runs, and why it does not."""
        kept = self.engine.kept()
        return {
            "versions": {name: version(name) for name in self.engine.packages},
            "kept": None if kept is None else kept.name,
            "refusal": self.engine.refusal(),
        }

    def open(self) -> dict[str, Any]:
        """Loads what is packed."""
        assert isinstance(self.engine, Monobloc)
        self.engine.open()
        return {}

    def make(self) -> dict[str, Any]:
        """Whole or not at all."""
        kept = self.engine.kept()
        assert kept is not None
        kept.unlink(missing_ok=True)
        making = kept.with_name(f"making-{kept.name}")
        making.unlink(missing_ok=True)
        start = time.perf_counter()
        self.engine.make(making)
        seconds = time.perf_counter() - start
        making.rename(kept)
        return {"seconds": seconds}

    def load(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.engine.load(self.threads)
        self._rows = self.engine.facts.rows(self.engine.folder)
        return {"load": time.perf_counter() - start}

    def answer(self, method: str, file: str, batch: str) -> dict[str, Any]:
        """Writes what a method of the engine gives for the live rows in batches."""
        give = getattr(self.engine, method)
        size = int(batch)
        parts = [self._rows[at : at + size] for at in range(0, len(self._rows), size)]
        found = [give(part) for part in parts]
        np.concatenate(found, dtype=np.float64, casting="unsafe").tofile(file)
        return {}

    def run(self, batch: str, first: str, count: str) -> dict[str, Any]:
        """Seconds of `count` calls, each with the next `batch` rows, from batch `first` on."""
        size, batches = int(batch), len(self._rows) // int(batch)
        numbers = [(int(first) + call) % batches for call in range(int(count))]
        parts = [self._part(size, number) for number in numbers]
        predict, clock = self.engine.predict, time.perf_counter_ns
        seconds = []
        for part in parts:
            start = clock()
            predict(part)
            seconds.append((clock() - start) / 1e9)
        return {"seconds": seconds}

    def _part(self, size: int, number: int) -> Any:
        key = size, number
        if key not in self._ready:
            self._ready[key] = self.engine.ready(self._rows[number * size : (number + 1) * size])
        return self._ready[key]


def main() -> None:
    # Libraries print; the lines of JSON keep the standard output for themselves.
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(*sys.argv[1:])
    print("{}", file=said, flush=True)
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split("\t")
        try:
            found = getattr(worker, command)(*arguments)
        except Exception as error:
            found = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        print(json.dumps(found), file=said, flush=True)


if __name__ == "__main__":
    main()
