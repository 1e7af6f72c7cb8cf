"""Fixtures that several test files share."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Credit:
    """The demo's model, packed, with live rows and scikit-learn's answers to them."""

    folder: Path
    bloc: Path
    model: Any
    frame: Any
    rows: list[dict[str, Any]]
    expected: Any

    @cached_property
    def batch(self) -> Any:
        """The frame often enough that it is worth several threads."""
        import pandas as pd

        return pd.concat([self.frame] * 10, ignore_index=True)

    @cached_property
    def batch_expected(self) -> Any:
        import numpy as np

        return np.tile(self.expected, (10, 1))


def _credit(folder: Path, rows: int, trees: int) -> Credit:
    import demo
    from generate import COLUMNS, applications
    from train import fit

    data = applications(rows, seed=3)
    live = applications(1_000, seed=4, live=True)
    model = fit(data, trees)
    demo.pack(model, data, live, folder)
    return Credit(
        folder=folder,
        bloc=folder / "credit.bloc",
        model=model,
        frame=live[COLUMNS],
        rows=json.loads((folder / "live.json").read_text())["rows"],
        expected=model.predict_proba(live[COLUMNS]),
    )


@pytest.fixture(scope="session")
def credit(tmp_path_factory: pytest.TempPathFactory) -> Credit:
    """A small model: about 10 000 nodes."""
    return _credit(tmp_path_factory.mktemp("credit"), rows=2_000, trees=20)


@pytest.fixture(scope="session")
def large_credit(tmp_path_factory: pytest.TempPathFactory) -> Credit:
    """A model whose bloc is several times larger than the memory that a worker may add."""
    return _credit(tmp_path_factory.mktemp("large-credit"), rows=50_000, trees=140)


@pytest.fixture(scope="session")
def clean_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds the built wheel and nothing else."""
    wheels = list((ROOT / "target" / "wheels").glob("monobloc-*.whl"))
    assert len(wheels) == 1, "run `make build` first"
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*install, "--no-index", "--no-deps", str(wheels[0])], check=True, timeout=120)
    return python


@pytest.fixture(scope="session")
def installed() -> Iterator[Any]:
    """The C and C++ libraries, as `make install` leaves them."""
    from installed import staged

    with staged() as found:
        yield found


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """OpenMP's threads spin while they wait, which is slow where others work, too."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield
