"""Load before fork, predict on both sides: right answers and no hang."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import monobloc
import pytest
from children import SECONDS, fork
from conftest import Credit
from forks import answers, answers_batch, answers_one, join, predicting, threads

FORKS = 1_000


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def engine(credit: Credit, request: pytest.FixtureRequest) -> monobloc.Engine:
    return monobloc.load(credit.bloc, threads=request.param)


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


def test_forks_while_other_threads_predict(credit: Credit) -> None:
    """The child has a copy of whatever a thread was in the middle of, and no such thread."""
    engine = monobloc.load(credit.bloc, threads=2)

    def child() -> None:
        answers_one(engine, credit, rows=1)
        assert threads() == 1
        answers_batch(engine, credit)
        assert threads() > 1

    with predicting(engine, credit, threads=2):
        for number in range(FORKS):
            pid = fork(child)
            try:
                join(pid)
            except AssertionError as failure:
                raise AssertionError(f"fork {number} of {FORKS}") from failure


def test_forks_of_forks_while_other_threads_predict(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc, threads=2)

    def descend(levels: int) -> None:
        answers(engine, credit)
        if levels == 0:
            return
        with predicting(engine, credit, threads=1), ThreadPoolExecutor(1) as other:
            for _ in range(3):
                other.submit(lambda: join(fork(lambda: descend(levels - 1)))).result()

    descend(3)


def test_no_process_loses_or_gains_rows_by_a_fork(credit: Credit) -> None:
    """Each counts its own from the fork on, on top of what there was."""
    engine = monobloc.load(credit.bloc, threads=2)

    def counted() -> int:
        return engine.health().out_of_distribution["rows"]

    def child() -> None:
        before = counted()
        answers_batch(engine, credit)
        answers_one(engine, credit)
        assert counted() == before + len(credit.batch) + 20

    def batches(turns: int) -> None:
        for _ in range(turns):
            answers_batch(engine, credit)

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(batches, 20) for _ in range(2)]
        join(*[fork(child) for _ in range(20)])
        for one in running:
            one.result()
    assert counted() == 40 * len(credit.batch)


def test_nothing_but_a_batch_starts_a_thread(credit: Credit, clean_python: Path) -> None:
    """So forking a parent that has loaded, and answered a row, is safe for other libraries too."""
    code = """
import json, os, sys
threads = [len(os.listdir("/proc/self/task"))]
def count(): threads.append(len(os.listdir("/proc/self/task")))
import monobloc; count()
engine = monobloc.load(sys.argv[1], threads=2); count()
rows = json.load(open(sys.argv[2]))["rows"]
engine.predict_proba(rows[0]); count()
engine.run_json(json.dumps(rows[0])); count()
engine.health(); count()
engine.predict_proba(rows * 10); count()
print(*threads)
"""
    command = [clean_python, "-c", code, credit.bloc, credit.folder / "live.json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    *before, after_a_batch = map(int, said.stdout.split())
    assert before == [1] * 6
    assert after_a_batch > 1


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
