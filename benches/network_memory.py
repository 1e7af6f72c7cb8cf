"""A network's loading and memory, in one process and in four."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from memory import private, shares
from network_cases import Case
from network_processes import Process, workers
from record import Figure

MB = 1e6
LOADS = 9
WORKERS = 4
RUNS = 100
LOAD_BAR = {"mlp": 50}
"""Milliseconds; 100 for the others."""


@dataclass(frozen=True)
class Loading:
    """Of several fresh processes. Memory in bytes beyond the imports."""

    seconds: float
    peak: int
    held: int
    mapped: int
    """Bytes of large constants that lie in the bloc; 0 for another library."""
    copied: int
    """Bytes of large constants that are private."""


def measure(case: Case) -> list[Figure]:
    ours, theirs = _loading("monobloc", case, LOADS), _loading("onnxruntime", case, 3)
    return [
        *_loading_figures(case, ours, theirs),
        _sharing(case, ours.mapped),
    ]


def _loading(library: str, case: Case, count: int) -> Loading:
    """Each load in a process of its own, the file in the kernel's cache."""
    seconds, peaks, held = [], [], []
    constants: list[dict[str, int]] = []
    for _ in range(count):
        with workers(library, case, 1) as [process]:
            took, peak = process.load()
            seconds.append(took)
            peaks.append(peak)
            held.append(private(process.pid) - process.before)
            if library == "monobloc":
                constants = process.ask("constants")["constants"]
    return Loading(
        statistics.median(seconds),
        max(peaks),
        max(held),
        sum(each["bytes"] for each in constants if each["mapped"]),
        sum(each["bytes"] for each in constants if not each["mapped"]),
    )


def _loading_figures(case: Case, ours: Loading, theirs: Loading) -> list[Figure]:
    peer = "onnxruntime"
    return [
        Figure(
            f"{case.title}: load",
            ours.seconds * 1e3,
            "ms",
            LOAD_BAR.get(case.name, 100),
            peer,
            theirs.seconds * 1e3,
        ),
        Figure(
            f"{case.title}: peak of private memory while loading, beyond the imports",
            ours.peak / MB,
            "MB",
            40,
            peer,
            theirs.peak / MB,
        ),
        Figure(
            f"{case.title}: private memory before the first run, beyond the imports",
            ours.held / MB,
            "MB",
            8 if case.name == "mlp" else None,
            peer,
            theirs.held / MB,
        ),
        Figure(
            f"{case.title}: large constants that are private, of {case.weights / MB:,.0f} MB",
            100 * ours.copied / case.weights,
            "%",
            5,
        ),
    ]


def _sharing(case: Case, used: int) -> Figure:
    """Four processes after some runs each, against the part of the file that they use."""
    runs = RUNS if case.name in ("mlp", "conv1d", "lstm") else 10
    imports, ours = _shares("monobloc", case, runs)
    _, theirs = _shares("onnxruntime", case, 10)
    fair_share = 1.05 * used + imports + WORKERS * 12 * MB
    return Figure(
        f"{case.title}: 4 processes, {runs} runs each, sum of PSS",
        ours / MB,
        "MB",
        fair_share / MB if case.name == "mlp" else None,
        "onnxruntime",
        theirs / MB,
    )


def _shares(library: str, case: Case, runs: int) -> tuple[int, int]:
    """The sum of the processes' shares after their imports, and after their runs."""
    inputs = case.inputs(1)
    with workers(library, case, WORKERS) as started:
        imports = _sum_of_shares(started)
        for process in started:
            process.load()
        for process in started:
            process.tell("run", runs, inputs)
        for process in started:
            process.hear()
        return imports, _sum_of_shares(started)


def _sum_of_shares(started: list[Process]) -> int:
    return sum(shares(process.pid)["total"] for process in started)
