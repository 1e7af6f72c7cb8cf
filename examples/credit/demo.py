"""A credit model from training to four workers that share one copy of it.

python examples/credit/demo.py [--size default|large]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import monobloc
import pandas as pd
import stages
from generate import COLUMNS, applications
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from stages import digest, heading
from train import SIZES, Size, fit, nodes

NAME = "credit"
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
    measured = stages.compare(folder)
    return stages.conclude(measured, expected, folder, NAME)


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
    print(pack(model, data, live, folder))
    return digest(probabilities)


def pack(
    model: Pipeline, data: pd.DataFrame, live: pd.DataFrame, folder: Path
) -> monobloc.PackReport:
    return stages.pack(model, data[COLUMNS], live[COLUMNS], folder, NAME)


if __name__ == "__main__":
    sys.exit(main())
