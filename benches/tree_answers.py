"""Whether an engine says what the library says that trained the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tree_models import LIVE_ROWS, Facts
from tree_processes import TreeProcess, Unavailable

BATCHES = (1, 16, 256, LIVE_ROWS)
ULPS = 3
"""How far probabilities behind an exponential may be from the library's."""


def farthest(process: TreeProcess, folder: Path) -> float:
    """The greatest difference of a probability from the library's."""
    expected = np.load(folder / "probabilities.npy")[:, 1].astype(np.float64)
    found = _answer(process, folder, "probabilities", LIVE_ROWS)
    return float(np.abs(found - expected).max())


def check(process: TreeProcess, folder: Path) -> tuple[int, float]:
    """The farthest probability of ours, in ulps and as a difference, in every batch that is timed.

    A forest's have the library's bits, and so have raw scores.
    """
    facts = Facts.read(folder)
    expected = np.load(folder / "probabilities.npy")
    found = [_answer(process, folder, "both", batch) for batch in BATCHES]
    first = found[0]
    for batch, given in zip(BATCHES, found, strict=True):
        if given.tobytes() != first.tobytes():
            raise Unavailable(f"the bits of a row depend on its batch of {batch:,} rows")
    if not facts.is_boosted and first.tobytes() != expected.tobytes():
        raise Unavailable(f"other bits than {facts.library}'s")
    answers = first.reshape(expected.shape)
    distance = _ulps(answers.astype(expected.dtype), expected)
    if distance > ULPS:
        raise Unavailable(f"a probability is {distance:,} ulps from {facts.library}'s")
    return distance, float(np.abs(answers - expected).max())


def check_raw(process: TreeProcess, folder: Path) -> None:
    """Raw scores have the library's bits, in every batch that is timed."""
    expected = np.load(folder / "raw.npy").astype(np.float64)
    for batch in BATCHES:
        if _answer(process, folder, "raw", batch).tobytes() != expected.tobytes():
            library = Facts.read(folder).library
            raise Unavailable(
                f"raw scores of batches of {batch:,} have other bits than {library}'s"
            )


def _answer(process: TreeProcess, folder: Path, method: str, batch: int) -> np.ndarray:
    file = folder / f"answers-{process.pid}.bin"
    process.ask("answer", method, file, batch)
    found = np.fromfile(file)
    file.unlink()
    return found


def _ulps(found: np.ndarray, expected: np.ndarray) -> int:
    """Steps between neighbouring values of their type; both lie between 0 and 1."""
    integers = np.int32 if expected.dtype == np.float32 else np.int64
    steps = found.view(integers).astype(np.int64) - expected.view(integers).astype(np.int64)
    return int(np.abs(steps).max())
