"""What it costs to share a batch between two threads, which keeps short batches on one.

The engine decides by the time that it expects, so batches are measured that it does share. Handing
over is what two threads take for a batch beyond what one thread takes for half of it.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import container_models
import monobloc
import numpy as np
from container_models import Packed
from record import Figure

MODELS = {"cheap rows": (4, 4), "dear rows": (50, 10)}
"""Trees and their depth."""
ONE_THREAD = [250, 500, 1000]
"""Microseconds that the batches take on one thread, or a little more."""
ROWS = 20_000
BLOCKS = 128
"""Rows of which batches are multiples, so that both halves are whole blocks."""
CALLS = 300
PAUSE = 0.001
HAND_OVER = 50.0
SHARED_FROM = 200.0
"""Microseconds that are expected of a batch for it to be shared: twice WORTH_A_THREAD."""


@dataclass(frozen=True)
class Times:
    """Medians in microseconds."""

    half: float
    whole: float
    shared: float

    @property
    def hand_over(self) -> float:
        return self.shared - self.half


def measure(folder: Path) -> list[Figure]:
    figures = []
    for title, (trees, depth) in MODELS.items():
        model = container_models.forest(folder / title.replace(" ", "-"), trees, depth, ROWS)
        figures += _of_model(title, model)
    return figures


def _of_model(title: str, model: Packed) -> list[Figure]:
    rows, expected = model.rows(), model.expected().tobytes()
    one, two = (monobloc.load(model.bloc, threads=threads) for threads in (1, 2))
    assert one.predict_proba(rows).tobytes() == expected
    assert two.predict_proba(rows).tobytes() == expected
    of_row = statistics.median(_seconds(one, rows)[0] for _ in range(9)) * 1e6 / ROWS
    batches = {aim: rows[: BLOCKS * math.ceil(aim / of_row / BLOCKS)] for aim in ONE_THREAD}
    times = {aim: _times(one, two, batch, 0) for aim, batch in batches.items()}
    shortest = times[ONE_THREAD[0]]
    paused = _times(one, two, batches[ONE_THREAD[0]], PAUSE)
    name = f"{title}, batches of {shortest.whole:.0f} µs on one thread"
    return [
        Figure(f"{name}: handing half over", shortest.hand_over, "µs", HAND_OVER),
        Figure(f"{name}, 1 ms after the last: handing half over", paused.hand_over, "µs"),
        Figure(
            f"{title}: batches from which two threads win, twice that (bar: what is shared)",
            2 * shortest.hand_over,
            "µs",
            SHARED_FROM,
        ),
        *(
            Figure(
                f"{title}, batches of {each.whole:.0f} µs: time of two threads against one",
                each.shared / each.whole,
                "×",
            )
            for each in times.values()
        ),
    ]


def _times(one: Any, two: Any, batch: np.ndarray, pause: float) -> Times:
    """Calls take turns."""
    half = batch[: len(batch) // 2]
    calls = [(one, half), (one, batch), (two, batch)]
    for _ in range(30):
        for engine, rows in calls:
            _seconds(engine, rows)
    taken: list[list[float]] = [[], [], []]
    own = 0.0
    for _ in range(CALLS):
        for (engine, rows), found in zip(calls, taken, strict=True):
            time.sleep(pause)
            elapsed, own = _seconds(engine, rows)
            found.append(elapsed)
        assert own < taken[2][-1] / 2, "the engine did not share the batch"
    return Times(*(statistics.median(found) * 1e6 for found in taken))


def _seconds(engine: Any, rows: np.ndarray) -> tuple[float, float]:
    """Of a call, and of this thread meanwhile."""
    start, own = time.perf_counter(), time.thread_time()
    engine.predict_proba(rows)
    return time.perf_counter() - start, time.thread_time() - own
