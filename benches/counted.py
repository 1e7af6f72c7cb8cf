"""Processes that count rows together while one after the other is killed."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import counted_worker
from counted_worker import Tally

DEADLINE = 120
MOST_KILLS = 200
OWN_NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


@dataclass
class Worker:
    """A process, and the place of its tally. It ends when its output does, also in a namespace."""

    place: int
    process: subprocess.Popen[str]

    def snapshot(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self, kill: bool = False) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if kill:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait(DEADLINE)


@dataclass
class Outcome:
    """What survivors say was counted, and between what it must lie."""

    snapshots: list[dict[str, Any]]
    answered: int
    begun: int
    kills: int
    files: list[Path] = field(default_factory=list)

    @property
    def off_by(self) -> int:
        """By how many rows a survivor says more than were begun, or less than were answered."""
        counts = [snapshot["rows"] for snapshot in self.snapshots]
        return max(0, self.answered - min(counts), max(counts) - self.begun)


def has_namespaces() -> bool:
    """Whether processes may be put into process namespaces of their own here."""
    try:
        return subprocess.run([*OWN_NAMESPACE, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def run(
    bloc: Path,
    folder: Path,
    *,
    processes: int = 4,
    rows: int,
    seconds_between_kills: float,
    seed: int = 1,
    own_namespaces: bool = False,
) -> Outcome:
    """Each of the processes answers `rows` rows, those of the killed ones among them.

    Beside the bloc is a JSON file of the columns that they are asked for.
    """
    state, tally_path = folder / "state", folder / "tally"
    tally = Tally(tally_path, processes + MOST_KILLS)
    places = iter(range(processes + MOST_KILLS))
    moments = random.Random(seed)

    def start(left: int) -> Worker:
        place = next(places)
        command = [*(OWN_NAMESPACE if own_namespaces else []), sys.executable]
        command += [counted_worker.__file__, *map(str, (bloc, state, tally_path, place, left))]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return Worker(place, process)

    goals = [rows] * processes
    workers = [start(goal) for goal in goals]
    kills, begun_at = 0, time.monotonic()
    while any(
        tally.read(worker.place)[1] < goal for worker, goal in zip(workers, goals, strict=True)
    ):
        assert time.monotonic() - begun_at < DEADLINE, "the workers did not end in time"
        time.sleep(seconds_between_kills)
        answered = [tally.read(worker.place)[1] for worker in workers]
        at_work = [i for i in range(processes) if 0 < answered[i] < goals[i]]
        if at_work and kills < MOST_KILLS:
            number = moments.choice(at_work)
            worker = workers[number]
            worker.end(kill=True)
            kills += 1
            goals[number] -= tally.read(worker.place)[1]
            workers[number] = start(goals[number])
    with _all_ended(workers):
        for worker in workers:
            assert worker.process.stdout is not None
            assert worker.process.stdout.readline() == "done\n"
        snapshots = [worker.snapshot() for worker in workers]
    answered, begun = tally.sums()
    return Outcome(snapshots, answered, begun, kills, sorted(state.iterdir()))


@contextlib.contextmanager
def _all_ended(workers: list[Worker]) -> Iterator[None]:
    try:
        yield
    finally:
        for worker in workers:
            worker.end()
