"""A WSGI service whose engine gunicorn's master loads before it forks workers.

A request is rows of float32 as their bytes; its answer is the worker's process id and the digest of
the probabilities' bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any

import monobloc
import numpy as np

ENGINE = monobloc.load(os.environ["BLOC"])


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    rows = np.frombuffer(body, np.float32).reshape(-1, ENGINE.n_features_in_)
    digest = hashlib.sha256(ENGINE.predict_proba(rows)).hexdigest()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "answers": digest}).encode()]
