"""What worker processes of Python's own pools run: a module that they can import."""

from __future__ import annotations

import os
from typing import Any

import monobloc
import numpy as np

engine: monobloc.ClassifierEngine | None = None


def keep(handed: monobloc.ClassifierEngine) -> None:
    """Keeps the engine for all tasks of this process."""
    global engine
    engine = handed


def answer(rows: Any) -> tuple[int, bytes]:
    """This process and the kept engine's answer."""
    assert engine is not None
    return answer_by(engine, rows)


def answer_by(handed: monobloc.ClassifierEngine, rows: Any) -> tuple[int, bytes]:
    return os.getpid(), np.asarray(handed.predict_proba(rows)).tobytes()
