"""The memory that is told beforehand, beside what workers then hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import container_models
import footprint_worker
import monobloc
import network_models
from record import Figure

WORKERS = 4
DEVIATION = 10.0
"""Percent at most."""


def measure(folder: Path) -> list[Figure]:
    process_bytes = held([], 1)[0]
    return [_deviation(name, bloc, process_bytes) for name, bloc in blocs(folder).items()]


def blocs(folder: Path) -> dict[str, Path]:
    """A forest, a linear model and a network."""
    folder.mkdir(parents=True, exist_ok=True)
    forest = container_models.forest(folder / "forest", trees=200, depth=20, rows=10)
    networks = {
        "linear model": network_models.linear(),
        "network": network_models.mlp(hidden=2_048, layers=2),
    }
    paths = {"forest": forest.bloc}
    for name, model in networks.items():
        paths[name] = folder / f"{name.replace(' ', '-')}.bloc"
        monobloc.pack(model, paths[name])
    return paths


def held(blocs: list[Path], workers: int, threads: int = 1) -> tuple[int, float]:
    """Private bytes of all workers, and the bytes of the blocs that they have mapped."""
    command = [sys.executable, footprint_worker.__file__, str(threads), *map(str, blocs)]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **options) for _ in range(workers)]
    said = []
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
        said.append(json.loads(process.stdout.readline()))
    for process in processes:
        process.communicate("\n", timeout=60)
        assert process.returncode == 0
    return sum(one["private"] for one in said), sum(one["mapped"] for one in said)


def _deviation(name: str, bloc: Path, process_bytes: int) -> Figure:
    told = monobloc.footprint(bloc, workers=WORKERS, threads=1, process_bytes=process_bytes)
    found = sum(held([bloc], WORKERS))
    deviation = 100 * abs(told.total_bytes - found) / found
    what = f"memory of {WORKERS} workers with a {name}, {found / 1e6:.0f} MB"
    return Figure(f"{what}: told beforehand, off by", deviation, "%", DEVIATION)
