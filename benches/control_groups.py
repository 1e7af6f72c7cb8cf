"""Control groups of our own, of whichever version this machine has, with processes in them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PERIOD = 100_000
"""Microseconds, the kernel's default."""

VARIABLES = [
    "MONOBLOC_NUM_THREADS",
    "OMP_NUM_THREADS",
    "WEB_CONCURRENCY",
    "KUBERNETES_SERVICE_HOST",
    "SERVER_SOFTWARE",
]
"""What a budget heeds besides control groups."""


def environment(**variables: str) -> dict[str, str]:
    """This process's, without what a budget heeds and with what is given."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES} | variables


class Unavailable(Exception):
    """This machine lets nobody make a control group here."""


@dataclass(frozen=True)
class ControlGroup:
    """A group for one controller: `cpu` or `memory`."""

    folder: Path
    unified: bool

    def set_quota(self, cpus: float | None) -> None:
        if self.unified:
            quota = "max" if cpus is None else int(cpus * PERIOD)
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            quota = -1 if cpus is None else int(cpus * PERIOD)
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))

    def set_memory(self, limit: int) -> None:
        name = "memory.max" if self.unified else "memory.limit_in_bytes"
        (self.folder / name).write_text(str(limit))

    def periods(self) -> tuple[int, int]:
        """How many periods there were in which the group ran, and in how many it was throttled."""
        lines = (self.folder / "cpu.stat").read_text().splitlines()
        said = dict(line.split() for line in lines)
        return int(said["nr_periods"]), int(said["nr_throttled"])

    def enter(self) -> None:
        """Moves the calling process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a process that is in the group from its first instruction on."""
        return subprocess.Popen(command, text=True, preexec_fn=self.enter, **options)

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, text=True, check=True, capture_output=True, preexec_fn=self.enter, **options
        )


@contextmanager
def control_group(controller: str, inside: ControlGroup | None = None) -> Iterator[ControlGroup]:
    """A new group for `controller` at the top, or inside another; it is removed at the end."""
    above = _top(controller) if inside is None else inside
    folder = above.folder / f"monobloc-{os.getpid()}-{len(list(above.folder.iterdir()))}"
    try:
        if above.unified:
            (above.folder / "cgroup.subtree_control").write_text(f"+{controller}")
        folder.mkdir()
    except OSError as error:
        raise Unavailable(f"{folder}: {error}") from error
    try:
        yield ControlGroup(folder, above.unified)
    finally:
        folder.rmdir()


def _top(controller: str) -> ControlGroup:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, system = line.partition(" - ")
        point, (kind, _, options) = Path(fields.split()[4]), system.split()[:3]
        if kind == "cgroup" and controller in options.split(","):
            return ControlGroup(point, unified=False)
        if kind == "cgroup2" and controller in (point / "cgroup.controllers").read_text().split():
            return ControlGroup(point, unified=True)
    raise Unavailable(f"no control groups with {controller} are mounted")
