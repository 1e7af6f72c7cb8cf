"""gunicorn's workers that share one large bloc: their memory after each has touched all of it."""

from __future__ import annotations

import hashlib
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import container_models
from container_models import Packed
from memory import shares
from record import Figure
from services import DEADLINE, Gunicorn, gunicorn

WORKERS = 4
OF_WORKER = 40e6
"""Bytes that a worker may add beyond its imports."""
MB = 1e6


def measure(folder: Path) -> list[Figure]:
    tiny = container_models.forest(folder / "tiny", trees=1, depth=2, rows=1_000)
    imports, _ = _served(tiny, folder)
    large = container_models.large()
    bloc = large.bloc.stat().st_size
    pss, mapped = _served(large, folder)
    name = f"{WORKERS} preloaded workers of gunicorn, a bloc of {bloc / MB:.0f} MB"
    return [
        Figure(
            f"{name}: sum of PSS beyond that of a tiny bloc's (bar: the bloc and 4 × 40 MB)",
            (pss - imports) / MB,
            "MB",
            (bloc + WORKERS * OF_WORKER) / MB,
        ),
        Figure(f"{name}: the part of the bloc that each has touched", 100 * mapped / bloc, "%"),
    ]


def _served(model: Packed, folder: Path) -> tuple[int, int]:
    """The workers' shares of memory, and of the bloc what the one that touched least has mapped."""
    arguments = ["--preload", "--workers", str(WORKERS), "preloaded_app:app"]
    environment = {"BLOC": str(model.bloc), "WEB_CONCURRENCY": str(WORKERS)}
    with gunicorn(Path(__file__).parent, folder / "log", arguments, environment) as service:
        _touch(service, model)
        workers = service.workers()
        pss = sum(shares(pid)["total"] for pid in workers)
        return pss, min(_mapped(pid, model.bloc) for pid in workers)


def _touch(service: Gunicorn, model: Packed) -> None:
    """Asks until each worker has answered for all rows; busy ones leave requests to others."""
    body = model.rows().tobytes()
    digest = hashlib.sha256(model.expected()).hexdigest()

    def ask(_: int) -> int:
        with service.connection() as connection:
            connection.request("POST", "/", body)
            answer = json.loads(connection.getresponse().read())
        assert answer["answers"] == digest
        return answer["pid"]

    answered: set[int] = set()
    until = time.monotonic() + DEADLINE
    with ThreadPoolExecutor(2 * WORKERS) as clients:
        while len(answered) < WORKERS:
            assert time.monotonic() < until, f"only {answered} of {service.workers()}"
            answered.update(clients.map(ask, range(2 * WORKERS)))


def _mapped(pid: int, bloc: Path) -> int:
    """Bytes of the bloc that the process has mapped pages of."""
    smaps = Path(f"/proc/{pid}/smaps").read_text()
    resident = re.findall(rf" {re.escape(str(bloc))}\n(?:.+\n)*?Rss: +(\d+) kB", smaps)
    return sum(map(int, resident)) * 1024
