"""The processes that run tree ensembles: Monobloc's two faces and its peers."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forests
import tree_models
import tree_worker
from network_processes import ROOT, Process, built_example
from tree_models import Facts

KEPT = forests.KEPT / "trees"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
"""The interpreter that has the peers, and Monobloc too."""


class Unavailable(Exception):
    """An engine can't do what is asked; the text says why."""


@dataclass(frozen=True)
class Way:
    """One way to run a model, a line of the tables."""

    label: str
    engine: str
    """Its name among `tree_engines`' engines; empty for Monobloc's Rust face."""
    is_ours: bool = False
    cpu: str | None = None
    """The processor that Monobloc is to take this one for."""
    batches: tuple[int, ...] | None = None
    """Those that it takes, where not all."""


OURS = "Monobloc"
OURS_RUST = "Monobloc, Rust"
OURS_AVX2 = "Monobloc, AVX2"
WAYS = [
    Way(OURS, "monobloc", is_ours=True),
    Way(OURS_AVX2, "monobloc", is_ours=True, cpu="x86-64-v3"),
    Way(OURS_RUST, "", is_ours=True),
    Way("LightGBM", "lightgbm"),
    Way("LightGBM, C API", "lightgbm-fast", batches=(1,)),
    Way("XGBoost", "xgboost"),
    Way("scikit-learn", "scikit-learn"),
    Way("onnxruntime", "onnxruntime"),
    Way("treelite", "treelite"),
    Way("tl2cgen", "tl2cgen"),
    Way("lleaves", "lleaves"),
]
_TRAIN = {
    "lightgbm": "lightgbm",
    "lightgbm-fast": "lightgbm",
    "xgboost": "xgboost",
    "scikit-learn": "scikit-learn",
}


def ways(facts: Facts) -> list[Way]:
    """The ways to run a model: those of libraries that did not train it are none."""
    return [way for way in WAYS if _TRAIN.get(way.engine, facts.library) == facts.library]


def peers() -> set[str]:
    """The names of the peers' engines."""
    return {way.engine for way in WAYS if not way.is_ours}


class TreeProcess(Process):
    """A process whose failures are reasons why its engine is not available."""

    def ask(self, command: str, *arguments: Any) -> dict[str, Any]:
        try:
            said = super().ask(command, *arguments)
        except (OSError, RuntimeError) as error:
            raise Unavailable(str(error)) from error
        if "error" in said:
            raise Unavailable(said["error"])
        return said


def kept(size: str) -> Path:
    """Where models of a size are kept, apart by what they are trained with."""
    files = [ROOT / "requirements" / "peers.txt", Path(tree_models.__file__)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return KEPT / f"{size}-{digest[:8]}"


def trained(model: str, size: str) -> Path:
    """The folder of a model, trained when it is not kept."""
    folder = kept(size) / model
    if not (folder / "facts.json").exists():
        print(f"training {tree_models.TITLES[model]} ...", flush=True)
        command = [str(PEERS), tree_models.__file__, model, size, str(folder)]
        subprocess.run(command, check=True)
    return folder


def start(stack: contextlib.ExitStack, way: Way, folder: Path, threads: int) -> TreeProcess:
    """A process that has not loaded yet; it ends with the stack."""
    command = [str(PEERS), tree_worker.__file__, way.engine, str(folder), str(threads)]
    if not way.engine:
        bloc = str(folder / "model.bloc")
        command = [str(built_example("time_bloc")), bloc, str(folder), str(threads)]
    if way.cpu is not None:
        command = ["env", f"MONOBLOC_CPU={way.cpu}", *command]
    try:
        process = TreeProcess(command)
    except (OSError, RuntimeError) as error:
        raise Unavailable(str(error)) from error
    stack.callback(_close, process)
    return process


def _close(process: Process) -> None:
    with contextlib.suppress(OSError):  # it ended before
        process.close()


def need_peers() -> None:
    if not PEERS.exists():
        sys.exit(f"{PEERS.relative_to(ROOT)} is missing: make bench BENCH=trees makes it")
