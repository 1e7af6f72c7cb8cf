"""What was timed, as a CSV file and as a table."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from record import Figure
from tree_models import LIVE_ROWS, TITLES

_TYPES = {"int": int, "float": float, "str": str}


@dataclass(frozen=True)
class Timing:
    """A way to run a model, with a number of threads and rows to a call."""

    model: str
    threads: int
    batch: int
    way: str
    p50_us: float
    """Of a call."""
    ns_per_row_per_tree: float
    to_fastest_peer: float
    """Its time over that of the fastest peer, side by side; below 1 is faster."""
    farthest: float
    """The greatest difference of a probability from the library's that trained the model."""
    calls: int


def write(timings: list[Timing], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Timing)], lineterminator="\n")
        writer.writeheader()
        for timing in timings:
            said = asdict(timing)
            writer.writerow({k: f"{v:.5g}" if type(v) is float else v for k, v in said.items()})


def read(path: Path) -> list[Timing]:
    with path.open(newline="") as file:
        return [
            Timing(
                **{field.name: _TYPES[str(field.type)](row[field.name]) for field in fields(Timing)}
            )
            for row in csv.DictReader(file)
        ]


def table(timings: list[Timing]) -> str:
    """A line for each way, on one thread: large batches and single rows of each model."""
    one = {(t.model, t.batch, t.way): t for t in timings if t.threads == 1}
    models = [model for model in TITLES if any(t.model == model for t in timings)]
    head = ["one thread"]
    for model in models:
        head += [f"{TITLES[model]}, ns per row and tree", "one row"]
    lines = [head]
    for way in dict.fromkeys(t.way for t in timings):
        cells = [way]
        for model in models:
            batch, single = one.get((model, LIVE_ROWS, way)), one.get((model, 1, way))
            cells.append("" if batch is None else _text(batch.ns_per_row_per_tree, ""))
            cells.append("" if single is None else _text(single.p50_us, "µs"))
        lines.append(cells)
    text = ["| " + " | ".join(cells) + " |" for cells in lines]
    text.insert(1, "|" + "---|" * len(head))
    return "\n".join(text)


def _text(value: float, unit: str) -> str:
    return Figure("", value, unit).text(value)
