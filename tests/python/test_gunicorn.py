"""A real gunicorn that loads before it forks, on a loopback port."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Credit
from memory import written

WORKERS = 3
REQUESTS = 240


@dataclass(frozen=True)
class Service:
    port: int
    pid: int

    def ask(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/", json.dumps(rows))
            response = connection.getresponse()
            assert response.status == 200
            return json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def service(large_credit: Credit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS)]
    command += ["--bind", "127.0.0.1:0", "--timeout", "60", "--no-control-socket", "wsgi_app:app"]
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            env=os.environ | {"BLOC": str(large_credit.bloc)},
            stderr=file,
        )
    try:
        yield Service(_port(process, log), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, log.read_text()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that gunicorn says it listens at."""
    for _ in range(600):
        said = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())
        if said:
            return int(said[1])
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"gunicorn did not listen:\n{log.read_text()}")


@pytest.mark.parametrize("rows_per_request", [1, 50])
def test_workers_give_the_answers_of_scikit_learn(
    service: Service, large_credit: Credit, rows_per_request: int
) -> None:
    starts = [number * rows_per_request % 1_000 for number in range(REQUESTS)]
    with ThreadPoolExecutor(WORKERS * 2) as clients:
        answers = list(
            clients.map(
                lambda start: service.ask(large_credit.rows[start : start + rows_per_request]),
                starts,
            )
        )
    for start, answer in zip(starts, answers, strict=True):
        expected = large_credit.expected[start : start + rows_per_request]
        assert np.array(answer["probabilities"]).tobytes() == expected.tobytes()
    assert {answer["loaded_by"] for answer in answers} == {service.pid}
    assert service.pid not in {answer["pid"] for answer in answers}


def test_workers_share_the_memory(service: Service, large_credit: Credit) -> None:
    with ThreadPoolExecutor(WORKERS * 2) as clients:
        answers = list(
            clients.map(
                lambda start: service.ask(large_credit.rows[start : start + 25]),
                [25 * number % 1_000 for number in range(REQUESTS)],
            )
        )
    workers = {answer["pid"] for answer in answers}
    assert len(workers) >= 2
    for pid in workers:
        assert written(pid) < 16_000_000 < large_credit.bloc.stat().st_size
