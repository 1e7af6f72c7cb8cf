"""The stages of a demo that are the same for every tabular model: pack, serve, conclude."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import joblib
import monobloc
import numpy as np
import pandas as pd
from compare import LABELS, WORKERS, Measured, measure, megabytes, table
from picture import draw
from worker import SERVED_ROWS, WAYS


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}", flush=True)


def digest(answers: np.ndarray) -> str:
    """What a worker must say of its answers."""
    return hashlib.sha256(answers[:SERVED_ROWS].tobytes()).hexdigest()


def method(model: Any) -> str:
    """The method whose answers are compared."""
    return "predict_proba" if hasattr(model, "predict_proba") else "predict"


def pack(
    model: Any, reference: pd.DataFrame, live: pd.DataFrame, folder: Path, name: str
) -> monobloc.PackReport:
    """Writes the model both ways, and live rows as a service gets them: as JSON."""
    report = monobloc.pack(
        model, folder / f"{name}.bloc", reference=reference, name=name, version="1"
    )
    joblib.dump(model, folder / f"{name}.joblib")
    served = {
        "name": name,
        "method": method(model),
        "dtypes": {column: str(dtype) for column, dtype in live.dtypes.items()},
        "rows": records(live),
    }
    (folder / "live.json").write_text(json.dumps(served))
    return report


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as dicts; a missing value is None, as in JSON."""
    columns = frame.astype(object)
    return columns.where(columns.notna(), None).to_dict(orient="records")


def compare(folder: Path) -> list[Measured]:
    heading(f"Serving with {WORKERS} workers")
    measured = []
    for way in WAYS:
        print(f"{LABELS[way]} ...", flush=True)
        measured.append(measure(way, folder))
    return measured


def conclude(measured: list[Measured], expected: str, folder: Path, name: str) -> int:
    print("\n" + table(measured, expected))
    sizes = [(folder / f"{name}.{kind}").stat().st_size for kind in ("joblib", "bloc")]
    print(
        f"\nFiles: joblib {megabytes(sizes[0])}, bloc {megabytes(sizes[1])}.\n"
        "Memory of all: sum of PSS, over the workers and the parent that they were forked from.\n"
        "Private each: RssAnon + RssShmem beyond the imports; of a forked worker what it wrote.\n"
        "First answer: from the end of the imports, loading included. Batch: 10,000 rows."
    )
    draw(measured, sizes[0], sizes[1], folder / "memory.png")
    print(f"Picture: {folder / 'memory.png'}")
    wrong = [LABELS[one.way] for one in measured if set(one.answers) != {expected}]
    if wrong:
        print(f"Answers that are not scikit-learn's: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0
