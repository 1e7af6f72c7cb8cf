"""The process that tiles.py measures: predicts a batch of 5 million rows.

python batch_worker.py KIND FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 5_000_000
COMPARED = 200_000
NUMBERS, STRINGS = 24, 6
_LEVELS = np.array([f"level {level}" for level in range(12)], dtype=object)


def rows(kind: str, count: int, seed: int) -> Any:
    """30 columns: numbers with gaps, and in a frame six columns of strings too."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    width = NUMBERS + STRINGS if kind == "array" else NUMBERS
    numbers = rng.standard_normal((count, width))
    numbers[rng.integers(0, count, count // 20), rng.integers(0, width, count // 20)] = np.nan
    if kind == "array":
        return numbers
    columns = {f"n{i}": numbers[:, i] for i in range(NUMBERS)}
    for i in range(STRINGS):
        columns[f"s{i}"] = pd.Series(_LEVELS[rng.integers(0, len(_LEVELS), count)], dtype=object)
    return pd.DataFrame(columns)


def serve(kind: str, folder: Path) -> None:
    """The measured process: predicts and says how long it took and what came out."""
    import monobloc

    data = rows(kind, ROWS, seed=2)
    model: Any = None
    print("{}", flush=True)
    for line in sys.stdin:
        step, library, *threads = line.split()
        if step == "ready":
            if library == "sklearn":
                import joblib

                model = joblib.load(folder / "tiles.joblib")
            else:
                model = monobloc.load(folder / "tiles.bloc", threads=int(threads[0]))
            model.predict_proba(data[:1])
            print("{}", flush=True)
            continue
        part = data[:COMPARED] if library == "sklearn" and kind == "frame" else data
        start = time.perf_counter()
        answer = model.predict_proba(part)
        said = {"seconds": time.perf_counter() - start, "output": answer.nbytes}
        compared = answer if kind == "array" else answer[:COMPARED]
        said["answers"] = hashlib.sha256(np.ascontiguousarray(compared)).hexdigest()
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
