"""A real gunicorn that loads before it forks, on a loopback port."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Credit
from memory import written
from services import Gunicorn, gunicorn

WORKERS = 3
REQUESTS = 240


@pytest.fixture(scope="module")
def service(large_credit: Credit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    arguments = ["--preload", "--workers", str(WORKERS), "wsgi_app:app"]
    with gunicorn(
        Path(__file__).parent, log, arguments, {"BLOC": str(large_credit.bloc)}
    ) as started:
        yield started


def ask(service: Gunicorn, rows: list[dict[str, Any]]) -> dict[str, Any]:
    with service.connection() as connection:
        connection.request("POST", "/", json.dumps(rows))
        response = connection.getresponse()
        assert response.status == 200
        return json.loads(response.read())


@pytest.mark.parametrize("rows_per_request", [1, 50])
def test_workers_give_the_answers_of_scikit_learn(
    service: Gunicorn, large_credit: Credit, rows_per_request: int
) -> None:
    starts = [number * rows_per_request % 1_000 for number in range(REQUESTS)]
    with ThreadPoolExecutor(WORKERS * 2) as clients:
        answers = list(
            clients.map(
                lambda start: ask(service, large_credit.rows[start : start + rows_per_request]),
                starts,
            )
        )
    for start, answer in zip(starts, answers, strict=True):
        expected = large_credit.expected[start : start + rows_per_request]
        assert np.array(answer["probabilities"]).tobytes() == expected.tobytes()
    assert {answer["loaded_by"] for answer in answers} == {service.pid}
    assert service.pid not in {answer["pid"] for answer in answers}


def test_workers_share_the_memory(service: Gunicorn, large_credit: Credit) -> None:
    with ThreadPoolExecutor(WORKERS * 2) as clients:
        answers = list(
            clients.map(
                lambda start: ask(service, large_credit.rows[start : start + 25]),
                [25 * number % 1_000 for number in range(REQUESTS)],
            )
        )
    workers = {answer["pid"] for answer in answers}
    assert len(workers) >= 2
    for pid in workers:
        assert written(pid) < 16_000_000 < large_credit.bloc.stat().st_size


def test_each_worker_knows_what_all_have_counted(service: Gunicorn, large_credit: Credit) -> None:
    """Also what one counted that is gone."""
    before = ask(service, large_credit.rows[:1])["counted"]
    asked = 0
    for round_number in range(3):
        with ThreadPoolExecutor(WORKERS * 2) as clients:
            answers = list(clients.map(lambda _: ask(service, large_credit.rows[:20]), range(60)))
        asked += 20 * len(answers)
        assert len({answer["pid"] for answer in answers}) >= 2
        for _ in range(4 * WORKERS):
            asked += 1
            assert ask(service, large_credit.rows[:1])["counted"] == before + asked
        if round_number < 2:
            os.kill(answers[-1]["pid"], signal.SIGKILL)
            time.sleep(1)
