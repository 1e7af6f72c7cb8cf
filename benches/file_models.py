"""A file of rows as databases export them, and the models that score it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import generate
import joblib
import monobloc
import numpy as np
import pandas as pd
import train
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

TRAINED_ROWS = 60_000
SEED = 23
BLOCK_ROWS = 100_000
BLOCKS = 5
"""Different blocks of rows; they come again with other numbers until the file is large enough."""

MODELS: dict[str, Any] = {
    "forest": RandomForestClassifier(100, max_depth=12, random_state=SEED, n_jobs=2),
    "logistic regression": LogisticRegression(max_iter=1000),
    "HistGradientBoosting": HistGradientBoostingClassifier(max_iter=100, random_state=SEED),
}


def fitted(title: str, folder: Path) -> tuple[Path, Path]:
    """The demo's preprocessing before a model, as joblib writes it, and packed."""
    data = generate.applications(TRAINED_ROWS, seed=SEED)
    model = clone(train.pipeline(trees=1, jobs=1))
    model.set_params(forest=clone(MODELS[title]))
    model.fit(data[generate.COLUMNS], data[generate.TARGET])
    if "n_jobs" in model[-1].get_params():
        model[-1].set_params(n_jobs=1)
    path, bloc = folder / "model.joblib", folder / "model.bloc"
    joblib.dump(model, path)
    monobloc.pack(model, bloc, reference=data[generate.COLUMNS])
    return path, bloc


def write_rows(path: Path, size: int) -> int:
    """Writes at least `size` bytes of CSV, and gives the number of rows."""
    blocks = [_lines(seed) for seed in range(BLOCKS)]
    n_rows = 0
    with path.open("w", newline="") as out:
        out.write(",".join(["number", "note", *generate.COLUMNS]) + "\n")
        while out.tell() < size:
            lines = blocks[n_rows // BLOCK_ROWS % BLOCKS]
            out.writelines(f"{n_rows + at},{line}\n" for at, line in enumerate(lines))
            n_rows += len(lines)
    return n_rows


def _lines(seed: int) -> list[str]:
    """Live rows behind a note: numbers of any length, texts, holes, and notes with quotes."""
    frame = generate.applications(BLOCK_ROWS, seed=SEED + 1 + seed, live=True)[generate.COLUMNS]
    rng = np.random.default_rng(seed)
    # Computed elsewhere, with all digits.
    frame["debt_ratio"] = frame["debt_ratio"] * rng.uniform(0.999, 1.001, BLOCK_ROWS)
    frame.insert(0, "note", _notes(rng))
    return frame.to_csv(index=False, header=False, lineterminator="\n").splitlines()


def _notes(rng: np.random.Generator) -> pd.Series:
    notes = ["", "called back", "asked, twice", 'said "later"', "Zürich; see file", "0012"]
    return pd.Series(rng.choice(notes, BLOCK_ROWS, p=[0.6, 0.15, 0.1, 0.05, 0.05, 0.05]))
