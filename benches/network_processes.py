"""The processes that run networks: Monobloc, onnxruntime, and tract as it comes."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import network_worker
import numpy as np
from memory import Peak, private
from network_cases import Case

ROOT = Path(__file__).resolve().parents[1]


class Process:
    """A process that answers each line on its standard input with a line of JSON."""

    def __init__(
        self, command: list[str], popen: Callable[..., subprocess.Popen[str]] = subprocess.Popen
    ) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = popen(command, encoding="utf-8", **pipes)
        self.pid = self._process.pid
        self.name = " ".join(command)
        self.greeting = self.hear()
        self.before = private(self.pid)
        """Private memory of the imports alone."""

    def ask(self, command: str, *arguments: Any) -> dict[str, Any]:
        self.tell(command, *arguments)
        return self.hear()

    def tell(self, command: str, *arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join([command, *map(str, arguments)]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        return json.loads(line)

    def load(self) -> tuple[float, int]:
        """Seconds that loading took, and the most private memory meanwhile beyond the imports."""
        with Peak(self.pid) as peak:
            seconds = self.ask("load")["load"]
        return seconds, peak.bytes - self.before

    def outputs(self, inputs: Path) -> np.ndarray:
        """The outputs for a folder of inputs, one after the other."""
        file = inputs / f"outputs-{self.pid}.bin"
        self.ask("answer", inputs, file)
        values = np.fromfile(file, np.float32)
        file.unlink()
        return values

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def workers(library: str, case: Case, count: int, threads: int = 1) -> Iterator[list[Process]]:
    """Processes that have imported the library and not yet loaded."""
    model = case.bloc if library == "monobloc" else case.model
    command = [sys.executable, network_worker.__file__, library, str(model), str(threads)]
    with contextlib.ExitStack() as started:
        yield [closing(started, command) for _ in range(count)]


@contextlib.contextmanager
def loaded(library: str, case: Case, threads: int = 1) -> Iterator[Process]:
    with workers(library, case, 1, threads) as [process]:
        process.load()
        yield process


@contextlib.contextmanager
def plain_tract(case: Case, batch: int | None) -> Iterator[Process]:
    """tract as it comes, its symbols kept, or fixed to a batch and the case's other sizes."""
    sizes = {} if batch is None else {"batch": batch} | case.sizes
    fixed = [f"{symbol}={size}" for symbol, size in sizes.items()]
    with contextlib.ExitStack() as started:
        yield closing(started, [str(built_example("plain_tract")), str(case.model), *fixed])


def closing(
    stack: contextlib.ExitStack,
    command: list[str],
    popen: Callable[..., subprocess.Popen[str]] = subprocess.Popen,
) -> Process:
    process = Process(command, popen)
    stack.callback(process.close)
    return process


@functools.cache
def built_example(name: str) -> Path:
    """The program that an example of the core becomes."""
    # Naming monobloc-py too gives the dependencies the features that the wheel gives them.
    packages = ["--package", "monobloc", "--package", "monobloc-py", "--example", name]
    command = ["cargo", "build", "--release", "--locked", "--quiet", *packages]
    subprocess.run(command, cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "examples" / name
