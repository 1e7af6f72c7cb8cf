"""What a run found: figures, some of them with a bar that they must hold."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "record"
CONTAINERS = FOLDER / "containers"
EMBEDDED = FOLDER / "embedded"
FILES = FOLDER / "files"
MONITORING = FOLDER / "monitoring"
NETWORKS = FOLDER / "networks"
REQUESTS = FOLDER / "requests"
TREES = FOLDER / "trees"
LIBRARIES = ["monobloc", "numpy", "pandas", "scikit-learn", "scipy", "joblib"]
EMBEDDED_LIBRARIES = ["monobloc", "numpy", "pandas", "scikit-learn", "lightgbm"]
CONTAINER_LIBRARIES = [
    "monobloc",
    "numpy",
    "pandas",
    "scikit-learn",
    "onnxruntime",
    "skl2onnx",
    "gunicorn",
]
NETWORK_LIBRARIES = ["monobloc", "numpy", "onnx", "onnxruntime"]
_LOCK = Path(__file__).resolve().parents[1] / "Cargo.lock"


@dataclass(frozen=True)
class Figure:
    """One measured number. Where it has a bar, it holds when it is not above it."""

    what: str
    measured: float
    unit: str
    bar: float | None = None
    peer: str | None = None
    """The rival that was measured in the same run."""
    peer_measured: float | None = None

    @property
    def holds(self) -> bool:
        return self.bar is None or self.measured <= self.bar

    def row(self) -> list[str]:
        """The cells of its line in a table."""
        peer = "" if self.peer_measured is None else f"{self.peer}: {self.text(self.peer_measured)}"
        bar = "" if self.bar is None else f"≤ {self.text(self.bar)}"
        return [self.what, self.text(self.measured), bar, peer, self.verdict]

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return "yes" if self.holds else "**no**"

    def text(self, value: float) -> str:
        digits = (
            0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
        )
        return f"{value:,.{digits}f} {self.unit}".rstrip()


@dataclass
class Record:
    """A whole run, as it is written to a file."""

    date: str
    machine: dict[str, Any]
    versions: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    comparison: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    """What was not measured, and why."""

    @classmethod
    def new(cls, libraries: list[str]) -> Record:
        return cls(
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            machine={"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "memory_gb": _memory()},
            versions={"python": platform.python_version()}
            | {name: version(name) for name in libraries},
        )

    @classmethod
    def of_networks(cls, figures: list[Figure]) -> Record:
        record = cls.new(NETWORK_LIBRARIES)
        record.versions["tract"] = _locked("tract-onnx")
        record.figures = figures
        return record

    @classmethod
    def newest(cls, folder: Path = FOLDER) -> Record:
        path = max(folder.glob("*.json"))
        said = json.loads(path.read_text())
        said["figures"] = [Figure(**figure) for figure in said["figures"]]
        return cls(**said)

    def path(self, folder: Path = FOLDER) -> Path:
        """Where it is written."""
        kind = re.sub(r"[^a-z0-9]+", "-", str(self.machine["cpu"]).lower()).strip("-")
        return folder / f"{self.date}-{kind}-{self.machine['cores']}-cores.json"

    def write(self, folder: Path = FOLDER) -> Path:
        path = self.path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        return path


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _locked(package: str) -> str:
    """The version of a Rust package that is built."""
    found = re.search(rf'name = "{package}"\nversion = "(.+)"', _LOCK.read_text())
    assert found is not None
    return found[1]


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
