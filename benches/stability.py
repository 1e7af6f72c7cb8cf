"""A million predictions and a thousand forks: what they leave behind."""

from __future__ import annotations

import contextlib
import sys

import stability_worker
from container_models import Packed
from memory import private
from network_processes import closing
from record import Figure

PREDICTIONS = 1_000_000
WARM_UP = PREDICTIONS // 10
GROWTH = 2.0
"""MB at most."""
FORKS = 1_000


def measure(model: Packed) -> list[Figure]:
    command = [sys.executable, stability_worker.__file__, str(model.folder)]
    with contextlib.ExitStack() as stack:
        predicts = closing(stack, command)
        warm = predicts.ask("predict", WARM_UP)
        before = private(predicts.pid)
        said = predicts.ask("predict", PREDICTIONS - WARM_UP)
        growth = private(predicts.pid) - before
        wrong = warm["wrong"] + said["wrong"]
        assert wrong == 0, f"{wrong} wrong answers"
        forks = closing(stack, command).ask("fork", FORKS)
    name = f"{PREDICTIONS:,} predictions of 1 to 2,000 rows by {stability_worker.THREADS} threads"
    of_forks = f"{FORKS:,} forks while {stability_worker.LOADED_BY} threads predict"
    return [
        Figure(f"{name}: growth of private memory after a tenth", growth / 1e6, "MB", GROWTH),
        Figure(f"{name}: time after a tenth", said["seconds"], "s"),
        Figure(f"{of_forks}: children that hang or answer wrongly", forks["wrong"], "", 0),
        Figure(f"{of_forks}: time of one, until it has predicted", forks["seconds"] * 1e3, "ms"),
    ]
