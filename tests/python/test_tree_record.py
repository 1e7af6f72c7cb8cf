"""The times of tree ensembles, as benches write them down."""

from __future__ import annotations

from pathlib import Path

import tree_record
from tree_record import Timing


def test_times_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = [
        Timing("lightgbm", 1, 10_000, "LightGBM, C API", 1.5, 2.25, 1.0, 0.0, 33),
        Timing("forest", 2, 1, "Monobloc", 4.25, 42.5, 0.125, 1e-7, 20_000),
    ]
    tree_record.write(written, tmp_path / "times.csv")
    assert tree_record.read(tmp_path / "times.csv") == written


def test_the_table_has_large_batches_and_single_rows_on_one_thread() -> None:
    timings = [
        Timing("forest", 1, 10_000, "Monobloc", 30_000.0, 30.0, 0.5, 0.0, 33),
        Timing("forest", 1, 1, "Monobloc", 4.0, 40.0, 0.5, 0.0, 33),
        Timing("forest", 2, 1, "Monobloc", 99.0, 990.0, 0.5, 0.0, 33),
    ]
    *_, line = tree_record.table(timings).splitlines()
    assert line == "| Monobloc | 30.0 | 4.00 µs |"
