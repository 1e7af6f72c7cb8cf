"""Workers killed at any moment: nobody else notices, and nothing is left of them."""

from __future__ import annotations

import contextlib
import http.client
import json
import mmap
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import monobloc
import numpy as np
import pytest
from children import fork
from conftest import Credit
from forks import answers_batch, answers_one, join
from services import DEADLINE, Gunicorn, fastapi

SEED = int(os.environ.get("SEED", "1"))
KILLS = 100
LONGEST_LIFE = 0.02
NEIGHBOURS = 2

KILLS_OF_GUNICORN = 20
WORKERS = 4
CLIENTS = 6
MOST_ANSWERS_BETWEEN_KILLS = 40

UNLIKE = b"[" + b"{}," * 59 + b"{}]"
"""Rows each of which is an event."""


@dataclass(frozen=True)
class Aftermath:
    """What is found when the last of the workers is dead."""

    bloc: Path
    log: Path
    exit_codes: Counter[int]
    phases: Counter[str]
    """What the workers did when they were killed."""
    rounds: list[int]
    """How often each neighbour answered."""


def load(bloc: Path, log: Path, events_per_second: int = 2_000) -> monobloc.Engine:
    return monobloc.load(bloc, threads=2, event_log=log, events_per_second=events_per_second)


def serve(engine: monobloc.Engine, credit: Credit) -> None:
    answers_one(engine, credit, rows=5)
    engine.run_json(UNLIKE)
    answers_batch(engine, credit)


def killed(bloc: Path, log: Path, credit: Credit, phase: mmap.mmap, started: int) -> None:
    """Loads and predicts until it is killed."""
    os.write(started, b".")
    while True:
        phase[0:1] = b"l"
        engine = load(bloc, log)
        phase[0:1] = b"p"
        serve(engine, credit)


def neighbour(bloc: Path, log: Path, credit: Credit, rounds: mmap.mmap, number: int) -> None:
    """Loads once, and predicts until it is told to stop."""
    engine = load(bloc, log, events_per_second=200)
    while rounds[0] == 0:
        serve(engine, credit)
        rounds[number] = min(rounds[number] + 1, 255)


def kill(pid: int) -> int:
    """The exit code, which is another one where the process had already ended."""
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module")
def aftermath(credit: Credit, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    bloc = tmp_path_factory.mktemp("bloc") / "credit.bloc"
    shutil.copy(credit.bloc, bloc)
    log = tmp_path_factory.mktemp("events") / "events.jsonl"
    phase, rounds = mmap.mmap(-1, 1), mmap.mmap(-1, 1 + NEIGHBOURS)
    hear, started = os.pipe()
    moments = random.Random(SEED)
    exit_codes, phases = Counter[int](), Counter[str]()
    neighbours = [
        fork(lambda n=n: neighbour(bloc, log, credit, rounds, n), seconds=4 * DEADLINE)
        for n in range(1, 1 + NEIGHBOURS)
    ]
    try:
        for _ in range(KILLS):
            pid = fork(lambda: killed(bloc, log, credit, phase, started))
            os.read(hear, 1)
            time.sleep(moments.uniform(0, LONGEST_LIFE))
            exit_codes[kill(pid)] += 1
            phases[phase[0:1].decode()] += 1
    finally:
        rounds[0] = 1
        join(*neighbours)
        os.close(hear)
        os.close(started)
    return Aftermath(bloc, log, exit_codes, phases, list(rounds[1:]))


def test_neighbours_of_killed_workers_give_right_answers(aftermath: Aftermath) -> None:
    assert aftermath.exit_codes == {-signal.SIGKILL: KILLS}, f"SEED={SEED}"
    assert set(aftermath.phases) == {"l", "p"}, f"SEED={SEED}"
    assert min(aftermath.rounds) > 1


def test_a_new_worker_loads_and_predicts_at_once(aftermath: Aftermath, credit: Credit) -> None:
    join(fork(lambda: serve(load(aftermath.bloc, aftermath.log), credit)))


def test_the_events_are_whole_lines(aftermath: Aftermath) -> None:
    lines = whole_lines(aftermath.log)
    assert len(lines) > KILLS
    assert not [line for line in lines if not is_event(line)], f"SEED={SEED}"


def test_a_worker_killed_while_it_writes_leaves_whole_lines(
    aftermath: Aftermath, tmp_path: Path
) -> None:
    """A line that is cut spoils the next worker's, too."""
    moments = random.Random(SEED)
    spoiled: list[int] = []
    for number in range(2 * KILLS):
        log = tmp_path / f"{number}.jsonl"

        def write(log: Path = log) -> None:
            engine = load(aftermath.bloc, log, events_per_second=5_000)
            while True:
                engine.run_json(UNLIKE)

        pid = fork(write)
        wait_until(lambda log=log: log.exists() and log.stat().st_size > 0)
        time.sleep(moments.uniform(0, LONGEST_LIFE / 4))
        assert kill(pid) == -signal.SIGKILL
        join(fork(lambda log=log: load(aftermath.bloc, log).run_json(UNLIKE)))
        if not all(map(is_event, whole_lines(log))):
            spoiled.append(number)
        log.unlink()
    assert not spoiled, f"SEED={SEED}: {len(spoiled)} of {2 * KILLS} files"


def whole_lines(log: Path) -> list[bytes]:
    lines = log.read_bytes().split(b"\n")
    assert lines.pop() == b""
    return lines


def is_event(line: bytes) -> bool:
    try:
        return json.loads(line)["status"] in {"flagged", "repaired", "rejected"}
    except ValueError:
        return False


def test_nothing_is_left_beside_the_bloc_and_the_events(
    aftermath: Aftermath, credit: Credit
) -> None:
    assert list(aftermath.bloc.parent.iterdir()) == [aftermath.bloc]
    assert list(aftermath.log.parent.iterdir()) == [aftermath.log]
    assert aftermath.bloc.read_bytes() == credit.bloc.read_bytes()


class Clients:
    """Threads that ask all the time, and take nothing but right answers and closed connections."""

    def __init__(self, service: Gunicorn, credit: Credit) -> None:
        self._service, self._credit = service, credit
        self._done = threading.Event()
        self._answered = [0] * CLIENTS
        self._closed = [0] * CLIENTS

    @property
    def answered(self) -> int:
        return sum(self._answered)

    @property
    def closed(self) -> int:
        return sum(self._closed)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as threads:
            running = [threads.submit(self._ask, client) for client in range(CLIENTS)]
            try:
                yield
            finally:
                self._done.set()
            for client in running:
                client.result()

    def _ask(self, client: int) -> None:
        while not self._done.is_set():
            with self._service.connection() as connection:
                try:
                    while not self._done.is_set():
                        self._ask_once(connection, self._answered[client])
                        self._answered[client] += 1
                except (ConnectionError, http.client.IncompleteRead):
                    self._closed[client] += 1

    def _ask_once(self, connection: http.client.HTTPConnection, number: int) -> None:
        rows = slice(number % 900, number % 900 + (50 if number % 2 else 1))
        connection.request("POST", "/predict", json.dumps(self._credit.rows[rows]))
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        probabilities = np.array(answer["outputs"]["probabilities"])
        assert probabilities.tobytes() == self._credit.expected[rows].tobytes()


@pytest.mark.parametrize("preload", [False, True], ids=["loaded by each", "preloaded"])
def test_gunicorn_replaces_killed_workers(credit: Credit, tmp_path: Path, preload: bool) -> None:
    moments = random.Random(SEED)
    killed: set[int] = set()
    with fastapi(credit.bloc, tmp_path, WORKERS, preload) as service:
        clients = Clients(service, credit)

        def all_work(answers: int) -> bool:
            alive = service.workers() - killed
            return clients.answered >= answers and len(alive) == WORKERS

        with clients.asking():
            for _ in range(KILLS_OF_GUNICORN):
                answers = clients.answered + moments.randrange(MOST_ANSWERS_BETWEEN_KILLS)
                wait_until(lambda answers=answers: all_work(answers))
                worker = moments.choice(sorted(service.workers() - killed))
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
            answers = clients.answered + 10 * MOST_ANSWERS_BETWEEN_KILLS
            wait_until(lambda: all_work(answers))
    assert clients.closed > 0, f"SEED={SEED}"


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < until, f"SEED={SEED}"
        time.sleep(0.005)
