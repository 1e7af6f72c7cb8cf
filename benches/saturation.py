"""More callers than processors: what a quota does to them, and threads beside processes."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import caller_worker
from container_models import Packed
from control_groups import ControlGroup, Unavailable, control_group, environment
from network_processes import Process, closing
from record import Figure

CALLERS = 8
SECONDS = 5.0
WARM_UP = 0.5
TURN, TURNS = 1.0, 5
THROTTLED = 5.0
"""Percent of the periods at most."""
PROCESSES_AGAINST_THREADS = 1.10


@dataclass(frozen=True)
class Load:
    """What a group did under a load."""

    rows_per_second: float
    throttled: float
    """Percent of the periods."""


def in_quotas(model: Packed) -> tuple[list[Figure], dict[str, str]]:
    """Figures, and why there are none."""
    one, four = f"{CALLERS} callers of batches", f"4 processes of {CALLERS} callers of batches"
    figures = []
    try:
        with control_group("cpu") as group:
            figures += _in_quota(group, model, 1.5, 1, f"{one}, quota of 1.5 CPUs", THROTTLED)
            figures += _in_quota(group, model, 2.0, 4, f"{four}, quota of 2 CPUs", None)
    except Unavailable as reason:
        return [], {f"{one} in a quota": str(reason)}
    return figures, {}


def threads_against_processes(model: Packed) -> Figure:
    """The two take turns."""
    with contextlib.ExitStack() as stack:
        together = [_start(stack, "monobloc", model)]
        popen = functools.partial(subprocess.Popen, env=environment(WEB_CONCURRENCY=str(CALLERS)))
        apart = [_start(stack, "monobloc", model, popen) for _ in range(CALLERS)]
        of_threads = of_processes = 0.0
        for _ in range(TURNS):
            of_threads += _run(together, CALLERS, TURN) / TURNS
            of_processes += _run(apart, 1, TURN) / TURNS
    return Figure(
        f"batches of {CALLERS} processes, against {CALLERS} threads that share an engine",
        of_processes / of_threads,
        "×",
        PROCESSES_AGAINST_THREADS,
    )


def _in_quota(
    group: ControlGroup,
    model: Packed,
    quota: float,
    processes: int,
    name: str,
    bar: float | None,
) -> list[Figure]:
    group.set_quota(quota)
    ours, theirs = (
        _load(group, library, model, processes) for library in ("monobloc", "onnxruntime")
    )
    peer = "onnxruntime"
    return [
        Figure(f"{name}: throttled periods", ours.throttled, "%", bar, peer, theirs.throttled),
        Figure(
            f"{name}: rows per second",
            ours.rows_per_second,
            "",
            None,
            peer,
            theirs.rows_per_second,
        ),
    ]


def _load(group: ControlGroup, library: str, model: Packed, processes: int) -> Load:
    popen = functools.partial(group.popen, env=environment(WEB_CONCURRENCY=str(processes)))
    with contextlib.ExitStack() as stack:
        started = [_start(stack, library, model, popen) for _ in range(processes)]
        _run(started, CALLERS, WARM_UP)
        before = group.periods()
        rows_per_second = _run(started, CALLERS, SECONDS)
        periods, throttled = (now - then for now, then in zip(group.periods(), before, strict=True))
    return Load(rows_per_second, 100 * throttled / periods)


def _start(
    stack: contextlib.ExitStack,
    library: str,
    model: Packed,
    popen: Callable[..., subprocess.Popen[str]] | None = None,
) -> Process:
    command = [sys.executable, caller_worker.__file__, library, str(model.folder)]
    return closing(stack, command, popen or functools.partial(subprocess.Popen, env=environment()))


def _run(started: list[Process], callers: int, seconds: float) -> float:
    """Rows per second of all processes."""
    for process in started:
        process.tell("run", callers, seconds)
    said = [process.hear() for process in started]
    assert not any(each["wrong"] for each in said), said
    return sum(each["rows_per_second"] for each in said)
