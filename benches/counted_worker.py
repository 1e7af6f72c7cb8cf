"""A process that answers rows, counts them where others do, and keeps a tally of its own.

    python counted_worker.py BLOC STATE TALLY PLACE ROWS

The tally at PLACE is rewritten around each call: rows that were begun, and rows that were answered.
Once ROWS are answered it says so; then each line that it reads is answered with a snapshot.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH = 1_000
SINGLE = 50
"""Rows that are asked for one by one after each batch."""
_BYTES = 8


class Tally:
    """Rows begun and rows answered, in a file, by place.

    Each is written by one store, so that a process that is killed meanwhile leaves the old number
    or the new one: `struct.pack_into` writes zeros first.
    """

    def __init__(self, path: Path, places: int = 0) -> None:
        if places:
            path.write_bytes(bytes(places * 2 * _BYTES))
        with path.open("r+b") as file:
            self._counts = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def begin(self, place: int, rows: int) -> None:
        self._counts[2 * place] += rows

    def answer(self, place: int, rows: int) -> None:
        self._counts[2 * place + 1] += rows

    def read(self, place: int) -> tuple[int, int]:
        return self._counts[2 * place], self._counts[2 * place + 1]

    def sums(self) -> tuple[int, int]:
        """All rows answered, and all rows begun."""
        return sum(self._counts[1::2]), sum(self._counts[0::2])


def inputs(columns: dict[str, list[Any]]) -> Iterator[tuple[int, Any]]:
    """Batches and single rows for ever, each with its number of rows."""
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    while True:
        yield len(rows), columns
        for row in rows[:SINGLE]:
            yield 1, row


def main() -> None:
    import monobloc

    bloc, state, tally_path, place, rows = sys.argv[1:]
    engine: Any = monobloc.load(bloc, threads=1, state_dir=state)
    tally, answered = Tally(Path(tally_path)), 0
    columns = json.loads(Path(bloc).with_suffix(".json").read_text())
    for n_rows, given in inputs(columns):
        if answered >= int(rows):
            break
        tally.begin(int(place), n_rows)
        engine.predict(given)
        answered += n_rows
        tally.answer(int(place), n_rows)
    print("done", flush=True)
    for _ in sys.stdin:
        print(json.dumps(engine.snapshot()), flush=True)


if __name__ == "__main__":
    main()
