"""A file of CSV scored by `monobloc predict` and by pandas and scikit-learn in chunks.

The same file, models and machine, one after the other. Each writes the rows' numbers, labels and
probabilities as CSV. Answers are compared: labels by equality, probabilities within TOLERANCE, and
those of the forest's first chunk, which scikit-learn answers on one thread, by their bits.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import file_models
import file_worker
import numpy as np
import pandas as pd
from forests import KEPT
from record import Figure

COMMAND = Path(__file__).resolve().parents[1] / "target" / "release" / "monobloc"
MEGABYTES = {"small": 20, "default": 1000}
FASTER = 3
MOST_RESIDENT = 200e6
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Run:
    """How long a process took, and the most memory that it had."""

    seconds: float
    resident: int


def kept(size: str) -> Path:
    """Where the record of a run of another size is kept."""
    return KEPT / f"files-{size}"


def measure(size: str) -> tuple[list[Figure], dict[str, str]]:
    """The figures, and what was not measured and why."""
    if not COMMAND.exists():
        sys.exit(f"{COMMAND} is missing: make bench BENCH=files builds it")
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="monobloc-files-") as name:
        folder = Path(name)
        needed = 3 * MEGABYTES[size] * 1_000_000
        free = shutil.disk_usage(folder).free
        if free < needed:
            reason = (
                f"{free / 1e9:,.1f} GB are free in {folder.parent}; {needed / 1e9:,.1f} are needed"
            )
            return [], {"files": reason}
        rows = folder / "rows.csv"
        print(f"writing {MEGABYTES[size]:,} MB of CSV ...", flush=True)
        n_rows = file_models.write_rows(rows, MEGABYTES[size] * 1_000_000)
        for title in file_models.MODELS:
            print(f"{title}: {n_rows:,} rows ...", flush=True)
            figures += _measure(title, rows, n_rows, folder)
    return figures, {}


def _measure(title: str, rows: Path, n_rows: int, folder: Path) -> list[Figure]:
    model, bloc = file_models.fitted(title, folder)
    ours, theirs = folder / "ours.csv", folder / "theirs.csv"
    command = [str(COMMAND), "predict", str(bloc), str(rows), "--id", "number", "--out", str(ours)]
    found = _timed(command)
    peer = _timed([sys.executable, file_worker.__file__, str(model), str(rows), str(theirs)])
    farthest = _compare(ours, theirs, is_exact=title == "forest")
    gigabytes = rows.stat().st_size / 1e9
    what = f"{title}, {gigabytes:,.2f} GB of CSV, {n_rows:,} rows"
    name = "pandas + scikit-learn"
    return [
        Figure(f"{what}: time", found.seconds, "s", peer.seconds / FASTER, name, peer.seconds),
        Figure(
            f"{what}: rows per second",
            n_rows / found.seconds,
            "",
            None,
            name,
            n_rows / peer.seconds,
        ),
        Figure(
            f"{what}: most resident memory",
            found.resident / 1e6,
            "MB",
            MOST_RESIDENT / 1e6,
            name,
            peer.resident / 1e6,
        ),
        Figure(f"{what}: farthest probability, in 10⁻¹⁶", farthest / 1e-16, "", TOLERANCE / 1e-16),
    ]


def _timed(command: list[str]) -> Run:
    """Of the whole process, whose memory is looked at while it runs."""
    resident = 0
    begun = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            if held := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
                resident = max(resident, 1024 * int(held[1]))
            time.sleep(0.005)
        seconds = time.perf_counter() - begun
        assert process.stderr is not None
        said = process.stderr.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Run(seconds, resident)


def _compare(ours: Path, theirs: Path, is_exact: bool) -> float:
    """How far apart probabilities are at most."""
    farthest = 0.0
    options = {"chunksize": file_worker.CHUNK}
    with pd.read_csv(ours, **options) as one, pd.read_csv(theirs, **options) as other:
        for at, (found, expected) in enumerate(zip(one, other, strict=True)):
            assert list(found) == list(expected)
            assert found["number"].equals(expected["number"])
            assert found["label"].equals(expected["label"])
            found, expected = (frame.iloc[:, 2:].to_numpy() for frame in (found, expected))
            if is_exact and at == 0:
                assert found.tobytes() == expected.tobytes()
            farthest = max(farthest, float(np.abs(found - expected).max()))
    return farthest
