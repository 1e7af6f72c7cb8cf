"""What watching costs, and that processes which are killed count all rows.

The same call is made by an engine that counts and by one that does not, in turns, one after the
other in one process; a figure is the median of the differences of neighbours. Times are those of
the thread on its processor, so that other work on the machine is not in them.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import counted
import monobloc
import numpy as np
import pandas as pd
import pyarrow as pa
from counted_worker import BATCH
from record import Figure
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

TREES, DEPTH = 100, 10
TRAINED_ROWS = 20_000
NUMBERS, TEXTS = 22, 8
PAIRS = {256: 600, 10_000: 40}
BLOCK, BLOCKS = 200, 150
"""Single rows that are timed at once, and how often."""
ALL_OF = 5_000
"""Rows of a part of the window that are looked at in full."""
ONE_PART = 12 * 1_000_000_000
"""A window whose first part does not end while it is measured."""
WIDE_NUMBERS, WIDE_TEXTS, CATEGORIES = 150, 50, 100
SCRAPES = 50
PROCESSES, ROWS = 4, 1_000_000


@dataclass(frozen=True)
class Packed:
    bloc: Path
    frame: pd.DataFrame
    reference_bytes: int

    def engines(self, window_rows: int) -> tuple[Any, Any]:
        """One that counts, and one that does not."""
        return (
            monobloc.load(self.bloc, threads=1, window_rows=window_rows),
            monobloc.load(self.bloc, threads=1, monitor=False),
        )


def measure() -> tuple[list[Figure], dict[str, str]]:
    """The figures, and what was not measured and why."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        print(f"training and packing {TREES} trees ...", flush=True)
        forest = RandomForestClassifier(TREES, max_depth=DEPTH, random_state=0, n_jobs=2)
        packed = _pack(folder / "forest.bloc", _frame(NUMBERS, TEXTS, 12), forest)
        figures = [*_batches(packed), *_single_rows(packed)]
        wide = _frame(WIDE_NUMBERS, WIDE_TEXTS, CATEGORIES)
        figures += _scrapes(_pack(folder / "wide.bloc", wide, DecisionTreeClassifier(max_depth=5)))
        figures += _sizes(packed, folder / "state")
        killed, left_out = _killed(folder)
        return figures + killed, left_out


def _frame(numbers: int, texts: int, categories: int) -> pd.DataFrame:
    """Normal, skewed and whole numbers, and texts."""
    random = np.random.default_rng(0)
    makers: list[Callable[[], np.ndarray]] = [
        lambda: random.standard_normal(TRAINED_ROWS),
        lambda: random.lognormal(3, 1, TRAINED_ROWS),
        lambda: random.integers(0, 90, TRAINED_ROWS).astype(float),
    ]
    names = np.array([f"category {number}" for number in range(categories)])
    columns = {f"n{number}": makers[number % 3]() for number in range(numbers)}
    columns |= {f"t{number}": random.choice(names, TRAINED_ROWS) for number in range(texts)}
    return pd.DataFrame(columns)


def _pack(path: Path, frame: pd.DataFrame, model: Any) -> Packed:
    texts = [name for name in frame if name.startswith("t")]
    numbers = [name for name in frame if name not in texts]
    columns = make_column_transformer(("passthrough", numbers), (OrdinalEncoder(), texts))
    target = frame["n0"] + np.log(frame["n1"]) > 3
    fitted = make_pipeline(columns, model).fit(frame, target)
    report = monobloc.pack(fitted, path, reference=frame, validation=frame)
    assert report.exact
    return Packed(path, frame, report.reference_bytes)


def _batches(packed: Packed) -> list[Figure]:
    figures = []
    for rows, pairs in PAIRS.items():
        table = pa.Table.from_pandas(packed.frame[:rows], preserve_index=False)
        cases = {"": ONE_PART}
        if rows < ALL_OF:
            cases[f", in the first {ALL_OF:,} rows of a part"] = 12 * ALL_OF
        for when, window_rows in cases.items():
            counting, plain = packed.engines(window_rows)
            assert counting.predict_proba(table).tobytes() == plain.predict_proba(table).tobytes()
            if window_rows == ONE_PART:
                _fill(counting, packed)
            more, base = _apart(
                lambda engine, table=table: engine.predict_proba(table), counting, plain, pairs
            )
            what = f"batches of {rows:,} rows, {TREES} trees{when}: more time with monitoring"
            figures.append(Figure(what, 100 * more / base, "%", None if when else 3))
    return figures


def _single_rows(packed: Packed) -> list[Figure]:
    rows = packed.frame[:BLOCK].to_dict(orient="records")

    def ask(engine: Any) -> None:
        predict = engine.predict_proba
        for row in rows:
            predict(row)

    figures = []
    for when, window_rows in {"": ONE_PART, " in the first 5,000 of a part": 12 * ALL_OF}.items():
        counting, plain = packed.engines(window_rows)
        if window_rows == ONE_PART:
            _fill(counting, packed)
        more, base = _apart(ask, counting, plain, BLOCKS)
        what = f"a single row of {NUMBERS + TEXTS} columns{when}: "
        bar = None if when else 0.5
        figures.append(Figure(f"{what}more time with monitoring", 1e6 * more / BLOCK, "µs", bar))
        if not when:
            figures.append(Figure(f"{what}time without, from Python", 1e6 * base / BLOCK, "µs"))
    return figures


def _fill(engine: Any, packed: Packed) -> None:
    """As many rows as are looked at in full."""
    engine.predict_proba(packed.frame[: 2 * ALL_OF])


def _apart(ask: Callable[[Any], object], one: Any, other: Any, pairs: int) -> tuple[float, float]:
    """By how many seconds one engine takes longer than the other, and what the other takes."""
    longer, base = [], []
    for number in range(pairs + pairs // 10):
        taken = {}
        for engine in (one, other) if number % 2 else (other, one):
            begun = time.thread_time()
            ask(engine)
            taken[engine is one] = time.thread_time() - begun
        if number >= pairs // 10:
            longer.append(taken[True] - taken[False])
            base.append(taken[False])
    return statistics.median(longer), statistics.median(base)


def _scrapes(packed: Packed) -> list[Figure]:
    engine: Any = monobloc.load(packed.bloc, threads=1)
    for start in range(0, len(packed.frame), 1_000):
        engine.run(packed.frame[start : start + 1_000])
    columns = WIDE_NUMBERS + WIDE_TEXTS
    asked: dict[str, Callable[[], object]] = {
        "a scrape": engine.metrics,
        "a drift report": engine.drift,
    }
    figures = []
    for what, ask in asked.items():
        times = []
        for _ in range(SCRAPES):
            begun = time.thread_time()
            ask()
            times.append(time.thread_time() - begun)
        milliseconds = 1e3 * statistics.median(times)
        figures.append(Figure(f"{what} of {columns} columns: time", milliseconds, "ms", 5))
    return [*figures, Figure(f"reference of {columns} columns", packed.reference_bytes / 1e3, "kB")]


def _sizes(packed: Packed, state: Path) -> list[Figure]:
    monobloc.load(packed.bloc, threads=1, state_dir=state)
    (file,) = state.iterdir()
    columns = NUMBERS + TEXTS
    return [
        Figure(f"reference of {columns} columns", packed.reference_bytes / 1e3, "kB"),
        Figure(f"state of {columns} columns, 16 processes", file.stat().st_size / 1e6, "MB"),
    ]


def _killed(folder: Path) -> tuple[list[Figure], dict[str, str]]:
    small = RandomForestClassifier(10, max_depth=8, random_state=0, n_jobs=2)
    packed = _pack(folder / "small.bloc", _frame(6, 2, 12), small)
    columns = packed.frame[:BATCH].to_dict(orient="list")
    packed.bloc.with_suffix(".json").write_text(json.dumps(columns))
    figures, left_out = [], {}
    places = {"": False}
    if counted.has_namespaces():
        places[", each in a namespace of its own"] = True
    else:
        left_out["processes in namespaces of their own"] = "they can't be made here"
    for where, own_namespaces in places.items():
        with TemporaryDirectory(dir=folder) as beside:
            outcome = counted.run(
                packed.bloc,
                Path(beside),
                processes=PROCESSES,
                rows=ROWS,
                seconds_between_kills=1,
                own_namespaces=own_namespaces,
            )
        what = f"{PROCESSES} processes of {ROWS:,} rows, one killed every second{where}: "
        figures += [
            Figure(f"{what}rows that a survivor has wrong", outcome.off_by, "rows", 0),
            Figure(f"{what}rows in flight when killed", outcome.begun - outcome.answered, "rows"),
            Figure(f"{what}kills", outcome.kills, ""),
        ]
    return figures, left_out
