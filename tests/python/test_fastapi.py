"""The FastAPI example as it is deployed: a real gunicorn with uvicorn's workers, under load."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
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
from exposition import Scraped
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


def scrape(connection: http.client.HTTPConnection, accept: str = "") -> Scraped:
    """The metrics that a scraper which accepts this is given."""
    connection.request("GET", "/metrics", headers={"accept": accept})
    response = connection.getresponse()
    text = response.read().decode()
    is_openmetrics = "application/openmetrics-text" in accept
    media_type = (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
        if is_openmetrics
        else "text/plain; version=0.0.4; charset=utf-8"
    )
    assert (response.status, response.getheader("content-type")) == (200, media_type)
    return Scraped(text, "openmetrics" if is_openmetrics else "prometheus")


PROMETHEUS_ACCEPTS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)


def test_any_worker_tells_what_all_have_counted(service: Service, credit: Credit) -> None:
    def counted(connection: http.client.HTTPConnection, accept: str = "") -> tuple[float, float]:
        scraped = scrape(connection, accept)
        rows = sum(scraped.values("monobloc_rows_total"))
        return rows, scraped.value("monobloc_requests_total")

    with service.gunicorn.connection() as connection:
        rows, requests = counted(connection)
    conversations = range(CONNECTIONS)
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda number: converse(service, credit, number), conversations))
    requests += CONNECTIONS * REQUESTS_PER_CONNECTION
    rows += CONNECTIONS * REQUESTS_PER_CONNECTION // 2 * (1 + LARGE_BATCH)
    told: set[int] = set()
    until = time.monotonic() + DEADLINE
    while len(told) < service.workers:
        assert time.monotonic() < until, f"only {told} of {service.gunicorn.workers()}"
        with contextlib.ExitStack() as stack:
            # Connections that are open at once are more evenly shared among workers.
            connections = [
                stack.enter_context(service.gunicorn.connection()) for _ in range(CLIENTS)
            ]
            for accept, connection in zip(
                ["", PROMETHEUS_ACCEPTS] * (CLIENTS // 2), connections, strict=True
            ):
                told.add(ask(connection, "/health/live")[1]["worker"])
                assert counted(connection, accept) == (rows, requests)


def test_counting_goes_on_after_a_reload(credit: Credit, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with fastapi(credit.bloc, tmp_path, 2, True, {"STATE_DIR": str(state)}) as started:
        with started.connection() as connection:
            assert ask(connection, "/predict", b"[{}]")[0] == 200
        before = started.workers()
        os.kill(started.pid, signal.SIGHUP)
        until = time.monotonic() + DEADLINE
        while started.workers() & before or not started.workers():
            assert time.monotonic() < until
        with started.connection() as connection:
            assert ask(connection, "/predict", b"[{}]")[0] == 200
            assert sum(scrape(connection).values("monobloc_rows_total")) == 2
    [kept] = state.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_folder_for_workers_that_load_for_themselves_is_left_by_none(
    credit: Credit, tmp_path: Path
) -> None:
    with fastapi(credit.bloc, tmp_path, 2, False) as started:
        [worker, *_] = started.workers()
        environment = Path(f"/proc/{worker}/environ").read_bytes().decode().split("\0")
        with started.connection() as connection:
            [info] = scrape(connection).families["monobloc_model_info"].samples
        assert info.labels["scope"] == "workers of a folder"
        maps = Path(f"/proc/{worker}/maps").read_text()
        [state] = set(re.findall(r"/dev/shm/monobloc-\w+", maps))
        assert Path(state).is_dir()
        assert not any(entry.startswith("STATE_DIR=") for entry in environment)
    assert not Path(state).exists()


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
    models, state = container["volumeMounts"]
    assert models["readOnly"]
    assert Path(environment["BLOC"]["value"]).parent == Path(models["mountPath"])
    assert environment["STATE_DIR"]["value"] == state["mountPath"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert "emptyDir" in volumes[state["name"]]
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == environment["PORT"]["value"]
    with service.gunicorn.connection() as connection:
        for probe in ["livenessProbe", "readinessProbe"]:
            assert ask(connection, container[probe]["httpGet"]["path"])[0] == 200
        connection.request("GET", annotations["prometheus.io/path"])
        assert connection.getresponse().status == 200
