"""The models that are measured in containers, packed and with the answers of scikit-learn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forests
import monobloc
import numpy as np
import request_forms
from monobloc import _native
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

COLUMNS = 30
TRAINED_ROWS = 20_000
LARGE_COLUMNS, LARGE_ROWS, LARGE_TREES = 8, 100_000, 170
SEED = 41


@dataclass(frozen=True)
class Packed:
    """A folder with `model.bloc`, rows in `rows.npy` or `rows.json`, and `expected.npy`."""

    folder: Path

    @property
    def bloc(self) -> Path:
        return self.folder / "model.bloc"

    def rows(self) -> np.ndarray:
        return np.load(self.folder / "rows.npy")

    def expected(self) -> np.ndarray:
        return np.load(self.folder / "expected.npy")


def forest(folder: Path, trees: int, depth: int, rows: int, converted: bool = False) -> Packed:
    """A forest on an array of float32, and `model.onnx` of it where it is to be converted."""
    rng = np.random.default_rng(SEED)
    features = rng.standard_normal((TRAINED_ROWS, COLUMNS)).astype(np.float32)
    target = features[:, 0] * features[:, 1] + rng.normal(0, 1, TRAINED_ROWS) > 0
    model = RandomForestClassifier(trees, max_depth=depth, random_state=SEED, n_jobs=1)
    model.fit(features, target.astype(int))
    packed = _packed(folder, model, features)
    _keep(packed, model, rng.standard_normal((rows, COLUMNS)).astype(np.float32))
    if converted:
        (folder / "model.onnx").write_bytes(_converted(model))
    return packed


def large() -> Packed:
    """A forest of more than 200 MB, whose rows reach every leaf; kept under target/bench."""
    packed = Packed(forests.KEPT / f"container-{LARGE_ROWS}-{LARGE_TREES}")
    kept = packed.folder / "expected.npy"
    library = Path(_native.__file__).stat().st_mtime
    if kept.exists() and kept.stat().st_mtime > library:
        return packed
    print(f"training and packing {LARGE_TREES} trees on {LARGE_ROWS:,} rows ...", flush=True)
    rng = np.random.default_rng(SEED)
    features = rng.standard_normal((LARGE_ROWS, LARGE_COLUMNS)).astype(np.float32)
    model = ExtraTreesClassifier(LARGE_TREES, max_features=1, random_state=SEED, n_jobs=2)
    model.fit(features, rng.integers(0, 2, LARGE_ROWS)).set_params(n_jobs=1)
    _packed(packed.folder, model, features)
    _keep(packed, model, features)
    return packed


def mixed(folder: Path) -> Packed:
    """Numbers and texts behind their preprocessing, and rows as dicts."""
    frame, target = request_forms.table()
    model = request_forms.fitted(frame, target)
    packed = _packed(folder, model, frame)
    live = frame[-2000:]
    cells = live.astype(object)
    rows = cells.where(cells.notna(), None).to_dict(orient="records")
    (folder / "rows.json").write_text(json.dumps(rows))
    np.save(folder / "expected.npy", model.predict_proba(live))
    return packed


def _packed(folder: Path, model: Any, reference: Any) -> Packed:
    folder.mkdir(parents=True, exist_ok=True)
    packed = Packed(folder)
    monobloc.pack(model, packed.bloc, reference=reference[:2000])
    return packed


def _keep(packed: Packed, model: Any, rows: np.ndarray) -> None:
    np.save(packed.folder / "rows.npy", rows)
    np.save(packed.folder / "expected.npy", model.predict_proba(rows))


def _converted(model: Any) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    types = [("x", FloatTensorType([None, COLUMNS]))]
    return convert_sklearn(
        model, initial_types=types, options={id(model): {"zipmap": False}}
    ).SerializeToString()
