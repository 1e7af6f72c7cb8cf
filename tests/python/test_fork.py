"""Load before fork, predict on both sides: right answers and no hang."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable

import monobloc
import numpy as np
import pytest
from conftest import Credit

SECONDS = 60


def fork(work: Callable[[], None]) -> int:
    """Runs `work` in a forked child that an alarm ends if it hangs; the child's process id."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def join(*pids: int) -> None:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert statuses == [0] * len(pids), f"exit codes {statuses}; {-signal.SIGALRM} is a hang"


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def engine(credit: Credit, request: pytest.FixtureRequest) -> monobloc.Engine:
    return monobloc.load(credit.bloc, threads=request.param)


def answers_one(engine: monobloc.Engine, credit: Credit) -> None:
    for row, expected in zip(credit.rows[:20], credit.expected, strict=False):
        assert np.asarray(engine.predict_proba(row)).tobytes() == expected.tobytes()


def answers_batch(engine: monobloc.Engine, credit: Credit) -> None:
    assert engine.predict_proba(credit.frame).tobytes() == credit.expected.tobytes()


def answers(engine: monobloc.Engine, credit: Credit) -> None:
    answers_one(engine, credit)
    answers_batch(engine, credit)
    answers_one(engine, credit)


def test_children_of_a_parent_that_only_loaded(engine: monobloc.Engine, credit: Credit) -> None:
    join(*[fork(lambda: answers(engine, credit)) for _ in range(4)])
    answers(engine, credit)


def test_children_of_a_parent_whose_threads_run(engine: monobloc.Engine, credit: Credit) -> None:
    answers(engine, credit)
    children = [fork(lambda: answers(engine, credit)) for _ in range(4)]
    answers(engine, credit)
    join(*children)


def test_many_forks_one_after_the_other(engine: monobloc.Engine, credit: Credit) -> None:
    for _ in range(25):
        answers_batch(engine, credit)
        join(fork(lambda: answers_batch(engine, credit)))


def test_grandchildren(engine: monobloc.Engine, credit: Credit) -> None:
    answers(engine, credit)

    def child() -> None:
        answers(engine, credit)
        join(fork(lambda: answers(engine, credit)))
        answers(engine, credit)

    join(fork(child))


def test_forks_while_other_threads_predict(engine: monobloc.Engine, credit: Credit) -> None:
    """The child has a copy of whatever a thread was in the middle of, and no such thread."""
    done = threading.Event()
    failures: list[BaseException] = []

    def predict() -> None:
        try:
            while not done.is_set():
                answers_batch(engine, credit)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(25):
            join(fork(lambda: answers_batch(engine, credit)))
    finally:
        done.set()
        for thread in threads:
            thread.join(SECONDS)
    assert not failures
    assert not any(thread.is_alive() for thread in threads)


def test_a_child_loads_for_itself(engine: monobloc.Engine, credit: Credit) -> None:
    answers(engine, credit)

    def child() -> None:
        answers(monobloc.load(credit.bloc), credit)
        answers(engine, credit)

    join(fork(child))


def test_the_parent_lets_go_before_the_child_answers(credit: Credit) -> None:
    held = [monobloc.load(credit.bloc)]
    read, write = os.pipe()

    def child() -> None:
        os.read(read, 1)
        answers(held[0], credit)

    pid = fork(child)
    held.clear()
    os.write(write, b".")
    join(pid)
    os.close(read)
    os.close(write)
