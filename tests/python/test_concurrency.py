"""Many callers of one engine: right answers, no more threads than may be, a loop that goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import monobloc
import networks
import numpy as np
import pytest
from conftest import Credit

CALLERS = 8


def workers() -> int:
    """How many threads of Monobloc's this process has."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            count += (task / "comm").read_text().startswith("monobloc-")
    return count


def call_in_every_form(engine: monobloc.Engine, credit: Credit, turn: int) -> None:
    row, expected = credit.rows[turn], credit.expected[turn]
    assert np.asarray(engine.predict_proba(row)).tobytes() == expected.tobytes()
    answer = json.loads(engine.run_json(json.dumps(row).encode()))
    assert answer["outputs"]["probabilities"] == [expected.tolist()]
    part = slice(turn, turn + 100)
    found = engine.predict_proba(credit.frame[part])
    assert found.tobytes() == credit.expected[part].tobytes()
    found = engine.predict_proba(credit.batch)
    assert found.tobytes() == credit.batch_expected.tobytes()


@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_callers_on_many_threads_get_their_own_answers(credit: Credit, threads: int | None) -> None:
    engine = monobloc.load(credit.bloc, threads=threads)
    with ThreadPoolExecutor(CALLERS) as callers:
        turns = range(CALLERS * 6)
        list(callers.map(lambda turn: call_in_every_form(engine, credit, turn), turns))


THREADS = """
import os, pickle, sys, threading
from pathlib import Path
import monobloc
from test_concurrency import workers

folder, threads = Path(sys.argv[1]), int(sys.argv[2]) or None
frame, expected = pickle.loads((folder / "batch.pickle").read_bytes())
engine = monobloc.load(folder / "credit.bloc", threads=threads)
most, done = 0, threading.Event()

def watch():
    global most
    while not done.wait(0.001):
        most = max(most, workers())

def call():
    for _ in range(10):
        assert engine.predict_proba(frame).tobytes() == expected

watcher = threading.Thread(target=watch)
watcher.start()
call()
most_of_one = most
callers = [threading.Thread(target=call) for _ in range(8)]
for thread in callers:
    thread.start()
for thread in callers:
    thread.join()
done.set()
watcher.join()
print(engine.threads, most_of_one, most)
"""


@pytest.mark.parametrize(
    ("threads", "budget", "helpers"),
    [(0, "1", 0), (0, "2", 1), (1, "2", 0), (2, "1", 1), (3, "1", 2)],
)
def test_threads_stay_within_the_budget_whatever_the_number_of_callers(
    credit: Credit, threads: int, budget: str, helpers: int
) -> None:
    import pickle

    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")
    pickled = pickle.dumps((credit.batch, credit.batch_expected.tobytes()))
    (credit.folder / "batch.pickle").write_bytes(pickled)
    path = os.pathsep.join(sys.path)
    environment = os.environ | {"MONOBLOC_NUM_THREADS": budget, "PYTHONPATH": path}
    command = [sys.executable, "-c", THREADS, str(credit.folder), str(threads)]
    said = subprocess.check_output(command, env=environment, text=True).split()
    own, of_one, of_many = map(int, said)
    assert own == (threads or int(budget))
    assert of_one == helpers
    # Those that do the work of callers who wait; then helpers sleep.
    assert of_many <= helpers + (0 if threads == 1 else own)


def test_a_batch_lets_other_threads_run(credit: Credit) -> None:
    """The interpreter is let go of: a thread counts on while a batch of seconds is answered."""
    engine = monobloc.load(credit.bloc, threads=1)
    frame = credit.batch.loc[credit.batch.index.repeat(20)]
    counted, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    begun = time.monotonic()
    found = engine.predict_proba(frame)
    seconds, counts = time.monotonic() - begun, counted[0]
    done.set()
    counter.join()
    assert len(found) == len(frame)
    assert counts > 20 * seconds, f"{counts} counts in {seconds:.2f} s"


async def longest_wait(work: asyncio.Future) -> float:
    """The longest time, in seconds, for which the loop did not come round while `work` was done."""
    longest, before = 0.0, time.monotonic()
    while not work.done():
        await asyncio.sleep(0)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    return longest


@pytest.mark.parametrize("form", ["frame", "dicts", "columns"])
def test_an_event_loop_goes_on(credit: Credit, form: str) -> None:
    engine = monobloc.load(credit.bloc)
    frame = credit.batch.loc[credit.batch.index.repeat(4)]
    X = {
        "frame": lambda: frame,
        "dicts": lambda: credit.rows * 40,
        "columns": lambda: {name: frame[name].tolist() for name in frame},
    }[form]()

    async def watched() -> tuple[monobloc.Prediction, float]:
        work = asyncio.ensure_future(engine.run_async(X))
        longest = await longest_wait(work)
        return await work, longest

    prediction, longest = asyncio.run(watched())
    assert len(prediction.outputs["probabilities"]) == len(frame)
    assert longest < 0.25, f"the loop stood still for {longest:.3f} s"


def test_answers_of_an_event_loop(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)

    async def main() -> list[monobloc.Prediction]:
        return await asyncio.gather(*(engine.run_async(row) for row in credit.rows[:50]))

    for prediction, expected in zip(asyncio.run(main()), credit.expected, strict=False):
        assert prediction.outputs["probabilities"].tobytes() == expected.tobytes()


def test_errors_come_to_who_awaits(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)
    with pytest.raises(monobloc.SchemaError, match="given as int"):
        asyncio.run(engine.run_async(3))


def test_a_network_is_awaited_too(tmp_path: Path) -> None:
    monobloc.pack(networks.mlp(), tmp_path / "mlp.bloc")
    engine = monobloc.load(tmp_path / "mlp.bloc")
    inputs = networks.inputs("mlp", 5)
    expected = engine.run(inputs).outputs["y"]
    found = asyncio.run(engine.run_async(inputs)).outputs["y"]
    assert found.tobytes() == expected.tobytes()


def test_what_is_cancelled_harms_nobody(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)

    async def main() -> None:
        work = asyncio.ensure_future(engine.run_async(credit.batch))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        answer = await engine.run_async(credit.rows[0])
        assert answer.outputs["probabilities"].tobytes() == credit.expected[0].tobytes()

    asyncio.run(main())


def test_workers_divide_what_there_is(credit: Credit) -> None:
    cpus = monobloc.cpu_budget(workers=1).threads
    assert monobloc.load(credit.bloc, workers=1).threads == cpus
    assert monobloc.load(credit.bloc, workers=2).threads == max(1, cpus // 2)
    assert monobloc.load(credit.bloc, workers=1_000).threads == 1
    assert monobloc.load(credit.bloc, workers=1_000, threads=3).threads == 3
    with pytest.raises(monobloc.InvalidArgumentError, match="workers is 0; expected at least 1"):
        monobloc.load(credit.bloc, workers=0)
