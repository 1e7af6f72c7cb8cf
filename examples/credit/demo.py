"""A credit model from training to four workers that share one copy of it.

python examples/credit/demo.py [--size default|large]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import joblib
import monobloc
import pandas as pd
from compare import LABELS, WORKERS, Measured, measure, table
from generate import COLUMNS, applications
from picture import draw
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from train import SIZES, Size, fit, nodes
from worker import WAYS

SEED = 20
LIVE_ROWS = 2_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="default")
    parser.add_argument("--out", type=Path, help="where the files go")
    arguments = parser.parse_args()
    folder = arguments.out or Path(__file__).parent / "out" / arguments.size
    folder.mkdir(parents=True, exist_ok=True)

    expected = prepare(SIZES[arguments.size], folder)
    measured = compare(folder)
    return conclude(measured, expected, folder)


def prepare(size: Size, folder: Path) -> str:
    """Trains, packs and writes what the workers read; the digest of scikit-learn's own answers."""
    heading(f"Training: {size.rows:,} applications, {size.trees} trees")
    start = time.perf_counter()
    data = applications(size.rows, SEED)
    live = applications(LIVE_ROWS, SEED + 1, live=True)
    model = fit(data, size.trees)
    probabilities = model.predict_proba(live[COLUMNS])
    auc = roc_auc_score(live["defaulted"] == "yes", probabilities[:, 1])
    print(
        f"{nodes(model):,} nodes in {time.perf_counter() - start:.0f} s; AUC {auc:.3f} on new data"
    )

    heading("Packing")
    pack(model, data, live, folder)
    return hashlib.sha256(probabilities[:1000].tobytes()).hexdigest()


def pack(model: Pipeline, data: pd.DataFrame, live: pd.DataFrame, folder: Path) -> None:
    """Writes the model both ways, and live rows as a service gets them: as JSON."""
    report = monobloc.pack(
        model, folder / "credit.bloc", reference=data[COLUMNS], name="credit", version="1"
    )
    print(report)
    joblib.dump(model, folder / "credit.joblib")
    dtypes = {name: str(live[name].dtype) for name in COLUMNS}
    (folder / "live.json").write_text(json.dumps({"dtypes": dtypes, "rows": records(live)}))


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as dicts; a missing value is None, as in JSON."""
    columns = frame[COLUMNS].astype(object)
    return columns.where(columns.notna(), None).to_dict(orient="records")


def compare(folder: Path) -> list[Measured]:
    heading(f"Serving with {WORKERS} workers")
    measured = []
    for way in WAYS:
        print(f"{LABELS[way]} ...", flush=True)
        measured.append(measure(way, folder))
    return measured


def conclude(measured: list[Measured], expected: str, folder: Path) -> int:
    print("\n" + table(measured, expected))
    sizes = [(folder / name).stat().st_size for name in ("credit.joblib", "credit.bloc")]
    print(
        f"\nFiles: joblib {sizes[0] / 1e6:,.0f} MB, bloc {sizes[1] / 1e6:,.0f} MB.\n"
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


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
