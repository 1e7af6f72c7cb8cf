"""Random tree ensembles: raw scores with the source's bits, outputs within two units in the
last place, labels equal, whatever the batch."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from boosted import MAKERS, Boosted
from monobloc.packing.source import answers, sequential

SEEDS = int(os.environ.get("BOOSTED_SEEDS", "50"))
"""Random models of each library."""


def ulps(found: Any, expected: np.ndarray) -> int:
    """The greatest distance of two arrays of one type, in units in the last place."""
    found = np.asarray(found)
    integers = np.int32 if found.dtype == np.float32 else np.int64
    places = [
        np.where(bits < 0, np.iinfo(integers).min - bits, bits).astype(object)
        for bits in (
            np.ascontiguousarray(found).view(integers),
            np.ascontiguousarray(expected.astype(found.dtype)).view(integers),
        )
    ]
    return max(abs(places[0] - places[1]).max(), 0) if found.size else 0


def bound(model: dict[str, Any], raw: np.ndarray) -> int:
    """How far outputs may lie from the source's; see `Link::max_ulps` and `Ensemble::max_ulps`."""
    if model["source"].startswith("catboost") and "softmax" in model["link"]:
        return 16 + int(3 * np.ptp(raw, axis=1).max())
    if model["source"].startswith("catboost") and model["link"] == "exp":
        return 4 + int(1.5 * np.abs(raw).max())
    if model["link"] == "exp_less_log_sum":
        return 16 + int(4 * np.abs(raw).max())
    if "softmax" in model["link"]:
        return 6 if model["source"].startswith("sklearn") else 3
    return 3 if "logistic" in model["link"] and model["source"].startswith("xgboost") else 2


def labels_of(made: Boosted) -> np.ndarray:
    """The source's labels, one for each row."""
    if type(made.model).__name__ == "CatBoost":
        return np.ravel(made.model.predict(made.rows, prediction_type="Class"))
    return np.ravel(made.model.predict(made.rows))


def exact(engine: Any, made: Boosted) -> None:
    """Holds the engine's answers on `made.rows` against the source's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = answers(sequential(made.model), made.rows)
        labels = None if expected.classes is None else labels_of(made)
    raw = np.asarray(engine.raw_score(made.rows)).reshape(len(made.rows), -1)
    if expected.raw_scores is not None:
        differ = (raw.astype(np.float64).view(np.int64) != expected.raw_scores.view(np.int64)).any(
            axis=1
        )
        assert not differ.any(), (
            f"{differ.sum()} of {len(raw)} rows differ, the first: "
            f"{made.rows.iloc[np.flatnonzero(differ)[0]].to_dict()}, {raw[differ][0]}, "
            f"{expected.raw_scores[differ][0]}"
        )
    outputs = engine.run(made.rows).outputs
    (values,) = (value for name, value in outputs.items() if name != "label")
    found = values.reshape(expected.outputs.shape)
    if "'complement': True" in str(engine.manifest["model"].get("link")):
        assert (found[:, 0] == 1 - found[:, 1]).all()
        found, source = found[:, 1:], expected.outputs[:, 1:]
    else:
        source = expected.outputs
    assert ulps(found, source) <= bound(engine.manifest["model"], raw)
    if labels is not None:
        assert (engine.predict(made.rows) == labels).all()
    for part in (slice(0, 1), slice(7, 23), slice(1000, 1100)):
        rows = made.rows.iloc[part]
        assert (
            np.asarray(engine.raw_score(rows)).reshape(-1, raw.shape[1]).tobytes()
            == raw[part].tobytes()
        )


@pytest.mark.parametrize("library", MAKERS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_models(library: str, seed: int, tmp_path: Path) -> None:
    made = MAKERS[library](np.random.default_rng(seed))
    path = tmp_path / "model.bloc"
    monobloc.pack(made.model, path, reference=made.reference)
    for threads in (1, 2):
        exact(monobloc.load(path, threads=threads), made)
