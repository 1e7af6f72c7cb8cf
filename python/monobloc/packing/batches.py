"""Rows that need not be in memory at once: frames one after the other, Arrow's streams, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .refusal import invalid_argument

BATCH_ROWS = 65_536
CSV = (".csv", ".csv.gz")
IPC = (".arrow", ".feather", ".ipc")
PARQUET = (".parquet", ".pq")


@dataclass
class Batches:
    """Frames or arrays, of which one after the other is in memory."""

    first: Any
    rest: Iterator[Any]
    source: str | None = None
    """The file's path."""
    is_whole: bool = False
    """Whether the first is all."""

    @classmethod
    def of(cls, data: Any, what: str) -> Batches:
        """The batches of a frame, an array, an iterator of them, an Arrow stream or a file."""
        if isinstance(data, (str, os.PathLike)):
            return cls._from(_of_file(Path(data), what), what, os.fspath(data))
        if hasattr(data, "__next__"):
            return cls._from(map(_frame, data), what)
        library = type(data).__module__.partition(".")[0]
        if hasattr(data, "iloc") or library in ("numpy", "polars"):
            return cls(data, iter(()), is_whole=True)
        if library == "pyarrow" and hasattr(data, "to_batches"):
            return cls._from(map(_frame, data.to_batches()), what)
        if hasattr(data, "__arrow_c_stream__"):
            stream = _module("pyarrow", what, "an Arrow stream")
            return cls._from(map(_frame, stream.RecordBatchReader.from_stream(data)), what)
        return cls(data, iter(()), is_whole=True)

    @classmethod
    def _from(cls, frames: Iterable[Any], what: str, source: str | None = None) -> Batches:
        # Of a batch without rows pandas does not know the types.
        rest = (frame for frame in frames if len(frame))
        first = next(rest, None)
        if first is None:
            raise invalid_argument(f"{what} has no rows")
        return cls(first, rest, source)

    def __iter__(self) -> Iterator[Any]:
        return chain((self.first,), self.rest)


def _frame(batch: Any) -> Any:
    """Arrow's batches and tables as pandas' frames; others as they are."""
    if hasattr(batch, "to_pandas") and type(batch).__module__.partition(".")[0] == "pyarrow":
        return batch.to_pandas()
    return batch


def _of_file(path: Path, what: str) -> Iterator[Any]:
    readers: list[tuple[tuple[str, ...], Callable[[Path, str], Iterator[Any]]]] = [
        (PARQUET, _of_parquet),
        (IPC, _of_ipc),
        (CSV, _of_csv),
    ]
    for suffixes, read in readers:
        if path.name.lower().endswith(suffixes):
            if not path.is_file():
                raise invalid_argument(f"{what} is {os.fspath(path)!r}, which is no file")
            return read(path, what)
    known = ", ".join((*PARQUET, *IPC, *CSV))
    raise invalid_argument(
        f"{what} is {os.fspath(path)!r}; expected rows, or the path of a file that ends in one of "
        f"{known}"
    )


def _of_parquet(path: Path, what: str) -> Iterator[Any]:
    _module("pyarrow", what, "a Parquet file")
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    wider = _wider(file)
    for batch in file.iter_batches(BATCH_ROWS):
        yield _frame(batch).astype(wider)


def _wider(file: Any) -> dict[str, str]:
    """The types that pandas gives columns of the whole file, where some batches have others: those
    of integers and truth values with missing ones."""
    schema, metadata = file.schema_arrow, file.metadata
    plain = {file.schema.column(i).path: i for i in range(metadata.num_columns)}
    wider = {}
    for field in schema:
        kind = str(field.type)
        if field.name not in plain or not kind.startswith(("bool", "int", "uint")):
            continue
        groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
        statistics = (group.column(plain[field.name]).statistics for group in groups)
        if any(known is None or known.null_count != 0 for known in statistics):
            wider[field.name] = "object" if kind == "bool" else "float64"
    return wider


def _of_ipc(path: Path, what: str) -> Iterator[Any]:
    _module("pyarrow", what, "an Arrow file")
    import pyarrow
    from pyarrow import ipc

    with pyarrow.OSFile(os.fspath(path)) as file:
        if file.read(6) == b"ARROW1":
            file.seek(0)
            reader = ipc.open_file(file)
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            file.seek(0)
            batches = iter(ipc.open_stream(file))
        yield from map(_frame, batches)


def _of_csv(path: Path, what: str) -> Iterator[Any]:
    pandas = _module("pandas", what, "a CSV file")
    with pandas.read_csv(path, chunksize=BATCH_ROWS) as frames:
        yield from frames


def _module(name: str, what: str, form: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise invalid_argument(
            f"{what} is {form}, which needs {name}: pip install {name}"
        ) from None


class EvenSample:
    """Rows of which each is as likely to be kept, whatever batches they come in.

    Every row draws a number, and those with the least numbers stay.
    """

    CAPACITY = 100_000
    SEED = 8

    def __init__(self) -> None:
        self._random = np.random.default_rng(self.SEED)
        self._limit = np.inf
        self._drawn: list[np.ndarray] = []
        self._columns: list[list[np.ndarray]] = []

    def add(self, columns: list[np.ndarray]) -> None:
        drawn = self._random.random(len(columns[0]))
        kept = drawn < self._limit
        self._drawn.append(drawn[kept])
        self._columns.append([column[kept] for column in columns])
        if sum(map(len, self._drawn)) >= 2 * self.CAPACITY:
            self._thin()

    def columns(self) -> list[np.ndarray]:
        """What stayed, in the order of the rows."""
        self._thin()
        return self._columns[0]

    def _thin(self) -> None:
        drawn = np.concatenate(self._drawn)
        columns = [np.concatenate(parts) for parts in zip(*self._columns, strict=True)]
        if len(drawn) > self.CAPACITY:
            self._limit = np.partition(drawn, self.CAPACITY)[self.CAPACITY]
            kept = drawn < self._limit
            drawn, columns = drawn[kept], [column[kept] for column in columns]
        self._drawn, self._columns = [drawn], [columns]
