"""The axum example as it is deployed: built in release mode, on a loopback port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monobloc
import pytest
from conftest import ROOT, Credit
from exposition import Scraped

DEADLINE = 60
LARGE_BATCH = 500


@dataclass(frozen=True)
class Service:
    port: int
    process: subprocess.Popen[str]

    @contextlib.contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            yield connection

    def ask(self, path: str, body: bytes | None = None, accept: str = "") -> tuple[int, str, bytes]:
        """Status, media type and body of an answer, to a GET where there is no body."""
        with self.connection() as connection:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, headers={"accept": accept})
            response = connection.getresponse()
            return response.status, response.getheader("content-type", ""), response.read()

    def ask_json(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        status, media_type, answer = self.ask(path, body)
        assert media_type == "application/json"
        return status, json.loads(answer)


# The first test may build the program.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def program() -> Path:
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("no cargo on PATH")
    build = [
        cargo,
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--target-dir",
        ROOT / "target/axum",
    ]
    subprocess.run(build, cwd=ROOT / "examples/axum", check=True)
    return ROOT / "target/axum/release/monobloc-axum"


@contextlib.contextmanager
def serving(program: Path, bloc: Path, grace: int = DEADLINE) -> Iterator[Service]:
    """The service, which ends well when it is told to."""
    command = [program, bloc, "127.0.0.1:0", str(grace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("listening at http://127.0.0.1:"), said
            yield Service(int(said.rpartition(":")[2]), process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(program: Path, credit: Credit) -> Iterator[Service]:
    with serving(program, credit.bloc) as started:
        yield started


@pytest.fixture(scope="module")
def engine(credit: Credit) -> monobloc.Engine:
    return monobloc.load(credit.bloc)


@pytest.mark.parametrize("rows", [1, 7, LARGE_BATCH])
def test_answers_are_the_librarys_bytes(
    service: Service, engine: monobloc.Engine, credit: Credit, rows: int
) -> None:
    bodies = [
        json.dumps(credit.rows[first : first + rows]).encode()
        for first in range(0, len(credit.rows), max(rows, 50))
    ]
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda body: service.ask("/predict", body), bodies))
    assert answers == [(200, "application/json", engine.run_json(body)) for body in bodies]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b'{"age": 41', 400),
        (b'"a text"', 400),
        (b"\xff", 400),
        (b"[" * 20_000, 400),
        (b"[[1]]", 422),
        (b'{"age": [41]}', 422),
        (b"[" + b"{}," * (2**19) + b"{}]", 413),
    ],
    ids=["empty", "cut", "text", "bytes", "deep", "short", "no column", "too many"],
)
def test_a_bad_body_says_what_is_bad(
    service: Service, engine: monobloc.Engine, body: bytes, status: int
) -> None:
    with pytest.raises(monobloc.MonoblocError) as raised:
        engine.run_json(body)
    assert service.ask_json("/predict", body) == (status, {"detail": str(raised.value)})
    assert service.ask_json("/predict", b"[]")[0] == 200


def test_a_body_beyond_the_limit_is_not_read(service: Service) -> None:
    with service.connection() as connection:
        connection.putrequest("POST", "/predict")
        connection.putheader("content-length", str(2**40))
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, list(json.loads(response.read()))) == (413, ["detail"])


def test_other_paths_and_methods_are_refused(service: Service) -> None:
    assert service.ask("/")[0] == 404
    assert service.ask("/predict")[0] == 405


def test_rows_unlike_the_reference_leave_it_ready(program: Path, credit: Credit) -> None:
    with serving(program, credit.bloc) as started:
        assert started.ask_json("/health/live") == (200, {"status": "ok"})
        assert started.ask_json("/health/ready") == (200, {"status": "ok", "findings": []})
        assert started.ask("/predict", b"[" + b"{}," * 199 + b"{}]")[0] == 200
        status, answer = started.ask_json("/health/ready")
        assert (status, answer["status"]) == (200, "degraded")
        assert "unlike the reference" in answer["findings"][0]


def test_a_bloc_that_was_written_to_makes_it_unready(
    program: Path, credit: Credit, tmp_path: Path
) -> None:
    bloc = tmp_path / "credit.bloc"
    shutil.copy(credit.bloc, bloc)
    with serving(program, bloc) as started:
        assert started.ask("/health/ready")[0] == 200
        os.utime(bloc, (0, 0))
        status, answer = started.ask_json("/health/ready")
        assert (status, len(answer["detail"])) == (503, 1)
        assert "overwritten" in answer["detail"][0]
        assert started.ask("/health/live")[0] == 200


@pytest.mark.parametrize("form", ["prometheus", "openmetrics"])
def test_metrics_tell_what_was_counted(program: Path, credit: Credit, form: str) -> None:
    accept, wanted = {
        "prometheus": ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        "openmetrics": (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    }[form]
    with serving(program, credit.bloc) as started:
        for body in [b"[{}]", b"[{}, {}]", b"[", b"[[1]]"]:
            started.ask("/predict", body)
        status, media_type, text = started.ask("/metrics", accept=accept)
    assert (status, media_type) == (200, wanted)
    scraped = Scraped(text.decode(), form)
    assert sum(scraped.values("monobloc_rows_total")) == 3
    assert scraped.value("monobloc_requests_total") == 4
    assert scraped.by("code", "monobloc_errors_total") == {"malformed_request": 1, "schema": 1}


def half_sent(service: Service, body: bytes) -> socket.socket:
    """A connection whose request has begun to arrive, and lacks the last byte of its body."""
    sent = socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE)
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    sent.sendall(head.encode() + body[:-1])
    # What comes on a later connection is answered after the head was read.
    assert service.ask("/health/live")[0] == 200
    return sent


def is_listening(service: Service) -> bool:
    try:
        socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE).close()
    except ConnectionError:
        return False
    return True


def test_a_request_in_flight_is_answered_before_the_end(
    program: Path, credit: Credit, engine: monobloc.Engine
) -> None:
    body = json.dumps(credit.rows[:LARGE_BATCH]).encode()
    with serving(program, credit.bloc) as started, half_sent(started, body) as sent:
        started.process.send_signal(signal.SIGTERM)
        while is_listening(started):
            assert started.process.poll() is None
        sent.sendall(body[-1:])
        response = http.client.HTTPResponse(sent)
        response.begin()
        assert (response.status, response.read()) == (200, engine.run_json(body))
        assert started.process.wait(DEADLINE) == 0


def test_a_request_that_never_ends_is_left_after_the_grace(program: Path, credit: Credit) -> None:
    with serving(program, credit.bloc, grace=1) as started, half_sent(started, b"[{}]"):
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(DEADLINE) == 0


def test_large_bodies_do_not_hold_up_small_ones(
    program: Path, credit: Credit, engine: monobloc.Engine
) -> None:
    large = json.dumps(credit.rows * 20).encode()
    small = json.dumps(credit.rows[0]).encode()
    answers: list[bytes] = []
    with serving(program, credit.bloc) as started:
        senders = [
            threading.Thread(target=lambda: answers.append(started.ask("/predict", large)[2]))
            for _ in range(4)
        ]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            assert started.ask("/predict", small) == (
                200,
                "application/json",
                engine.run_json(small),
            )
        for sender in senders:
            sender.join()
    assert answers == [engine.run_json(large)] * 4


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "usage"),
        (["absent.bloc"], 1, "absent.bloc"),
        (["{bloc}", "nowhere"], 1, "address"),
        (["{bloc}", "127.0.0.1:0", "soon"], 1, "GRACE_SECONDS"),
    ],
)
def test_bad_arguments_are_said(
    program: Path, credit: Credit, arguments: list[str], status: int, words: str
) -> None:
    filled = [argument.format(bloc=credit.bloc) for argument in arguments]
    done = subprocess.run([program, *filled], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == status
    assert words in done.stderr
