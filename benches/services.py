"""A real gunicorn on a loopback port, and its workers."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = 60
FASTAPI = ROOT / "examples" / "fastapi"


@dataclass(frozen=True)
class Gunicorn:
    port: int
    pid: int

    def workers(self) -> set[int]:
        """The process ids of the workers that are alive."""
        return {pid for pid in _processes() if _parent(pid) == self.pid}

    @contextlib.contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        """A connection to one of the workers, which stays the same until it ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            yield connection


@contextlib.contextmanager
def gunicorn(
    folder: Path, log: Path, arguments: list[str], environment: Mapping[str, str]
) -> Iterator[Gunicorn]:
    """A gunicorn that runs in `folder` and ends well when it is told to."""
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += ["--timeout", str(DEADLINE), *arguments]
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=file, stderr=file
        )
    try:
        yield Gunicorn(_port(process, log), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, log.read_text()


def fastapi(
    bloc: Path,
    folder: Path,
    workers: int,
    preload: bool,
    more: Mapping[str, str] | None = None,
) -> AbstractContextManager[Gunicorn]:
    """The example of that name, whose log is left in `folder`, with `more` in its environment."""
    environment = {
        "BLOC": str(bloc),
        "WEB_CONCURRENCY": str(workers),
        "PRELOAD": str(int(preload)),
        **(more or {}),
    }
    return gunicorn(FASTAPI, folder / "gunicorn.log", [], environment)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that gunicorn says it listens at."""
    for _ in range(10 * DEADLINE):
        said = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())
        if said:
            return int(said[1])
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"gunicorn did not listen:\n{log.read_text()}")


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _parent(pid: int) -> int | None:
    """None of a process that is gone, or waits for its parent to notice that it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)
