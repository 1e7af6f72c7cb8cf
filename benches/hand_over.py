"""What it costs to share a batch between two threads, which keeps short batches on one.

The engine decides by the time that it expects, so batches are measured that it does share. Handing
over is what two threads take for a batch beyond what one thread takes for half of it. Where the
kernel puts both threads on one CPU, nothing is won; so they are also measured kept apart.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import time
from collections.abc import Iterator
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
ONE_THREAD = [250, 500, 1000, 2000]
"""Microseconds that the batches take on one thread, or a little more."""
ROWS = 40_000
BLOCKS = 128
"""Rows of which batches are multiples, so that both halves are whole blocks."""
CALLS = 300
PAUSE = 0.001
HAND_OVER = 50.0
APART = "each thread kept on its CPU"
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

    @property
    def ratio(self) -> float:
        return self.shared / self.whole


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
    of_row = min(_seconds(one, rows)[0] for _ in range(20)) * 1e6 / ROWS
    batches = {aim: rows[: BLOCKS * math.ceil(aim / of_row / BLOCKS)] for aim in ONE_THREAD}
    free = {aim: _times(one, two, batch) for aim, batch in batches.items()}
    paused = _times(one, two, batches[ONE_THREAD[0]], PAUSE)
    with _apart():
        apart = {aim: _times(one, two, batch) for aim, batch in batches.items()}
    shortest, kept = free[ONE_THREAD[0]].hand_over, apart[ONE_THREAD[0]].hand_over
    name = f"{title}, {ONE_THREAD[0]} µs on one thread"
    return [
        Figure(f"{name}: handing half over", shortest, "µs", HAND_OVER, APART, kept),
        Figure(f"{name}, 1 ms after the last: handing half over", paused.hand_over, "µs"),
        Figure(
            f"{title}: batches from which two threads win, twice that (bar: what is shared)",
            2 * shortest,
            "µs",
            SHARED_FROM,
            APART,
            2 * kept,
        ),
        *(
            Figure(
                f"{title}, {aim:,} µs on one thread: time of two threads against one",
                free[aim].ratio,
                "×",
                1.0,
                APART,
                apart[aim].ratio,
            )
            for aim in ONE_THREAD
        ),
    ]


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """Keeps each thread of Monobloc on a CPU of its own."""
    cpus = sorted(os.sched_getaffinity(0))
    tasks = [
        int(task.name)
        for task in Path("/proc/self/task").iterdir()
        if (task / "comm").read_text().startswith("monobloc-")
    ]
    assert len(tasks) <= len(cpus), f"{len(tasks)} threads, {len(cpus)} CPUs"
    for task, cpu in zip(tasks, cpus, strict=False):
        os.sched_setaffinity(task, {cpu})
    try:
        yield
    finally:
        for task in tasks:
            os.sched_setaffinity(task, cpus)


def _times(one: Any, two: Any, batch: np.ndarray, pause: float = 0) -> Times:
    """Calls take turns."""
    half = batch[: len(batch) // 2]
    calls = [(one, half), (one, batch), (two, batch)]
    for _ in range(30):
        for engine, rows in calls:
            _seconds(engine, rows)
    taken: list[list[tuple[float, float]]] = [[], [], []]
    for _ in range(CALLS):
        for (engine, rows), found in zip(calls, taken, strict=True):
            time.sleep(pause)
            found.append(_seconds(engine, rows))
    (half_time, _), (whole, _), (shared, own) = (
        (statistics.median(each) * 1e6 for each in zip(*found, strict=True)) for found in taken
    )
    assert own < shared / 2, "the engine did not share the batches"
    return Times(half_time, whole, shared)


def _seconds(engine: Any, rows: np.ndarray) -> tuple[float, float]:
    """Of a call, and of this thread meanwhile."""
    start, own = time.perf_counter(), time.thread_time()
    engine.predict_proba(rows)
    return time.perf_counter() - start, time.thread_time() - own
