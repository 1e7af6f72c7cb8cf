"""The forests that are measured, trained once and kept under target/bench."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo
import joblib
import numpy as np
from generate import COLUMNS, applications
from monobloc import _native
from train import SIZES, fit, nodes

KEPT = Path(__file__).resolve().parents[1] / "target" / "bench"
LIVE_ROWS = 10_000


@dataclass(frozen=True)
class Forest:
    """A model in a folder, packed and as joblib's file."""

    folder: Path
    nodes: int

    @property
    def bloc_bytes(self) -> int:
        return (self.folder / "credit.bloc").stat().st_size

    @property
    def joblib_bytes(self) -> int:
        return (self.folder / "credit.joblib").stat().st_size

    def model(self) -> Any:
        return joblib.load(self.folder / "credit.joblib")


def large_and_tenth() -> tuple[Forest, Forest]:
    """A forest of more than 10 million nodes, and the first tenth of its trees."""
    import sklearn

    size = SIZES["large"]
    folder = KEPT / f"{sklearn.__version__}-{size.rows}-{size.trees}"
    kept = folder / "model.joblib"
    data = applications(size.rows, demo.SEED)
    if kept.exists():
        model = joblib.load(kept)
    else:
        print(f"training {size.trees} trees on {size.rows:,} applications ...", flush=True)
        model = fit(data, size.trees)
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, kept)
    tenth = copy.copy(model)
    tenth.steps = [tenth.steps[0], ("forest", copy.copy(tenth.steps[1][1]))]
    tenth.named_steps["forest"].estimators_ = tenth.named_steps["forest"].estimators_[
        : size.trees // 10
    ]
    tenth.named_steps["forest"].n_estimators = size.trees // 10
    return _packed(model, data, folder / "large"), _packed(tenth, data, folder / "tenth")


def _packed(model: Any, data: Any, folder: Path) -> Forest:
    """Packs again when the library is newer than the bloc."""
    bloc = folder / "credit.bloc"
    library = Path(_native.__file__).stat().st_mtime
    if not bloc.exists() or bloc.stat().st_mtime < library:
        print(f"packing {nodes(model):,} nodes ...", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        live = applications(LIVE_ROWS, demo.SEED + 1, live=True)
        demo.pack(model, data, live, folder)
        np.save(folder / "expected.npy", model.predict_proba(live[COLUMNS]))
    return Forest(folder, nodes(model))
