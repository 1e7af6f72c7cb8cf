"""Engines in the worker processes of Python's own pools, however those are started."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import monobloc
import pool_tasks
import pytest
from children import SECONDS
from conftest import Credit
from forks import answers

WORKERS = 2
BATCH = 600
"""Rows that are enough to be shared among threads."""


@pytest.fixture
def engine(credit: Credit) -> monobloc.ClassifierEngine:
    """One whose threads run when the workers are started."""
    loaded = monobloc.load(credit.bloc, threads=2)
    answers(loaded, credit)
    return loaded


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def context(request: pytest.FixtureRequest) -> Any:
    return multiprocessing.get_context(request.param)


@pytest.fixture
def handed(
    context: Any, engine: monobloc.ClassifierEngine, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """How workers come by the engine: a forked one has it, others get it pickled."""
    if context.get_start_method() == "fork":
        monkeypatch.setattr(pool_tasks, "engine", engine)
        return {}
    return {"initializer": pool_tasks.keep, "initargs": (engine,)}


def tasks(credit: Credit) -> list[Any]:
    """Single rows and batches by turns."""
    batches = [credit.frame[first : first + BATCH] for first in range(0, 400, 50)]
    return [task for pair in zip(credit.rows, batches, strict=False) for task in pair]


def check(found: list[tuple[int, bytes]], credit: Credit) -> None:
    expected = []
    for number, first in enumerate(range(0, 400, 50)):
        expected += [credit.expected[number].tobytes()]
        expected += [credit.expected[first : first + BATCH].tobytes()]
    assert [answer for _, answer in found] == expected
    assert os.getpid() not in {process for process, _ in found}


def test_a_pool(
    engine: monobloc.ClassifierEngine, credit: Credit, context: Any, handed: dict[str, Any]
) -> None:
    with context.Pool(WORKERS, **handed) as pool:
        check(pool.map_async(pool_tasks.answer, tasks(credit), 1).get(SECONDS), credit)
        answers(engine, credit)


def test_a_pool_whose_tasks_bring_the_engine(
    engine: monobloc.ClassifierEngine, credit: Credit, context: Any
) -> None:
    with context.Pool(WORKERS) as pool:
        brought = [(engine, task) for task in tasks(credit)]
        check(pool.starmap_async(pool_tasks.answer_by, brought, 1).get(SECONDS), credit)


def test_an_executor(
    engine: monobloc.ClassifierEngine, credit: Credit, context: Any, handed: dict[str, Any]
) -> None:
    with ProcessPoolExecutor(WORKERS, mp_context=context, **handed) as executor:
        found = list(executor.map(pool_tasks.answer, tasks(credit), timeout=SECONDS))
        answers(engine, credit)
    check(found, credit)


def test_a_pool_that_replaces_its_workers(
    credit: Credit, context: Any, handed: dict[str, Any]
) -> None:
    """Each of them answers two tasks, so later ones start while others answer."""
    with context.Pool(WORKERS, maxtasksperchild=2, **handed) as pool:
        found = pool.map_async(pool_tasks.answer, tasks(credit), 1).get(SECONDS)
    check(found, credit)
    assert len({process for process, _ in found}) >= len(found) / 2
