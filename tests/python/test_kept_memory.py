"""The memory of a network's run stays with the process for the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import monobloc
import networks

RUNS = 20
SCRIPT = """
import resource, sys
import monobloc
import numpy as np

engine = monobloc.load(sys.argv[1], threads=1)
rows = np.ones((32, 32, 64), np.float32)


def faults(runs):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(runs):
        engine.run({"x": rows})
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


faults(60)
print(faults(int(sys.argv[2])))
"""


def test_later_runs_fault_no_pages_in(tmp_path: Path) -> None:
    bloc = tmp_path / "lstm.bloc"
    monobloc.pack(networks.lstm(width=64, hidden=256), bloc)
    command = [sys.executable, "-c", SCRIPT, str(bloc), str(RUNS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(said.stdout) < 10 * RUNS
