"""More callers than processors: what a quota does to them, and threads beside processes."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import caller_worker
from container_models import Packed
from control_groups import ControlGroup, Unavailable, control_group, environment
from network_processes import Process, closing
from record import Figure

PEER = "onnxruntime"
CALLERS = 8
BATCH = 2_000
UNSHARED = 50
"""Rows that are done before a second thread could help, so that no crew works on them."""
SECONDS = 5.0
WARM_UP = 0.5
TURN, TURNS = 1.0, 5
PROCESSES_AGAINST_THREADS = 1.10


@dataclass(frozen=True)
class Case:
    """Who asks for batches of how many rows in a quota; the bar is percent of throttled periods."""

    quota: float
    """CPUs."""
    processes: int
    rows: int
    """Of a batch."""
    bar: float | None = None

    @property
    def name(self) -> str:
        callers = f"{CALLERS} callers of {self.rows:,} rows, quota of {self.quota:g} CPUs"
        return callers if self.processes == 1 else f"{self.processes} processes, each {callers}"


CASES = [
    Case(quota=1.5, processes=1, rows=BATCH, bar=5.0),
    Case(quota=1.5, processes=1, rows=UNSHARED),
    Case(quota=2.0, processes=4, rows=BATCH),
]


@dataclass(frozen=True)
class Load:
    """What was answered, by how much work."""

    rows_per_second: float
    cpus: float
    throttled: float = 0.0
    """Percent of the periods."""


def in_quotas(model: Packed) -> tuple[list[Figure], dict[str, str]]:
    """Figures, or why there are none."""
    try:
        with control_group("cpu") as group:
            return [figure for case in CASES for figure in _in_quota(group, case, model)], {}
    except Unavailable as reason:
        return [], {case.name: str(reason) for case in CASES}


def threads_against_processes(model: Packed) -> Figure:
    """The two take turns."""
    one, many = (
        functools.partial(subprocess.Popen, env=environment(WEB_CONCURRENCY=str(processes)))
        for processes in (1, CALLERS)
    )
    with contextlib.ExitStack() as stack:
        together = [_start(stack, one, model)]
        apart = [_start(stack, many, model) for _ in range(CALLERS)]
        ratios = [
            _run(apart, 1, TURN).rows_per_second / _run(together, CALLERS, TURN).rows_per_second
            for _ in range(TURNS)
        ]
    return Figure(
        f"batches of {CALLERS} processes, against {CALLERS} threads that share an engine",
        statistics.median(ratios),
        "×",
        PROCESSES_AGAINST_THREADS,
    )


def _in_quota(group: ControlGroup, case: Case, model: Packed) -> list[Figure]:
    group.set_quota(case.quota)
    ours, theirs = (_load(group, case, model, library) for library in ("monobloc", PEER))
    rows, cpus = ours.rows_per_second, ours.cpus
    return [
        Figure(
            f"{case.name}: throttled periods", ours.throttled, "%", case.bar, PEER, theirs.throttled
        ),
        Figure(f"{case.name}: CPUs used", cpus, "", None, PEER, theirs.cpus),
        Figure(f"{case.name}: rows per second", rows, "", None, PEER, theirs.rows_per_second),
    ]


def _load(group: ControlGroup, case: Case, model: Packed, library: str) -> Load:
    popen = functools.partial(group.popen, env=environment(WEB_CONCURRENCY=str(case.processes)))
    with contextlib.ExitStack() as stack:
        started = [_start(stack, popen, model, library, case.rows) for _ in range(case.processes)]
        _run(started, CALLERS, WARM_UP)
        before = group.periods()
        found = _run(started, CALLERS, SECONDS)
        periods, throttled = (now - then for now, then in zip(group.periods(), before, strict=True))
    return dataclasses.replace(found, throttled=100 * throttled / periods)


def _start(
    stack: contextlib.ExitStack,
    popen: Callable[..., subprocess.Popen[str]],
    model: Packed,
    library: str = "monobloc",
    rows: int = BATCH,
) -> Process:
    command = [sys.executable, caller_worker.__file__, library, str(model.folder), str(rows)]
    return closing(stack, command, popen)


def _run(started: list[Process], callers: int, seconds: float) -> Load:
    """What all processes did together."""
    for process in started:
        process.tell("run", callers, seconds)
    said = [process.hear() for process in started]
    assert not any(each["wrong"] for each in said), said
    return Load(*(sum(each[what] for each in said) for what in ("rows_per_second", "cpus")))
