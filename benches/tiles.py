"""A batch of 5 million rows: what it needs beyond its input and its output.

`python tiles.py KIND FOLDER` is the process that is measured; `measure` looks at it from outside.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import forests
import numpy as np
from memory import Peak, private
from record import Figure

ROWS = 5_000_000
COMPARED = 200_000
NUMBERS, STRINGS = 24, 6
KINDS = ("array", "frame")
THREADS = (1, 2)
_LEVELS = np.array([f"level {level}" for level in range(12)], dtype=object)


def measure() -> list[Figure]:
    figures = []
    for kind in KINDS:
        folder = forests.KEPT / f"tiles-{kind}"
        _pack(kind, folder)
        figures += _measure(kind, folder)
    return figures


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


def _pack(kind: str, folder: Path) -> None:
    import joblib
    import monobloc
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    folder.mkdir(parents=True, exist_ok=True)
    data = rows(kind, 20_000, seed=1)
    leading = data if kind == "array" else data[["n0", "n1"]].to_numpy()
    target = np.nan_to_num(leading[:, 0]) + np.nan_to_num(leading[:, 1]) > 0
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    prepare: Any = numbers
    if kind == "frame":
        strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        prepare = ColumnTransformer(
            [("n", numbers, list(data.columns[:NUMBERS])), ("s", strings, list(data.columns[-6:]))]
        )
    model = make_pipeline(
        prepare, RandomForestClassifier(n_estimators=10, max_depth=8, random_state=1)
    ).fit(data, target)
    monobloc.pack(model, folder / "tiles.bloc", reference=data)
    joblib.dump(model, folder / "tiles.joblib")


def _measure(kind: str, folder: Path) -> list[Figure]:
    command = [sys.executable, __file__, kind, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    found = {}
    for ask in ("sklearn", *(f"monobloc {threads}" for threads in THREADS)):
        process.stdin.write(f"ready {ask}\n")
        process.stdin.flush()
        process.stdout.readline()
        before = private(process.pid)
        with Peak(process.pid) as peak:
            process.stdin.write(f"predict {ask}\n")
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
        found[ask] = said | {"extra": peak.bytes - before - said["output"]}
    process.stdin.close()
    assert process.wait() == 0
    assert len({said["answers"] for said in found.values()}) == 1, found
    # A frame's strings take scikit-learn minutes, so there it answers a part of the rows.
    whole = kind == "array"
    return [
        Figure(
            f"{ROWS / 1e6:.0f} M rows × 30 columns ({kind}), {threads} thread"
            f"{'s' if threads > 1 else ''}: peak beyond input and output",
            found[f"monobloc {threads}"]["extra"] / 1e6,
            "MB",
            16 * threads,
            "scikit-learn" if whole else None,
            found["sklearn"]["extra"] / 1e6 if whole else None,
        )
        for threads in THREADS
    ] + [
        Figure(
            f"{ROWS / 1e6:.0f} M rows × 30 columns ({kind}), 1 thread: time",
            found["monobloc 1"]["seconds"],
            "s",
            None,
            "scikit-learn" if whole else None,
            found["sklearn"]["seconds"] if whole else None,
        )
    ]


def _serve(kind: str, folder: Path) -> None:
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
            model.predict_proba(data[:COMPARED])
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
    _serve(sys.argv[1], Path(sys.argv[2]))
