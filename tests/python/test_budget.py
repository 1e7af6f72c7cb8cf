"""The CPU budget in real control groups: what is decided, what is followed, what is kept to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import monobloc
import pytest
from conftest import ROOT, Credit
from control_groups import ControlGroup, Unavailable, control_group, environment

CPUS = len(os.sched_getaffinity(0))
COMMAND = [str(ROOT / "target" / "release" / "monobloc"), "budget", "--json"]
FROM_PYTHON = """
import json, monobloc
budget = monobloc.cpu_budget()
sources = [
    {"name": one.name, "value": one.value, "meaning": one.meaning, "cpus": one.cpus}
    for one in budget.sources
]
said = {"threads": budget.threads, "quota": budget.quota, "workers": budget.workers}
print(json.dumps(said | {"sources": sources}))
"""
FACES = [COMMAND, [sys.executable, "-c", FROM_PYTHON]]
needs_two = pytest.mark.skipif(CPUS < 2, reason="needs two CPUs")


@pytest.fixture
def group() -> Iterator[ControlGroup]:
    try:
        with control_group("cpu") as group:
            yield group
    except Unavailable as reason:
        pytest.skip(str(reason))


def told(group: ControlGroup, command: list[str], **variables: str) -> dict:
    return json.loads(group.run(command, env=environment(**variables)).stdout)


@pytest.mark.parametrize("command", FACES, ids=["command", "Python"])
@pytest.mark.parametrize(
    ("quota", "threads"), [(0.5, 1), (1.5, 1), (1.99, 1), (2.0, min(2, CPUS)), (64.0, CPUS)]
)
def test_a_quota_is_rounded_down(
    group: ControlGroup, command: list[str], quota: float, threads: int
) -> None:
    group.set_quota(quota)
    said = told(group, command)
    assert (said["threads"], said["quota"], said["workers"]) == (threads, quota, 1)
    own = [source for source in said["sources"] if source["name"].startswith(str(group.folder))]
    assert [source["cpus"] for source in own] == [quota]


@pytest.mark.parametrize("command", FACES, ids=["command", "Python"])
@needs_two
def test_the_tightest_group_around_counts(group: ControlGroup, command: list[str]) -> None:
    group.set_quota(1.0)
    with control_group("cpu", group) as middle, control_group("cpu", middle) as inner:
        said = told(inner, command)
    assert (said["threads"], said["quota"]) == (1, 1.0)


@needs_two
def test_workers_and_variables(group: ControlGroup) -> None:
    group.set_quota(2.0)
    assert told(group, COMMAND, WEB_CONCURRENCY="2")["threads"] == 1
    assert told(group, [*COMMAND, "--workers", "2"])["threads"] == 1
    assert told(group, COMMAND, MONOBLOC_NUM_THREADS="1")["threads"] == 1
    assert told(group, COMMAND, OMP_NUM_THREADS="1")["threads"] == 1
    assert told(group, COMMAND, OMP_NUM_THREADS="1", MONOBLOC_NUM_THREADS="2")["threads"] == 2
    assert told(group, COMMAND, SERVER_SOFTWARE="gunicorn/27")["threads"] == 2
    group.set_quota(None)
    assert told(group, COMMAND, SERVER_SOFTWARE="gunicorn/27")["threads"] == 1
    assert told(group, COMMAND, KUBERNETES_SERVICE_HOST="10.0.0.1")["threads"] == 1


@needs_two
def test_an_affinity_counts() -> None:
    one = sorted(os.sched_getaffinity(0))[0]
    said = subprocess.run(
        COMMAND,
        env=environment(),
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
        capture_output=True,
        check=True,
    )
    assert json.loads(said.stdout)["threads"] == 1


def test_the_text_tells_every_source() -> None:
    said = subprocess.run(COMMAND[:-1], env=environment(), capture_output=True, text=True)
    sources = json.loads(subprocess.check_output(COMMAND, env=environment()))["sources"]
    assert sources
    for source in sources:
        assert source["name"] in said.stdout
        assert source["meaning"] in said.stdout


def test_workers_must_be_a_count() -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="workers is 0; expected at least 1"):
        monobloc.cpu_budget(workers=0)
    refused = subprocess.run([*COMMAND, "--workers", "0"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--workers" in refused.stderr


FOLLOWS = """
import sys, time, monobloc, numpy as np, pandas as pd
engine = monobloc.load(sys.argv[1])
frame = pd.read_pickle(sys.argv[2])
expected = engine.predict_proba(frame).tobytes()
for line in sys.stdin:
    time.sleep(1.1)
    assert engine.predict_proba(frame).tobytes() == expected
    print(engine.threads, flush=True)
"""


@pytest.fixture(scope="module")
def rows(credit: Credit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch that is worth several threads, for other processes."""
    path = tmp_path_factory.mktemp("rows") / "rows.pickle"
    credit.batch.to_pickle(path)
    return path


@needs_two
def test_a_quota_that_changes_is_followed(group: ControlGroup, credit: Credit, rows: Path) -> None:
    group.set_quota(2.0)
    process = group.popen(
        [sys.executable, "-c", FOLLOWS, str(credit.bloc), str(rows)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for quota, threads in [(2.0, 2), (1.5, 1), (2.0, 2), (1.0, 1), (None, CPUS)]:
        group.set_quota(quota)
        process.stdin.write("\n")
        process.stdin.flush()
        assert int(process.stdout.readline()) == threads
    process.stdin.close()
    assert process.wait(60) == 0


SATURATES = """
import sys, threading, time, monobloc, pandas as pd
engine = monobloc.load(sys.argv[1])
frame = pd.read_pickle(sys.argv[2])
expected, until = engine.predict_proba(frame).tobytes(), time.monotonic() + float(sys.argv[3])
answers = []

def batches():
    while time.monotonic() < until:
        answers.append(engine.predict_proba(frame).tobytes() == expected)

callers = [threading.Thread(target=batches) for _ in range(8)]
[caller.start() for caller in callers]
[caller.join() for caller in callers]
print(len(answers), all(answers))
"""


@needs_two
def test_eight_callers_of_batches_are_not_throttled(
    group: ControlGroup, credit: Credit, rows: Path
) -> None:
    """One and a half CPUs are one thread, however many callers want two."""
    group.set_quota(1.5)
    command = [sys.executable, "-c", SATURATES, str(credit.bloc), str(rows)]
    group.run([*command, "0.1"], env=environment())
    before = group.periods()
    said = group.run([*command, "4"], env=environment()).stdout.split()
    periods, throttled = (now - then for now, then in zip(group.periods(), before, strict=True))
    assert said[1] == "True"
    assert int(said[0]) > 8
    assert periods >= 30
    assert throttled < 0.05 * periods, f"throttled in {throttled} of {periods} periods"
