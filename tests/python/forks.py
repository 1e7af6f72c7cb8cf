"""Forked children that end if they hang, and the answers that they must give."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import monobloc
import numpy as np
from children import SECONDS
from conftest import Credit


def join(*pids: int) -> None:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert statuses == [0] * len(pids), f"exit codes {statuses}; {-signal.SIGALRM} is a hang"


def answers_one(engine: monobloc.Engine, credit: Credit, rows: int = 20) -> None:
    for row, expected in zip(credit.rows[:rows], credit.expected[:rows], strict=True):
        assert np.asarray(engine.predict_proba(row)).tobytes() == expected.tobytes()


def answers_batch(engine: monobloc.Engine, credit: Credit) -> None:
    assert engine.predict_proba(credit.batch).tobytes() == credit.batch_expected.tobytes()


def answers(engine: monobloc.Engine, credit: Credit) -> None:
    answers_one(engine, credit)
    answers_batch(engine, credit)
    answers_one(engine, credit)


@contextlib.contextmanager
def predicting(engine: monobloc.Engine, credit: Credit, threads: int) -> Iterator[None]:
    """Other threads answer batches and single rows all the time."""
    done = threading.Event()
    failures: list[BaseException] = []

    def predict() -> None:
        try:
            while not done.is_set():
                answers(engine, credit)
        except BaseException as failure:
            failures.append(failure)

    started = [threading.Thread(target=predict) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in started:
            thread.join(SECONDS)
    assert not failures
    assert not any(thread.is_alive() for thread in started)


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))
