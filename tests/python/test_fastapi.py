"""The FastAPI example as it is deployed: a real gunicorn with uvicorn's workers, under load."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import Credit
from services import DEADLINE, FASTAPI, Gunicorn, fastapi
from starlette.requests import Request

CLIENTS = 8
CONNECTIONS = 30
REQUESTS_PER_CONNECTION = 20
LARGE_BATCH = 50


@dataclass(frozen=True)
class Service:
    gunicorn: Gunicorn
    workers: int
    preload: bool


@pytest.fixture(
    scope="module",
    params=[(1, False), (1, True), (4, False), (4, True)],
    ids=["1 worker", "1 worker, preloaded", "4 workers", "4 workers, preloaded"],
)
def service(
    credit: Credit, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    workers, preload = request.param
    folder = tmp_path_factory.mktemp("fastapi")
    with fastapi(credit.bloc, folder, workers, preload) as started:
        yield Service(started, workers, preload)


def ask(
    connection: http.client.HTTPConnection, path: str, body: bytes | None = None
) -> tuple[int, Any]:
    """The status and the JSON of an answer, to a GET where there is no body."""
    connection.request("GET" if body is None else "POST", path, body)
    response = connection.getresponse()
    assert response.getheader("content-type") == "application/json"
    return response.status, json.loads(response.read())


def converse(service: Service, credit: Credit, number: int) -> int:
    """One connection's requests, alternately of one row and of many; the worker that answered."""
    with service.gunicorn.connection() as connection:
        for turn in range(REQUESTS_PER_CONNECTION):
            rows = LARGE_BATCH if turn % 2 else 1
            first = (number * REQUESTS_PER_CONNECTION + turn) * rows % len(credit.rows)
            wanted = credit.rows[first : first + rows]
            status, answer = ask(connection, "/predict", json.dumps(wanted).encode())
            assert status == 200, answer
            expected = credit.expected[first : first + rows]
            assert np.array(answer["outputs"]["probabilities"]).tobytes() == expected.tobytes()
        status, answer = ask(connection, "/health/live")
        assert status == 200
        return answer["worker"]


def test_every_worker_gives_the_answers_of_scikit_learn(service: Service, credit: Credit) -> None:
    answered: set[int] = set()
    until = time.monotonic() + DEADLINE
    with ThreadPoolExecutor(CLIENTS) as clients:
        while len(answered) < service.workers:
            assert time.monotonic() < until, f"only {answered} of {service.gunicorn.workers()}"
            answered |= set(
                clients.map(lambda number: converse(service, credit, number), range(CONNECTIONS))
            )
    assert answered == service.gunicorn.workers()


def test_a_master_that_preloads_maps_the_bloc(service: Service, credit: Credit) -> None:
    maps = Path(f"/proc/{service.gunicorn.pid}/maps").read_text()
    assert (str(credit.bloc) in maps) == service.preload


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no JSON"),
        (b'{"age": 41', 400, "no JSON"),
        (b'"a text"', 400, "an array of rows"),
        (b'{"age": 41, "age": 42}', 400, "age"),
        (b"\xff", 400, "not UTF-8"),
        (b"[" * 20_000, 400, "no JSON"),
        (b"[[1]]", 422, "17 fields"),
        (b'{"age": [41]}', 422, "lacks"),
        (b"[" + b"{}," * (2**19) + b"{}]", 413, "rows"),
    ],
    ids=["empty", "cut", "text", "twice", "bytes", "deep", "short", "no column", "too many"],
)
def test_a_bad_request_says_what_is_bad(
    service: Service, body: bytes, status: int, words: str
) -> None:
    with service.gunicorn.connection() as connection:
        found, answer = ask(connection, "/predict", body)
        assert (found, list(answer)) == (status, ["detail"]), answer
        assert words in answer["detail"]
        assert ask(connection, "/predict", b"[]")[0] == 200


def test_a_worker_is_live_and_ready(service: Service) -> None:
    with service.gunicorn.connection() as connection:
        status, answer = ask(connection, "/health/live")
        assert (status, answer["status"]) == (200, "ok")
        assert answer["worker"] in service.gunicorn.workers()
        assert ask(connection, "/health/ready")[0] == 200


def test_rows_unlike_the_reference_leave_it_ready(credit: Credit, tmp_path: Path) -> None:
    with fastapi(credit.bloc, tmp_path, 1, False) as started, started.connection() as connection:
        status, answer = ask(connection, "/predict", b"[" + b"{}," * 199 + b"{}]")
        assert (status, answer["rows"]) == (200, 200)
        status, answer = ask(connection, "/health/ready")
        assert (status, answer["status"]) == (200, "degraded")
        assert "unlike the reference" in answer["findings"][0]


def test_a_bloc_that_was_written_to_makes_it_unready(credit: Credit, tmp_path: Path) -> None:
    bloc = tmp_path / "credit.bloc"
    shutil.copy(credit.bloc, bloc)
    with fastapi(bloc, tmp_path, 1, True) as started, started.connection() as connection:
        assert ask(connection, "/health/ready")[0] == 200
        os.utime(bloc, (0, 0))
        status, answer = ask(connection, "/health/ready")
        assert (status, len(answer["detail"])) == (503, 1)
        assert "overwritten" in answer["detail"][0]
        assert ask(connection, "/health/live")[0] == 200


def test_a_bloc_that_was_replaced_by_renaming_leaves_it_ready(
    credit: Credit, tmp_path: Path
) -> None:
    bloc, new = tmp_path / "credit.bloc", tmp_path / ".credit.bloc.new"
    shutil.copy(credit.bloc, bloc)
    shutil.copy(credit.bloc, new)
    with fastapi(bloc, tmp_path, 1, True) as started, started.connection() as connection:
        new.rename(bloc)
        assert ask(connection, "/health/ready") == (200, {"status": "ok", "findings": []})


@pytest.mark.parametrize("below", [1, 0], ids=["small", "large"])
def test_only_large_bodies_leave_the_thread_of_the_loop(
    credit: Credit, monkeypatch: pytest.MonkeyPatch, below: int
) -> None:
    monkeypatch.setenv("BLOC", str(credit.bloc))
    service = import_service()
    threads: list[int] = []

    class Recorder:
        def run_json(self, body: bytes) -> bytes:
            threads.append(threading.get_ident())
            return b"{}"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(service.SMALL_BODY - below)}

    monkeypatch.setattr(service, "engine", Recorder())
    asyncio.run(service.predict(Request({"type": "http"}, receive)))
    assert [thread == threading.get_ident() for thread in threads] == [bool(below)]


def import_service() -> ModuleType:
    spec = importlib.util.spec_from_file_location("service", FASTAPI / "service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_request_is_described(service: Service) -> None:
    with service.gunicorn.connection() as connection:
        status, schema = ask(connection, "/schema")
        assert (status, schema["$schema"]) == (200, "https://json-schema.org/draft/2020-12/schema")
        status, described = ask(connection, "/openapi.json")
    body = described["paths"]["/predict"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == schema


def test_the_deployment_fits_the_service(service: Service) -> None:
    deployment, exposed = yaml.safe_load_all((FASTAPI / "deployment.yaml").read_text())
    assert (deployment["kind"], exposed["kind"]) == ("Deployment", "Service")
    pod = deployment["spec"]["template"]
    assert exposed["spec"]["selector"] == pod["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    [container] = pod["spec"]["containers"]
    assert container["resources"].keys() == {"requests", "limits"}
    environment = {entry["name"]: entry for entry in container["env"]}
    threads = environment["MONOBLOC_NUM_THREADS"]["valueFrom"]["resourceFieldRef"]
    assert threads["resource"] == "requests.cpu"
    assert int(environment["WEB_CONCURRENCY"]["value"]) > 1
    [mount] = container["volumeMounts"]
    assert mount["readOnly"]
    assert Path(environment["BLOC"]["value"]).parent == Path(mount["mountPath"])
    with service.gunicorn.connection() as connection:
        for probe in ["livenessProbe", "readinessProbe"]:
            assert ask(connection, container[probe]["httpGet"]["path"])[0] == 200
