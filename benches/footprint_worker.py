"""Serves blocs as a worker does, and tells the memory that it then holds.

    python footprint_worker.py THREADS [BLOC…]

Each bloc answers batches that touch all of it. The worker tells its memory when a line comes in, so
that all workers still hold theirs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import monobloc
import numpy as np

ROWS = 1_024
"""A tile: more would be held by the allocator once they are freed, which is the caller's memory."""


def answer(engine: monobloc.Engine) -> None:
    tensors = engine.schema.get("tensors") or []
    if not tensors:
        rng = np.random.default_rng(1)
        for _ in range(20):
            engine.run(rng.normal(size=(ROWS, engine.n_features_in_)) * 2)
    else:
        width = tensors[0]["shape"][1]
        for _ in range(20):
            engine.run({tensors[0]["name"]: np.ones((1, width), np.float32)})


def private() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    said = dict(line.split(":", 1) for line in lines)
    return sum(int(said[name].split()[0]) for name in ("RssAnon", "RssShmem")) * 1024


def mapped(path: str) -> float:
    """The proportional share of the bloc's pages."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(maxsplit=1)[0]:
            inside = line.endswith(path)
        elif inside and line.startswith("Pss:"):
            total += int(line.split()[1])
    return total * 1024


def main() -> None:
    threads, blocs = int(sys.argv[1]), [os.path.realpath(path) for path in sys.argv[2:]]
    np.random.default_rng(1).normal(size=10)
    engines = [monobloc.load(path, threads=threads) for path in blocs]
    for engine in engines:
        answer(engine)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps({"private": private(), "mapped": sum(map(mapped, blocs))}), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
