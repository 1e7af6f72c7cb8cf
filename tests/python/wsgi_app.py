"""A service of a dozen lines: rows as JSON in, probabilities as JSON out.

The engine is loaded when the module is imported, so `gunicorn --preload` loads it before it forks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import monobloc

ENGINE: Any = monobloc.load(os.environ["BLOC"])
LOADED_BY = os.getpid()


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    rows = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    probabilities = [list(map(float, row)) for row in ENGINE.predict_proba(rows)]
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = {
        "pid": os.getpid(),
        "loaded_by": LOADED_BY,
        "probabilities": probabilities,
        "counted": ENGINE.snapshot()["rows"],
    }
    return [json.dumps(answer).encode()]
