"""The same four processes for each way of loading a model, measured one way after the other."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory import Peak, private, shares, written

WORKERS = 4
ROWS_PER_REQUEST = 25
LABELS = {
    "joblib": "joblib",
    "joblib-mmap": 'joblib, mmap_mode="r"',
    "joblib-forked": "joblib, loaded before fork",
    "monobloc": "Monobloc",
    "monobloc-forked": "Monobloc, loaded before fork",
}


@dataclass(frozen=True)
class Measured:
    """What one way costs. Memory in bytes, times in seconds."""

    way: str
    imports_pss: int
    """Sum of the proportional shares of the processes when they had only imported."""
    load: float
    first_prediction: float
    """From the end of the imports to the first answer, loading included."""
    peak: int
    """The most private memory over the imports while loading."""
    private: list[int]
    """For each worker, the private memory beyond the imports (forked: written since the fork)."""
    pss: int
    """Sum of the workers' proportional shares."""
    pss_parent: int
    """The share of the process that the workers were forked from; 0 without one."""
    pss_file: int
    """The part of `pss` and `pss_parent` that lies in mapped files."""
    row: float
    rows_per_second: float
    answers: list[str]
    """Each worker's SHA-256 of its answers."""

    @property
    def total(self) -> int:
        return self.pss + self.pss_parent


class Process:
    """A worker process, and the lines that it says."""

    def __init__(self, way: str, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), way, str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.hear()
        self.imports = private(self.pid)

    def ask(self, command: str, *arguments: int) -> dict[str, Any]:
        self.tell(command, *arguments)
        return self.hear()

    def tell(self, command: str, *arguments: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join([command, *map(str, arguments)]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"worker {self.pid} ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def processes(way: str, folder: Path, count: int) -> Iterator[list[Process]]:
    started: list[Process] = []
    try:
        for _ in range(count):
            started.append(Process(way, folder))
        yield started
    finally:
        for process in started:
            process.close()


def load(process: Process) -> tuple[dict[str, Any], int]:
    """Has a process load, and says what it says and its peak beyond the imports."""
    with Peak(process.pid) as peak:
        said = process.ask("load")
    return said, peak.bytes - process.imports


def fresh(
    way: str,
    folder: Path,
    *,
    workers: int = WORKERS,
    rows_per_request: int = ROWS_PER_REQUEST,
    batch: int = 10_000,
) -> Measured:
    """Workers that each load for themselves."""
    with processes(way, folder, workers) as started:
        imports_pss = sum(shares(process.pid)["total"] for process in started)
        loads = [load(process) for process in started]
        for process in started:
            process.tell("serve", rows_per_request)
        served = [process.hear() for process in started]
        pss = [shares(process.pid) for process in started]
        held = [private(process.pid) - process.imports for process in started]
        for process in started[1:]:
            process.close()
        times = started[0].ask("time", batch)
        return Measured(
            way=way,
            imports_pss=imports_pss,
            load=statistics.median(said["load"] for said, _ in loads),
            first_prediction=statistics.median(said["first"] for said, _ in loads),
            peak=max(peak for _, peak in loads),
            private=held,
            pss=sum(share["total"] for share in pss),
            pss_parent=0,
            pss_file=sum(share["file"] for share in pss),
            row=times["row"],
            rows_per_second=times["rows_per_second"],
            answers=[said["answers"] for said in served],
        )


def forked(
    way: str,
    folder: Path,
    *,
    workers: int = WORKERS,
    rows_per_request: int = ROWS_PER_REQUEST,
    batch: int = 10_000,
) -> Measured:
    """Workers forked from a process that has loaded."""
    with processes(way, folder, 1) as [parent]:
        imports_pss = shares(parent.pid)["total"]
        said, peak = load(parent)
        parent.tell("fork", workers, rows_per_request)
        served = [parent.hear() for _ in range(workers)]
        pids = [answer["pid"] for answer in served]
        pss = [shares(pid) for pid in pids]
        held = [written(pid) for pid in pids]
        own = shares(parent.pid)
        parent.ask("join", workers)
        times = parent.ask("time", batch)
        return Measured(
            way=way,
            imports_pss=imports_pss,
            load=said["load"],
            first_prediction=said["load"] + statistics.median(each["first"] for each in served),
            peak=peak,
            private=held,
            pss=sum(share["total"] for share in pss),
            pss_parent=own["total"],
            pss_file=sum(share["file"] for share in pss) + own["file"],
            row=times["row"],
            rows_per_second=times["rows_per_second"],
            answers=[answer["answers"] for answer in served],
        )


def measure(way: str, folder: Path) -> Measured:
    return forked(way, folder) if way.endswith("-forked") else fresh(way, folder)


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.{0 if size >= 1e7 else 1}f} MB"


def table(measured: list[Measured], expected: str) -> str:
    """The comparison as plain text."""
    head = ["", "memory", "private", "peak", "first", "one row", "rows/s", "same"]
    unit = ["", "of all, MB", "each, MB", "load, MB", "answer, s", "ms", "batch", "bytes"]
    lines = [head, unit]
    for one in measured:
        same = all(answer == expected for answer in one.answers)
        lines.append(
            [
                LABELS[one.way],
                f"{one.total / 1e6:,.0f}",
                f"{max(one.private) / 1e6:,.1f}",
                f"{one.peak / 1e6:,.1f}",
                f"{one.first_prediction:.3f}",
                f"{one.row * 1e3:.3f}",
                f"{one.rows_per_second:,.0f}",
                "yes" if same else "NO",
            ]
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [
        line[0].ljust(widths[0])
        + "".join(
            "  " + cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)
        )
        for line in lines
    ]
    text.insert(2, "-" * len(text[0]))
    return "\n".join(text)
