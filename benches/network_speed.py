"""The time of a network's runs, beside plain tract and onnxruntime.

Processes take turns, so that what disturbs one disturbs all.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from network_cases import Case
from network_processes import Process, loaded, plain_tract
from record import Figure

ALLOWED = 1.05
"""Of the time of the better of plain tract's two plans."""
ROUNDS, FEWEST = 15, 5
LONGEST = 30.0
"""Seconds after which no further round begins."""
TURN = 0.1
"""Seconds that a process runs before the next has its turn."""


def measure(case: Case) -> list[Figure]:
    times = {batch: _times(case, batch) for batch in case.batches}
    figures = [_against_tract(case, batch, found) for batch, found in times.items()]
    if case.name == "resnet50":
        figures += _batch_against_one(case, times)
    return figures


def _against_tract(case: Case, batch: int, found: dict[str, float]) -> Figure:
    better = min(found[name] for name in _plans(found))
    said = ", ".join(f"{name} {seconds * 1e3:.2f} ms" for name, seconds in found.items())
    print(f"  batch of {batch}: {said}", flush=True)
    rows = "one row" if batch == 1 else f"{batch} rows"
    return Figure(
        f"{case.title}, {rows}: time (bar: {ALLOWED} × plain tract)",
        found["monobloc"] * 1e3,
        "ms",
        ALLOWED * better * 1e3,
        "onnxruntime",
        found["onnxruntime"] * 1e3,
    )


def _times(case: Case, batch: int) -> dict[str, float]:
    """Median seconds of a run on one thread, by what ran."""
    inputs = case.inputs(batch)
    with contextlib.ExitStack() as stack:
        started = {name: stack.enter_context(each) for name, each in _processes(case, batch)}
        return _alternate({name: (process, inputs) for name, process in started.items()})


def _processes(
    case: Case, batch: int
) -> Iterator[tuple[str, contextlib.AbstractContextManager[Process]]]:
    yield "monobloc", loaded("monobloc", case)
    if case.symbolic:
        yield "tract, symbolic", plain_tract(case, None)
    yield "tract, fixed", plain_tract(case, batch)
    yield "onnxruntime", loaded("onnxruntime", case)


def _alternate(ways: dict[str, tuple[Process, Path]]) -> dict[str, float]:
    """The median of each process's medians of a turn, over a folder of inputs each."""
    counts: dict[str, int] = {}
    turns: dict[str, list[float]] = {name: [] for name in ways}
    for name, (process, inputs) in ways.items():
        fastest = min(process.ask("run", 3, inputs)["seconds"])
        counts[name] = min(200, 1 + int(TURN / fastest))
    begin = time.perf_counter()
    for turn in range(ROUNDS):
        for name, (process, inputs) in ways.items():
            seconds = process.ask("run", counts[name], inputs)["seconds"]
            turns[name].append(statistics.median(seconds))
        if turn + 1 >= FEWEST and time.perf_counter() - begin > LONGEST:
            break
    return {name: statistics.median(found) for name, found in turns.items()}


def _plans(found: dict[str, float]) -> list[str]:
    """Which of them are plain tract's."""
    return [name for name in found if name.startswith("tract")]


def _batch_against_one(case: Case, times: dict[int, dict[str, float]]) -> list[Figure]:
    """How many times longer than one row a batch of eight takes."""

    def ratio(name: str) -> float:
        return times[8][name] / times[1][name]

    tract = min(_plans(times[8]), key=lambda name: times[8][name])
    with loaded("monobloc", case, threads=2) as two, loaded("monobloc", case) as one:
        found = _alternate({"eight": (two, case.inputs(8)), "one": (one, case.inputs(1))})
    title = f"{case.title}, 8 rows, against one row on one thread"
    return [
        Figure(f"{title}: one thread", ratio("monobloc"), "×", 8.5, "plain tract", ratio(tract)),
        Figure(f"{title}: two threads", found["eight"] / found["one"], "×", 5),
    ]
