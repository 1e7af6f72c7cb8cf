"""Serving processes, measured from outside."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "credit"))

from memory import private, shares

REQUESTS = 20
"""That each process answers before its memory is read."""


class Server:
    def __init__(self, library: str, model: Path, vocabulary: Path) -> None:
        script = str(Path(__file__).with_name("server.py"))
        self._process = subprocess.Popen(
            [sys.executable, script, library, str(model), str(vocabulary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self._hear()
        self.imports = private(self.pid)

    def load(self) -> float:
        """Seconds that loading took."""
        return self._ask("load")["seconds"]

    def embed(self, sentences: list[str]) -> np.ndarray:
        return np.array(self._ask(json.dumps(sentences))["vectors"], np.float32)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"server {self.pid} ended with status {self._process.wait()}")
        return json.loads(line)


@dataclass(frozen=True)
class Measured:
    """What serving costs. Memory in bytes, times in seconds."""

    pss: int
    """Sum of the processes' proportional shares."""
    private: int
    """The most private memory of a process beyond its imports."""
    load: float
    """The longest of the processes."""
    vectors: list[np.ndarray]
    """Each process's answer."""


@contextlib.contextmanager
def servers(library: str, model: Path, vocabulary: Path, count: int) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        started = []
        for _ in range(count):
            started.append(Server(library, model, vocabulary))
            stack.callback(started[-1].close)
        yield started


def measure(
    library: str, model: Path, vocabulary: Path, sentences: list[str], count: int
) -> Measured:
    """Processes that each load for themselves and answer some requests."""
    with servers(library, model, vocabulary, count) as started:
        loads = [server.load() for server in started]
        for _ in range(REQUESTS):
            vectors = [server.embed(sentences) for server in started]
        return Measured(
            pss=sum(shares(server.pid)["total"] for server in started),
            private=max(private(server.pid) - server.imports for server in started),
            load=max(loads),
            vectors=vectors,
        )
