"""The code of docs/migrate.md runs as it stands there, and its services answer alike.

Blocks run in the page's order and in one folder. `pack` runs here, `serve` in an environment that
holds the wheel alone, `mlflow` in .venv-mlflow. A block that is marked with a file's name is
written to that file; those are services.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from pages import blocks, run

PAGE = "docs/migrate.md"
MLFLOW = ROOT / ".venv-mlflow" / "bin" / "python"
FROM_MLFLOW = "## From MLflow"

CALL = """
import asyncio, importlib, json, sys

async def post(app, path, body):
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [(b"content-type", b"application/json")],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    try:
        await app(scope, receive, send)
    except (TypeError, ValueError):
        pass  # told to the server too, after the response with status 500
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode()

app = importlib.import_module(sys.argv[1]).app
print(json.dumps(asyncio.run(post(app, "/predict", sys.argv[2].encode()))))
"""


def run_blocks(text_blocks: list[tuple[str, str, str]], folder: Path, clean: Path) -> Counter[str]:
    interpreters = {"pack": Path(sys.executable), "serve": clean, "mlflow": MLFLOW}
    ran: Counter[str] = Counter()
    for language, mark, text in text_blocks:
        if language != "python":
            continue
        if mark.endswith(".py"):
            (folder / mark).write_text(text)
        else:
            assert mark in interpreters, f"{PAGE}: a block without its mark:\n{text}"
            run(
                interpreters[mark],
                folder,
                "-c",
                text,
                MLFLOW_DISABLE_TELEMETRY="true",
                MLFLOW_TRACKING_URI=f"file:{folder / 'mlruns'}",
            )
        ran[mark] += 1
    return ran


def split() -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """The blocks before those of MLflow, and those."""
    every = blocks(PAGE)
    text = (ROOT / PAGE).read_text()
    first = len([one for one in every if text.index(one[2]) < text.index(FROM_MLFLOW)])
    return every[:first], every[first:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, clean_python: Path) -> Path:
    """Where the page's blocks ran, those of MLflow excepted."""
    folder = tmp_path_factory.mktemp("migrate")
    ran = run_blocks(split()[0], folder, clean_python)
    assert {"pack", "serve", "before.py", "after.py", "final.py"} == set(ran)
    return folder


@pytest.mark.skipif(not MLFLOW.exists(), reason="`make test-python` makes .venv-mlflow")
def test_the_code_for_mlflow_runs(folder: Path, clean_python: Path) -> None:
    ran = run_blocks(split()[1], folder, clean_python)
    assert ran["mlflow"] >= 4
    assert ran["serve"] >= 1


def post(folder: Path, service: str, rows: list[dict[str, Any]], **variables: str) -> Any:
    """Status and body that a service of the page answers with."""
    called = ("-c", CALL, service, json.dumps(rows))
    status, body = json.loads(run(Path(sys.executable), folder, *called, **variables))
    return status, json.loads(body) if status == 200 else body


@pytest.mark.parametrize(
    ("service", "variables"),
    [("after", {}), ("after", {"CREDIT_MODEL": "joblib"}), ("final", {})],
)
def test_the_services_answer_alike(folder: Path, service: str, variables: dict[str, str]) -> None:
    lines = (folder / "requests.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines[:200]]
    status, expected = post(folder, "before", rows)
    assert status == 200
    assert len(expected) == 200
    assert post(folder, service, rows, **variables) == (200, expected)


def test_a_dirty_row_no_longer_refuses_the_request(folder: Path) -> None:
    rows = [
        {"age": 41, "income": 2300, "region": "north"},
        {"age": "forty-one", "income": 2300, "region": "north"},
    ]
    assert post(folder, "before", rows)[0] == 500
    assert post(folder, "after", rows, CREDIT_MODEL="joblib")[0] == 500
    _, clean = post(folder, "before", rows[:1])
    status, answers = post(folder, "after", rows)
    assert status == 200
    assert answers[:1] == clean
    assert post(folder, "final", rows) == (200, answers)
