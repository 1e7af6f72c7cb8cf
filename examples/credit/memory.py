"""What the kernel says about a process's memory."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path


def _kilobytes(pid: int, file: str) -> dict[str, int]:
    values = {}
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            values[name] = int(rest.split()[0]) * 1024
    return values


def private(pid: int) -> int:
    """Bytes that the process holds and no file backs: RssAnon + RssShmem.

    RSS and its high-water mark would count pages of mapped files too, which the kernel shares and
    can take back.
    """
    status = _kilobytes(pid, "status")
    return status["RssAnon"] + status["RssShmem"]


def written(pid: int) -> int:
    """Bytes that this process alone holds because it wrote them.

    For a forked process, whose `private` counts the pages that it still shares with its parent.
    """
    return _kilobytes(pid, "smaps_rollup")["Private_Dirty"]


def shares(pid: int) -> dict[str, int]:
    """The process's proportional share of memory in bytes: `total`, and the part in files."""
    rollup = _kilobytes(pid, "smaps_rollup")
    return {"total": rollup["Pss"], "file": rollup["Pss_File"]}


class Peak:
    """The highest `private` of a process while the block runs, sampled from outside.

    From outside, because a thread inside would not run while a library holds the interpreter.
    """

    def __init__(self, pid: int, interval: float = 0.0005) -> None:
        self.pid = pid
        self.bytes = 0
        self._interval = interval
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Peak:
        self.bytes = private(self.pid)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        with contextlib.suppress(OSError, KeyError):  # the process ended
            while not self._done.is_set():
                self.bytes = max(self.bytes, private(self.pid))
                time.sleep(self._interval)
            self.bytes = max(self.bytes, private(self.pid))
