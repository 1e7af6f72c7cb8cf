"""What sharing a batch between two threads wins, and what a helper costs.

The engine decides by the time that it expects, so batches are measured that it does share. A helper
costs what two threads take for a batch beyond what one thread takes for half of it: more where it
has slept, as between the batches of a service, so short batches are left to one thread. Where the
kernel puts both threads on one CPU, nothing is won; so they are also measured kept apart.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import threading
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
ONE_THREAD = [300, 500, 1000, 2000]
"""Microseconds that the batches take on one thread, or a little more."""
ROWS = 40_000
BLOCKS = 128
"""Rows of which batches are multiples, so that both halves are whole blocks."""
CALLS = 300
PAUSE = 0.001
APART = "each thread kept on its CPU"


@dataclass(frozen=True)
class Times:
    """Medians in microseconds."""

    half: float
    whole: float
    shared: float

    @property
    def cost(self) -> float:
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
    of_row = min(_seconds(one, rows) for _ in range(20)) * 1e6 / ROWS
    batches = {aim: rows[: BLOCKS * math.ceil(aim / of_row / BLOCKS)] for aim in ONE_THREAD}
    free = {aim: _times(one, two, batch) for aim, batch in batches.items()}
    paused = _times(one, two, batches[ONE_THREAD[0]], PAUSE)
    with _apart():
        apart = {aim: _times(one, two, batch) for aim, batch in batches.items()}
    shortest = f"{title}, {ONE_THREAD[0]} µs on one thread"
    apart_cost = apart[ONE_THREAD[0]].cost
    return [
        Figure(
            f"{shortest}: what a helper costs",
            free[ONE_THREAD[0]].cost,
            "µs",
            None,
            APART,
            apart_cost,
        ),
        Figure(f"{shortest}, 1 ms after the last: what a helper costs", paused.cost, "µs"),
        Figure(
            f"{shortest}, 1 ms after the last: time of two threads against one", paused.ratio, "×"
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
    """Keeps this thread and Monobloc's on a CPU of their own each."""
    cpus = sorted(os.sched_getaffinity(0))
    tasks = [threading.get_native_id()] + [
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
    taken: list[list[float]] = [[], [], []]
    for _ in range(CALLS):
        for (engine, rows), found in zip(calls, taken, strict=True):
            time.sleep(pause)
            found.append(_seconds(engine, rows))
    return Times(*(statistics.median(found) * 1e6 for found in taken))


def _seconds(engine: Any, rows: np.ndarray) -> float:
    start = time.perf_counter()
    engine.predict_proba(rows)
    return time.perf_counter() - start
