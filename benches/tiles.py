"""A batch of 5 million rows: what it needs beyond its input and its output.

`batch_worker.py` is the process that is measured, from outside.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import batch_worker
import forests
import numpy as np
from batch_worker import NUMBERS, ROWS, rows
from memory import Peak, private
from record import Figure

KINDS = ("array", "frame")
THREADS = (1, 2)


def measure() -> list[Figure]:
    figures = []
    for kind in KINDS:
        folder = forests.KEPT / f"tiles-{kind}"
        _pack(kind, folder)
        figures += _measure(kind, folder)
    return figures


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
    command = [sys.executable, batch_worker.__file__, kind, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    found = {}
    # scikit-learn last: what it frees would hide what the others need.
    for ask in (*(f"monobloc {threads}" for threads in THREADS), "sklearn"):
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
